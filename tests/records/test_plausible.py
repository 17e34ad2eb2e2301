"""What a document says although it cannot be: it is left out with a reason, whatever its seal."""

import msgspec
import pytest

from benchmark.records import external, files, speed
from benchmark.records.estimate import Estimate
from benchmark.records.record import Cost
from benchmark.storage.files import Broken
from registry.errors import VerificationError
from tests import externals, factories

HUGE = {"balanced-accuracy": Estimate(1e300, n=3)}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"positive": "else"}, "'else' for its positive class, which is none of its classes"),
        ({"classes": ["COVID", "COVID"]}, "names a class twice"),
        ({"metrics": HUGE}, "has a number for 'balanced-accuracy' that nothing can measure"),
        ({"controls": {"majority": {"mcc": Estimate(0.5, -1e300, 1.0, 3)}}}, "has a number for 'mcc'"),
        ({"masks": {"dice": Estimate(0.5, n=-1)}}, "has a number for 'dice'"),
        ({"fold": -1}, "has a seed that nothing can have"),
        ({"cost": Cost(parameters=-5)}, "has a cost that nothing can have"),
        ({"spec": {"members": {"a": "b"}}}, "a specification that is none (Expected `object`, got `str`"),
        ({"spec": {"split": {"folds": 10**9}}}, "a specification that is none"),
        ({"spec": {"resamples": 10**12}}, "a specification that is none"),
        ({"spec": {"training": [1]}}, "a specification that is none"),
    ],
)
def test_a_record_that_cannot_be_is_not_used(tmp_path, changes, said):
    path = files.write(factories.record(**changes), tmp_path)
    with pytest.raises(VerificationError) as caught:
        files.verify(path)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_nor_is_an_evaluation_or_a_measurement(tmp_path):
    for changes in ({"metrics": HUGE}, {"positive": "else"}, {"n": -1}, {"left_out": {"x": -1}}):
        found = external.read(external.write(externals.evaluation(**changes), tmp_path))
        assert isinstance(found, Broken), changes
    whole = factories.speed()
    for changes in ({"memory": {"inference": -1}}, {"components": {}}, {"image_size": 10**17}):
        path = tmp_path / speed.FILE
        speed.put(msgspec.structs.replace(whole, **changes), path)
        assert isinstance(speed.read(path), Broken), changes


@pytest.mark.parametrize("made", [factories.record, factories.vote, factories.ova_vote, factories.failed])
def test_every_record_that_is_written_can_be(tmp_path, made):
    assert files.verify(files.write(made(), tmp_path)).seal
