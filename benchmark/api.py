"""The Python API: what `bench run` and `bench compare` do, and trained pipelines that predict.

    from benchmark.api import compare, load, predict, run

    comparison = run("binary", backbone=["sepcnn", "mobilenetv3-small"], settings={"images.size": 96})
    comparison.tables[0].ranking                  # in a notebook, `comparison` shows the tables
    best = comparison.tables[0].rows[0].runs[0]
    with load(comparison.folders[best.run]) as pipeline:
        predict(pipeline, ["one.png", "another.png"]).decisions

Nothing heavy is imported into the calling process: Keras and its backend live in workers, NumPy comes where predictions
are read or made.  A run that fails is a row that says why; what cannot be asked for raises a `BenchError` (of
`registry.errors`).  Places that are not given are the command's: BENCH_CACHE, BENCH_DATA, BENCH_RESULTS or ``results``.
"""

import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.comparison.statistics import distrusted, elsewhere, family
from benchmark.execution.predicting import Pipeline, Predictions
from benchmark.report.shown import Comparison

if TYPE_CHECKING:
    import numpy as np

    from benchmark.planning.request import Request
    from benchmark.report.display import ConsoleDisplay
    from registry.options import Scalar

__all__ = ["Comparison", "Pipeline", "Predictions", "compare", "load", "predict", "run"]

StrPath = str | os.PathLike[str]
Components = str | Sequence[str]  # ``name[option=value,…]``, one or several
PIECE = 256  # images that a worker is given at once


def run(
    task: StrPath,
    *,
    data: StrPath | None = None,
    dataset: str | None = None,
    segmenter: Components = (),
    backbone: Components = (),
    head: Components = (),
    voter: Components = (),
    settings: "Mapping[str, Scalar] | Sequence[str]" = (),
    ignore: Components = (),
    limit: int | None = None,
    skip_bad: bool = False,
    allow_format_differences: bool = False,
    quick: bool | None = None,
    epochs: int | None = None,
    folds: int | None = None,
    seeds: int | Sequence[int] = 0,
    backend: str | None = None,
    precision: str = "float32",
    deterministic: bool = False,
    results: StrPath | None = None,
    cache: StrPath | None = None,
    jobs: int = 1,
    engine: str = "local",
    timeout_s: float | None = None,
    only_failed: bool = False,
    progress: bool = True,
) -> Comparison:
    """Train, score and explain pipelines on a task, then compare them; what is there already is not run again.

    Args:
        task: its name, or a TOML file.
        data: folder of X-rays; without one synthetic phantom radiographs.
        dataset: which registered dataset reads them, as ``name[option=value,…]``; recognised by default.
        segmenter, backbone, head, voter: as ``name[option=value,…]``, one or several, in place of the task's own; their
            product is compared.
        settings: ``{"images.size": 96}`` or ``["images.size=96"]``.
        ignore: labels whose images are left out.
        limit: about so many images, stratified, whole groups.
        skip_bad: leave unreadable images out (recorded) instead of stopping.
        allow_format_differences: go on where the format of the files alone tells a class (recorded).
        quick: the laptop setting; by default without `data`.
        epochs: exactly so many, of every network.
        folds: of a cross-validation, 2 to 20.
        seeds: of training.
        backend: of Keras; by default what KERAS_BACKEND names, else TensorFlow.
        precision: ``float32``, ``mixed_bfloat16``, ``mixed_float16`` or ``auto``, what the device does well.
        deterministic: the same bits each time, at a fixed number of threads.
        results, cache: folders.
        jobs: workers side by side.
        engine: who holds them: ``local``, ``ray[address=auto]`` or ``slurm[slots=8]``.
        timeout_s: bounds one step of a run: it is killed, and the runs that need it have failed.
        only_failed: those runs alone whose last attempt failed.
        progress: show what happens, on standard error or in the notebook; nothing else is printed.

    Raises:
        BenchError: the request, the data or the disk make every run impossible.
    """
    from benchmark.planning.request import assignments, requested

    request = requested(
        task=_text(task), **_places(data, results, cache), dataset=dataset, segmenter=_several(segmenter),
        backbone=_several(backbone), head=_several(head), voter=_several(voter), ignore=_several(ignore),
        settings=_several(assignments(settings) if isinstance(settings, Mapping) else settings), limit=limit,
        skip_bad=skip_bad, allow_format_differences=allow_format_differences, quick=quick, epochs=epochs, folds=folds,
        seeds=_several(seeds), backend=backend, precision=precision, deterministic=deterministic, jobs=jobs,
        timeout_s=timeout_s, **_engine(engine),
    )  # fmt: skip
    return _run(request, only_failed=only_failed, progress=progress)


