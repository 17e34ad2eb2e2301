"""Any number of images by a trained pipeline, piece by piece, with a picture of each where one is wanted."""

import hashlib
import os
import re
import tempfile
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmark.execution.image_files import ImageFile
from benchmark.execution.predicting import Pipeline
from benchmark.execution.process import WorkerFailedError
from benchmark.records.prediction import Answered, ImageAnswer
from benchmark.storage.files import write_whole
from benchmark.storage.refusals import storage_errors
from registry.readers.kinds import SUFFIXES

PIECE, PIECE_WITH_PICTURES = 64, 8  # images that are prepared at once; drawing takes long, and progress is told between
ENDING = "-predicted.png"
LONGEST = 80  # characters of a picture's name
DEADLY = ("oom", "killed", "exception")  # causes that one image may have among others


class Predicted(NamedTuple):
    """What is said of an image, and the file of its picture in the output folder; empty where there is none."""

    name: str
    answer: ImageAnswer
    picture: str = ""


def opened(pipeline: Pipeline) -> Answered:
    """Loads a pipeline, so that what is wrong with it is said before, and not of, any image.

    Raises:
        BenchError: it cannot be loaded.
    """
    return pipeline.answered([], maps=False)


def predicted(pipeline: Pipeline, images: Sequence[ImageFile], pictures: Path | None) -> Iterator[list[Predicted]]:
    """What a pipeline says of images, a piece at a time, in their order.

    Args:
        pictures: an existing folder for a PNG of each, with heat map; nothing else is written.  None for none.

    Raises:
        BenchError: the disk is full; whatever is wrong with an image is in what is said of it.
    """
    size = PIECE if pictures is None else PIECE_WITH_PICTURES
    taken: set[str] = set()
    for start in range(0, len(images), size):
        piece = images[start : start + size]
        with tempfile.TemporaryDirectory(prefix="bench-predict-") as scratch:
            drawn = [str(Path(scratch, f"{place}.png")) for place in range(len(piece))] if pictures else []
            answers = _answers(pipeline, piece, drawn, Path(scratch))
            files = zip(map(Path, drawn), piece, strict=bool(drawn))
            names = [_keep(path, one.name, pictures, taken) for path, one in files]
        yield [
            Predicted(one.name, answer, name)
            for one, answer, name in zip(piece, answers, names or [""] * len(piece), strict=True)
        ]


def _answers(pipeline: Pipeline, piece: Sequence[ImageFile], drawn: Sequence[str], scratch: Path) -> list[ImageAnswer]:
    """Of each image of a piece; where the worker dies of one, each is asked about alone, and that one is told."""
    known = [place for place, one in enumerate(piece) if not one.problem]
    named = [
        (shown_name(piece[place].name), _reachable(piece[place].path, scratch / f"link-{place}")) for place in known
    ]
    found = [ImageAnswer(problem=f"{shown_name(one.name)}: {one.problem}") for one in piece]
    try:
        answered = pipeline.answered(named, maps=bool(drawn), pictures=[drawn[place] for place in known if drawn])
    except WorkerFailedError as error:
        if error.outcome.cause not in DEADLY:
            raise
        if len(piece) == 1:
            return [ImageAnswer(problem=f"{shown_name(piece[0].name)}: {' '.join(error.outcome.message.split())}")]
        alone = ((piece[k : k + 1], drawn[k : k + 1]) for k in range(len(piece)))
        return [answer for one, own in alone for answer in _answers(pipeline, one, own, scratch)]
    for place, answer in zip(known, answered.images, strict=True):
        found[place] = answer
    return found


def shown_name(name: str) -> str:
    """A name that can be shown and sent: control characters, and bytes that are not UTF-8, escaped."""
    return name if name.isprintable() else repr(name)[1:-1]


def _reachable(path: str, link: Path) -> str:
    """The path, or that of a new link to it where its bytes are not UTF-8 and cannot be sent."""
    try:
        path.encode()
    except UnicodeEncodeError:
        link.unlink(missing_ok=True)
        os.symlink(path, link)  # noqa: PTH211 (link_to and its order of arguments)
        return str(link)
    return path


def _keep(drawn: Path, name: str, folder: Path | None, taken: set[str]) -> str:
    """Move a picture, where there is one, into the output folder; gives its name there."""
    if folder is None or not drawn.is_file():
        return ""
    chosen = picture_name(name, taken)
    taken.add(chosen)
    with storage_errors(folder):
        write_whole(folder / chosen, drawn.read_bytes(), flush=False)
    return chosen


def picture_name(name: str, taken: Collection[str]) -> str:
    """A plain file name for the picture of an image, which says whose it is, is not taken, and is no film's own.

    Letters, digits, ``.``, ``_`` and ``-`` stay; no name begins with a dot or a dash, or leads out of a folder.
    """
    path = Path(name)
    stem = path.stem if path.suffix.lower() in SUFFIXES else path.name
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", stem)[:LONGEST].lstrip(".-_") or "image"
    if plain == stem and (first := f"{plain}{ENDING}") not in taken:
        return first
    marked = f"{plain}-{hashlib.sha256(os.fsencode(name)).hexdigest()[:8]}"
    numbered = (f"{marked}{f'-{number}' if number else ''}{ENDING}" for number in range(len(taken) + 1))
    return next(one for one in numbered if one not in taken)
