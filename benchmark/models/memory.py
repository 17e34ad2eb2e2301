"""Training that starts again with smaller batches where memory runs out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from benchmark.models.notes import halved
from registry.backend import is_out_of_memory

SMALLEST = 4  # images: batch statistics of fewer are noise

T = TypeVar("T")


def retry_on_oom(
    attempt: Callable[[int, Path], T], batch_size: int, folder: Path, progress: Callable[[dict[str, Any]], None]
) -> T:
    """What an attempt gives for which memory suffices, with batches of the asked size, or of a half, a quarter, ….

    Each size has a folder of its own for checkpoints; the next process goes on with the smallest that was begun.

    Args:
        attempt: trains from the beginning, or from its folder's checkpoints, with batches of so many images.
        progress: is called at every halving, as ``notice``.
    """
    begun = [int(path.name.partition("-")[2]) for path in folder.glob("batch-*")]
    size = min(begun, default=batch_size)
    while True:
        place = folder if size == batch_size else folder / f"batch-{size}"
        place.mkdir(parents=True, exist_ok=True)
        try:
            return attempt(size, place)
        except Exception as error:
            if size // 2 < SMALLEST or not is_out_of_memory(error):
                raise
        size //= 2
        progress({"notice": f"{halved(size, 2 * size)}; training starts again"})
