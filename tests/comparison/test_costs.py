"""Measured speed beside scores: what joins what, what is worth its size, what is never compared."""

import csv
import functools
import io
import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.comparison.compare import MIXED_HARDWARE, compare
from benchmark.comparison.costs import EDITED, CostTable, cost_tables, pareto_optimal
from benchmark.records import files as records
from benchmark.records import speed as speed_record
from benchmark.records.record import Record
from benchmark.records.speed import Speed, Work, architecture, identity
from benchmark.report.captions import legend
from benchmark.report.cost_export import costs_csv, costs_json
from benchmark.report.costs import costs_markdown, print_costs, remarks
from benchmark.storage.files import Broken
from tests import factories
from tests.factories import A, B, C
from tests.report import test_report

D = "none+sepcnn+xgboost"
TREES = "head: no network, so without MACs"


def runs() -> list[Record]:
    """The small network without masks is as good as the large one with them; another one was never measured."""
    scores = {A: 0.954, B: 0.946, C: 0.946, "unet+densenet121+dense": 0.9}
    vote = factories.vote(0.96)
    bare = {key: value for key, value in vote.spec.items() if key not in ("segmenter", "backbone", "head")}
    single = [factories.record(score, pipeline=name) for name, score in scores.items()]
    return [*single, msgspec.structs.replace(vote, spec=bare)]


def speeds() -> list[Speed]:
    """Three on a CPU, one of them on a GPU too, and a classical head that no run knows."""
    trees = factories.speed(D, notes=[TREES], training=None, p50_ms=130)
    work = {"backbone": trees.work["backbone"], "head": Work(model_bytes=90_000)}
    return [
        factories.speed(A),
        factories.speed(B, million=4_460, parameters=2_700_000, p50_ms=25),
        factories.speed(C, p50_ms=3),
        factories.speed(B, million=4_460, parameters=2_700_000, p50_ms=2, conditions=factories.GPU),
        msgspec.structs.replace(trees, work=work),
    ]


def tables() -> list[CostTable]:
    return cost_tables(compare(runs()).tables, speeds())


def best(table: CostTable) -> dict[tuple[str, str], tuple[str, ...]]:
    return {(row.pipeline, group.conditions.backend): row.best for group in table.groups for row in group.rows}


def test_a_row_is_marked_where_no_other_scores_as_much_for_less() -> None:
    table, _ = tables()
    assert best(table) == {
        (A, "tensorflow"): ("parameters", "macs", "latency"),
        (C, "tensorflow"): ("parameters", "macs", "latency"),  # less of everything, for less score
        (B, "tensorflow"): (),  # C scores as much
        (B, "jax"): ("latency",),  # alone on its hardware: nothing there beats it, nor does it beat anything elsewhere
    }


def test_times_on_other_hardware_never_stand_in_one_group() -> None:
    table, _ = tables()
    assert [[row.pipeline for row in group.rows] for group in table.groups] == [[A, C, B], [B]]
    assert any("nothing is ranked by them across groups" in line for line in remarks(table, []))


@pytest.mark.parametrize(
    "change",
    [
        {"device": "another CPU"},
        {"backend": "torch"},
        {"version": "2.22.0"},
        {"precision": "mixed_bfloat16"},
        {"threads": 1},
        {"batch": 8},
        {"training_batch": 8},
    ],
)
def test_whatever_changes_the_time_makes_another_group_and_another_record(change: dict[str, object]) -> None:
    other = msgspec.structs.replace(factories.CPU, **change)
    measured = [factories.speed(A), factories.speed(C, conditions=other)]
    (table,) = cost_tables(compare(runs()).tables, measured)
    assert [len(group.rows) for group in table.groups] == [1, 1]
    assert [row.best for group in table.groups for row in group.rows].count(("parameters", "macs", "latency")) == 2
    assert identity("same", other) != identity("same", factories.CPU)


def test_what_was_measured_without_a_run_stands_apart_and_what_ran_without_measuring_is_named() -> None:
    beside, alone = tables()
    assert (beside.metric, beside.unmeasured) == ("balanced-accuracy", ["unet+densenet121+dense"])
    assert (alone.metric, alone.tasks) == ("", [])
    assert [(row.pipeline, row.score, row.best) for row in alone.groups[0].rows] == [(D, None, ())]


