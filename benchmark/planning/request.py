"""What is asked for: one frozen request, whoever asks, and what it says of task, data, runtime and folders."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import msgspec

from benchmark.planning.backend import keras_backend
from benchmark.storage.refusals import check_can_be_written, check_writable
from benchmark.tasks.places import DEFAULTS, TASKS, find_task
from benchmark.tasks.reading import merge, parse_assignment, parse_component, read_task
from benchmark.tasks.schema import Seed, Task, plain
from benchmark.tasks.spec import DatasetChoice, Precision, Runtime
from registry.cores import usable_cores
from registry.errors import ConfigError, DataNotFoundError
from registry.lookup import find
from registry.options import Scalar

AUTO = "auto"  # of `Request.precision`
OTHERS = "*"  # in `Task.ignore`: what no class takes, which is known when the labels are
FEWEST_IMAGES = 8  # of `Request.limit`
KINDS = ("segmenter", "backbone", "head", "voter")


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one call of a command or of `benchmark.api` asks for; `requested` makes one and checks it.

    Attributes:
        task: a task's name, or the path of a task file.
        cache, results: folders.
        segmenter, backbone, head, voter: components as ``name[option=value,…]``; where there are none, the task's own.
        settings: assignments ``table.key=value``.
        data: folder of X-rays; None takes synthetic phantom images.
        dataset: which registered dataset reads them; None recognises it.
        ignore: labels whose images are left out, besides those of the task.
        limit: about so many images.
        allow_format_differences: go on where the format of files alone tells a class.
        skip_bad: leave unreadable images out instead of stopping.
        quick: the laptop setting; None takes it where there is no `data`.
        epochs: exactly so many, of every network; None as the task says.
        folds: of a cross-validation; None as the task says.
        seeds: of training.
        backend: of Keras; None takes what KERAS_BACKEND names.
        precision: of the networks that are trained; ``auto`` is what the device does well.
        deterministic: the same bits each time.
        jobs: workers side by side, on one machine.
        engine: who holds the workers, as ``name[option=value,…]``; see `benchmark.execution.engines`.
        cores: of each worker where an engine says so; None divides those of this machine among the jobs.
        line: the words after ``bench`` that asked for it; none from Python.
        timeout_s: after which a step of a run, or a trial of a search, is killed and has failed.
    """

    task: str
    cache: str
    results: str
    segmenter: tuple[str, ...] = ()
    backbone: tuple[str, ...] = ()
    head: tuple[str, ...] = ()
    voter: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    data: str | None = None
    dataset: str | None = None
    ignore: tuple[str, ...] = ()
    limit: Annotated[int, msgspec.Meta(ge=FEWEST_IMAGES)] | None = None
    allow_format_differences: bool = False
    skip_bad: bool = False
    quick: bool | None = None
    epochs: Annotated[int, msgspec.Meta(ge=1)] | None = None
    folds: Annotated[int, msgspec.Meta(ge=2, le=20)] | None = None
    seeds: Annotated[tuple[Seed, ...], msgspec.Meta(min_length=1)] = (0,)
    backend: str | None = None
    precision: Precision | Literal["auto"] = "float32"
    deterministic: bool = False
    jobs: Annotated[int, msgspec.Meta(ge=1)] = 1
    engine: str = "local"
    cores: Annotated[int, msgspec.Meta(ge=1)] | None = None
    line: tuple[str, ...] = ()
    timeout_s: Annotated[float, msgspec.Meta(gt=0)] | None = None

    def __post_init__(self) -> None:
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError(f"expected different seeds, received {', '.join(map(str, self.seeds))}")

    @property
    def is_quick(self) -> bool:
        """Whether it is the laptop setting."""
        return self.quick if self.quick is not None else self.data is None


def requested(**asked: Any) -> Request:
    """The request of these fields.

    Raises:
        ConfigError: one of them has a type or a value that it cannot have.
    """
    try:
        return msgspec.convert(asked, Request)
    except msgspec.ValidationError as error:
        what, at, where = str(error).partition(" - at `$")
        name = where.strip(".`").partition("[")[0]
        text = f"{name}: {what[0].lower()}{what[1:]}" if name else what
        received = f", received {asked[name]!r}" if at and name in asked else ""
        raise ConfigError(f"{text.replace('`', '')}{received}") from error


