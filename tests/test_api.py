"""`benchmark.api` as a program of somebody else's uses it: another folder, another process, no Keras in it."""

import json
import os
import subprocess
import sys
import textwrap
import time
from datetime import UTC, datetime
from importlib.machinery import PathFinder
from pathlib import Path

import msgspec
import numpy as np
import pytest

from benchmark import api
from benchmark.execution.process import Worker
from benchmark.records.calibration import CalibrationInfo
from benchmark.records.files import FILE, read, write
from benchmark.tasks.spec import Runtime
from registry.errors import BenchError, ConfigError, DataError, DataNotFoundError, UnknownNameError, VerificationError
from tests import factories
from tests.commands import TINY, Bench, untrained
from tests.specs import spec

pytestmark = pytest.mark.slow

HEAVY = ("keras", "tensorflow", "jax", "torch", "sklearn", "xgboost", "pandas", "matplotlib", "cv2", "click")
TASK = TINY.replace('segmenter = "none"', 'segmenter = "threshold"')  # a trained one: tests/models/test_pipeline.py
PROGRAM = """
import json, sys
from benchmark.api import compare, load, predict, run
loaded = lambda: sorted(set(sys.modules) & {heavy})
at_start = loaded() + sorted(set(sys.modules) & {{"numpy"}})
found = run("mine.toml", head=["dense", "xgboost"], quick=False, settings={{"training.epochs": 1}}, {more})
frozen = run("mine.toml", quick=False, settings=["training.epochs=1"], progress=False, {more})
late = run("mine.toml", head="sepconv", quick=False, timeout_s=0.5, progress=False, {more})
told = {{
    "at start": at_start,
    "rows": [[row.pipeline, row.status] for row in found.tables[0].rows],
    "late": [[row.status, [one.failure.cause for one in row.failures]] for row in late.tables[0].rows][:1],
    "again": [row.pipeline for row in frozen.tables[0].rows if not row.control],
    "html": found._repr_html_().count("<table>"),
    "disk": sorted(compare("results").folders),
    "folders": {{name: str(folder) for name, folder in found.folders.items()}},
}}
for name, folder in found.folders.items():
    with load(folder) as pipeline:
        answered = predict(pipeline, {images})
        told.setdefault("probabilities", {{}})[name] = answered.probabilities.tolist()
        told.setdefault("decided", {{}})[name] = answered.decided.tolist()
        shapes = [list(one.shape) for one in (answered.masks, answered.views, answered.maps)]
        told.setdefault("shapes", {{}})[name] = [answered.method, *shapes]
told["at end"] = loaded()
print(json.dumps(told))
"""


def program(bench, text):
    """A program in a folder of its own, which finds nothing of ours beside it."""
    environment = bench.environment()
    return subprocess.run(
        [sys.executable, "-P", "-c", text], capture_output=True, text=True, cwd=bench.root, env=environment, timeout=600
    )


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """Two runs and one that was too slow, by a program that then predicts for the dataset's own images."""
    bench = untrained(tmp_path_factory, Bench(tmp_path_factory.mktemp("elsewhere")))
    (bench.root / "mine.toml").write_text(TASK)
    for sample in samples():
        write_png(bench.root / f"{sample.id.replace('/', '-')}.png", sample.read_image())
    names = [f"{sample.id.replace('/', '-')}.png" for sample in samples()]
    text = PROGRAM.format(heavy=set(HEAVY), more='results="results"', images=names)
    bench.ended = program(bench, text)
    assert bench.ended.returncode == 0, bench.ended.stderr
    bench.told = json.loads(bench.ended.stdout)
    return bench


def samples():
    """The raw images of the task's dataset, in order."""
    from registry.datasets.phantom.catalogue import phantom

    return list(phantom(None, count=96, size=32).samples())


def write_png(path, image):
    import cv2

    assert cv2.imwrite(str(path), image)


def test_nothing_heavy_is_ever_in_the_callers_process(bench):
    assert bench.told["at start"] == bench.told["at end"] == []


def test_progress_is_shown_where_it_is_wanted_and_nothing_else_is_printed(bench):
    assert bench.ended.stdout.count("\n") == 1  # the program's own
    ended = [line for line in bench.ended.stderr.splitlines() if line.startswith("[")]
    assert [line[:6] for line in ended] == ["[1/2] ", "[2/2] "]
    for head in ("dense", "xgboost"):  # in the order in which they end
        assert sum(f"] threshold+sepcnn[filters=8,pairs=1]+{head} · seed 0: " in line for line in ended) == 1
    assert "sepconv" not in bench.ended.stderr  # that run was to be quiet


def test_a_comparison_has_a_row_per_pipeline_and_what_was_there_is_found_again(bench):
    names = [f"threshold+sepcnn[filters=8,pairs=1]+{head}" for head in ("dense", "xgboost")]
    rows = dict(bench.told["rows"])
    assert all(rows[name] == "ok" for name in names)
    assert bench.told["again"] == names[:1]
    assert bench.told["html"] == 1
    assert set(bench.told["disk"]) > set(bench.told["folders"])  # the run that failed has a folder too