def test_of_a_loss_less_is_better() -> None:
    (table,) = cost_tables(compare(runs(), metric="log-loss").tables, [factories.speed(A), factories.speed(C)])
    assert best(table)[A, "tensorflow"] == ("parameters", "macs", "latency")


def test_the_latest_of_two_measurements_counts() -> None:
    later = factories.speed(A, p50_ms=9, created="2026-01-01T00:00:00+00:00")
    for measured in ([later, factories.speed(A)], [factories.speed(A), later]):
        (table,) = cost_tables(compare(runs()).tables, measured)
        assert [row.speed.latency.p50_s for row in table.groups[0].rows] == [0.009]


def test_only_components_options_images_augmentation_and_number_of_classes_join() -> None:
    spec = factories.record().spec
    own = architecture(spec)
    alike = {**spec, "seed": 3, "fold": 2, "training": {"epochs": 1}, "classes": {"x": ["y"], "z": ["COVID"]}}
    assert architecture(alike) == own
    for change in (
        {"images": {**spec["images"], "size": 96}},
        {"images": {**spec["images"], "equalise": "lungs"}},
        {"augmentation": {"flips": "none", "rotation": 0.0, "rotated": 0.0}},
        {"classes": {"x": ["y"], "z": ["COVID"], "w": []}},
        {"head": {"name": "dense", "options": {"width": 32, "dropout": 0.2}}},
        {"features_head": {"name": "dense", "options": {}}},
    ):
        assert architecture({**spec, **change}) != own
    assert architecture({"voter": {"name": "soft", "options": {}}}) == ""


def test_a_measurement_of_edited_code_says_so() -> None:
    edited = factories.speed(A)
    part = msgspec.structs.replace(edited.components["backbone"], code="0" * 64)
    edited = msgspec.structs.replace(edited, components={**edited.components, "backbone": part})
    for measured, notes in ((factories.speed(A), ()), (edited, (EDITED,))):
        (table,) = cost_tables(compare(runs()).tables, [measured])
        assert table.groups[0].rows[0].notes == notes


def test_multiply_accumulates_that_are_known_in_part_are_not_ranked() -> None:
    known = factories.speed(A)
    work = {**known.work, "head": Work(10, 10, 0, 0, 10, ["mixing (Mixing)"])}
    (table,) = cost_tables(compare(runs()).tables, [msgspec.structs.replace(known, work=work), factories.speed(B)])
    assert best(table)[A, "tensorflow"] == ("parameters", "latency")
    text = screen(table and [table], 120)
    assert "≥ 170.0 M" in text and "MACs without those of mixing (Mixing), which are not known" in text


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([(0.9, 10), (0.8, 5), (0.8, 6), (0.95, 20)], [True, True, False, True]),
        ([(0.9, 10), (0.9, 10)], [True, True]),
        ([(0.9, 10), (0.9, 11)], [True, False]),
        ([None, (0.1, 99)], [False, True]),
        ([], []),
    ],
)
def test_the_front_of_hand_made_points(points: list[tuple[float, float] | None], expected: list[bool]) -> None:
    assert pareto_optimal(points) == expected


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=12))
def test_the_best_score_and_the_least_cost_are_always_on_the_front(points: list[tuple[float, float]]) -> None:
    front = [point for point, on in zip(points, pareto_optimal(points), strict=True) if on]
    assert max(points)[0] == max(front)[0]
    assert min(cost for _, cost in points) == min(cost for _, cost in front)


def screen(made: list[CostTable], width: int) -> str:
    return test_report.screen(lambda console: print_costs(console, made), width)


@pytest.mark.parametrize("width", [80, 120])
def test_costs_on_a_terminal(golden: Callable[[str, str], None], width: int) -> None:
    golden(f"costs-{width}.txt", screen(tables(), width))


@pytest.mark.parametrize("width", [48, 80, 120, 200])
def test_no_line_is_too_long(width: int) -> None:
    assert max(map(len, screen(tables(), width).splitlines())) <= width


def test_costs_as_markdown_csv_and_json(golden: Callable[[str, str], None]) -> None:
    golden("costs.md", costs_markdown(tables()))
    golden("costs.csv", costs_csv(tables()))
    golden("costs.json", costs_json(tables()))


