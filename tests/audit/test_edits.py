"""Every way to change a results folder that was thought of: found, with exit status 5, or named and harmless."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

from benchmark.audit.findings import UNTRUSTED, Verification
from benchmark.audit.verify import verify
from benchmark.evaluation.recomputing import recompute
from benchmark.records import files as records
from benchmark.records.contents import entry, listing
from benchmark.records.ledger import FOLDER, Ledger
from benchmark.records.recomputed import Recomputed
from benchmark.storage.files import fault, sealed
from tests.published import index, measure, publish

ROOT = Path(__file__).parents[2]
LEADER, OTHER = "none+sepcnn+dense", "unet+sepcnn+dense"
FLIPS = 40  # in each kind of file


@pytest.fixture(scope="session")
def published(tmp_path_factory):
    """Two pipelines of two seeds, and a measurement of speed."""
    root = tmp_path_factory.mktemp("published") / "results"
    ledger = Ledger(root)
    for pipeline, skill in ((LEADER, 1.6), (OTHER, 1.2)):
        for seed in (0, 1):
            publish(root, pipeline=pipeline, seed=seed, skill=skill, ledger=ledger)
    measure(root)
    return root


@pytest.fixture
def results(published, tmp_path):
    """A copy for the test."""
    return shutil.copytree(published, tmp_path / "results")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))


def run_of(root: Path, pipeline: str = LEADER, seed: int = 0) -> Path:
    return next(path.parent for path in sorted(root.rglob("result.json")) if is_run(path, pipeline, seed))


def is_run(path: Path, pipeline: str, seed: int) -> bool:
    record = records.read(path)
    return (record.pipeline, record.seed) == (pipeline, seed)


def verified(root: Path) -> Verification:
    return verify(root, recompute, index())


def kinds(found: Verification) -> set[str]:
    return {finding.kind for finding in found.findings if finding.kind in UNTRUSTED}


def flip(path: Path, place: int, bit: int = 0) -> None:
    data = bytearray(path.read_bytes())
    data[place % len(data)] ^= 1 << bit
    path.write_bytes(data)


def sealed_anew(folder: Path, change: Callable[[dict], None], *, listed: bool = False) -> None:
    """A record that was changed and sealed again; the list of its files too, where `listed`."""
    record = json.loads((folder / "result.json").read_text())
    change(record)
    if listed:
        record["files"] = msgspec.to_builtins(listing(folder))
    records.write(msgspec.convert(record, records.Record), folder)


def predictions(folder: Path, change: Callable[[dict[str, np.ndarray]], None]) -> None:
    with np.load(folder / "predictions.npz") as stored:
        arrays = {name: stored[name].copy() for name in stored.files}
    change(arrays)
    np.savez(folder / "predictions.npz", **arrays)


def test_what_was_published_verifies_and_so_does_a_copy_elsewhere(published, results, tmp_path):
    elsewhere = shutil.copytree(results, tmp_path / "elsewhere" / "other name")
    for root in (published, elsewhere):
        found = verified(root)
        assert found.findings == []
        assert (found.records, found.recomputed, found.lines) == (4, 4, 4)


def more(metric: str, by: float) -> Callable[[dict], None]:
    return lambda record: record["metrics"][metric].update(value=record["metrics"][metric]["value"] + by)


def narrower(record: dict) -> None:
    one = record["metrics"]["balanced-accuracy"]
    one.update(low=(one["low"] + one["value"]) / 2, high=(one["high"] + one["value"]) / 2)


def worse_control(record: dict) -> None:
    record["controls"]["majority"]["balanced-accuracy"]["value"] = 0.4


def another_confusion(record: dict) -> None:
    record["confusion"][0][0] += 1


FORGERIES = {
    "another metric": (OTHER, more("accuracy", 0.05)),
    "table metric, tested": (OTHER, more("balanced-accuracy", 0.05)),
    "table metric of a second seed": (LEADER, more("balanced-accuracy", 0.01)),
    "interval": (LEADER, narrower),
    "control": (LEADER, worse_control),
    "confusion": (OTHER, another_confusion),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_number_that_was_forged_and_sealed_anew_is_contradicted_even_without_a_ledger(results, name):
    pipeline, change = FORGERIES[name]
    sealed_anew(run_of(results, pipeline), change)
    assert kinds(verified(results)) == {"contradicted", "edited"}
    shutil.rmtree(results / FOLDER)
    assert kinds(verified(results)) == {"contradicted"}


FURTHER = {
    "sensitivity at a threshold": more("sensitivity@specificity-95", 0.01),
    "uncalibrated": more("accuracy@uncalibrated", 0.01),
    "threshold": lambda record: record["calibration"]["thresholds"]["specificity-95"].update(log_odds=0.1),
    "slope": lambda record: record["calibration"].update(slope=record["calibration"]["slope"] * 1.01),
    "source oracle": lambda record: record["controls"]["source-oracle"]["auroc"].update(value=0.5001),
    "images": lambda record: record["metrics"]["accuracy"].update(n=91),
    "count of the test subset": lambda record: record["split"]["counts"]["test"].update(COVID=1),
    "digest of the test images": lambda record: record.update(test="0" * 64),
    "no list of files": lambda record: record.pop("files"),
}


@pytest.mark.parametrize("name", FURTHER)
def test_so_is_whatever_else_can_be_recomputed(results, name):
    shutil.rmtree(results / FOLDER)
    sealed_anew(run_of(results), FURTHER[name])
    assert kinds(verified(results)) == {"contradicted"}


def rename_group(arrays):
    rows = np.flatnonzero(arrays["subsets"] == "test")
    arrays["groups"][rows[0]] = arrays["groups"][rows[5]]


def turn_one(arrays):
    rows = np.flatnonzero((arrays["subsets"] == "test") & (arrays["targets"] == 0))
    arrays["corrected_logits"][rows[0]] = arrays["corrected_logits"][rows[0], ::-1]


def turn_both_ways(arrays):
    """As many decisions to right as to wrong: every metric of decisions stays."""
    own = (arrays["subsets"] == "test") & (arrays["targets"] == 0)
    decided = arrays["corrected_logits"].argmax(axis=1)
    rows = np.r_[np.flatnonzero(own & (decided == 0))[:5], np.flatnonzero(own & (decided == 1))[:5]]
    arrays["corrected_logits"][rows] = arrays["corrected_logits"][rows, ::-1]


def empty_validation(arrays):
    arrays["corrected_logits"][arrays["subsets"] == "validation"] = 0.0


def no_logits(arrays):
    arrays["logits"].fill(0)


@pytest.mark.parametrize("change", [rename_group, turn_one, turn_both_ways, empty_validation, no_logits])
def test_predictions_that_were_changed_are_edited_and_contradicted_where_they_are_listed_anew(results, change):
    folder = run_of(results)
    predictions(folder, change)
    assert kinds(verified(results)) == {"edited"}
    sealed_anew(folder, lambda record: None, listed=True)
    shutil.rmtree(results / FOLDER)
    assert kinds(verified(results)) == {"contradicted"}


def test_predictions_that_are_gone_are_missing_until_that_is_acknowledged(results, bench_in_process):
    (run_of(results) / "predictions.npz").unlink()
    code, text, _ = bench_in_process("verify", results)
    assert code == 5
    assert "Predictions missing" in text
    code, text, told = bench_in_process("verify", results, "--acknowledge", "the disk was full")
    assert code == 0
    assert "acknowledged 1" in told
    assert verified(results).of("acknowledged")[0].file == "predictions.npz"


@pytest.mark.parametrize("name", ["history.csv", "model/head.keras", "mean-heat.png", "split.csv", "spec.json"])
def test_any_other_file_that_was_changed_is_edited_and_left_out_where_it_is_gone(results, name):
    path = run_of(results) / name
    flip(path, 100)
    found = verified(results)
    assert [(one.kind, one.file) for one in found.findings if one.kind in UNTRUSTED] == [("edited", name)]
    path.unlink()
    found = verified(results)
    assert found.trusted
    assert [one.file for one in found.of("left-out")] == [name]


def test_a_file_that_nobody_lists_is_named(results):
    (run_of(results) / "model" / "notes.txt").write_text("mine")
    found = verified(results)
    assert found.trusted
    assert [one.file for one in found.of("unlisted")] == ["model/notes.txt"]


def test_a_seed_that_is_gone_is_named(results, bench_in_process):
    folder = run_of(results, seed=1)
    shutil.rmtree(folder)
    code, text, _ = bench_in_process("verify", results)
    assert code == 5
    assert folder.name in text
    assert bench_in_process("verify", results, "--acknowledge", "made with a broken disk")[0] == 0
    code, text, _ = bench_in_process("verify", results, "--json")
    assert code == 0
    assert [one["run"] for one in json.loads(text)["findings"]] == [folder.name]


def test_white_space_in_a_record_is_no_edit(results):
    path = run_of(results) / "result.json"
    path.write_text(path.read_text().replace('"schema": 4', '"schema":  4', 1))
    assert verified(results).findings == []


def kinds_of_files(root: Path) -> list[Path]:
    """A file of each kind, from the results folder."""
    folder = run_of(root)
    own = [path for path in folder.rglob("*") if path.is_file()]
    return [path.relative_to(root) for path in (*own, *root.rglob("*.jsonl"), *root.rglob("speed.json"))]


def is_harmless(path: Path, before: bytes) -> bool:
    """Whether all that has changed of a JSON document is its white space."""
    try:
        return msgspec.json.format(path.read_bytes(), indent=-1) == msgspec.json.format(before, indent=-1)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False


def test_a_flipped_bit_in_any_kind_of_file_is_seen(results):
    """Files first: no number is recomputed, a digest or a seal has told before."""
    rng = np.random.default_rng(0)
    kinds = kinds_of_files(results)
    assert len({name.name for name in kinds}) == 9
    for name in kinds:
        path, missed = results / name, 0
        before = path.read_bytes()
        for _ in range(FLIPS):
            flip(path, int(rng.integers(len(before))), int(rng.integers(8)))
            found = verify(results, lambda *_: Recomputed(), index())
            missed += found.trusted and not (name.suffix == ".json" and is_harmless(path, before))
            path.write_bytes(before)
        assert missed == 0, name


def test_a_record_of_other_code_is_stale_and_its_values_are_still_recomputed(results):
    folder = run_of(results)
    shutil.rmtree(results / FOLDER)
    sealed_anew(folder, lambda record: record.update(scoring={"benchmark.stages.score": "0" * 64}))
    found = verified(results)
    assert found.trusted
    assert [one.place for one in found.of("stale")] == [f"binary/{folder.name}"]
    sealed_anew(folder, narrower)  # intervals depend on the code
    assert verified(results).trusted
    sealed_anew(folder, more("auprc", 1e-6))
    assert kinds(verified(results)) == {"contradicted"}


def test_a_table_marks_and_does_not_rank_what_its_predictions_contradict(results, bench_in_process):
    sealed_anew(run_of(results), more("balanced-accuracy", 0.05))
    code, text, _ = bench_in_process("compare", results, "--json")
    rows = {row["pipeline"]: row for row in json.loads(text)["tables"][0]["rows"]}
    assert code == 5
    assert list(rows)[:2] == [OTHER, LEADER]
    assert "its predictions do not give its balanced-accuracy" in rows[LEADER]["notes"][0]
    ranking = json.loads(text)["tables"][0]["ranking"]
    assert (ranking["first"], ranking["tied"]) == (OTHER, [OTHER])
    assert bench_in_process("compare", results, "--no-verify")[0] == 0
    code, text, _ = bench_in_process("compare", results)
    assert "not ranked:" in text


def test_nor_what_was_edited(results, bench_in_process):
    predictions(run_of(results), turn_both_ways)
    code, text, _ = bench_in_process("compare", results, "--json")
    rows = json.loads(text)["tables"][0]["rows"]
    assert code == 5
    assert [row["pipeline"] for row in rows if "untrusted" in row] == [LEADER]
    assert "predictions.npz was changed" in rows[1]["notes"][0]


def test_no_keras_is_imported(results):
    code = (
        "import sys; from benchmark.cli.main import bench; "
        f"bench(['verify', {str(results)!r}], standalone_mode=False); "
        "print(sorted({'keras', 'tensorflow', 'jax', 'torch', 'sklearn', 'xgboost', 'matplotlib'} & set(sys.modules)))"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert printed.stdout.splitlines()[-1] == "[]"


def test_the_seal_of_a_record_holds_the_list_of_its_files(results):
    path = run_of(results) / "result.json"
    record = records.read(path)
    assert record.files["predictions.npz"] == entry(path.with_name("predictions.npz"))
    assert fault(path.read_bytes()) == ""
    other = msgspec.structs.replace(record, files={})
    assert sealed(other).seal != record.seal


def test_a_file_is_not_a_folder_of_results(results, bench_in_process):
    code, _, err = bench_in_process("verify", results.parent / "none.json")
    assert (code, err.count("\n")) == (2, 1)
    path = results.parent / "a.json"
    path.touch()
    code, _, err = bench_in_process("verify", path)
    assert (code, err) == (2, f"bench: {path} is a file; expected the folder that runs were written to\n")