def test_a_run_that_fails_is_a_row_with_its_cause(bench):
    assert bench.told["late"] == [["failed", ["timeout"]]]


def test_what_is_predicted_for_the_datasets_own_images_is_what_the_run_has_stored(bench):
    ids = [sample.id for sample in samples()]
    for name, folder in bench.told["folders"].items():
        with np.load(bench.root / folder / "predictions.npz", allow_pickle=False) as stored:
            test = stored["subsets"] == "test"
            rows = [ids.index(one) for one in stored["ids"][test]]
            probabilities, decided = (np.array(bench.told[what][name])[rows] for what in ("probabilities", "decided"))
            assert np.abs(probabilities - stored["probabilities"][test]).max() < 1e-6
            assert np.array_equal(decided, stored["corrected_logits"][test].argmax(axis=1))


def test_masks_views_and_maps_have_the_size_of_the_runs_images(bench):
    for name, (method, masks, views, maps) in bench.told["shapes"].items():
        assert masks == views == [96, 32, 32]
        assert (method, maps[0], len(maps)) == ("occlusion" if "xgboost" in name else "Grad-CAM", 96, 3)


@pytest.fixture
def pipeline(bench, monkeypatch):
    """One of the runs, loaded here."""
    for name, value in bench.environment().items():
        monkeypatch.setenv(name, value)
    folder = next(folder for name, folder in bench.told["folders"].items() if "dense" in name)
    with api.load(bench.root / folder) as pipeline:
        yield pipeline


def test_arrays_and_files_of_any_size_give_the_same_and_one_worker_serves_all(bench, pipeline):
    image = samples()[0].read_image()
    large = np.kron(image, np.ones((3, 2), np.uint8))
    files = [bench.root / "large.png", bench.root / f"{samples()[0].id.replace('/', '-')}.png"]
    write_png(files[0], large)
    one = api.predict(pipeline, large)
    process = pipeline._worker._process.pid
    both = api.predict(pipeline, files, maps=False)
    assert (len(one), len(both), both.maps, one.names, both.names) == (1, 2, None, ["image 0"], [str(f) for f in files])
    assert np.abs(one.probabilities[0] - both.probabilities[0]).max() < 1e-6
    assert np.abs(api.predict(pipeline, [image]).probabilities[0] - both.probabilities[1]).max() < 1e-6
    assert one.decisions[0] in pipeline.classes
    assert pipeline._worker._process.pid == process


def test_what_is_no_image_is_named_and_the_pipeline_goes_on(bench, pipeline):
    good = samples()[0].read_image()
    (bench.root / "no.png").write_text("no image")
    api.predict(pipeline, good, maps=False)
    process = pipeline._worker._process.pid
    for images, error, message in [
        ("absent.png", DataNotFoundError, "no image at 'absent.png'"),
        (
            [good, good.astype(float)],
            DataError,
            r"image 1: expected an array uint8 \(H, W\), received float64 \(32, 32\)",
        ),
        (np.zeros((2, 32, 32, 3), np.uint8), DataError, r"image 0: expected .* received uint8 \(32, 32, 3\)"),
        ([good, np.zeros((40, 40), np.uint8)], DataError, "1 of 2 images cannot be used: image 1: empty image"),
        ([bench.root / "no.png"] * 5, DataError, r"5 of 5 images .*no\.png: neither PNG nor JPEG, .* and 2 more$"),
        ([], DataError, "no images to predict for"),
    ]:
        with pytest.raises(error, match=message):
            api.predict(pipeline, images)
    assert len(api.predict(pipeline, good, maps=False)) == 1
    assert pipeline._worker._process.pid == process  # nothing was loaded again


def test_closing_ends_the_worker_and_so_does_the_end_of_the_program(bench, pipeline):
    api.predict(pipeline, samples()[0].read_image(), maps=False)
    process = pipeline._worker._process.pid
    pipeline.close()
    assert not alive(process)
    with pytest.raises(ConfigError, match="was closed; load it again"):
        api.predict(pipeline, samples()[0].read_image())
    text = f"""
        from benchmark.api import load, predict
        pipeline = load({str(pipeline.folder)!r})
        predict(pipeline, {str(next(bench.root.glob("*.png")))!r}, maps=False)
        print(pipeline._worker._process.pid)
    """
    told = program(bench, textwrap.dedent(text))
    assert told.returncode == 0, told.stderr
    assert not alive(int(told.stdout))