def test_csv_has_a_line_per_measurement_with_the_conditions_and_every_number_unrounded() -> None:
    rows = list(csv.DictReader(io.StringIO(costs_csv(tables()))))
    assert len(rows) == len(speeds())
    assert {row["device"] for row in rows} == {"Example CPU, 2 CPUs", "Example GPU"}
    assert rows[0]["macs"] == str(140_000_000 + 30_000_000 + 29_120)
    assert rows[-1]["training images/s"] == "" and rows[-1]["head macs"] == ""


def test_a_measurement_reads_back_verifies_and_shows_an_edit(tmp_path: Path) -> None:
    made = factories.speed(A)
    path = speed_record.write(made, tmp_path)
    assert path == tmp_path / "speed" / f"unet-sepcnn-dense-{made.digest[:8]}" / "speed.json"
    found = speed_record.read(path)
    assert isinstance(found, Speed)
    assert msgspec.structs.replace(found, seal="") == made
    path.write_text(path.read_text().replace('"parameters": 38000', '"parameters": 3800'))
    assert isinstance(edited := speed_record.read(path), Broken) and "changed after it was sealed" in edited.reason
    assert isinstance(speed_record.read(path, verified=False), Speed)


def test_a_newer_or_broken_measurement_is_left_out_with_its_reason(tmp_path: Path) -> None:
    newer = speed_record.write(factories.speed(A, schema=2), tmp_path)
    assert "newer version (schema 2" in str(speed_record.read(newer))
    newer.write_text("{")
    assert "is not a measurement" in str(speed_record.read(newer))


@pytest.fixture
def results(tmp_path: Path) -> Path:
    for made in runs():
        records.write(made, tmp_path / made.task / made.run)
    for made in speeds():
        speed_record.write(made, tmp_path)
    return tmp_path


@pytest.fixture
def bench(bench_in_process: Callable[..., tuple[int, str, str]]) -> Callable[..., tuple[int, str, str]]:
    return functools.partial(bench_in_process, "compare")


def test_compare_shows_costs_below_its_tables_or_alone(bench, results: Path) -> None:
    code, out, _ = bench(results)
    assert code == 0
    assert out.index("stands first") < out.index("cost · binary, vote · phantom") < out.index("cost · no run beside")
    alone = bench(results, "--costs")[1]
    assert "stands first" not in alone and "cost · binary, vote · phantom" in alone
    assert "## cost · binary, vote · phantom" in bench(results, "--format", "md")[1]
    assert bench(results, "--costs", "--format", "csv")[1] == costs_csv(tables())
    assert bench(results, "--format", "csv")[1].startswith("task,table,dataset,dataset_digest")
    document = json.loads(bench(results, "--json")[1])
    assert [len(one["groups"]) for one in document["costs"]] == [2, 1]


def test_compare_leaves_an_edited_measurement_out_and_ends_with_5(bench, results: Path) -> None:
    path = next(results.glob("speed/unet-sepcnn*/speed.json"))
    path.write_text(path.read_text().replace('"threads": 2', '"threads": 1'))
    code, out, _ = bench(results)
    assert code == 5
    assert "speed.json was changed after it was sealed" in out.replace("\n", " ")
    assert bench(results, "--no-verify")[0] == 0


def test_measurements_alone_are_shown_and_none_at_all_ends_with_3(bench, results: Path, tmp_path: Path) -> None:
    assert "no run beside these measurements" in bench(results / "speed")[1]
    code, _, err = bench(results / "binary", "--costs")
    assert (code, err) == (3, "bench: no speed.json below the given folders; bench speed writes one per pipeline\n")


def test_training_times_of_different_hardware_are_neither_averaged_nor_left_unsaid() -> None:
    base = factories.record(seed=0)
    elsewhere = factories.record(seed=1, cost=msgspec.structs.replace(base.cost, hardware="Example GPU"))
    row = compare([base, elsewhere]).tables[0].rows[0]
    assert (row.cost.training_s, row.cost.hardware, row.notes) == (None, "", [MIXED_HARDWARE])
    other = factories.record(pipeline=B, cost=elsewhere.cost)
    (table,) = compare([base, other]).tables
    assert "Training times are of different hardware" in legend(table, ["training time"])
    assert "hardware" not in legend(table, []) and "hardware" not in legend(
        compare([base]).tables[0], ["training time"]
    )
