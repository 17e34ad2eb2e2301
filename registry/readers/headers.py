"""What a file says of the picture in it, which is not decoded."""

from pathlib import Path

from registry.errors import DataError
from registry.readers.dicom import dicom_header
from registry.readers.kinds import START, kind
from registry.readers.rasters import Header, header


def read_header(path: str) -> Header | None:
    """The header of a file; None of one that holds no picture, is damaged, or cannot be read."""
    try:
        if not Path(path).is_file():  # opening a pipe would wait for its other end
            return None
        with Path(path).open("rb") as file:
            if kind(file.read(START)) != "DICOM":
                file.seek(0)
                return header(file)
        return dicom_header(path)
    except (OSError, DataError):
        return None
