"""What a table can show: the smallest difference that its design finds, and what would show the one that it has."""

from benchmark.comparison.ranking import side
from benchmark.comparison.tables import Ranking, Row, Table
from benchmark.records.verdicts import Verdict, images_needed, trainings_needed
from benchmark.report.wording import number

BETWEEN = "between the two"
FAR = 100  # times as many images: a number beyond that says no more


def what_would_show_it(table: Table, ranking: Ranking) -> str:
    """For the nearest pipeline that cannot be told from the reference: what is found in 80 %, and what would do.

    Empty where nothing is tied, or nothing was tested.
    """
    row = nearest(table)
    if row is None or row.verdict is None:
        return ""
    verdict = row.verdict
    if verdict.minimum_detectable is None or verdict.error is None or not verdict.error:
        return ""
    whose = f"to {row.pipeline}" if ranking.named else BETWEEN
    found = f"As measured, a true difference of {number(verdict.minimum_detectable)} {whose} is found in about 80 %"
    return f"{found}{_parts(verdict)}.{_needed(verdict)}"


def nearest(table: Table) -> Row | None:
    """The pipeline nearest to the reference that was tested and cannot be told from it."""
    rows = (row for row in table.rows if not row.control and row.verdict is not None)
    return next((row for row in rows if side(row.verdict, table.metric) == "tied" and _tested(row)), None)


def _tested(row: Row) -> bool:
    return row.verdict is not None and row.verdict.low is not None and not row.verdict.identical


def _parts(verdict: Verdict) -> str:
    """How much of the squared error is images, how much retraining."""
    if verdict.these_trainings or not verdict.error or verdict.image_error is None:
        return ""
    images = min(1.0, (verdict.image_error / verdict.error) ** 2)
    return f" (of the squared error {100 * images:.0f} % is the images, {100 * (1 - images):.0f} % retraining)"


def _needed(verdict: Verdict) -> str:
    gap = abs(verdict.value or 0.0)
    if number(gap) == number(0):
        return ""
    shown = f" A true difference as large as the one seen, {number(gap)}, would take"
    trainings = None if verdict.these_trainings else trainings_needed(verdict, gap)
    if trainings is not None:
        return f"{shown} {trainings:,} trainings a row on these images."
    needed = images_needed(verdict, gap)
    if needed is None:
        return ""
    images, trainings = needed
    if images > FAR * verdict.n:
        return f"{shown} more than {FAR} times as many test images."
    again = f" and {trainings:,} trainings a row" if trainings else ""
    return f"{shown} {images:,} test images{again}."
