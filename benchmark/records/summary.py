"""The summary of a dataset, made before any image was decoded."""

from typing import Any

import msgspec


class DatasetSummary(msgspec.Struct, frozen=True):
    """What a dataset holds, found before any image was decoded.

    Attributes:
        digest: of the selected samples: ids, labels, sources, groups and file bytes.
        labels: the dataset's labels, in its order, without those that are ignored.
        masks_leak: why the dataset's own masks would give the class away; None where they do not.
        groups: label -> groups with an image of it, which is what a split divides.
        separator: between the findings of a label that holds several; None where each label is one.
        ignored: label -> images that were left out for it.
        masks: images that have a lung mask; None where nobody counted.
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
    separator: str | None = None
    ignored: dict[str, int] = {}
