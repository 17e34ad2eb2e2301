"""Groups of images that must not be parted, enlarged by images that are pixel for pixel the same."""

import hashlib
from collections import Counter
from collections.abc import Hashable, Sequence

from benchmark.data.merging import merge
from registry.contracts import Sample


def exact_fingerprints(samples: Sequence[Sample], fingerprints: Sequence[Hashable]) -> list[Hashable]:
    """A value for each sample that is equal where the images are, pixel for pixel.

    Only images that share their fingerprint are read again, which is cheaper than a digest of every image.

    Args:
        fingerprints: of the same length; equal for identical images, and for hardly any others.
    """
    shared = Counter(fingerprints)
    return [
        hashlib.sha256(sample.read_image().tobytes()).digest() if shared[fingerprint] > 1 else fingerprint
        for sample, fingerprint in zip(samples, fingerprints, strict=True)
    ]


def merge_identical(groups: Sequence[str], fingerprints: Sequence[Hashable]) -> list[str]:
    """The group of each image after all groups that share a fingerprint became one, named after its first by name.

    Args:
        groups: as the dataset gives them.
        fingerprints: of the same length; equal for identical images.
    """
    first: dict[Hashable, int] = {}
    return merge(groups, ((first.setdefault(one, image), image) for image, one in enumerate(fingerprints)))
