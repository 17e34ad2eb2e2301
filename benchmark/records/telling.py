"""What files say of themselves that alone tells a class from the others, so that a network may learn that."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from registry.errors import RefusedError

FEWEST = 5  # images of a class of which a share says something
OF_ONE, OF_OTHERS = 0.95, 0.05  # shares of the images, from and up to which a value tells a class
FORMAT = "format"

Facts = Mapping[str, Mapping[str, Mapping[str, int]]]  # property -> value -> label -> images


class Telling(msgspec.Struct, frozen=True):
    """A value that nearly all images of a class have, and hardly any others.

    Attributes:
        what: the property.
        of_one, of_others: shares of the images.
    """

    what: str
    value: str
    of: str
    of_one: float
    of_others: float

    def text(self) -> str:
        """It in words."""
        return f"{self.value} in {self.of_one:.0%} of {self.of}, {self.of_others:.0%} of the others"


def telling(facts: Facts, counts: Mapping[str, int], classes: Mapping[str, Sequence[str]]) -> list[Telling]:
    """Of each property the value that tells a class best, where one does.

    Args:
        counts: label -> images.
        classes: class -> its labels.
    """
    found = [list(_of(what, values, counts, classes)) for what, values in facts.items()]
    return [max(of_one, key=_distance) for of_one in found if of_one]


def check_format(facts: Facts, counts: Mapping[str, int], classes: Mapping[str, Sequence[str]]) -> None:
    """See that the format of the files alone tells no class.

    Raises:
        RefusedError: it does.
    """
    for one in telling(facts, counts, classes):
        if one.what == FORMAT:
            raise RefusedError(
                f"the format of the files alone tells {one.of} ({one.text()}), so a network may learn that; convert "
                "all images to one format, or add --allow-format-differences, which every record then says"
            )


def _of(
    what: str, values: Mapping[str, Mapping[str, int]], counts: Mapping[str, int], classes: Mapping[str, Sequence[str]]
) -> Iterator[Telling]:
    for value, images in values.items():
        for name in (name for name, labels in classes.items() if sum(counts[label] for label in labels) >= FEWEST):
            one = _share(images, counts, classes[name])
            others = _share(images, counts, [label for other in classes if other != name for label in classes[other]])
            if one >= OF_ONE and others <= OF_OTHERS:
                yield Telling(what, value, name, one, others)


def _share(images: Mapping[str, int], counts: Mapping[str, int], labels: Sequence[str]) -> float:
    return sum(images.get(label, 0) for label in labels) / max(1, sum(counts[label] for label in labels))


def _distance(one: Telling) -> float:
    return one.of_one - one.of_others


def differences(found: Sequence[Telling]) -> list[str]:
    """A line on each for below a table."""
    return [
        f"Image files: the {one.what} alone tells {one.of} ({one.text()})"
        f"{', which was allowed (--allow-format-differences)' * (one.what == FORMAT)}; "
        "what is learnt may be that: see the rule on metadata"
        for one in found
    ]
