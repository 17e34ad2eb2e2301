import functools
import json
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.comparison.compare import compare
from benchmark.comparison.tables import Ranking, Row
from benchmark.records import files
from benchmark.records.estimate import Estimate
from benchmark.records.record import DatasetInfo, Record
from benchmark.records.verdicts import Contender, Standing, Verdict, Verdicts
from registry.errors import ConfigError, UnknownNameError
from tests import factories
from tests.factories import A, B, C, family

LABELS = ("Normal", "COVID", "Viral Pneumonia", "Lung_Opacity")


def pipelines(rows: list[Row]) -> list[str]:
    return [row.pipeline for row in rows if not row.control]


def test_numbers_of_other_splits_or_datasets_never_share_a_table() -> None:
    base = factories.record()
    assert base.dataset and base.split
    other_split = factories.record(split=msgspec.structs.replace(base.split, digest="1" * 64))
    other_data = factories.record(dataset=msgspec.structs.replace(base.dataset, digest="2" * 64))
    other_classes = factories.record(task="multiclass", classes=LABELS)
    comparison = compare([base, other_split, other_data, other_classes])
    assert len(comparison.tables) == 4
    assert all(len(pipelines(table.rows)) == 1 for table in comparison.tables)


def test_tasks_that_ask_the_same_question_share_a_table() -> None:
    records = [factories.record(0.94, pipeline=A), factories.vote(0.95), factories.ova_vote()]
    records += [factories.record(0.8, task="multiclass", classes=LABELS, pipeline=A)]
    binary, labels = compare(records).tables
    assert (binary.tasks, pipelines(binary.rows)) == (["binary", "vote"], [f"soft({A}, {B})", A])
    assert (labels.tasks, pipelines(labels.rows)) == (["multiclass", "ova-vote"], [f"soft(4 × {A})", A])
    assert binary.rows[0].tasks == ["vote"]


def test_only_the_labels_of_a_class_their_order_apart_and_the_order_of_classes_make_the_question() -> None:
    base = factories.record(pipeline=A)
    classes = base.spec["classes"]

    def other(**changes: object) -> Record:
        return factories.record(pipeline=B, spec={**base.spec, **changes})

    turned = {name: labels[::-1] for name, labels in classes.items()}
    assert len(compare([base, other(classes=turned)]).tables) == 1
    assert len(compare([base, other(classes=dict(reversed(classes.items())))]).tables) == 2
    assert len(compare([base, other(classes={"rest": classes["Non-COVID"], "COVID": ["COVID"]})]).tables) == 2
    fewer = {"Non-COVID": ["Normal"], "COVID": ["COVID"]}
    assert len(compare([base, other(classes=fewer)]).tables) == 2
    assert len(compare([base, factories.record(pipeline=B, positive="Non-COVID")]).tables) == 2


def test_a_run_that_two_tasks_tell_counts_once() -> None:
    records = [factories.record(), factories.record(task="features-xgb")]
    for order in (records, records[::-1]):
        (table,) = compare(order).tables
        assert (pipelines(table.rows), table.rows[0].seeds) == ([A], [0])
        assert table.rows[0].tasks == table.tasks == ["binary", "features-xgb"]
        assert table.rows[0].metrics["balanced-accuracy"].spread is None


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

    (table,) = compare(runs, metric="log-loss", test=family(0.02)).tables
    assert [row.pipeline for row in table.rows][:2] == [B, A]
    assert table.ranking is not None and table.ranking.tied == [B]
    assert table.ranking.worse == [A]


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
    assert (alone.dataset, alone.split, alone.ranking) == (None, None, None)
    other = factories.record(task="multiclass", classes=LABELS)
    assert [pipelines(table.rows) for table in compare([early, other]).tables] == [[B], [A]]


def test_a_failed_run_without_classes_joins_the_only_table_of_its_task() -> None:
    early = factories.failed("data", pipeline=B, dataset=None, split=None, spec={})
    tables = compare([factories.record(), factories.record(task="multiclass", classes=LABELS), early]).tables
    assert [pipelines(table.rows) for table in tables] == [[A, B], [A]]


def test_a_fold_that_failed_before_the_split_joins_the_cross_validation() -> None:
    folds = factories.folds([0.9, 0.9, 0.9], k=5)
    assert folds[0].split
    divided = {**folds[0].spec, "split": {**folds[0].spec["split"], "folds": 5}}
    folds = [msgspec.structs.replace(run, spec=divided) for run in folds]
    unmade = msgspec.structs.replace(folds[0].split, digest="")
    early = factories.failed(pipeline=B, fold=3, split=unmade, spec=divided)
    tables = compare([factories.record(pipeline=A), *folds, early]).tables
    assert [(table.folds, pipelines(table.rows)) for table in tables] == [(1, [A]), (5, [A, B])]


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


