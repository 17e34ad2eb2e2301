"""What a search may vary: dimensions with a default each, and the points of their grid."""

from typing import Literal

import msgspec

from registry.errors import ConfigError
from registry.options import Scalar

Values = dict[str, Scalar]  # name of a dimension -> its value, in the order of the space
GRID_POINTS = 5  # of a range without step, from end to end


class Dimension(msgspec.Struct, frozen=True):
    """One setting that a search varies.

    Attributes:
        name: the setting as a task file says it, as ``training.learning_rate``.
        default: its value in trial 0; may lie outside the range that is searched.
        low, high: of a number; both allowed.
        step: distance of neighbours, or their ratio where `log`; None searches a continuum (integers: step 1).
        log: search the logarithm.
        choices: what a ``choice`` chooses from, in the order of the grid.
    """

    name: str
    default: Scalar
    kind: Literal["float", "int", "choice"]
    low: float | None = None
    high: float | None = None
    step: float | None = None
    log: bool = False
    choices: list[Scalar] = []

    def points(self) -> list[Scalar]:
        """The values that a grid search tries: the default, then the others, ascending or in their order."""
        found = list(self.choices) if self.kind == "choice" else self._numbers()
        return [self.default, *(value for value in found if not same(value, self.default))]

    def rounded(self, value: float) -> float:
        """A number as the search says it: six digits, inside the range, an integer where it must be one."""
        assert self.low is not None and self.high is not None
        inside = min(max(float(f"{value:.6g}"), self.low), self.high)
        return int(inside) if self.kind == "int" else inside

    def _numbers(self) -> list[Scalar]:
        assert self.low is not None and self.high is not None
        step = self.step or (1.0 if self.kind == "int" and not self.log else None)
        found = [self.low]
        if step:
            while (following := found[-1] * step if self.log else self.low + len(found) * step) <= self.high * 1.000001:
                found.append(following)
        else:
            shares = [place / (GRID_POINTS - 1) for place in range(GRID_POINTS)]
            ratio, width = self.high / (self.low or 1), self.high - self.low
            found = [self.low * ratio**share if self.log else self.low + share * width for share in shares]
        return list(dict.fromkeys(self.rounded(value) for value in found))


class Space(msgspec.Struct, frozen=True):
    """Every dimension of a search."""

    dimensions: list[Dimension]

    def defaults(self) -> Values:
        """The setting of trial 0."""
        return {dimension.name: dimension.default for dimension in self.dimensions}


def same(one: Scalar, other: Scalar) -> bool:
    """Whether two values are the same setting: True is not 1, but 1.0 is."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def check_space(space: Space) -> Space:
    """The space, if it can be searched.

    Raises:
        ConfigError: it has no dimension, one twice, or one that no value or default fits.
    """
    if not space.dimensions:
        raise ConfigError("there is nothing to search: no dimension is left; give at least one a range or choices")
    names = [dimension.name for dimension in space.dimensions]
    for dimension in space.dimensions:
        fault = "is there twice" if names.count(dimension.name) > 1 else _fault(dimension)
        if fault:
            raise ConfigError(f"dimension {dimension.name!r} of the search {fault}")
    return space


def _fault(dimension: Dimension) -> str:
    """What is wrong with a dimension, as a verb phrase; empty where nothing is."""
    low, high, step, default = dimension.low, dimension.high, dimension.step, dimension.default
    if dimension.kind == "choice":
        fits = any(same(choice, default) for choice in dimension.choices)
        return "" if fits else f"takes one of {dimension.choices}, received the default {default!r}"
    if low is None or high is None or low > high:
        return f"needs a low end that is not above its high end, received [{low}, {high}]"
    if isinstance(default, bool) or not isinstance(default, (int, float)):
        return f"is a range of numbers, received the default {default!r}; make it a choice"
    if dimension.log and min(low, default) <= 0:
        return f"is searched by its logarithm, so all of it lies above 0, received {min(low, default):g}"
    if step is not None and step <= (1 if dimension.log else 0):
        kind = "a ratio above 1" if dimension.log else "above 0"
        return f"needs a step that is {kind}, received {step:g}"
    if dimension.kind == "int" and any(value != int(value) for value in (low, high, step or 1)):
        return f"takes integers, received [{low:g}, {high:g}] in steps of {step or 1:g}"
    return ""
