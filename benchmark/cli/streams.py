"""Standard output and error as they come: in an encoding that lacks characters, closed, or on a full disk."""

import codecs
import io
import os
import sys
from typing import Any, TextIO

LOOK_ALIKE = "bench-look-alike"  # what becomes of a character that an encoding lacks
ASCII = "bench-ascii"  # click takes a stream called ASCII for a mistake, and writes UTF-8 into it
LEAST = "ascii"  # what codecs call it; looking that up as well would import it
KEPT = ("replace", "ignore", "xmlcharrefreplace", "namereplace")  # what the user has asked for
ESCAPED = range(0xDC80, 0xDD00)  # bytes of file names that are no text
LIKE = {
    **dict.fromkeys("─━╍╌┄┈–—−‐‑", "-"), **dict.fromkeys("│┃║", "|"), **dict.fromkeys("┌┐└┘├┤┬┴┼╞╡╪", "+"),
    **dict.fromkeys("‘’′", "'"), **dict.fromkeys("“”″", '"'), **dict.fromkeys("█▇▆▅▄▃▂▁▀■●•", "#"),
    **dict.fromkeys("·∙⋅", "."), **dict.fromkeys("✓✔", "v"), "×": "x", "±": "+-", "…": "...", "→": "->", "←": "<-",
    "≥": ">=", "≤": "<=", "≠": "!=", "≈": "~", "∞": "inf", "Δ": "d", "µ": "u", "°": "deg",
}  # fmt: skip


def settle() -> None:
    """Let nothing that becomes of words end a command in anything but one line.

    A character that an encoding lacks is written as ASCII that looks like it.  What standard error does not take is
    lost; of standard output that is a `StorageError`, or a BrokenPipeError where its reader went away.
    """
    for descriptor in range(3):  # or the next file that is opened takes the number, and what is printed
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    codecs.register_error(LOOK_ALIKE, look_alike)
    codecs.register(_ascii)
    if sys.stdout is sys.__stdout__ and isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout = _settled(sys.stdout, _Output(sys.stdout.fileno(), "w", closefd=False))
    if sys.stderr is sys.__stderr__ and isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr = _settled(sys.stderr, _Complaints(sys.stderr.fileno(), "w", closefd=False))


def flush() -> None:
    """Write what is still held back, while there is somebody to say that it cannot be."""
    if sys.stdout is not None:
        sys.stdout.flush()


def look_alike(error: UnicodeError) -> tuple[str | bytes, int]:
    """What is written in place of characters that an encoding lacks; see `codecs.register_error`."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    if ord(lacking[0]) in ESCAPED:
        return bytes([ord(lacking[0]) - 0xDC00]), error.start + 1
    end = next((place for place, one in enumerate(lacking) if ord(one) in ESCAPED), len(lacking))
    return "".join(map(_like, lacking[:end])), error.start + end


def _like(character: str) -> str:
    import unicodedata

    plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return LIKE.get(character) or plain or "?"


class _Output(io.FileIO):
    """Says once that it cannot be written; what comes after that is lost."""

    lost = False

    def write(self, data: Any) -> int:
        """As of any file."""
        if self.lost:
            return len(data)
        try:
            return super().write(data)
        except BrokenPipeError:
            self.lost = True
            raise
        except OSError as error:
            self.lost = True
            from registry.errors import StorageError

            raise StorageError(f"standard output cannot be written ({error.strerror})") from error


class _Complaints(io.FileIO):
    """Loses what it cannot write: there is nobody else to tell."""

    def write(self, data: Any) -> int:
        """As of any file."""
        try:
            return super().write(data)
        except OSError:
            return len(data)


def _settled(stream: io.TextIOWrapper, raw: io.FileIO) -> TextIO:
    asked = stream.errors or "strict"
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=ASCII if codecs.lookup(stream.encoding).name == LEAST else stream.encoding,
        errors=asked if asked in KEPT else LOOK_ALIKE,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def _ascii(name: str) -> codecs.CodecInfo | None:
    """ASCII under another name."""
    if name.replace("_", "-") != ASCII:
        return None
    known = codecs.lookup("ascii")
    return codecs.CodecInfo(
        known.encode,
        known.decode,
        known.streamreader,
        known.streamwriter,
        known.incrementalencoder,
        known.incrementaldecoder,
        ASCII,
    )