@pytest.mark.parametrize(("segmenter", "shown"), [("none", ""), ("unet", ", segmentation.epochs={}")])
def test_how_segmenters_are_trained_tells_pipelines_apart_only_where_one_is(segmenter: str, shown: str) -> None:
    records = [
        factories.record(
            epochs / 100,
            pipeline=A,
            pipeline_digest=str(epochs),
            spec={
                "segmenter": {"name": segmenter},
                "training": {"epochs": epochs},
                "segmentation": {"epochs": epochs},
            },
        )
        for epochs in (16, 30)
    ]
    names = pipelines(compare(records).tables[0].rows)[:2]
    assert names == [f"{A} (training.epochs={epochs}{shown.format(epochs)})" for epochs in (30, 16)]


def test_votes_of_one_name_are_told_apart_by_what_their_members_differ_in_said_once() -> None:
    base = factories.vote(0.9)

    def voting(epochs: int, width: int) -> dict[str, object]:
        member = {"task": "vote", "training": {"epochs": epochs}, "backbone": {"options": {"width": 16}}}
        second = {**member, "backbone": {"options": {"width": width}}}
        return {**base.spec, "training": {"epochs": epochs}, "members": {"a.b": member, "c": second}}

    records = [
        factories.vote(0.9 - epochs / 1000, spec=voting(epochs, width), pipeline_digest=str(epochs))
        for epochs, width in ((16, 8), (30, 24))
    ]
    first, second = pipelines(compare(records).tables[0].rows)
    assert first == f"soft({A}, {B}) (training.epochs=16, backbone.options.width=16|8)"
    assert second == f"soft({A}, {B}) (training.epochs=30, backbone.options.width=16|24)"


def test_the_task_does_not_tell_pipelines_apart() -> None:
    base = factories.record(0.9)
    other = {**base.spec, "resamples": 500, "task": "mine", "title": "another"}
    names = pipelines(
        compare([base, factories.record(0.8, task="mine", spec=other, pipeline_digest="e")]).tables[0].rows
    )
    assert names == [f"{A} (resamples=2000)", f"{A} (resamples=500)"]


def test_what_a_reader_must_know_of_a_run_stands_under_its_row_once() -> None:
    note = "fit: memory ran out with batches of 32: 16 images a batch instead, at the same learning rate"
    seeds = [factories.record(seed=seed, notes=[note]) for seed in (0, 1)]
    assert compare(seeds).tables[0].rows[0].notes == [note]


def test_seeds_that_ran_on_different_code_are_named() -> None:
    base = factories.record(seed=1)
    part = msgspec.structs.replace(base.components["backbone"], code="0" * 64)
    edited = factories.record(seed=1, components={**base.components, "backbone": part})
    assert compare([factories.record(), base]).tables[0].rows[0].notes == []
    assert "different code" in compare([factories.record(), edited]).tables[0].rows[0].notes[0]
    later = msgspec.structs.replace(base, created="2026-01-01T00:00:00Z")
    for records in ([edited, later], [later, edited]):
        assert compare([factories.record(), *records]).tables[0].rows[0].notes == []


def test_a_pooled_result_alone_makes_a_seed_s_numbers() -> None:
    folds = factories.folds([0.90, 0.96], n=100)
    row = compare([*folds, factories.pooled(folds, 0.925)]).tables[0].rows[0]
    one = row.metrics["balanced-accuracy"]
    assert (row.status, row.seeds, row.n, row.pooled) == ("ok", [0], 200, True)
    assert (one.value, one.n, one.spread) == (0.925, 200, None)
    assert one.spread_over_folds == pytest.approx(statistics.stdev([0.90, 0.96]))


def test_seeds_times_folds_are_the_pooled_results_of_the_seeds() -> None:
    records = []
    for seed, value in enumerate((0.92, 0.94)):
        folds = factories.folds([0.90, 0.96], seed=seed)
        records += [*folds, factories.pooled(folds, value)]
    row = compare(records).tables[0].rows[0]
    one = row.metrics["balanced-accuracy"]
    assert (row.seeds, one.value) == ([0, 1], pytest.approx(0.93))
    assert one.spread == pytest.approx(statistics.stdev([0.92, 0.94]))