def _run(request: "Request", *, only_failed: bool, progress: bool) -> Comparison:
    from benchmark.comparison.collect import of_runs
    from benchmark.execution.run import finished_runs, planned_runs
    from benchmark.execution.session import opened
    from benchmark.planning.request import check_folders

    check_folders(request, "results=… or BENCH_RESULTS")
    with opened(request, _display(progress)) as session:
        finished = finished_runs(session, planned_runs(session, only_failed=only_failed))
    folders = {record.run: run.folder for run, record in finished}
    content = of_runs(folders, [record for _, record in finished], family)
    pipelines = {record.run: run.folder for run, record in finished if not record.of_controls}
    return Comparison(content.tables, content.left_out, pipelines)


def compare(
    path: StrPath | Sequence[StrPath] = "results",
    *,
    task: Components = (),
    dataset: Components = (),
    where: Components = (),
    since: datetime | None = None,
    metric: str | None = None,
    against: str | None = None,
    margin: float = 0.01,
    verify: bool = True,
) -> Comparison:
    """Compare the runs below a folder, or several; a table per question, dataset and split, and per external dataset.

    Args:
        task, dataset, where, since: only such runs, each one or several; ``where`` as ``"training.batch_size=32"``.
        metric: rank by this one instead of the task's own.
        against: a pipeline, or the start of its name, that every other one is tested against; it was named before the
            numbers were seen, so that its tests are narrower than those against the first.
        margin: by no more than which a cheaper row may be worse.
        verify: leave out records that were changed after they were sealed, rank none that its predictions contradict.

    Raises:
        BenchError: a folder is not there, or no record has the metric or the pipeline.
    """
    from benchmark.comparison.collect import collected
    from benchmark.comparison.external import external_tables
    from benchmark.records.selection import selected
    from benchmark.storage.garbage import uncollected

    selection = selected(_several(task), _several(dataset), _several(where), since)
    with uncollected():
        content, scanned = collected(
            [Path(one) for one in _several(path)], family,
            metric=metric, against=against, margin=margin, verified=verify, distrust=distrusted, selection=selection,
        )  # fmt: skip
    folders = {name: Path(file).parent for (name, _), file in scanned.files.items() if name not in scanned.controls}
    tables = external_tables(scanned.externals, elsewhere)
    return Comparison(content.tables, content.left_out, folders, tables, content.selected)


def load(folder: StrPath, *, cache: StrPath | None = None) -> Pipeline:
    """The trained pipeline in the folder of a finished run; nothing is started yet.

    Args:
        cache: folder where the log of its worker goes.

    Raises:
        BenchError: there is no record or no model, the record was changed after it was sealed, the run failed, is a
            vote or pooled (made of runs that keep models of their own), or its backend is not installed.
    """
    from benchmark.execution.predicting import loaded

    return loaded(Path(folder).absolute(), Path(_cache(cache)))


