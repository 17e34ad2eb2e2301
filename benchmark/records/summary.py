"""The summary of a dataset, made before any image was decoded."""

from typing import Any

import msgspec


class DatasetSummary(msgspec.Struct, frozen=True):
    """What a dataset holds, found before any image was decoded.

    Attributes:
        digest: of the selected samples: ids, labels, sources, groups and file bytes.
        labels: all of the dataset's labels, in its order.
        masks_leak: why the dataset's own masks would give the class away; None where they do not.
        groups: label -> groups with an image of it, which is what a split divides.
        masks: images that have a lung mask; None where nobody counted.
        files: images that are read from files, among which copies are searched; drawn ones are not.
    """

    name: str
    options: dict[str, Any]
    digest: str
    labels: list[str]
    counts: dict[str, int]
    sources: dict[str, int]
    notices: list[str]
    licence: str
    origin: str
    images: int
    masks_leak: str | None
    groups: dict[str, int] = {}
    masks: int | None = None
    files: int = 0