def alive(process):
    """Whether a process is there, a moment after it was told to end."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return False
        time.sleep(0.1)
    return True


def test_a_run_that_was_repeated_since_it_was_loaded_is_not_mixed_up(pipeline, monkeypatch):
    monkeypatch.setattr(pipeline, "record", msgspec.structs.replace(pipeline.record, seal="another"))
    with pytest.raises(BenchError, match="was run again since it was loaded; load it again"):
        api.predict(pipeline, samples()[0].read_image())


def test_only_a_good_run_with_models_of_its_own_is_loaded(tmp_path, monkeypatch):
    monkeypatch.setattr(Worker, "_start", None)  # nothing is started by loading
    with pytest.raises(DataNotFoundError, match="no record at"):
        api.load(tmp_path)
    for name, record, error, message in [
        ("failed", factories.failed("oom"), DataError, r"failed \(oom\), so there is nothing that predicts"),
        ("vote", factories.vote(), DataError, "is made of other runs and keeps no models of its own"),
        ("bare", factories.record(), DataNotFoundError, "no models in"),
    ]:
        write(record, tmp_path / name)
        with pytest.raises(error, match=message):
            api.load(tmp_path / name)
    path = tmp_path / "bare" / FILE
    path.write_text(path.read_text().replace('"seed": 0', '"seed": 1', 1))
    with pytest.raises(VerificationError, match="changed after it was sealed"):
        api.load(tmp_path / "bare")


def test_a_run_of_a_backend_that_is_not_here_says_so(tmp_path, monkeypatch):
    asked = msgspec.to_builtins(spec(runtime=Runtime(backend="torch")))
    shares = {"Non-COVID": 0.75, "COVID": 0.25}
    known = CalibrationInfo(data_prior=shares, batch_prior=shares)
    write(factories.record(spec=asked, calibration=known), tmp_path)
    (tmp_path / "model").mkdir()
    find = PathFinder.find_spec  # of all imports, so others go on
    lacking = {"torch": None}
    monkeypatch.setattr(
        "benchmark.planning.backend.PathFinder.find_spec", lambda name, *more: lacking.get(name, find(name, *more))
    )
    with pytest.raises(ConfigError, match="the backend is 'torch', which is not installed; pip install torch"):
        api.load(tmp_path)


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ({"task": "binari"}, UnknownNameError, "no task named 'binari'; did you mean binary"),
        ({"backbone": "sepcn"}, UnknownNameError, "no backbone named 'sepcn'; did you mean sepcnn"),
        ({"settings": {"images.sise": 96}}, ConfigError, "unknown key 'sise'"),
        ({"limit": 3}, ConfigError, "limit: expected int >= 8, received 3"),
        ({"seeds": [1, 1]}, ConfigError, "expected different seeds"),
        ({"jobs": 0}, ConfigError, "jobs: expected int >= 1"),
        ({"task": 3}, ConfigError, "task: expected str, got int, received 3"),
        ({"head": ["dense", 3]}, ConfigError, r"head: expected str, got int, received \('dense', 3\)"),
        ({"backend": "caffe"}, UnknownNameError, "no Keras backend named 'caffe'"),
        ({"results": "/proc/none"}, BenchError, "choose another one with results=… or BENCH_RESULTS"),
    ],
)
def test_what_cannot_be_asked_for_is_an_error_that_says_so(tmp_path, monkeypatch, capfd, asked, error, message):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Worker, "_start", None)  # and nothing has been started
    with pytest.raises(error, match=message):
        api.run(**{"task": "binary", "cache": tmp_path / "cache", **asked})
    assert capfd.readouterr() == ("", "")


def test_a_comparison_from_disk_is_that_of_the_command(tmp_path, bench_in_process):
    for seed in range(2):
        record = factories.record(0.9 + 0.01 * seed, seed=seed)
        write(record, tmp_path / record.run)
    found = api.compare(tmp_path)
    code, out, _ = bench_in_process("compare", tmp_path, "--format", "json")
    assert code == 0
    assert json.loads(out)["tables"][0]["rows"][0]["metrics"]["auroc"]["value"] == found.tables[0].rows[0].value(
        "auroc"
    )
    assert {read(folder / FILE).run for folder in found.folders.values()} == set(found.folders)
    with pytest.raises(DataNotFoundError, match="no results at"):
        api.compare(tmp_path / "none")
    with pytest.raises(UnknownNameError, match="no metric named 'aurok'"):
        api.compare([tmp_path], metric="aurok")


def test_the_reference_results_are_compared_without_numpy_where_nothing_is_tested():
    told = subprocess.run(
        [sys.executable, "-c", "import sys, benchmark.api; print(set(sys.modules) & {'numpy', 'keras', 'pandas'})"],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parent,
    )  # fmt: skip
    assert told.stdout.strip() == "set()"


def test_a_comparison_takes_the_filters_of_the_command(tmp_path):
    for seed in range(3):
        record = factories.record(0.9 + 0.01 * seed, seed=seed, created=f"2026-01-0{seed + 1}T12:00:00+00:00")
        write(record, tmp_path / record.run)
    found = api.compare(tmp_path, where="seed!=0", since=datetime(2026, 1, 3, tzinfo=UTC))
    assert [run.seed for row in found.tables[0].rows for run in row.runs if not row.control] == [2]
    assert found.selected == "2 of 3 runs left out: 1 by --where seed!=0, 1 by --since 2026-01-03 00:00+00:00"
    assert found.selected in str(found) and found.selected in found._repr_html_()
    assert api.compare(tmp_path, task="binary").selected == ""
    with pytest.raises(UnknownNameError, match="no dataset named 'elsewhere'"):
        api.compare(tmp_path, dataset=["elsewhere"])
