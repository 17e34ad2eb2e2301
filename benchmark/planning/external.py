"""Finished runs that can be asked about images of elsewhere, and what of them has to be prepared."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from benchmark.records.files import FILE, scan, verify
from benchmark.records.places import without_model, without_models
from benchmark.records.record import Record
from benchmark.tasks.spec import RunSpec, VoteSpec, run_spec, target_of
from registry.errors import ConfigError, DataError, DataNotFoundError

MODELS = "model"  # folder of what predicts


class Finished(msgspec.Struct, frozen=True):
    """A run that can be evaluated.

    Attributes:
        specs: of the run "", of a vote each member: how it prepares images.
        members: of a vote, name -> folder of the member's run.
    """

    folder: Path
    record: Record
    specs: dict[str, RunSpec]
    members: dict[str, Path] = {}

    @property
    def classes(self) -> dict[str, list[str]]:
        """Class -> labels of the run's own dataset."""
        classes: dict[str, list[str]] = self.record.spec["classes"]
        return classes

    @property
    def spec(self) -> RunSpec:
        """That of the run, of a vote that of its first member."""
        return next(iter(self.specs.values()))


def finished(folder: Path) -> Finished:
    """The run in a folder.

    Raises:
        DataNotFoundError: there is no record, or no model that predicts.
        VerificationError: the record was changed after it was sealed.
        DataError: the run failed, is of rules, or is pooled of folds.
    """
    record = verify(folder / FILE)
    if record.failure or record.status != "ok":
        cause = f" ({record.failure.cause})" if record.failure else ""
        raise DataError(f"{record.run} failed{cause}, so there is nothing that predicts; run it again")
    if record.of_controls:
        raise DataError(f"{record.run} is of control rules, which predict nothing elsewhere; take the folder of a run")
    if record.imported:
        raise without_model(record)
    if record.scored_from:
        raise DataError(f"{record.run} was scored anew and keeps no models; take the run beside it that it is of")
    if record.fold is None:
        folds = ", ".join(member.run for member in record.members[:3])
        more = ", …" if len(record.members) > 3 else ""
        raise DataError(f"{record.run} is pooled of folds, which are models of their own; take one: {folds}{more}")
    if record.members:
        return _vote(folder, record)
    return Finished(_with_models(folder, record), record, {"": run_spec(record.spec)})


def _with_models(folder: Path, record: Record) -> Path:
    if not (folder / MODELS).is_dir():
        raise without_models(folder, MODELS, record.run, record.task)
    return folder


def _vote(folder: Path, record: Record) -> Finished:
    """A vote with the runs of its members, which lie in the same results."""
    try:
        spec = msgspec.convert(record.spec, VoteSpec)
    except msgspec.ValidationError as error:
        raise ConfigError(f"the specification of {record.run} is of an older version; run it again") from error
    named = {member.name: member.pipeline for member in record.members}
    there = _of_trainings(folder.parent.parent, record)
    members = {}
    for name, member in spec.members.items():
        wanted = (named.get(name, ""), target_of(member.classes))
        path = next((place for place, one in there if (one.pipeline, target_of(one.spec["classes"])) == wanted), None)
        if path is None:
            raise DataNotFoundError(
                f"{record.run} is a vote, and no run of its member {name} ({wanted[0]}) with its models lies below "
                f"{folder.parent.parent}; run that member by itself with the same -o, or evaluate runs that are there"
            )
        members[name] = path
    return Finished(folder, record, dict(spec.members), members)


def _of_trainings(results: Path, vote: Record) -> Sequence[tuple[Path, Record]]:
    """The runs below a folder that keep models of trainings that a vote stands on."""
    trainings, found = set(vote.trainings), []
    for path, record in scan(results):
        if not isinstance(record, Record) or record.status != "ok" or record.members or record.of_controls:
            continue
        same = (record.seed, record.fold) == (vote.seed, vote.fold) and set(record.trainings) <= trainings
        folder = Path(path).parent
        if record.trainings and same and (folder / MODELS).is_dir():
            found.append((folder, record))
    return found