def test_an_unfinished_cross_validation_is_partial_and_not_ranked() -> None:
    done = factories.folds([0.90, 0.92, 0.91], pipeline=A)
    some = factories.folds([0.99, 0.98], pipeline=B, k=3)
    (table,) = compare([*done, factories.pooled(done, 0.91), *some], test=family()).tables
    row = table.rows[1]
    assert (pipelines(table.rows), row.pipeline, row.status, row.unfinished) == ([A, B], B, "partial", {0: 2})
    assert (row.pooled, row.value("balanced-accuracy"), row.n) == (False, pytest.approx(0.985), 600)
    assert table.ranking is not None and (table.ranking.first, table.ranking.tied) == (A, [A])


def test_a_seed_without_its_pooled_result_does_not_count_beside_one_that_has_it() -> None:
    first, second = (factories.folds([0.90, 0.92], seed=seed) for seed in (0, 1))
    row = compare([*first, factories.pooled(first, 0.91), second[0]]).tables[0].rows[0]
    assert (row.status, row.seeds, row.expected, row.unfinished) == ("partial", [0], [0, 1], {1: 1})
    assert (row.pooled, row.value("balanced-accuracy")) == (True, 0.91)


def test_a_fold_that_failed_and_a_result_that_was_not_pooled_are_told_with_their_causes() -> None:
    some = factories.folds([0.9, 0.9], k=3)
    records = [factories.failed("oom", fold=2, split=some[0].split)]
    records += [factories.failed("data", fold=None, split=some[0].split)]
    row = compare([*some, *records]).tables[0].rows[0]
    assert row.status == "partial"
    assert [(one.fold, one.failure.cause) for one in row.failures] == [(None, "data"), (2, "oom")]
    assert compare(records).tables[0].rows[0].status == "failed"


def test_the_controls_of_a_single_fold_do_not_stand_for_all() -> None:
    folds = factories.folds([0.9, 0.9], k=3)
    rows = compare(folds).tables[0].rows
    assert [(row.pipeline, row.notes) for row in rows if row.control] == [("source-oracle", ["folds not pooled"])]
    rows = compare([*folds, factories.pooled(folds, 0.9)]).tables[0].rows
    assert [row.pipeline for row in rows if row.control] == ["majority", "source-oracle"]


def test_of_the_maps_one_number_is_kept_the_mean_over_classes() -> None:
    maps = {"lung-enrichment/COVID": Estimate(2.0), "lung-enrichment/Non-COVID": Estimate(1.0)}
    maps_of_classes = {**maps, "lesion-enrichment/COVID": Estimate(3.0), "lung-misses/COVID": Estimate(0.5)}
    maps_of_classes |= {"lesion-enrichment/Non-COVID": Estimate(None, note="no map to judge")}
    row = compare([factories.record(gradcam=maps_of_classes)]).tables[0].rows[0]
    assert row.localisation == {"lung-enrichment": 1.5, "lesion-enrichment": 3.0, "least-lung-enrichment": 1.0}


def test_of_lesions_the_number_is_that_of_the_positive_class() -> None:
    maps = {"lesion-enrichment/COVID": Estimate(3.0), "lesion-enrichment/Non-COVID": Estimate(1.0)}
    run = compare([factories.record(gradcam=maps)]).tables[0].rows[0].runs[0]
    assert run.gradcam["lesion-enrichment"] == Estimate(3.0, note="COVID")


@pytest.mark.parametrize("metric", ["calibration-slope", "n/COVID"])
def test_nothing_is_ranked_by_what_is_neither_better_nor_worse(metric: str) -> None:
    base = factories.record()
    known = factories.record(metrics=base.metrics | {"calibration-slope": Estimate(0.9)})
    with pytest.raises(ConfigError, match=f"no rows are ranked by {metric}"):
        compare([known], metric=metric)


def test_of_the_marks_share_and_enrichment_of_the_class_with_the_most_are_kept() -> None:
    maps = {f"marks-share/{name}": Estimate(value) for name, value in (("COVID", 0.6), ("Non-COVID", 0.2))}
    maps |= {"marks-enrichment/COVID": Estimate(9.0), "marks-misses/COVID": Estimate(0.1)}
    row = compare([factories.record(gradcam=maps)]).tables[0].rows[0]
    assert row.localisation == {"marks-share": 0.6, "marks-enrichment": 9.0}


