"""What a dataset holds, as it travels from the worker that looked at it to plans and records."""

from typing import Any

import msgspec


class Survey(msgspec.Struct, frozen=True):
    """A summary of the dataset, made before any image is decoded.

    Attributes:
        digest: of the selected samples: ids, labels, sources, groups and file bytes.
        labels: all of the dataset's labels, in its order.
        masks_leak: why the dataset's own masks would give the class away; None where they do not.
        groups: label -> groups with an image of it, which is what a split divides.
        masks: images that have a lung mask; None where they were not counted.
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