def predict(
    pipeline: Pipeline, images: "StrPath | np.ndarray | Sequence[StrPath | np.ndarray]", *, maps: bool = True
) -> Predictions:
    """What a pipeline predicts for images that it has never seen: prepared, masked and calibrated as its run was.

    Args:
        images: image files, or arrays uint8 or uint16 (H, W), 0 black; one or several, of any size.
        maps: also heat maps of the log-odds of each image's class, by Keras; else `engine` says who computed.

    Raises:
        BenchError: an image cannot be used (the message names it), or the pipeline draws no masks for new images.
    """
    import numpy as np

    from benchmark.execution.quick import keras_of, quickened
    from registry.errors import DataError

    one = isinstance(images, (str, os.PathLike)) or (isinstance(images, np.ndarray) and images.ndim == 2)
    several: Sequence[Any] = [images] if one else images  # type: ignore[assignment]
    named = [(_name(image, place), image) for place, image in enumerate(several)]
    if not named:
        raise DataError("there are no images to predict for; expected files, or arrays uint8 (H, W)")
    engine = keras_of(pipeline) if maps else quickened(pipeline)
    pieces = [_answered(pipeline, named[start : start + PIECE], maps) for start in range(0, len(named), PIECE)]
    stored = [arrays for arrays, _ in pieces]
    joined = {name: np.concatenate([arrays[name] for arrays in stored]) for name in stored[0]}
    return Predictions([name for name, _ in named], pipeline.classes, method=pieces[0][1], engine=engine, **joined)


def _answered(pipeline: Pipeline, named: Sequence[tuple[str, Any]], maps: bool) -> "tuple[dict[str, np.ndarray], str]":
    """Arrays of a few images, and the method of the maps; images and arrays travel as files."""
    import numpy as np

    with tempfile.TemporaryDirectory(prefix="bench-predict-") as folder:
        files = [(name, _file(name, image, Path(folder, f"{k}.npy"))) for k, (name, image) in enumerate(named)]
        target = Path(folder, "answers.npz")
        method = pipeline.answer(files, target, maps=maps)
        with np.load(target, allow_pickle=False) as stored:
            return dict(stored), method


def _name(image: Any, place: int) -> str:
    return os.fspath(image) if isinstance(image, (str, os.PathLike)) else f"image {place}"


def _file(name: str, image: Any, path: Path) -> str:
    """The file of an image: its own, or one that is written for an array.

    Raises:
        DataNotFoundError: there is no such file.
        DataError: the array is no image.
    """
    import numpy as np

    from registry.errors import DataError, DataNotFoundError

    if isinstance(image, (str, os.PathLike)):
        if not Path(image).is_file():
            raise DataNotFoundError(f"no image at {name!r}; expected a PNG, JPEG or DICOM file")
        return str(Path(image).absolute())
    array = np.asarray(image)
    if array.dtype not in (np.uint8, np.uint16) or array.ndim != 2 or not array.size:
        raise DataError(f"{name}: expected an array uint8 (H, W), received {array.dtype} {array.shape}")
    np.save(path, array, allow_pickle=False)
    return str(path)


def _several(given: Any) -> tuple[Any, ...]:
    return tuple(given) if isinstance(given, Iterable) and not isinstance(given, str) else (given,)


def _text(path: Any) -> Any:
    return os.fspath(path) if isinstance(path, os.PathLike) else path


def _places(data: StrPath | None, results: StrPath | None, cache: StrPath | None) -> dict[str, Any]:
    found = {"data": data or os.environ.get("BENCH_DATA") or None}
    found["results"] = results or os.environ.get("BENCH_RESULTS") or "results"
    return {"cache": _cache(cache), **{name: _text(path) for name, path in found.items()}}


def _engine(name: str) -> dict[str, Any]:
    from benchmark.execution.engines import engine_of

    return {"engine": name, "cores": engine_of(name).cores}


def _cache(asked: StrPath | None) -> str:
    from benchmark.storage.places import cache_folder

    return str(asked or cache_folder())


def _display(progress: bool) -> "ConsoleDisplay":
    """Lines and bars on standard error or in the notebook's cell; nothing where no progress is wanted."""
    import io

    from rich.console import Console

    from benchmark.report.display import ConsoleDisplay
    from benchmark.report.notebook import Page, cell_output

    console = Console(stderr=True) if progress else Console(file=io.StringIO(), quiet=True, force_jupyter=False)
    return ConsoleDisplay(Page(cell_output()) if progress and console.is_jupyter else console)
