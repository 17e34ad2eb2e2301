"""Text that comes from files, as LaTeX sets it: no character of it commands anything, and none is lost."""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from benchmark.report.lines import plain

_COMMANDS: Final = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\textquotedbl{}", "`": r"\textasciigrave{}",
    # Of these two in a row would become another character.
    "-": "-{}", "'": "'{}", ",": ",{}", "!": "!{}", "?": "?{}",
    # What our own words hold, and what names of classes may.
    "–": "--", "—": "---", "…": r"\ldots{}", "·": r"\textperiodcentered{}", "−": r"\ensuremath{-}",
    "×": r"\ensuremath{\times}", "±": r"\ensuremath{\pm}", "≤": r"\ensuremath{\leq}", "≥": r"\ensuremath{\geq}",
    "→": r"\ensuremath{\rightarrow}", "Δ": r"\ensuremath{\Delta}", "κ": r"\ensuremath{\kappa}",
    "α": r"\ensuremath{\alpha}", "β": r"\ensuremath{\beta}", "µ": r"\ensuremath{\mu}", "μ": r"\ensuremath{\mu}",
    "²": r"\ensuremath{^2}", "³": r"\ensuremath{^3}", "°": r"\ensuremath{^\circ}", "★": r"\ensuremath{\star}",
    "’": "'{}", "‘": "`{}", "“": "``{}", "”": "''{}", "«": r"\guillemotleft{}", "»": r"\guillemotright{}",
    "ß": r"\ss{}", "æ": r"\ae{}", "Æ": r"\AE{}", "ø": r"\o{}", "Ø": r"\O{}", "œ": r"\oe{}", "Œ": r"\OE{}",
    "ł": r"\l{}", "Ł": r"\L{}", "©": r"\textcopyright{}", "®": r"\textregistered{}", "™": r"\texttrademark{}",
    "§": r"\S{}", "£": r"\pounds{}",
}  # fmt: skip
_PLAIN_ALONE: Final = "-',!?"
_ACCENTS: Final = {
    "\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0304": "=", "\u0306": "u", "\u0307": ".",
    "\u0308": '"', "\u030a": "r", "\u030b": "H", "\u030c": "v", "\u0327": "c", "\u0328": "k",
}  # fmt: skip


def tex(text: str) -> str:
    """The text; what LaTeX's fonts lack becomes its number, ``[U+4E2D]``, and what steers a terminal a space."""
    shown = plain(text)
    return "".join(_letter(letter, shown[place + 1 : place + 2]) for place, letter in enumerate(shown))


def digest(text: str) -> str:
    """A digest, which may be broken anywhere."""
    pieces = [tex(text[place : place + 8]) for place in range(0, len(text), 8)]
    return r"\texttt{" + r"\allowbreak{}".join(pieces) + "}" if pieces else ""


def name(text: str) -> str:
    """The name of a pipeline, or words with such names: broken, where need be, after what joins its parts."""
    pieces = re.split(r"(?<=[+,\[(/@=])(?=\S)", text)
    return r"\allowbreak{}".join(map(tex, pieces))


def table(titles: Iterable[str], rows: Iterable[Iterable[str]], columns: str) -> str:
    """A booktabs table no wider than the text; cells and titles are LaTeX already, a row may end in a rule above it."""
    lines = [rf"\begin{{tabular}}{{{columns}}}", r"\toprule", " & ".join(titles) + r" \\", r"\midrule"]
    lines += [" & ".join(row) + r" \\" for row in rows]
    body = "%\n".join([*lines, r"\bottomrule", r"\end{tabular}"])
    return f"\\resizebox{{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}}{{!}}{{%\n{body}%\n}}"


def _letter(letter: str, following: str) -> str:
    if letter in _PLAIN_ALONE and letter != following:
        return letter
    if letter in _COMMANDS:
        return _COMMANDS[letter]
    if letter.isascii():
        return letter
    parts = unicodedata.normalize("NFD", letter)
    base, marks = parts[0], parts[1:]
    if base.isascii() and base.isalpha() and marks and all(mark in _ACCENTS for mark in marks):
        for mark in marks:
            base = f"\\{_ACCENTS[mark]}{{{base}}}"
        return base
    return f"{{[}}U+{ord(letter):04X}{{]}}"