def test_an_undefined_metric_keeps_its_reason() -> None:
    none = {"balanced-accuracy": Estimate(None, n=4, note="one class only")}
    (table,) = compare([factories.record(metrics=none)]).tables
    one = table.rows[0].metrics["balanced-accuracy"]
    assert (one.value, one.note, table.ranking) == (None, "one class only", None)


def test_an_unknown_metric_suggests_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="balanced-accuracy"):
        compare([factories.record()], metric="balanced-acuracy")


def ranking(values: Sequence[float], **fields: object) -> Ranking:
    """Of two seeds of each, tested with ± .02."""
    runs = [factories.record(v, pipeline=f"net{k}", seed=seed) for k, v in enumerate(values) for seed in (0, 1)]
    found = compare(runs, test=family(**fields)).tables[0].ranking  # type: ignore[arg-type]
    assert found is not None
    return found


def test_the_first_leads_only_if_every_other_interval_excludes_zero() -> None:
    assert ranking([0.95, 0.92, 0.90]).leads
    touching = ranking([0.95, 0.935, 0.90])
    assert (touching.leads, touching.tied, touching.worse) == (False, ["net0", "net1"], ["net2", "majority"])
    untested = ranking([0.95, 0.92], low=None, high=None)
    assert (untested.leads, untested.tied) == (False, ["net0", "net1", "majority"])


def test_nobody_leads_who_was_trained_once_or_is_tested_on_these_trainings_alone() -> None:
    once = [factories.record(0.95, pipeline=A), factories.record(0.90, pipeline=B)]
    found = compare(once, test=family()).tables[0].ranking
    assert found is not None and (found.leads, found.tied) == (False, [A])
    assert not ranking([0.95, 0.92], these_trainings=True).leads


@pytest.mark.parametrize(
    ("values", "tied"),
    [
        ([0.95, 0.94, 0.935, 0.92, 0.938], ["net0", "net1", "net4", "net2"]),  # in their order
        ([0.95, 0.92, 0.94], ["net0", "net2"]),
        ([0.95, 0.90, 0.89], ["net0"]),
        ([0.95] * 10, [f"net{k}" for k in range(10)]),  # all of them are tested
    ],
)
def test_all_that_cannot_be_told_apart_from_the_first_are_named(values: list[float], tied: list[str]) -> None:
    assert ranking(values).tied == tied


def test_all_rows_are_tested_at_once_controls_too() -> None:
    asked: list[list[tuple[str, str]]] = []

    def test(rows: Sequence[Contender], metric: str, reference: int, named: bool) -> Verdicts:
        asked.append([(row.name, row.rule) for row in rows])
        return Verdicts([Standing() for _ in rows], [Verdict() for _ in rows], note="no predictions")

    records = [factories.record(0.9 - k / 100, pipeline=f"net{k}") for k in range(4)]
    found = compare([*records, factories.failed(pipeline=C)], test=test).tables[0].ranking
    assert asked == [[*((f"net{k}", "") for k in range(4)), ("majority", "majority")]]
    assert found is not None and found.untested == "no predictions"


def test_every_row_is_compared_with_the_pipeline_that_was_asked_for() -> None:
    records = [factories.record(0.94, pipeline=A), factories.record(0.96, pipeline=B), factories.failed(pipeline=C)]
    (table,) = compare(records, against=A, test=family()).tables
    rows = {row.pipeline: row.verdict for row in table.rows}
    assert table.ranking is not None
    assert (table.ranking.first, table.ranking.reference, table.ranking.named) == (B, A, True)
    assert rows[A] is None and rows[C] is None and rows["source-oracle"] is None
    assert rows[B] is not None and rows[B].value == pytest.approx(0.02)
    assert rows["majority"] is not None and rows["majority"].value == pytest.approx(0.5 - 0.94)


def named(records: list[Record], text: str) -> list[str | None]:
    """Which pipeline is the reference of each table, where one was named."""
    rankings = [table.ranking for table in compare(records, against=text, test=family()).tables]
    return [found.reference if found and found.named else None for found in rankings]


def test_the_beginning_of_a_name_is_enough_where_it_is_unique() -> None:
    records = [factories.record(pipeline=A), factories.record(pipeline=B)]
    assert named(records, "unet+x") == [B]
    with pytest.raises(ConfigError, match="'unet' may be any of 2 pipelines"):
        named(records, "unet")
    with pytest.raises(UnknownNameError, match=r"did you mean unet\+sepcnn\+dense"):
        named(records, "unet+sepcn+dense")


