"""Text from files as a page may hold it."""

import re

from markupsafe import Markup, escape

# Control characters, halves of surrogate pairs, and what turns the direction of text round.
_UNSHOWN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


def visible(text: str) -> str:
    """Text in which a sign stands for what cannot be seen, or makes it look like another text."""
    return _UNSHOWN.sub("\ufffd", text)


def escaped(text: str) -> Markup:
    """The same, as text of HTML or in quotes as an attribute."""
    return escape(visible(text))
