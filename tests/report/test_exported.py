"""What lies beside an exported graph says what it is: shapes, classes, threshold, proof or that there is none."""

import hashlib
import json

import msgspec
import pytest

from benchmark.execution.exporting import Checked
from benchmark.records.export import Graph, Proof
from benchmark.report.exported import files, lines
from benchmark.tasks.spec import Runtime
from tests import factories
from tests.specs import spec

PROOF = Proof("stored predictions", 237, 9e-7, 3e-6, 0, 2, 970_752)


def made(checked, backend="tensorflow"):
    shares = {"Non-COVID": 0.75, "COVID": 0.25}
    calibration = msgspec.structs.replace(factories.record().calibration, data_prior=shares)
    how = spec(runtime=Runtime(backend=backend))
    record = factories.record(spec=msgspec.to_builtins(how), calibration=calibration, seal="s" * 64)
    return record, files(record, checked), lines(record, checked, "exported")


@pytest.mark.parametrize("masked", [True, False])
def test_what_goes_in_and_comes_out_is_said_and_how_far_it_was_checked(masked):
    record, written, said = made(Checked(b"graph", Graph(masked=masked), PROOF))
    told = json.loads(written["export.json"])
    assert (told["run"], told["seal"], told["classes"]) == (record.run, "s" * 64, ["Non-COVID", "COVID"])
    assert told["threshold"] == 0.25 == told["class_shares"]["COVID"]
    assert told["inputs"]["image"].startswith("uint8 (n, 256, 256)")
    assert ("lungs" in told["outputs"]["mask"]) == masked
    assert told["proof"]["n"] == 237 and told["unchecked"] == ""
    assert told["files"]["model.onnx"] == hashlib.sha256(b"graph").hexdigest()
    assert "Checked: on 237 stored predictions: probabilities differ by at most 9e-07" in said[1]
    assert said[1].endswith("2 of 970,752 mask pixels flipped")


def test_what_was_not_checked_and_where_it_was_trained_is_said_loudly():
    _, written, said = made(Checked(b"", Graph(), None, "the images are gone"), backend="jax")
    assert "NOT CHECKED on what the run has stored: the images are gone" in said
    assert any("trained with jax, and loaded by Keras on tensorflow" in line for line in said)
    told = json.loads(written["export.json"])
    assert told["proof"] is None and told["unchecked"] == "the images are gone" and "jax" in told["backend"]
