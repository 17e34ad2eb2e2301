"""`bench export` as a user calls it: what is written, what is refused, and that it is whole or not there."""

import hashlib
import json
import shutil
import subprocess
import sys

import cv2
import numpy as np
import pytest

from benchmark.data.samples import open_dataset
from benchmark.records.files import FILE, read, write
from benchmark.tasks.spec import run_spec
from tests.commands import once_run, one_line
from tests.lacking import HAND_OVER

pytest.importorskip("onnxruntime")
pytest.importorskip("tf2onnx")
pytestmark = pytest.mark.slow

STRANGE = """
from importlib.machinery import PathFinder

find_spec = PathFinder.find_spec

def without(name, *rest):
    return None if name in {names!r} else find_spec(name, *rest)

PathFinder.find_spec = without
"""


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    return once_run(tmp_path_factory)


@pytest.fixture(scope="module")
def run(bench):
    (path,) = bench.results.glob("tiny/none-*/result.json")
    return path.parent


@pytest.fixture(scope="module")
def written(bench, run):
    told = bench.call("export", run.name[:12], "-o", "exported")
    assert told.returncode == 0, told.stdout + told.stderr
    return bench.root / "exported", told.stdout


def lacking(folder, *names):
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(HAND_OVER.read_text() + STRANGE.format(names=names))
    return {"PYTHONPATH": str(folder)}


def test_a_run_is_written_with_a_proof_on_every_prediction_that_it_has_stored(run, written):
    folder, said = written
    told = json.loads((folder / "export.json").read_text())
    with np.load(run / "predictions.npz", allow_pickle=False) as stored:
        count = len(stored["ids"])
    assert told["proof"]["images"] == "stored predictions" and told["proof"]["n"] == count
    assert told["proof"]["probabilities"] < 1e-5 and told["proof"]["decisions"] == 0
    assert f"Checked: on {count} stored predictions" in said
    record = read(run / FILE)
    assert (told["seal"], told["classes"]) == (record.seal, record.classes)
    assert told["threshold"] == record.calibration.data_prior["COVID"]
    assert set(told["inputs"]) == {"image", "frame"}
    names = {path.name for path in folder.iterdir()}
    assert names == {"model.onnx", "predict.py", "export.json"}
    for name, digest in told["files"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


def test_its_script_gives_what_the_run_has_stored_where_there_is_no_keras(bench, run, written):
    spec = run_spec(read(run / FILE).spec)
    _, samples, _ = open_dataset(spec.dataset, spec.split.seed)
    known = {sample.id: sample for sample in samples}
    with np.load(run / "predictions.npz", allow_pickle=False) as stored:
        test = stored["subsets"] == "test"
        ids, expected = stored["ids"][test].tolist(), stored["probabilities"][test]
    films = [bench.root / f"{place}.png" for place in range(len(ids))]
    for name, film in zip(ids, films, strict=True):
        assert cv2.imwrite(str(film), known[name].read_image())
    (bench.root / "alone").mkdir()
    refusing = STRANGE.format(names=("keras", "tensorflow", "benchmark", "registry", "onnx"))
    (bench.root / "alone" / "sitecustomize.py").write_text(refusing)
    command = [sys.executable, written[0] / "predict.py", *films]
    environment = {**bench.environment(), "PYTHONPATH": str(bench.root / "alone")}
    ended = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert ended.returncode == 0, ended.stderr
    head, *rows = [line.split("\t") for line in ended.stdout.splitlines()]
    assert head == ["film", "decision", *read(run / FILE).classes]
    assert [row[0] for row in rows] == [str(film) for film in films]
    np.testing.assert_allclose(np.array([row[2:] for row in rows], float), expected, rtol=0, atol=1e-5)


def test_a_folder_that_is_there_stays_as_it_is(bench, run, written):
    before = sorted((path.name, path.read_bytes()) for path in written[0].iterdir())
    line = one_line(bench.call("export", run, "-o", written[0]))
    assert "is there already; choose a new folder with -o" in line
    assert sorted((path.name, path.read_bytes()) for path in written[0].iterdir()) == before


def test_without_the_extra_one_line_says_what_to_install(bench, run):
    told = bench.call("export", run, "-o", "never", **lacking(bench.root / "bare", "tf2onnx"))
    assert "tf2onnx is not installed: pip install 'cxr-bench[onnx]'" in one_line(told)
    assert not (bench.root / "never").exists()


def test_what_is_not_stored_is_refused_and_images_that_are_gone_are_said(bench, run, written):
    other = bench.root / "other"
    shutil.copytree(run, other)
    with np.load(run / "predictions.npz", allow_pickle=False) as stored:
        columns = dict(stored)
    columns["probabilities"][0] = columns["probabilities"][0][::-1]
    np.savez(other / "predictions.npz", **columns)
    told = bench.call("export", other, "-o", "never")
    assert told.returncode == 4 and "its graph does not give what it has stored: on " in told.stderr
    record = read(other / FILE)
    record.dataset.counts.clear()
    record.spec["dataset"]["options"]["count"] = 100
    write(record, other)
    told = bench.call("export", other, "-o", "never")
    assert told.returncode == 4 and "NOT CHECKED, so not written: the images of phantom are not those" in told.stderr
    assert not (bench.root / "never").exists()
    told = bench.call("export", other, "-o", "unproved", "--unchecked")
    assert told.returncode == 0 and "NOT CHECKED on what the run has stored" in told.stdout
    assert json.loads((bench.root / "unproved" / "export.json").read_text())["proof"] is None
