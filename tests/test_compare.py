import json
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import factories
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark import records
from benchmark.cli.main import main
from benchmark.compare import compare
from benchmark.records import DatasetInfo, Estimate, Record
from registry.errors import UnknownNameError

A, B, C = "unet+sepcnn+dense", "unet+xception+sepconv", "none+sepcnn+dense"


def separable(first: Sequence[Record], second: Sequence[Record], metric: str) -> Estimate:
    return Estimate(0.02, 0.01, 0.03, 300)


def test_numbers_of_other_splits_or_datasets_never_share_a_table() -> None:
    base = factories.record()
    assert base.dataset and base.split
    other_split = factories.record(split=msgspec.structs.replace(base.split, digest="1" * 64))
    other_data = factories.record(dataset=msgspec.structs.replace(base.dataset, digest="2" * 64))
    other_task = factories.record(task="multiclass")
    comparison = compare([base, other_split, other_data, other_task])
    assert len(comparison.tables) == 4
    assert all(len([row for row in table.rows if not row.control]) == 1 for table in comparison.tables)


def test_seeds_are_averaged_and_both_intervals_kept_apart() -> None:
    values = [0.90, 0.95, 0.94]
    (table,) = compare(factories.record(value, seed=seed) for seed, value in enumerate(values)).tables
    one = table.rows[0].metrics["balanced-accuracy"]
    assert one.value == pytest.approx(statistics.fmean(values))
    assert one.spread == pytest.approx(statistics.stdev(values))
    assert (one.low, one.high) == (pytest.approx(0.91), pytest.approx(0.95))
    assert (one.n, table.rows[0].seeds, table.rows[0].status) == (300, [0, 1, 2], "ok")


def test_one_seed_has_no_spread() -> None:
    (table,) = compare([factories.record()]).tables
    assert table.rows[0].metrics["balanced-accuracy"].spread is None


@given(st.permutations(range(9)))
def test_the_order_of_records_does_not_matter(order: list[int]) -> None:
    runs = [
        factories.record(0.9 + 0.01 * k, pipeline=name, seed=seed)
        for k, name in enumerate((A, B, C))
        for seed in range(3)
    ]
    runs[4] = factories.failed(pipeline=B, seed=1)
    expected = compare(runs)
    found = compare(runs[place] for place in order)
    rows = [
        [(row.pipeline, row.status, row.seeds, dict(row.metrics)) for row in one.tables[0].rows]
        for one in (expected, found)
    ]
    assert rows[0] == rows[1]


def test_rows_are_best_first_then_failed_then_controls() -> None:
    runs = [factories.record(0.9, pipeline=A), factories.record(0.95, pipeline=B), factories.failed(pipeline=C)]
    (table,) = compare(runs).tables
    assert [row.pipeline for row in table.rows] == [B, A, C, "majority", "source-oracle"]
    assert [row.status for row in table.rows] == ["ok", "ok", "failed", "ok", "ok"]


def test_of_a_loss_the_lowest_is_best() -> None:
    runs = [factories.record(0.9, pipeline=A), factories.record(0.95, pipeline=B)]

    def lower(first: Sequence[Record], second: Sequence[Record], metric: str) -> Estimate:
        assert (first[0].pipeline, second[0].pipeline, metric) == (B, A, "log-loss")
        return Estimate(-0.05, -0.07, -0.03, 300)

    (table,) = compare(runs, metric="log-loss", difference=lower).tables
    assert [row.pipeline for row in table.rows][:2] == [B, A]
    assert table.lead is not None
    assert (table.lead.gain, table.lead.low, table.lead.high) == (0.05, 0.03, 0.07)
    assert table.lead.separable


def test_a_failed_seed_beside_good_ones_is_kept_in_the_row() -> None:
    runs = [factories.record(seed=0), factories.failed("oom", seed=1), factories.record(seed=2)]
    row = compare(runs).tables[0].rows[0]
    assert (row.status, row.seeds, row.expected) == ("partial", [0, 2], [0, 1, 2])
    assert [(one.seed, one.failure.cause) for one in row.failures] == [(1, "oom")]


