"""The summary of a dataset, made before any image was decoded."""

from typing import Any

import msgspec


class LeftAside(msgspec.Struct, frozen=True, omit_defaults=True):
    """Files that a dataset passed over; see `registry.contracts.PassedOver`."""

    what: str
    why: str
    count: int
    examples: list[str] = []


class Understood(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a dataset was read, and what of it was left out, before any image was decoded.

    Attributes:
        read: images that the dataset has.
        ignored: label -> images of it that were left out because the task, or --ignore, says so.
        limited: images that were left out by a limit; what is left was used, but for what cannot be read.
        masks: label -> images that have a mask.
        patients: how many are known.
        patients_of: images whose patient is known.
        patients_by: how patients are known, where the dataset says it.
        parts: part in which the dataset comes -> label -> images.
        shared_patients, shared_files: how many patients, and files of one content, given parts have in training and
            in test.
        leaking: images outside the test part whose patient, or the very file of which, is in it too.
        leaking_patients: those of them whose patient is.
        leaks: some of them, each with one of the test part.
        traits: what else is known -> of how many images.
        passed_over: files that were not read, and why.
    """

    read: int = 0
    ignored: dict[str, int] = {}
    limited: int = 0
    masks: dict[str, int] = {}
    patients: int = 0
    patients_of: int = 0
    patients_by: str = ""
    parts: dict[str, dict[str, int]] = {}
    shared_patients: int = 0
    shared_files: int = 0
    leaking: int = 0
    leaking_patients: int = 0
    leaks: list[str] = []
    traits: dict[str, int] = {}
    passed_over: list[LeftAside] = []


class DatasetSummary(msgspec.Struct, frozen=True):
    """What a dataset holds, found before any image was decoded.

    Attributes:
        digest: of the selected samples: ids, labels, sources, groups and file bytes.
        labels: the dataset's labels, in its order, without those that are ignored.
        masks_leak: why the dataset's own masks would give the class away; None where they do not.
        groups: label -> groups with an image of it, which is what a split divides.
        separator: between the findings of a label that holds several; None where each label is one.
        masks: images that have a lung mask; None where nobody counted.
        understood: how it was read, and what was left out.
        facts: what files say of themselves: property -> value -> label -> images; seldom values are left out.
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
    understood: Understood = Understood()
    facts: dict[str, dict[str, dict[str, int]]] = {}
    files: int = 0
    separator: str | None = None
