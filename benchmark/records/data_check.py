"""What a check of a dataset finds, before anything is trained."""

import msgspec

from benchmark.records.summary import DatasetSummary
from benchmark.records.telling import Telling


class Twins(msgspec.Struct, frozen=True, omit_defaults=True):
    """Two films that are one.

    Attributes:
        one, other: ids.
        labels: of both.
        points: key points that agree; 0 where nobody counted, as the films are equal pixel for pixel.
        identical: pixel for pixel.
        parts: of both, where the dataset comes divided.
    """

    one: str
    other: str
    labels: tuple[str, str]
    points: int = 0
    identical: bool = False
    parts: tuple[str, str] | None = None

    @property
    def contradict(self) -> bool:
        """Whether they bear two labels."""
        return self.labels[0] != self.labels[1]


class Leak(msgspec.Struct, frozen=True):
    """What two parts of a dataset share.

    Attributes:
        what: ``patients`` or ``copies``.
        count: of patients, or of pairs.
        examples: names of some.
    """

    what: str
    parts: tuple[str, str]
    count: int
    examples: list[str]


class Exposure(msgspec.Struct, frozen=True):
    """How bright films are, in grey levels from 0 to 255.

    Attributes:
        mean: of the films' means.
        low, high: a twentieth of the films is darker, and a twentieth brighter.
        black, white: share of the pixels at 0 and at 255.
    """

    images: int
    mean: float
    low: float
    high: float
    black: float
    white: float


class DataCheck(msgspec.Struct, frozen=True):
    """What was found in one dataset.

    Attributes:
        unreadable: as ``id: reason``.
        twins: copies within the dataset, those that are most telling first.
        twin_groups, twin_films: groups that they make, and films in them.
        unsearched: why the copies are not to be believed; empty where they are.
        leaks: what the parts share in which the dataset comes.
        sources: label -> source -> images; empty where sources are unknown.
        cramers_v: of label and source, from 0 (independent) to 1 (each tells the other); None where it has no value.
        masks: why lung masks cannot be such -> ids of the films.
        annotators: label -> who drew the masks -> images.
        tells: what files say of themselves that alone tells a label.
        by_label, by_source: exposure.
    """

    summary: DatasetSummary
    unreadable: list[str]
    twins: list[Twins]
    twin_groups: int
    twin_films: int
    unsearched: str
    leaks: list[Leak]
    sources: dict[str, dict[str, int]]
    cramers_v: float | None
    masks: dict[str, list[str]]
    annotators: dict[str, dict[str, int]]
    tells: list[Telling]
    by_label: dict[str, Exposure]
    by_source: dict[str, Exposure]


class DataReport(msgspec.Struct, frozen=True, omit_defaults=True):
    """What `bench data check` found.

    Attributes:
        external: of an external dataset, where one was named.
        common: films of the external one (`one`) that are films of the other (`other`).
        sheet: file with pictures of the odd ones.
    """

    data: DataCheck
    external: DataCheck | None = None
    common: list[Twins] = []
    sheet: str = ""
