"""The files of a prepared dataset while threads fill them; `benchmark.images` says what is in them."""

import json
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.duplicates import fingerprints, merge_identical
from benchmark.films import Equaliser, film
from benchmark.rows import RowFile
from registry.contracts import Sample
from registry.errors import DataError, StorageError


@dataclass(frozen=True, slots=True)
class Row:
    """What the index says of a film that was written, or why it was not."""

    shape: tuple[int, int] = (0, 0)
    traits: Hashable = None
    has_mask: bool = False
    has_lesion: bool = False
    refused: str = ""


class Artefact:
    """The files of a prepared dataset while threads fill them, a row per sample."""

    def __init__(self, folder: Path, samples: Sequence[Sample], size: int):
        bits = (size * size + 7) // 8
        self.folder = folder
        self.samples = samples
        self.images = RowFile(folder / "images.npy", (size, size))
        self.masks = RowFile(folder / "masks.npy", (bits,))
        self.lesions = RowFile(folder / "lesions.npy", (bits,))

    def fill(self, positions: range, size: int, equalise: Equaliser) -> list[Row]:
        """Prepares and writes the samples at these positions; threads may fill different ones at once."""
        return [self._fill(position, size, equalise) for position in positions]

    def _fill(self, position: int, size: int, equalise: Equaliser) -> Row:
        try:
            done = film(self.samples[position], size, equalise)
        except DataError as error:
            return Row(refused=f"{self.samples[position].id}: {error}")
        self.images.write(position, done.image)
        if done.mask is not None:
            self.masks.write(position, done.mask)
        if done.lesion is not None:
            self.lesions.write(position, done.lesion)
        return Row(done.shape, done.traits, done.mask is not None, done.lesion is not None)

    def finish(self, rows: Sequence[Row]) -> None:
        """Completes the files, without the refused samples; `rows` are those of all samples, in order."""
        kept = [position for position, row in enumerate(rows) if not row.refused]
        for file in (self.images, self.masks, self.lesions):
            file.finish(kept)
        index = _index([self.samples[position] for position in kept], [rows[position] for position in kept])
        index["skipped"] = [row.refused for row in rows if row.refused]
        if not any(index["lesion_known"]):
            self.lesions.path.unlink()
        path = self.folder / "index.json"
        try:
            path.write_text(json.dumps(index), encoding="utf-8")
        except OSError as error:
            raise StorageError(f"cannot write {path}: {error.strerror or error}") from error

    def abandon(self) -> None:
        """Removes everything."""
        for file in (self.images, self.masks, self.lesions):
            file.close()
            file.path.unlink(missing_ok=True)
        (self.folder / "index.json").unlink(missing_ok=True)


def _index(samples: Sequence[Sample], rows: Sequence[Row]) -> dict[str, list]:
    exact = fingerprints(samples, [row.traits for row in rows])
    pairs = list(zip(samples, rows, strict=True))
    return {
        "ids": [sample.id for sample in samples],
        "labels": [sample.label for sample in samples],
        "sources": [sample.source for sample in samples],
        "groups": merge_identical([sample.group for sample in samples], exact),
        "mask_makers": [sample.mask_maker or "unknown" if row.has_mask else None for sample, row in pairs],
        "lesion_known": [row.has_lesion for row in rows],
        "sizes": [list(row.shape) for row in rows],
    }