def test_of_a_run_told_twice_the_good_one_counts_then_the_later_one() -> None:
    old = factories.record(0.8, created="2025-01-01T00:00:00Z")
    new = factories.record(0.9, created="2025-02-01T00:00:00Z")
    bad = factories.failed(created="2025-03-01T00:00:00Z")
    for runs in ([old, new, bad], [bad, new, old]):
        row = compare(runs).tables[0].rows[0]
        assert (row.status, row.metrics["balanced-accuracy"].value) == ("ok", 0.9)


def test_a_run_that_failed_before_it_knew_its_data_joins_the_only_table_of_its_task() -> None:
    early = factories.failed("data", pipeline=B, dataset=None, split=None)
    (table,) = compare([factories.record(), early]).tables
    assert [(row.pipeline, row.status) for row in table.rows][:2] == [(A, "ok"), (B, "failed")]
    (alone,) = compare([early]).tables
    assert (alone.dataset, alone.split, alone.lead) == (None, None, None)


def test_an_unknown_source_makes_the_source_control_not_computable() -> None:
    base = factories.record()
    assert base.dataset
    blind = msgspec.structs.replace(base.dataset, sources={})
    controls = {"majority": base.controls["majority"]}
    row = compare([factories.record(dataset=blind, controls=controls)]).tables[0].rows[-1]
    assert (row.pipeline, row.status, row.notes) == ("source-oracle", "not-computable", ["source unknown"])


def test_pipelines_of_one_name_are_told_apart_by_the_setting_that_differs() -> None:
    base = factories.record(0.9)
    longer = {**base.spec, "training": {**base.spec["training"], "epochs": 30}}
    other = factories.record(0.8, spec=longer, pipeline_digest="f" * 64)
    rows = compare([base, other]).tables[0].rows
    assert [row.pipeline for row in rows][:2] == [f"{A} (training.epochs=16)", f"{A} (training.epochs=30)"]


def test_seeds_that_ran_on_different_code_are_named() -> None:
    base = factories.record(seed=1)
    part = msgspec.structs.replace(base.components["backbone"], code="0" * 64)
    edited = factories.record(seed=1, components={**base.components, "backbone": part})
    assert compare([factories.record(), base]).tables[0].rows[0].notes == []
    assert "different code" in compare([factories.record(), edited]).tables[0].rows[0].notes[0]


def test_folds_of_a_seed_are_one_value_and_their_images_add_up() -> None:
    runs = [factories.record(0.90, seed=0, fold=0, n=100), factories.record(0.96, seed=0, fold=1, n=110)]
    one = compare(runs).tables[0].rows[0].metrics["balanced-accuracy"]
    assert (one.value, one.n, one.spread) == (pytest.approx(0.93), 210, None)


def test_an_undefined_metric_keeps_its_reason() -> None:
    none = {"balanced-accuracy": Estimate(None, n=4, note="one class only")}
    (table,) = compare([factories.record(metrics=none)]).tables
    one = table.rows[0].metrics["balanced-accuracy"]
    assert (one.value, one.note, table.lead) == (None, "one class only", None)


def test_an_unknown_metric_suggests_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="balanced-accuracy"):
        compare([factories.record()], metric="balanced-acuracy")


