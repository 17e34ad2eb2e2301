"""Where datasets that are read here can be had: nothing of it is part of what reads them."""

from typing import Final

KAGGLE: Final = {"covid-radiography": "tawsifurrahman/covid19-radiography-database"}
"""Name of a dataset -> OWNER/NAME at Kaggle."""


def taken_for(name: str) -> str:
    """What to say where a folder was taken for a published dataset that nobody has named; empty of any other."""
    known = f"taken for {name} by the names of its folders and files; --dataset folder if it is another"
    return known if name in KAGGLE else ""
