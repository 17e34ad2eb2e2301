"""The check of a dataset, and of an external one: what is found, and the sheet of the odd films."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmark.data.check import checked, in_common
from benchmark.data.copies import find_copies, find_copies_between
from benchmark.data.film_memory import FilmMemory
from benchmark.data.looks import Look, looks
from benchmark.data.odd_films import odd_films, pairs
from benchmark.data.samples import read_dataset
from benchmark.figures.odd_films import contact_sheet
from benchmark.records.data_check import DataCheck, Twins
from benchmark.storage.kept import Kept
from registry.contracts import Sample
from registry.cores import usable_cores

if TYPE_CHECKING:
    from benchmark.records.summary import DatasetSummary
    from benchmark.tasks.spec import DatasetChoice

KEPT = "copies"  # the stage that searches in runs, and keeps the same
Told = Callable[[str, int, int], None]  # what is done, how much, of how much


class _Dataset(NamedTuple):
    samples: Sequence[Sample]
    seen: Sequence[Look]
    found: DataCheck


def check(
    datasets: "Sequence[tuple[DatasetChoice, DatasetSummary]]", cache: Path, memory: str, sheet: str, told: Told
) -> tuple[list[DataCheck], list[Twins]]:
    """What was found in each dataset, and the films of the second that are films of the first.

    Args:
        datasets: one, or an external one too.
        memory: name of what the search for copies keeps of the first dataset's films.
        sheet: file for the pictures of the odd ones; empty for none.
    """
    kept = Kept(cache, KEPT, memory)
    films = FilmMemory(kept.read())
    every = [_checked(choice, summary, films, told) for choice, summary in datasets]
    common: list[Twins] = []
    if len(every) > 1:
        ours, theirs = every[1].samples, every[0].samples
        copies = find_copies_between(
            ours, theirs, workers=usable_cores(), told=partial(told, "films in common"), memory=films
        )
        common = in_common(ours, theirs, copies)
    kept.write(films.content())
    if sheet:
        _draw(Path(sheet), every, common)
    return [one.found for one in every], common


def _checked(choice: "DatasetChoice", summary: "DatasetSummary", films: FilmMemory, told: Told) -> _Dataset:
    _, samples, _ = read_dataset(choice)
    name, workers = summary.name, usable_cores()
    seen = looks(samples, workers=workers, told=partial(told, f"{name}: films"))
    copies = find_copies(samples, workers=workers, told=partial(told, f"{name}: copies"), memory=films)
    return _Dataset(samples, seen, checked(samples, summary, seen, copies))


def _draw(path: Path, every: Sequence[_Dataset], common: Sequence[Twins]) -> None:
    first = every[0]
    sections = odd_films(first.samples, first.seen, first.found.twins)
    if len(every) > 1:
        ones, others = ({sample.id: sample for sample in one.samples} for one in (every[1], first))
        sections += pairs(f"Films of {every[1].found.summary.name} that are films of it", common, ones, others)
    path.parent.mkdir(parents=True, exist_ok=True)
    caption = "The most extreme films in each way, as they are read; what cannot be read is left out."
    contact_sheet(path, f"Odd films of {first.found.summary.name}", caption, sections)
