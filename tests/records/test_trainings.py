"""Which trainings an older record stands on, told by its specification."""

from pathlib import Path

import msgspec
import pytest

from benchmark.records import files as records
from benchmark.records.trainings import trainings_of

OLD = Path(__file__).parent.parent / "reference_schema_1"


def old(name: str) -> records.Record:
    (path,) = OLD.glob(f"*/{name}-*/{records.FILE}")
    return records.read(path)


def test_votes_of_the_same_members_stand_on_their_trainings() -> None:
    members = {*old("unet-sepcnn-dense-s0").trainings, *old("none-sepcnn-dense-s0").trainings}
    assert len(members) == 2
    for name in ("soft-vote", "hard-vote", "stacking-vote", "weighted-vote"):
        assert set(old(name).trainings) == members


def test_a_classical_head_stands_on_the_training_of_the_network_whose_features_it_learns() -> None:
    assert old("unet-sepcnn-xgboost-s0").trainings == old("unet-sepcnn-dense-s0").trainings


def test_every_seed_is_a_training_of_its_own() -> None:
    found = [old(f"none-sepcnn-dense-s{seed}").trainings for seed in range(3)]
    assert len({one for (one,) in found}) == 3


def test_what_moves_no_training_is_not_in_it() -> None:
    spec = old("none-sepcnn-dense-s0").spec
    (known,) = trainings_of(spec)
    moved = {
        "task": "another", "title": "Another", "metric": "auroc", "positive": None, "resamples": 10,
        "runtime": {"backend": "jax"}, "classes": dict(zip("ab", spec["classes"].values(), strict=True)),
        "dataset": {**spec["dataset"], "root": "elsewhere"},
    }  # fmt: skip
    for name, value in moved.items():
        assert trainings_of({**spec, name: value}) == [known], name


@pytest.mark.parametrize(
    "name", ["images", "split", "segmenter", "segmentation", "backbone", "head", "training", "seed"]
)
def test_what_moves_a_training_is_in_it(name: str) -> None:
    spec = old("none-sepcnn-dense-s0").spec
    assert trainings_of({**spec, name: {"other": True}}) != trainings_of(spec)


def test_pooled_folds_stand_on_a_training_in_each() -> None:
    spec = old("none-sepcnn-dense-s0").spec
    whole = {**spec, "fold": None, "split": {**spec["split"], "folds": 5}}
    assert len(trainings_of(whole)) == 5
    assert trainings_of({**whole, "fold": 3})[0] in trainings_of(whole)


def test_a_record_of_schema_3_is_given_its_trainings(tmp_path: Path) -> None:
    today = old("soft-vote")
    document = msgspec.to_builtins(today) | {"schema": 3}
    del document["trainings"], document["seal"]
    for spec in [document["spec"], *document["spec"]["members"].values()]:  # as it was written then
        del spec["images"]["fit"]
        for name in ("copies", "parts", "leaks", "contradictions"):
            del spec["split"][name]
    (tmp_path / records.FILE).write_bytes(msgspec.json.encode(document))
    found = records.read(tmp_path / records.FILE)
    assert (found.schema, found.trainings) == (today.schema, today.trainings)
