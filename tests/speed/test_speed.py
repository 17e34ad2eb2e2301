"""`bench speed` as a user calls it: one tiny pipeline measured in a worker, and what it refuses in one line."""

import csv
import io
from importlib.machinery import PathFinder
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from benchmark.execution import process
from benchmark.execution.process import Outcome
from benchmark.execution.protocol import Measure, Progress
from benchmark.records import speed as speed_record
from benchmark.records.speed import Speed
from benchmark.speed import macs
from benchmark.speed import pipelines as asked
from benchmark.speed.networks import STORED_MASKS, UNTRAINED, build
from benchmark.tasks.schema import Component, Images
from registry.backbones.sepcnn import sepcnn
from registry.heads.dense import dense
from tests import factories
from tests.commands import Bench
from tests.specs import spec
from tests.workers import answered

pytestmark = pytest.mark.slow


def test_one_pipeline_is_measured_recorded_and_shown(tmp_path):
    bench = Bench(tmp_path)
    ended = bench.call(
        "speed", "--task", bench.task, "--full", "--batch", 4, "--repeats", 2, "--format", "csv", "-o", bench.results
    )
    assert ended.returncode == 0, ended.stderr
    (path,) = bench.results.glob("speed/none-sepcnn-dense-*/speed.json")
    found = speed_record.read(path)
    assert isinstance(found, Speed)
    assert (found.pipeline, found.image_size, found.num_classes) == ("none+sepcnn[filters=8,pairs=1]+dense", 32, 2)
    backbone, head = sepcnn((32, 32, 1), filters=8, pairs=1), dense((32, 32, 8), 2)
    done = [macs.work(backbone, (32, 32, 1)), macs.work(head, (32, 32, 8))]
    assert found.total.parameters == backbone.count_params() + head.count_params()
    assert (found.total.macs, found.total.plain_macs) == (sum(x.macs for x in done), sum(x.plain for x in done))
    assert (found.conditions.training_batch, found.conditions.batch, found.conditions.precision) == (16, 4, "float32")
    assert found.training and found.training.n == found.inference.n == 2
    assert 0 < found.latency.p50_s <= found.latency.p95_s
    assert found.memory["training"] >= found.memory["inference"] > 10 * found.total.model_bytes
    assert found.environment["keras"] == keras.__version__
    (row,) = csv.DictReader(io.StringIO(ended.stdout))
    assert float(row["inference images/s"]) == found.inference.median
    if PathFinder.find_spec("onnxruntime") and found.conditions.backend == "tensorflow":
        assert found.graphed and found.graphed.inference.n == 2 and found.graphed.batch == 32, found.notes
        assert float(row["ONNX images/s"]) == found.graphed.inference.median > 0
        assert float(row["ONNX latency p50"]) == found.graphed.latency.p50_s
    assert "1/1] none+sepcnn[filters=8,pairs=1]+dense" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--task", "binry"], "no task named 'binry'"),
        (["--task", "binary", "--backbone", "sepcn"], "no backbone named 'sepcn'; did you mean sepcnn"),
        (["--task", "binary", "--repeats", "0"], "--repeats"),
        (["--task", "binary", "--batch", "many"], "--batch"),
        (["--task", "binary", "--head", "dense["], "is not a component"),
        (["--task", "binary", "--seeds", "1"], "No such option"),
        ([], "--task"),
        (["--task", "binary", "-o", "/proc/none"], "choose another one with -o"),
    ],
)
def test_what_cannot_be_measured_is_one_line(monkeypatch, bench_in_process, tmp_path, arguments, complaint):
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    results = () if "-o" in arguments else ("-o", tmp_path / "results")
    code, _, err = bench_in_process("speed", *results, *arguments)
    assert (code, err.count("\n")) == (2, 1)
    assert complaint in err


class Scripted:
    """A worker that measures no pipeline: each ends as its outcome says."""

    def __init__(self, *_):
        pass

    def stop(self):
        pass

    def close(self):
        pass

    def serve(self, request, watch):
        assert isinstance(request, Measure)
        watch(Progress("speed", what="building the networks"))
        ended = ENDS[request.pipeline]
        return answered(ended) if isinstance(ended, Speed) else ended


ENDS = {
    "a": factories.speed("unet+sepcnn+dense"),
    "absent[file=x]": Outcome(cause="data", message="no file 'x'; expected a model", exit_code=2),
    "large": Outcome(cause="oom", message="memory ran out: 20 GiB", exit_code=1),
    "killed": Outcome(cause="killed", message="the worker ended by SIGSEGV"),
}


@pytest.mark.parametrize(
    ("pipelines", "code"),
    [
        (["a"], 0),
        (["large", "a", "killed"], 1),
        (["absent[file=x]"], 2),
        (["killed", "absent[file=x]", "a"], 2),
    ],
)
def test_wrong_input_of_a_pipeline_is_one_line_and_the_others_are_measured(
    monkeypatch, bench_in_process, tmp_path, pipelines, code
):
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(process, "Worker", Scripted)
    planned = [SimpleNamespace(spec=spec(), pipeline=name) for name in pipelines]
    monkeypatch.setattr(asked, "pipelines", lambda session: planned)
    found, out, err = bench_in_process("speed", "--task", "binary", "-o", tmp_path / "results")
    assert found == code
    place = pipelines.index("absent[file=x]") + 1 if code == 2 else 0
    complaint = f"bench: [{place}/{len(pipelines)}] absent[file=x]: no file 'x'; expected a model\n"
    assert err == (complaint if code == 2 else "")
    assert ("images/s" in out) is ("a" in pipelines)
    assert ("failed (oom) memory ran out: 20 GiB; try a smaller --batch" in out) is ("large" in pipelines)
    assert len(list(tmp_path.glob("results/speed/*/speed.json"))) == pipelines.count("a")


TINY = {"images": Images(size=32), "backbone": Component("sepcnn", {"filters": 8})}


def tiny(**changes):
    return build(spec(**{**TINY, "segmenter": Component("none"), **changes}))


def test_a_classical_head_answers_from_random_features():
    made = tiny(head=Component("scikit-learn", {"classifier": "LogisticRegression"}), classical=True)
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32), np.uint8)
    assert made.pipeline.classifier.logits(images, 2).shape == (3, 2)
    assert made.head is None and made.head_bytes > 100
    assert made.untrained == UNTRAINED
    assert "random feature vectors" in made.notes[0] and made.notes[1:] == (UNTRAINED,)


def test_segmenters_show_the_classifier_what_their_masks_let_through():
    images = np.random.default_rng(0).integers(1, 256, (3, 32, 32), np.uint8)
    learnt = tiny(segmenter=Component("unet", {"filters": 4}))
    assert learnt.segmenter
    for batch in (2, 1):
        seen = learnt.view(images, batch)
        assert seen.shape == images.shape and seen.dtype == np.uint8
        assert ((seen == 0) | (seen == images)).all()
    untrained = tiny(segmenter=Component("threshold"))
    assert untrained.segmenter is None and untrained.pipeline.segmentation
    assert untrained.view(images, 2).shape == images.shape
    assert tiny().pipeline.segmentation is None and tiny().notes == ()
    stored = tiny(segmenter=Component("dataset"))
    assert stored.pipeline.segmentation is None and stored.notes == (STORED_MASKS,)
