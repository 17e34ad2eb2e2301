"""Which items of the guidelines a card answers, and which are left to its author."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from benchmark.report.cards.items import CLAIM, TRIPOD
from benchmark.report.cards.parts import STATES, Entry, Grid, Section, State, entry

AUTHOR = "for the author: not known to a run"


def checklists(sections: Sequence[Section]) -> Section:
    """A row per item: what the card says of it, and where."""
    said = (
        "What stands in the sections above, by item. A run knows what it computed; what only people know is left to "
        "the author of a report."
    )
    grids = [
        _checklist("CLAIM", CLAIM, ((place, one.claim, one.state) for place, one in _entries(sections))),
        _checklist("TRIPOD+AI", TRIPOD, ((place, one.tripod, one.state) for place, one in _entries(sections))),
    ]
    return Section("Items", [entry("How to read", said)], grids)


def _entries(sections: Sequence[Section]) -> Iterator[tuple[str, Entry]]:
    return ((section.title, one) for section in sections for one in section.entries)


def _checklist(title: str, items: Mapping[str, str], found: Iterable[tuple[str, Sequence[str], State]]) -> Grid:
    states: dict[str, list[State]] = {}
    places: dict[str, list[str]] = {}
    for place, numbers, state in found:
        for number in numbers:
            states.setdefault(number, []).append(state)
            places.setdefault(number, []).append(place)
    rows = [
        [
            number,
            words,
            min(states[number], key=STATES.index) if number in states else AUTHOR,
            ", ".join(dict.fromkeys(places.get(number, []))),
        ]
        for number, words in items.items()
    ]
    return Grid([title, "item", "here", "in"], rows)
