"""What other programs say of the images of a task, brought beside our own runs."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from benchmark.data.division import NAMES
from benchmark.data.imported import Matched, match
from benchmark.data.predicted_table import few, read_predictions
from benchmark.data.value_range import read_range
from benchmark.execution.dividing import Posed, divided, posed
from benchmark.execution.looking import LookAtClassifier
from benchmark.execution.session import Session
from benchmark.planning.imported import plan_controls, plan_imports
from benchmark.planning.request import Request
from benchmark.planning.runs import Planned
from benchmark.records.files import FILE, scan
from benchmark.records.record import Record
from benchmark.tasks.components import run_parts
from benchmark.tasks.spec import AnySize, Classifier, ControlsSpec, ImportedSpec, Setting
from registry.errors import ConfigError, unknown_name
from registry.wording import plural

LONGEST = 80  # characters of a name
Shares = Literal["equal", "training"]


class Import(msgspec.Struct, frozen=True, kw_only=True):
    """What is imported.

    Attributes:
        name: that tables show.
        files: predictions, one of each seed of the request, in its order.
        shares: class shares that the probabilities refer to; None takes those of the training subset where there is
            something to calibrate on, and else equal ones: either leaves them as they are.
        classifier: how to ask files that are ONNX classifiers; None of files of predictions.
        size: side in pixels of the images that a classifier is asked about.
    """

    name: str
    files: tuple[Path, ...]
    shares: Shares | None = None
    classifier: Classifier | None = None
    size: int | None = None


def check_import(asked: Import, request: Request) -> None:
    """See that names and numbers of what is asked for fit, before any data are read.

    Raises:
        ConfigError: they do not.
    """
    if not asked.name.strip() or not asked.name.isprintable() or len(asked.name) > LONGEST:
        raise ConfigError(
            f"--name {asked.name[:LONGEST]!r} cannot be used; expected 1 to {LONGEST} characters that can be seen, "
            "by which tables call the model"
        )
    if asked.classifier is not None:
        read_range(asked.classifier.range, asked.classifier.channels)
    if not re.search(r"[^\W_]", asked.name):
        raise ConfigError(f"--name {asked.name!r} holds no letter and no number; say whose model it is")
    if len(asked.files) != len(request.seeds):
        raise ConfigError(
            f"{plural(len(asked.files), 'file')} and {plural(len(request.seeds), 'seed')}: each file is of one "
            "training; leave --seeds out, or give one for each file"
        )


def imported_runs(session: Session, asked: Import) -> list[Planned]:
    """The runs that files make, predictions or classifiers, and last the rules that they must beat.

    Raises:
        BenchError: the data or a file cannot be used, or its name is taken; one line says why.
    """
    posing = posed(session, 0)
    _check_folds(posing.spec)
    if asked.classifier is not None:
        return _asked(session, asked, asked.classifier, posing)
    tables = [read_predictions(path, list(posing.spec.classes)) for path in asked.files]
    files = [
        {"file": str(path.absolute()), "sha256": one.sha256} for path, one in zip(asked.files, tables, strict=True)
    ]
    _check_distinct(files)
    division = divided(session, posing)
    matched = []
    for path, table in zip(asked.files, tables, strict=True):
        matched.append(match(path.name, table.ids, division.placed))
        _say(session, path, matched[-1], table.unread)
    subsets = _alike(asked.files, matched)
    shares = asked.shares or ("training" if subsets == "all" else "equal")
    own = {"name": asked.name, "subsets": subsets, "shares": shares, "images": _images(posing.spec)}
    return _planned(session, posing, own, files)


def _asked(session: Session, asked: Import, classifier: Classifier, posing: Posed) -> list[Planned]:
    """The runs of classifiers, each tried on a few images first."""
    _check_order(classifier.order, list(posing.spec.classes))
    images = _images(posing.spec, asked.size)
    files = []
    for path in asked.files:
        told = session.worker.ask(LookAtClassifier(str(path.absolute()), classifier, images.size), str)
        session.display.say(told)
        files.append({"file": str(path.absolute()), "sha256": _sha256(path)})
    _check_distinct(files)
    own = {"name": asked.name, "subsets": "all", "shares": asked.shares or "training", "images": images}
    return _planned(session, posing, {**own, "classifier": classifier}, files)


def _images(spec: ControlsSpec, size: int | None = None) -> AnySize:
    """How the task prepares images, at another size where one is given."""
    task = msgspec.structs.asdict(spec.images)
    try:
        return AnySize(**{**task, "size": size or task["size"]})
    except ValueError as error:
        raise ConfigError(f"--size: {error}") from error


def _check_order(order: Sequence[str], classes: Sequence[str]) -> None:
    for name in order:
        if name not in classes:
            raise unknown_name(
                "class", name, classes, "the task's [classes], which --classes lists in the file's order"
            )
    if sorted(order) != sorted(classes):
        raise ConfigError(f"--classes has {', '.join(order)}; expected each of {', '.join(classes)} once")


def _planned(
    session: Session, posing: Posed, own: Mapping[str, object], files: Sequence[Mapping[str, str]]
) -> list[Planned]:
    """The runs of these files, of the session's seeds in their order, and the rules beside them.

    Args:
        own: fields of `ImportedSpec` that all of them share.

    Raises:
        ConfigError: other predictions are there under this name.
    """
    shared = {name: getattr(posing.spec, name) for name in Setting.__struct_fields__}
    specs = [
        ImportedSpec(**{**shared, **own, **file, "seed": seed})
        for seed, file in zip(session.request.seeds, files, strict=True)
    ]
    beside = (posing.known.summary, session.store, session.results, session.index)
    planned = plan_imports(specs, *beside)
    for run in planned:
        _check_free(run)
    return [*planned, plan_controls(posing.spec, *beside)]


def _sha256(path: Path) -> str:
    """Digest of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_folds(spec: ControlsSpec) -> None:
    if spec.split.folds > 1:
        raise ConfigError(
            f"the task has {spec.split.folds} folds, and predictions are imported for one hold-out; "
            "use --set split.folds=1"
        )


