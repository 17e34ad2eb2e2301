"""Where datasets that are read here can be had: nothing of it is part of what reads them."""

from typing import Final

KAGGLE: Final = {"covid-radiography": "tawsifurrahman/covid19-radiography-database"}
"""Name of a dataset -> OWNER/NAME at Kaggle."""
