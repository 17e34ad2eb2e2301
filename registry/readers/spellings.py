"""When two spellings mean one thing: a file, a label, a patient."""

import re
from unicodedata import normalize

_BETWEEN = re.compile(r"(?<=[^\W_])[\s_-]+(?=[^\W_])")  # not behind a word: COVID+ and COVID- are two


def folded(name: str) -> str:
    """What two names share that differ in case alone, or in how accents are composed, as systems write files."""
    return normalize("NFC", name).casefold()


def label_key(name: str) -> str:
    """The same of labels, which may be written with blanks, underscores or hyphens between their words."""
    return _BETWEEN.sub(" ", folded(name).strip())


def patient_key(name: str) -> str:
    """The same of patients, which may be written with blanks, or with zeros before a number that a table lost."""
    bare = "".join(folded(name).split())
    return bare.lstrip("0") or "0" if bare.isdecimal() else bare