def _say(session: Session, path: Path, matched: Matched, unread: Sequence[str]) -> None:
    """What of a file counts."""
    used = plural(len(matched.ids) - matched.learnt, "image")
    held = "of test" if matched.subsets == "test" else f"of {NAMES['validation']}, {NAMES['calibration']} and test"
    passed = f"; {plural(matched.learnt, 'image')} of train passed over" if matched.learnt else ""
    columns = f"; not read: {few(unread)}" if unread else ""
    session.display.say(f"{path.name}: {used} {held}{passed}{columns}")


def _alike(files: Sequence[Path], matched: Sequence[Matched]) -> Literal["test", "all"]:
    """Which images all of the files hold."""
    found = {one.subsets: path for one, path in zip(matched, files, strict=True)}
    if len(found) > 1:
        raise ConfigError(
            f"{found['all'].name} holds select, fit and test, and {found['test'].name} test alone: one would be "
            "calibrated and the other not; give all of them the same images"
        )
    return matched[0].subsets


def _check_distinct(files: Sequence[Mapping[str, str]]) -> None:
    known: dict[str, str] = {}
    for one in files:
        if one["sha256"] in known:
            raise ConfigError(
                f"{Path(one['file']).name} and {Path(known[one['sha256']]).name} hold the same; "
                "each file is of a training of its own"
            )
        known[one["sha256"]] = one["file"]


def _check_free(run: Planned) -> None:
    """See that no other predictions stand under this name and seed: one of the two would vanish behind the other."""
    assert isinstance(run.spec, ImportedSpec)
    start = "-".join([*run_parts(run.spec), f"s{run.spec.seed}", f"f{run.spec.fold}", ""])
    for place in run.folder.parent.glob(f"{start}*/{FILE}"):
        for _, found in scan(place):
            if not isinstance(found, Record) or found.status != "ok" or found.scored_from:
                continue
            if found.pipeline_digest == run.plan.pipeline_digest and found.run != run.plan.run:
                raise ConfigError(
                    f"{place.parent} has other predictions by {run.spec.name!r}, seed {run.spec.seed}; give another "
                    f"--name or --seeds, or take it away with bench rm {place.parent}"
                )