def test_a_table_without_the_pipeline_stays_as_it_is() -> None:
    records = [factories.record(pipeline=A), factories.record(task="multiclass", classes=LABELS, pipeline=B)]
    assert named(records, A) == [A, None]
    first, other = compare(records, against=A, test=family()).tables
    assert (first.absent, other.absent) == ("", A)


def test_a_pipeline_without_numbers_leaves_nothing_to_compare_with() -> None:
    records = [factories.record(pipeline=A), factories.failed(pipeline=B)]
    found = compare(records, against=B, test=family()).tables[0]
    assert found.ranking is not None
    assert (found.ranking.reference, found.ranking.untested) == (B, f"{B} has no numbers")
    assert found.rows[0].verdict is None


def test_whether_segmenters_are_trained_anew_is_known_where_one_is_trained() -> None:
    base = factories.record()
    anew = {**base.spec, "segmentation": {"seed": "training"}}
    for spec, expected in ((base.spec, False), (anew, True)):
        assert compare([factories.record(spec=spec)]).tables[0].retrained_segmenter is expected
    untrained = msgspec.structs.replace(base.training, segmenter=None)
    assert compare([factories.record(training=untrained)]).tables[0].retrained_segmenter is None


@pytest.fixture
def results(tmp_path: Path) -> Path:
    folder = tmp_path / "results"
    for made in [factories.record(0.95, pipeline=A), factories.record(0.9, pipeline=B), factories.failed(pipeline=C)]:
        files.write(made, folder / made.task / made.run)
    return folder


@pytest.fixture
def bench(bench_in_process: Callable[..., tuple[int, str, str]]) -> Callable[..., tuple[int, str, str]]:
    return functools.partial(bench_in_process, "compare")


def test_the_command_prints_a_table(bench, results: Path) -> None:
    code, out, _ = bench(results)
    assert code == 0
    assert f"{A} stands first with 0.950" in out
    assert "not testable (no predictions.npz" in " ".join(out.split())


def test_the_command_prints_json(bench, results: Path) -> None:
    for form in (["--json"], ["--format", "json"]):
        code, out, _ = bench(results, *form)
        (table,) = json.loads(out)["tables"]
        assert code == 0
        assert (table["task"], table["tasks"], table["dataset"]) == ("binary", ["binary"], "phantom")
        assert [row["control"] for row in table["rows"]] == [False, False, False, True, True]
        assert table["rows"][0]["metrics"]["balanced-accuracy"]["value"] == 0.95


def test_details_show_each_run_by_itself(bench, tmp_path: Path) -> None:
    vote = factories.vote(run="vote-s0-f0-1")
    files.write(vote, tmp_path / "vote" / vote.run)
    code, out, _ = bench(tmp_path, "--details")
    assert code == 0
    assert "disagreement" in out and "member" in out


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


def test_a_wrong_pipeline_ends_with_2(bench, results: Path) -> None:
    code, _, err = bench(results, "--against", "unet+sepcn+dense")
    assert code == 2
    assert f"did you mean {A}" in err


def test_what_cannot_be_compared_against_says_why_in_every_format(bench, results: Path) -> None:
    assert f"Against {A}, named before" in bench(results, "--against", A, "--format", "md")[1]
    assert "not testable: no predictions.npz of" in " ".join(bench(results, "--against", A)[1].split())
    (table,) = json.loads(bench(results, "--against", A, "--json")[1])["tables"]
    assert (table["ranking"]["reference"], table["ranking"]["named"]) == (A, True)
    assert table["ranking"]["untested"].startswith("no predictions.npz")


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
        "import benchmark.report.markdown, benchmark.report.export, benchmark.report.terminal;"
        f"bench(['compare', {str(results)!r}], standalone_mode=False);"
        f"sys.exit(', '.join(name for name in {heavy} if name in sys.modules) or 0)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stderr) == (0, "")


def test_a_dataset_without_counts_can_be_shown() -> None:
    bare = DatasetInfo("folder", "3" * 64, {})
    assert compare([factories.record(dataset=bare)]).tables[0].dataset == bare


def test_runs_on_parts_that_leak_as_they_were_published_have_a_table_of_their_own() -> None:
    clean, leaky = factories.record(0.9, pipeline=A), factories.record(0.95, pipeline=B)
    assert leaky.split is not None
    kept = msgspec.structs.replace(leaky, split=msgspec.structs.replace(leaky.split, leaks="keep"))
    assert len(compare([clean, leaky]).tables) == 1
    assert len(compare([clean, kept]).tables) == 2