def assignments(settings: Mapping[str, Scalar]) -> tuple[str, ...]:
    """Settings, ``{"images.size": 96}``, as the assignments of a request."""
    return tuple(f"{name}={plain(value)}" for name, value in settings.items())


class Asked(NamedTuple):
    """The task that a request means, with the request's settings in it.

    Attributes:
        forced: kind -> the options that the settings force on components.
    """

    name: str
    path: Path
    task: Task
    forced: Mapping[str, Mapping[str, Any]]


def task_of(request: Request) -> Asked:
    """The task of a request.

    Raises:
        UnknownNameError: no task has that name.
        ConfigError: the task or a setting cannot be read.
    """
    path, overrides = find_task(request.task), settings_of(request)
    forced = overrides.get("options", {})
    if request.folds:
        overrides = merge({"split": {"folds": request.folds}}, overrides)
    if request.epochs:
        epochs = {"epochs": request.epochs, "exact_epochs": True}
        overrides = merge({"training": epochs, "segmentation": epochs}, overrides)
    task = read_task(path, TASKS / DEFAULTS, quick=request.is_quick, overrides=overrides)
    return Asked(path.stem, path, task, forced)


def settings_of(request: Request) -> dict[str, Any]:
    """The assignments of a request as nested tables."""
    tables: dict[str, Any] = {}
    places = Counter(text.partition("=")[0].strip() for text in request.settings)
    for place, count in places.items():
        if count > 1:
            raise ConfigError(f"--set {place} is given {count} times; give it once")
    for text in request.settings:
        assignment = parse_assignment(text)
        if "quick" in assignment:
            raise ConfigError(
                f"--set {text!r}: [quick] is laid over the other tables; set the one meant, or use --full"
            )
        tables = merge(tables, assignment)
    return tables


def components_asked(request: Request) -> dict[str, tuple[str, ...]]:
    """Kind -> the components that a request names."""
    return {kind: getattr(request, kind) for kind in KINDS}


def dataset_of(request: Request, task: Task) -> DatasetChoice:
    """Which data a request means; without a name the data are summarised to recognise the dataset.

    Raises:
        UnknownNameError: nobody registered a dataset of that name.
        DataNotFoundError: the task is of files, and nobody says where they are.
    """
    if task.reader and not request.data and not request.dataset:
        raise DataNotFoundError(f"task {request.task!r} is of a collection of files; give its folder with --data")
    named = request.dataset or ((task.reader or "") if request.data else task.dataset)
    reader = parse_component(named) if named else None
    if reader:
        find("dataset", reader.name)
    return DatasetChoice(
        name=reader.name if reader else "",
        root=request.data,
        options=reader.options if reader else {},
        limit=request.limit,
        skip_bad=request.skip_bad,
        ignore=[label for label in dict.fromkeys([*task.ignore, *request.ignore]) if label != OTHERS],
    )


def runtime_of(request: Request) -> Runtime:
    """The backend, the precision, and how many threads each worker has where bits must repeat.

    Where the precision is ``auto`` it is float32 here: which one the device does well, a worker has to say.
    """
    threads = max(1, (request.cores or usable_cores()) // request.jobs) if request.deterministic else None
    found = Runtime(keras_backend(request.backend), request.deterministic, threads)
    asked = request.precision
    return found if asked == AUTO else msgspec.structs.replace(found, precision=asked)


def check_folders(request: Request, remedy: str, *, writes: bool = True) -> None:
    """Cache and results can be written, checked before the data are read and hours are spent.

    The folder of results is not made: it may lie among the data, where it would be taken for a label.

    Args:
        remedy: how another folder for results is chosen, as ``-o or BENCH_RESULTS``.
        writes: whether there will be results.

    Raises:
        StorageError: they cannot.
    """
    results = Path(request.results)
    check_writable(Path(request.cache), "choose another cache with BENCH_CACHE")
    if writes or results.is_file():
        check_can_be_written(results, f"choose another one with {remedy}")
