"""What a row's decisions would come to where the disease is rarer, or more frequent, than among the test images.

Sensitivity and specificity are taken as they are; what prevalence changes is how many are found, missed and alarmed.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from benchmark.comparison.aggregates import Aggregate
from benchmark.comparison.tables import Row
from benchmark.records.estimate import Estimate
from benchmark.records.metrics import AT_THRESHOLD, LEVELS
from benchmark.report import wording

PREVALENCE = 0.02
PEOPLE = 1000
LIKELIEST = "likeliest class at equal shares"
MEANING = "Likeliest class at equal shares: the class that would be likeliest if all were equally frequent."


class Point(NamedTuple):
    """At which class and threshold a row decides, and the names of its two metrics there."""

    positive: str
    rule: str
    sensitivity: str
    specificity: str


class Decided(msgspec.Struct, frozen=True):
    """What a row's decisions are worth at a point."""

    sensitivity: Aggregate | Estimate
    specificity: Aggregate | Estimate

    def numbers(self) -> list[float]:
        """Value, low and high of the sensitivity, then of the specificity."""
        return [_known(getattr(one, end)) for one in (self.sensitivity, self.specificity) for end in ENDS]


SMALL, LEAST = 0.1, 0.001  # percent: below them two decimals, and three, would say nothing
ENDS = ("value", "low", "high")


class Screened(NamedTuple):
    """Of so many people: the diseased, those found and missed, and false alarms; and what an answer is worth.

    Attributes:
        alarms_per_hit: false alarms for each one found; None where nobody is.
        ppv, npv: value, low, high, from the ends of sensitivity and specificity together; None where nobody is alarmed,
            or all are.
        least, most: deciding so is better than calling nobody, or everybody, where finding one diseased is worth more
            false alarms than `least` and fewer than `most`; None for any number.
    """

    diseased: float
    found: float
    missed: float
    alarms: float
    alarms_per_hit: float | None
    ppv: list[float | None]
    npv: list[float | None]
    least: float | None
    most: float | None

    @property
    def helps(self) -> bool:
        """Whether there is any price at which deciding so is better than not looking."""
        return self.least is not None and (self.most is None or self.least < self.most)


def points(classes: Sequence[str], positive: str | None) -> list[Point]:
    """Where rows can be asked: of two classes at the chosen thresholds too, of more for each class."""
    if len(classes) == 2 and positive is not None:
        at = [(LIKELIEST, "")] + [(wording.at_threshold(level), f"{AT_THRESHOLD}{level}") for level in LEVELS]
        return [Point(positive, rule, f"sensitivity{end}", f"specificity{end}") for rule, end in at]
    if len(classes) == 2:  # of two, the recall of one is the specificity of the other
        pairs = zip(classes, reversed(classes), strict=True)
        return [Point(name, LIKELIEST, f"recall/{name}", f"recall/{other}") for name, other in pairs]
    return [Point(name, LIKELIEST, f"recall/{name}", f"specificity/{name}") for name in classes]


def decided(row: Row, point: Point) -> Decided | None:
    """What a row's decisions are worth; None where one of the two is not known."""
    both = [row.metric(name) for name in (point.sensitivity, point.specificity)]
    if any(one is None or one.value is None for one in both):
        return None
    sensitivity, specificity = (one for one in both if one is not None)
    return Decided(sensitivity, specificity)


def screened(found: Decided, prevalence: float, people: int = PEOPLE) -> Screened:
    """What becomes of people among whom the disease has a prevalence in (0, 1)."""
    sensitivity, *_, specificity, _, _ = found.numbers()
    diseased, healthy = people * prevalence, people * (1 - prevalence)
    hits, alarms = diseased * sensitivity, healthy * (1 - specificity)
    missed, clear = diseased - hits, healthy - alarms
    return Screened(
        diseased, hits, missed, alarms, alarms / hits if hits > 0 else None,
        list(_predictive(found, prevalence)), list(_negative(found, prevalence)),
        alarms / hits if hits > 0 else None, clear / missed if missed > 0 else None,
    )  # fmt: skip


def _predictive(found: Decided, prevalence: float) -> Iterator[float | None]:
    own = found.numbers()
    for sensitivity, specificity in zip(own[:3], own[3:], strict=True):
        yield _share(prevalence * sensitivity, (1 - prevalence) * (1 - specificity))


def _negative(found: Decided, prevalence: float) -> Iterator[float | None]:
    own = found.numbers()
    for sensitivity, specificity in zip(own[:3], own[3:], strict=True):
        yield _share((1 - prevalence) * specificity, prevalence * (1 - sensitivity))


def _share(part: float, rest: float) -> float | None:
    return part / (part + rest) if part + rest > 0 else None


def _known(value: float | None) -> float:
    return 0.0 if value is None else value


def amount(value: float | None) -> str:
    """A number of people or alarms with one decimal, so that they add up: ``5.4``, ``981.3``; ``∞`` without a limit."""
    return "∞" if value is None else f"{value:,.1f}".removesuffix(".0")


def times(value: float | None) -> str:
    """How many times, or a price in alarms: ``5.4``, ``433``; ``∞`` where there is no limit."""
    return amount(value) if value is None or value < 100 else f"{value:,.0f}"


def percent(value: float | None) -> str:
    """``15.6``, with two decimals near 0 and 100, nearer to 0 with three; a dash where there is none."""
    if value is None:
        return "–"
    share = 100 * value
    if 0 < share < SMALL:
        return f"{share:.3f}" if share >= LEAST else f"< {LEAST}"
    return f"{share:.2f}" if share < 1 or share > 99 else f"{share:.1f}"


def between(shares: Sequence[float | None]) -> str:
    """``15.6 % [10.2, 21.0]``; a dash where there is none."""
    value, low, high = map(percent, shares)
    return "–" if shares[0] is None else f"{value} % [{low}, {high}]"
