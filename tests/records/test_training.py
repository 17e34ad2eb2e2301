import json

import msgspec

from benchmark.records.training import Pace, TrainingInfo


def document(**fields):
    return json.loads(msgspec.json.encode(TrainingInfo(**fields)))


def test_what_does_not_apply_to_a_run_is_not_in_its_json():
    assert document(stage_duration_s={"vote": 0.1}, notes=[]) == {"stage_duration_s": {"vote": 0.1}, "notes": []}


def test_a_run_that_built_nothing_says_so():
    assert document(stage_duration_s={}) == {"stage_duration_s": {}}


def test_a_classical_head_without_rounds_says_so_and_a_network_says_nothing_of_rounds():
    assert document(balanced="weights", rounds=None) == {"balanced": "weights", "rounds": None}
    assert "rounds" not in document(epochs=3)


def test_the_segmenter_has_a_pace_of_its_own():
    found = document(batch_size=32, jit=True, steps_per_execution=4, input_stall=0.0, segmenter=Pace(16, False, 1, 0.5))
    assert found.pop("segmenter") == {"batch_size": 16, "jit": False, "steps_per_execution": 1, "input_stall": 0.5}
    assert found == {"batch_size": 32, "jit": True, "steps_per_execution": 4, "input_stall": 0.0}


def test_what_was_written_reads_back_equal():
    made = TrainingInfo(stage_duration_s={}, rounds=None, segmenter=Pace(16, False, 1, 0.5), notes=["slow"])
    assert msgspec.json.decode(msgspec.json.encode(made), type=TrainingInfo) == made
