"""Text from files as a page, a terminal or JSON on one may hold it."""

import re

from markupsafe import Markup, escape

# Control characters, other ends of lines, halves of surrogate pairs, and what turns the direction of text round.
_UNSHOWN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


def visible(text: str) -> str:
    """Text in which a sign stands for what cannot be seen, or makes it look like another text."""
    return _UNSHOWN.sub("\ufffd", text)


def visible_json(document: str) -> str:
    """The same document, in whose texts such characters are escaped: nothing is lost, and no terminal obeys it."""
    return _UNSHOWN.sub(lambda found: f"\\u{ord(found[0]):04x}", document)


def escaped(text: str) -> Markup:
    """The same, as text of HTML or in quotes as an attribute."""
    return escape(visible(text))
