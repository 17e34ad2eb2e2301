"""A dozen test images with a run's heat maps: what `gallery.json` in its folder holds, small enough for a page."""

import re
from pathlib import Path

import msgspec

FILE = "gallery.json"
MOST_BYTES = 1 << 20  # four times what is ever written
_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}", re.ASCII)


class Picture(msgspec.Struct, frozen=True, omit_defaults=True):
    """One test image.

    Attributes:
        id: of the image in its dataset.
        label, decided: the class that it is of, and that the run decides.
        probability: that the run gives the image's own class, at equal class priors.
        film: the prepared image, JPEG in base64.
        seen: what the network sees of it, JPEG in base64; empty where that is the film.
        heat: PNG in base64 that lies over what is seen, coloured and transparent; empty where the map is.
    """

    id: str
    label: str
    decided: str
    probability: float
    film: str
    seen: str = ""
    heat: str = ""


class Gallery(msgspec.Struct, frozen=True):
    """The images of a split, the same for every pipeline.

    Attributes:
        method: how the maps were made: of the log-odds of each image's own class.
        width, height: of the pictures as they are shown, pixels.
    """

    method: str
    width: int
    height: int
    pictures: list[Picture]
    schema: int = 1


def read_gallery(folder: Path) -> Gallery | None:
    """The gallery in a run's folder; None where there is none, or nothing that could be one."""
    path = folder / FILE
    if not path.is_file():  # opening a pipe would wait for its other end
        return None
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        found = msgspec.json.decode(content, type=Gallery) if len(content) <= MOST_BYTES else None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if found is None or not (0 < found.width <= 1024 and 0 < found.height <= 1024):
        return None
    images = (image for one in found.pictures for image in (one.film, one.seen, one.heat))
    return found if all(_BASE64.fullmatch(image) for image in images) else None
