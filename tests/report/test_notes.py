"""Notes that several rows share stand once below the table, and none is lost."""

import msgspec

from benchmark.comparison.compare import compare
from benchmark.comparison.tables import Comparison
from benchmark.records.verdicts import Standing, Verdict
from benchmark.report.notes import noted
from benchmark.report.pages import page
from tests import factories

STALL = "fit: training waited for images 33% of the time"
NAMES = [f"none+{backbone}+dense" for backbone in ("sepcnn", "xception", "densenet121")]


def table(*notes):
    """A table of pipelines with these notes, and one rule."""
    runs = [factories.record(0.9 - place / 50, pipeline=NAMES[place], notes=own) for place, own in enumerate(notes)]
    return compare([*runs, factories.controls({"border": 0.6})]).tables[0]


def test_what_all_pipelines_share_is_said_once_and_what_one_has_stays_with_it():
    made = table([STALL, "a"], [STALL, "b"], [STALL, "b"])
    found = noted(made, [])
    assert found.rows[:3] == [["a"], [], []]
    assert found.below == [f"all pipelines: {STALL}", f"{NAMES[1]}, {NAMES[2]}: b"]
    for form in ("table", "md", "html"):
        assert "".join(page(Comparison([made]), [], form)).count("waited for images") == 1


def test_a_single_row_keeps_its_notes_and_so_do_rows_that_a_long_list_would_name():
    assert noted(table([STALL]), []).rows[0] == [STALL]
    runs = [
        factories.record(0.9 - n / 500, pipeline=f"none+sepcnn[width={n}]+dense", notes=["odd"] * (n % 2))
        for n in range(20)
    ]
    found = noted(compare(runs).tables[0], [])
    assert [bool(own) for own in found.rows[:20]] == [bool(n % 2) for n in range(20)]
    assert found.below == []


def test_too_few_groups_are_said_once_in_one_wording():
    few, note = "fewer than ten groups", "fewer than ten groups of COVID: no verdict"
    made = table([], [], [])
    rows = []
    for row in made.rows:
        own = (
            {
                name: msgspec.structs.replace(row.metric(name), note=said)
                for name, said in (("sensitivity", few), ("balanced-accuracy", f"COVID: {few}; odd"))
            }
            if row.runs and not row.control
            else row.metrics
        )
        rows.append(msgspec.structs.replace(row, metrics=own, standing=Standing(note=note), verdict=Verdict(note=note)))
    made = msgspec.structs.replace(made, rows=rows)
    found = noted(made, ["balanced-accuracy", "sensitivity"])
    assert found.below == [
        f"all rows: {note}; balanced-accuracy, sensitivity of so few images",
        "all pipelines: balanced-accuracy: odd",
    ]
    assert not any(few in text for own in found.rows for text in own)
    text = "".join(page(Comparison([made]), [], "table"))
    assert "Grey" not in text  # a file has no colours
