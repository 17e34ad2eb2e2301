"""Notes of a pipeline's runs under its row: what differs in a percentage alone is one note, with the range."""

import re
from collections.abc import Sequence

from benchmark.records.notes import shared_notes

PERCENT = re.compile(r"\d+(?:\.\d+)?(?=\s?%)")


def row_notes(found: Sequence[Sequence[str]], of: str) -> list[str]:
    """Each note once, see `shared_notes`; ``waited 12% of the time`` and ``waited 18% of the time`` are one.

    Args:
        found: the notes of each run.
        of: what they are, in the plural.
    """
    numbers: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
    for notes in found:
        for note in dict.fromkeys(notes):
            numbers.setdefault(_form(note), []).append(tuple(PERCENT.findall(note)))
    joined = {form: _joined(form, each) for form, each in numbers.items()}
    return shared_notes([[joined[_form(note)] for note in notes] for notes in found], of)


def _form(note: str) -> tuple[str, ...]:
    """The pieces of a note between its percentages."""
    return tuple(PERCENT.split(note))


def _joined(form: Sequence[str], numbers: Sequence[tuple[str, ...]]) -> str:
    first, *pieces = form
    ranges = [sorted(set(values), key=float) for values in zip(*numbers, strict=True)]
    shown = [one[0] if len(one) == 1 else f"{one[0]} to {one[-1]}" for one in ranges]
    return first + "".join(number + piece for number, piece in zip(shown, pieces, strict=True))
