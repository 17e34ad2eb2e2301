"""Whether the parts in which a dataset comes can be used, by how many images they have."""

from collections.abc import Mapping

from registry.contracts import PARTS
from registry.errors import ConfigError

TRAIN, VALIDATION, TEST = PARTS
REMEDY = 'split.parts = "own" divides the images anew'


def check_parts(counts: Mapping[str, int], images: int) -> None:
    """See that each image is in a part, and that there is one for training and one for test.

    Args:
        counts: part -> images.
        images: in all.

    Raises:
        ConfigError: it is not so.
    """
    found = [part for part in PARTS if counts.get(part)]
    asked = 'split.parts = "given"'
    if not found:
        raise ConfigError(f"{asked} needs a dataset that comes in parts, and this one does not; {REMEDY}")
    lacking = [part for part in (TRAIN, TEST) if part not in found]
    if lacking:
        raise ConfigError(f"{asked} needs a {lacking[0]} part, the dataset has only {' and '.join(found)}; {REMEDY}")
    nowhere = images - sum(counts[part] for part in found)
    if nowhere:
        raise ConfigError(f"{asked} needs each image in a part, and {nowhere:,} of {images:,} are in none; {REMEDY}")
