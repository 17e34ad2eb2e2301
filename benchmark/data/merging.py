"""Groups of images that must not be parted, joined where images of two of them belong together."""

from collections import defaultdict
from collections.abc import Iterable, Sequence


def merge(groups: Sequence[str], pairs: Iterable[tuple[int, int]]) -> list[str]:
    """The group of each image after the groups of each pair of images became one, named after its first by name."""
    parent = {group: group for group in groups}

    def root(group: str) -> str:
        while parent[group] != group:
            parent[group] = parent[parent[group]]
            group = parent[group]
        return group

    for image, other in pairs:
        one, two = sorted((root(groups[image]), root(groups[other])))
        parent[two] = one
    return [root(group) for group in groups]


def connected(pairs: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Images that pairs connect: each set ascending, the largest first."""
    images = sorted({image for pair in pairs for image in pair})
    place = {image: number for number, image in enumerate(images)}
    merged = merge(list(map(str, images)), [(place[one], place[other]) for one, other in pairs])
    found: dict[str, list[int]] = defaultdict(list)
    for image, group in zip(images, merged, strict=True):
        found[group].append(image)
    return sorted(found.values(), key=lambda group: (-len(group), group))