def test_the_leader_is_separable_only_if_the_interval_excludes_zero() -> None:
    runs = [factories.record(0.95, pipeline=A), factories.record(0.90, pipeline=B)]
    assert compare(runs, difference=separable).tables[0].lead.separable  # type: ignore[union-attr]
    touching = compare(runs, difference=lambda *_: Estimate(0.02, -0.001, 0.05, 300)).tables[0].lead
    untested = compare(runs, difference=lambda *_: Estimate(None, note="no predictions")).tables[0].lead
    assert touching is not None and not touching.separable
    assert untested is not None and not untested.separable and untested.untested == "no predictions"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    folder = tmp_path / "results"
    for made in [factories.record(0.95, pipeline=A), factories.record(0.9, pipeline=B), factories.failed(pipeline=C)]:
        records.write(made, folder / made.task / made.run)
    return folder


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[object]:
    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["bench", "compare", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    yield run


def test_the_command_prints_a_table(bench, results: Path) -> None:
    code, out, _ = bench(results)
    assert code == 0
    assert f"{A} leads {B}" in out
    assert "not testable (no predictions.npz" in out


def test_the_command_prints_json(bench, results: Path) -> None:
    for form in (["--json"], ["--format", "json"]):
        code, out, _ = bench(results, *form)
        (table,) = json.loads(out)["tables"]
        assert code == 0
        assert (table["task"], table["dataset"]) == ("binary", "phantom")
        assert [row["control"] for row in table["rows"]] == [False, False, False, True, True]
        assert table["rows"][0]["metrics"]["balanced-accuracy"]["value"] == 0.95


def test_an_edited_record_is_left_out_and_ends_with_5(bench, results: Path) -> None:
    path = next(results.rglob("unet-sepcnn*/result.json"))
    path.write_text(path.read_text().replace('"value": 0.95', '"value": 0.99'))
    code, out, _ = bench(results, "--format", "md")
    assert code == 5
    assert "left out" in out and "changed after it was sealed" in out
    assert f"| {A}" not in out
    code, out, _ = bench(results, "--no-verify", "--format", "md")
    assert code == 0
    assert f"| {A} | 0.990" in out


def test_a_broken_record_is_a_line_not_a_traceback(bench, results: Path) -> None:
    path = next(results.rglob("unet-sepcnn*/result.json"))
    path.write_bytes(path.read_bytes()[:500])
    code, out, err = bench(results, "--format", "csv")
    assert code == 5
    assert "is not a record" in err
    assert len(out.splitlines()) == 1 + 4


def test_nothing_found_ends_with_3(bench, tmp_path: Path) -> None:
    assert bench(tmp_path)[0] == 3


def test_a_wrong_path_ends_with_2(bench, tmp_path: Path) -> None:
    code, _, err = bench(tmp_path / "nowhere")
    assert (code, err.count("\n")) == (2, 1)


def test_a_wrong_metric_ends_with_2(bench, results: Path) -> None:
    code, _, err = bench(results, "--metric", "acuracy")
    assert code == 2
    assert "did you mean accuracy" in err


def test_an_unwritable_output_ends_with_2(bench, results: Path) -> None:
    assert bench(results, "-o", results / "binary")[0] == 2


def test_the_output_goes_to_a_file(bench, results: Path, tmp_path: Path) -> None:
    code, out, _ = bench(results, "--format", "csv", "-o", tmp_path / "new" / "table.csv")
    assert (code, out) == (0, "")
    assert (tmp_path / "new" / "table.csv").read_text().startswith("task,")


def test_a_folder_given_twice_or_inside_another_counts_once(bench, results: Path, tmp_path: Path) -> None:
    shutil.copytree(results, tmp_path / "copy")
    single = bench(results)[1]
    assert bench(results, results / "binary", results)[1] == single
    assert bench(results, tmp_path / "copy")[1] == single


def test_comparing_imports_no_numbers_and_no_networks(results: Path) -> None:
    heavy = ["numpy", "keras", "tensorflow", "jax", "torch", "sklearn", "xgboost", "pandas", "matplotlib", "scipy"]
    code = (
        "import sys; from benchmark.cli.main import bench;"
        "import benchmark.report.markdown, benchmark.report.plain, benchmark.report.terminal;"
        f"bench(['compare', {str(results)!r}], standalone_mode=False);"
        f"sys.exit(', '.join(name for name in {heavy} if name in sys.modules) or 0)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stderr) == (0, "")


def test_a_dataset_without_counts_can_be_shown() -> None:
    bare = DatasetInfo("folder", "3" * 64, {})
    assert compare([factories.record(dataset=bare)]).tables[0].dataset == bare
