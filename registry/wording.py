"""Counts in words."""

import re

_SEVERAL = re.compile(r"\b(row|image|file|film|folder|mask|sheet|patient|pair)s\b")


def plural(count: int, one: str, many: str = "") -> str:
    """``1 row``, ``2,134 rows``; ``1 image has``, ``2 images have`` where both are said."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


def counted(count: int, what: str) -> str:
    """``1 row of t.csv`` or ``2 rows of t.csv`` of what stands in the plural."""
    said = _SEVERAL.sub(lambda word: word[1], what, count=1) if count == 1 else what
    return f"{count:,} {said}"
