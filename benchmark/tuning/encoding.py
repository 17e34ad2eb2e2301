"""Values of a search as an oracle says them: those out of a list by their place in it, the others as they are."""

from collections.abc import Callable, Sequence
from typing import Any

from benchmark.tuning.space import Dimension, Values, same
from registry.options import Scalar

Listed = Callable[[Dimension], list[Scalar] | None]


def choices(dimension: Dimension) -> list[Scalar] | None:
    """What a dimension lists, None for a range; an oracle's own values are of one type and never None."""
    return dimension.choices if dimension.kind == "choice" else None


class Encoding:
    """From values to places and back.

    Args:
        listed: the values that the oracle knows by their place; None for a dimension whose numbers it draws itself.
    """

    def __init__(self, dimensions: Sequence[Dimension], listed: Listed = choices) -> None:
        self.dimensions = dimensions
        self.listed = listed

    def encoded(self, values: Values) -> dict[str, Any]:
        """Values as the oracle says them."""
        lists = {each.name: self.listed(each) for each in self.dimensions}
        placed = {name: (lists[name], value) for name, value in values.items()}
        return {name: value if listed is None else place(listed, value) for name, (listed, value) in placed.items()}

    def decoded(self, encoded: dict[str, Any]) -> Values:
        """Values as the search says them."""
        found: Values = {}
        for each in self.dimensions:
            values = self.listed(each)
            found[each.name] = (
                each.rounded(float(encoded[each.name])) if values is None else values[int(encoded[each.name])]
            )
        return found


def place(listed: Sequence[Scalar], value: Scalar) -> int:
    """Where a value stands in a list."""
    return next(place for place, other in enumerate(listed) if same(value, other))
