"""Which finished runs can be asked about images of elsewhere."""

import msgspec
import pytest

from benchmark.planning.external import finished
from benchmark.records.files import write
from benchmark.records.findings import Member
from benchmark.records.record import Failure, Record
from registry.errors import DataError, DataNotFoundError
from tests import factories
from tests.specs import spec, vote


def put(root, own, models=True, **changes) -> tuple:
    """A run's folder below a task's, and its record."""
    made: Record = msgspec.structs.replace(factories.record(), spec=msgspec.to_builtins(own), **changes)
    folder = root / "task" / made.run
    folder.mkdir(parents=True)
    if models:
        (folder / "model").mkdir()
    write(made, folder)
    return folder, made


def test_a_run_says_how_it_prepares_images(tmp_path):
    folder, record = put(tmp_path, spec())
    found = finished(folder)
    assert (found.folder, found.record.run, found.members) == (folder, record.run, {})
    assert found.spec == spec()
    assert list(found.classes) == ["rest", "COVID"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"status": "failed", "failure": Failure("oom", "fit", "no memory")}, r"failed \(oom\)"),
        (
            {"fold": None, "members": [Member("fold 0", "a", run="run-f0"), Member("fold 1", "a", run="run-f1")]},
            "run-f0, run-f1",
        ),
        ({"scored_from": "5" * 64}, "was scored anew and keeps no models"),
    ],
)
def test_what_predicts_nothing_says_why(tmp_path, changes, reason):
    folder, _ = put(tmp_path, spec(), **changes)
    with pytest.raises(DataError, match=reason):
        finished(folder)


def test_a_run_without_models_is_run_again(tmp_path):
    folder, _ = put(tmp_path, spec(), models=False)
    with pytest.raises(DataNotFoundError, match=r"no models in .*; run unet-sepcnn-dense"):
        finished(folder)


def members(root, trainings=("one", "two"), classes=None):
    """The runs of the two members of `tests.specs.vote`, and the vote."""
    own = vote()
    for (name, member), key in zip(own.members.items(), trainings, strict=True):
        changed = member if classes is None else msgspec.structs.replace(member, classes=classes)
        put(root, changed, run=f"member-{name}", pipeline=f"a+b+{name}", trainings=[key])
    named = [Member(name, f"a+b+{name}") for name in own.members]
    return put(root, own, models=False, run="a-vote", members=named, trainings=["one", "two"])[0]


def test_a_vote_finds_the_runs_of_its_members_by_their_trainings(tmp_path):
    found = finished(members(tmp_path))
    assert {name: path.name for name, path in found.members.items()} == {
        "dense": "member-dense", "sepconv": "member-sepconv",
    }  # fmt: skip
    assert set(found.specs) == {"dense", "sepconv"}


def test_names_of_classes_make_no_other_member(tmp_path):
    renamed = {"everything else": ["Normal", "Lung_Opacity"], "Covid": ["COVID"]}
    assert finished(members(tmp_path, classes=renamed)).members


def test_a_member_of_another_training_is_none(tmp_path):
    with pytest.raises(DataNotFoundError, match=r"no run of its member sepconv \(a\+b\+sepconv\) with its models"):
        finished(members(tmp_path, trainings=("one", "three")))
