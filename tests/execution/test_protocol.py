"""Requests and events: every request and event arrives as it was sent, and what is none is named."""

from typing import get_args

import msgspec
import pytest

from benchmark.execution import protocol
from benchmark.execution.converting import Convert
from benchmark.execution.looking import LookAtClassifier
from benchmark.execution.papering import DrawFigures
from benchmark.execution.protocol import (
    Answer,
    Build,
    Built,
    CheckData,
    Describe,
    Device,
    Done,
    DrawSearch,
    Evaluate,
    Event,
    Failed,
    Measure,
    Progress,
    ProtocolError,
    Ready,
    Request,
    RunTrial,
    Summarise,
    Summarised,
    TrialBegan,
    TryNetworks,
    TryOut,
    TryPromises,
    WriteRecord,
    encoded,
    event_of,
    request_of,
)
from benchmark.execution.proving import Prove
from benchmark.execution.worker import OPERATIONS
from benchmark.planning.graph import Step
from benchmark.records.drawings import ClassPanel, CurveFigure, CurveLine, IntervalFigure, IntervalRow
from benchmark.records.external import ExternalTask
from benchmark.records.record import DatasetInfo
from benchmark.stages.context import RunFacts
from benchmark.tasks.spec import Classifier, DatasetChoice, Runtime
from registry.errors import BenchError
from tests.specs import spec, summary, vote

DATASET = DatasetInfo("elsewhere", "e" * 64, {"covid": 9})
HALF = Runtime(precision="mixed_bfloat16")
STEP = Step("fit", "benchmark.stages.fit", "k" * 64, spec(runtime=HALF), {"folds/0/split": "s" * 64})
FACTS = RunFacts("run", "d", "p", "k", "a+b+c", {"head": "code"}, summary(), ["head c"], {"fit": "built"}, {"fit": 1.5})
FIGURE = IntervalFigure("a.pdf", "auroc", [IntervalRow("none+a+b", 0.9, 0.8, 0.95, False, True), IntervalRow("x", 0.5)])
CURVES = CurveFigure("b.pdf", [ClassPanel("COVID", [CurveLine("a", [0.0, 1.0], [None, 1.0])], [])])
REQUESTS = [
    Describe([("head", "dense")]),
    Device(),
    Summarise(DatasetChoice("", "images", {"count": 9}, 50, True), 4, "cache"),
    CheckData([Summarised(DatasetChoice("folder", "images"), summary())], "cache", "a name", "sheet.png"),
    TryNetworks([("backbone", "xception", {"cut": 45, "weights": "imagenet", "frozen": False}, 64)]),
    TryPromises(("dataset", "folder", {"name": "mine"}), "films"),
    TryOut([("xgboost", {"trees": 20, "depth": 1.5, "kind": None, "fast": True}, 3)]),
    Build(STEP, "cache"),
    Build(msgspec.structs.replace(STEP, spec=vote(runtime=HALF, reference=spec())), "cache"),
    WriteRecord(STEP, "cache", "results/run", FACTS, {"COVID/fit": "fit/k"}, {"": "a+b+c", "COVID": "a+b+d"}),
    RunTrial("folder", msgspec.Raw(b'{"a":[1,2]}'), "a.module", msgspec.Raw(b"{}")),
    DrawSearch("folder", "a title"),
    DrawFigures("folder", [FIGURE, CURVES]),
    Convert("results/run", "seal", "cache", "key"),
    Prove("results/run", "seal", "model.onnx", "cache/objects/prepare/key"),
    LookAtClassifier("theirs.onnx", Classifier("0..1", 3, "logits", ["rest", "COVID"]), 300),
    Measure(spec(), "a+b+c", None, 5),
    Answer("results/run", "seal", [("one", "one.png")], "answers.npz", True),
    Evaluate(
        ExternalTask("results/run", "seal", "results/external/run", "classes", DATASET, {"covid": "COVID"}, "k"),
        {"": STEP},
        "cache",
        STEP,
    ),
]
EVENTS = [
    Ready(7),
    Progress("fit", 1, 9, 0, 0.25, None, "a notice", "what", 0),
    Progress(),
    TrialBegan(0, {"head.dropout": 0.1, "kind": None, "units": 3}, 0, 9),
    Done(msgspec.Raw(b'{"status":"built"}')),
    Failed("oom", "memory ran out: “20 GiB”\nand more", None),
]


def test_there_is_an_example_here_of_every_request_and_event():
    assert {type(one) for one in REQUESTS} == set(get_args(Request)) == set(OPERATIONS)
    assert {type(one) for one in EVENTS} == set(get_args(Event))


@pytest.mark.parametrize("sent", REQUESTS, ids=lambda one: type(one).__name__)
def test_a_request_arrives_as_it_was_sent_in_one_line(sent):
    line = encoded(sent)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert request_of(line) == request_of(line.rstrip()) == sent


@pytest.mark.parametrize("sent", EVENTS, ids=lambda one: type(one).__name__)
def test_an_event_arrives_as_it_was_sent_in_one_line(sent):
    line = encoded(sent)
    assert line.count(b"\n") == 1
    assert event_of(line) == sent


def test_a_request_says_which_backend_and_precision_it_needs_where_that_matters():
    needed = {type(one).__name__: one.runtime for one in REQUESTS}
    tried = {"TryOut", "TryNetworks", "TryPromises", "CheckData"}
    asked = {"Describe", "Device", "Summarise", "WriteRecord", "RunTrial", "DrawSearch", "DrawFigures", "Answer"}
    anywhere = {*tried, *asked, "Convert", "Prove", "LookAtClassifier"}
    by_run = {"Build": HALF, "Evaluate": HALF, "Measure": Runtime()}  # a trial's worker is a fresh one
    assert needed == dict.fromkeys(anywhere) | by_run


@pytest.mark.parametrize(
    ("read", "line", "named"),
    [
        (request_of, b'{"op": "teleport"}', "'teleport'"),
        (event_of, b'{"event": "gossip"}', "'gossip'"),
        (request_of, b'{"op": "device", "colour": "blue"}', "`colour`"),
        (event_of, b'{"event": "ready", "pid": 1, "colour": "blue"}', "`colour`"),
        (request_of, b'{"op": "build", "cache": "c"}', "`step`"),
        (event_of, b'{"event": "ready", "pid": "seven"}', "$.pid"),
        *((read, b"half a li", "received 'half a li'") for read in (request_of, event_of)),
        *((read, b"\xff\xfe{}", "received") for read in (request_of, event_of)),
        *((read, b"", "received ''") for read in (request_of, event_of)),
    ],
)
def test_what_is_no_request_or_event_of_this_version_is_named(read, line, named):
    what = "request" if read is request_of else "event"
    with pytest.raises(ProtocolError, match=f"no {what} of this version of bench: ") as caught:
        read(line)
    assert named in str(caught.value)
    assert isinstance(caught.value, BenchError)


def test_a_request_is_no_event_and_an_event_no_request():
    with pytest.raises(ProtocolError):
        event_of(encoded(REQUESTS[0]))
    with pytest.raises(ProtocolError):
        request_of(encoded(EVENTS[0]))


def test_values_of_requests_are_told_by_their_types():
    """`Done` carries them raw: who asked knows what comes."""
    for value in (Built("busy"), Built("built", 0.5), protocol.Found("a GPU", "float32")):
        event = event_of(encoded(Done(msgspec.Raw(msgspec.json.encode(value)))))
        assert isinstance(event, Done)
        assert msgspec.json.decode(event.value, type=type(value)) == value
