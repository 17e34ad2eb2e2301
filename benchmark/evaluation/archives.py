"""Archives of NumPy's whose sender is not known."""

from collections.abc import Sequence

import numpy as np


def check_size(archive: np.lib.npyio.NpzFile, names: Sequence[str], most: int) -> None:
    """Refuse arrays that would fill the memory: a few bytes can be unpacked to any number.

    Raises:
        ValueError: they are larger than that together, in bytes.
        KeyError: there is none of a name.
    """
    unpacked = sum(archive.zip.getinfo(f"{name}.npy").file_size for name in names)
    if unpacked > most:
        raise ValueError(f"it unpacks to {unpacked / 1e6:,.0f} MB, expected at most {most / 1e6:,.0f} MB")
