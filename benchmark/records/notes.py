"""Notes of several runs under one row."""

from collections.abc import Sequence


def shared_notes(found: Sequence[Sequence[str]], of: str) -> list[str]:
    """Each note once; what not all have says how many do: ``1 of 4 folds: …``.

    Args:
        found: the notes of each.
        of: what they are, in the plural.
    """
    counts: dict[str, int] = {}
    for notes in found:
        for note in dict.fromkeys(notes):
            counts[note] = counts.get(note, 0) + 1
    return [note if count == len(found) else f"{count} of {len(found)} {of}: {note}" for note, count in counts.items()]
