"""What is found of an installation, each with what to do; made even where libraries are lacking."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from registry.errors import BenchError

Status = Literal["ok", "warning", "wrong"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        about: a word for what was looked at.
        status: ``wrong`` will fail; a ``warning`` works, though slower or otherwise than may be wanted.
        remedy: what to do; empty where nothing is to be done.
    """

    about: str
    status: Status
    text: str
    remedy: str = ""


def guarded(about: str, look: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """What a look finds; where it fails itself, that is found to be wrong."""
    try:
        yield from look()
    except BenchError as error:
        text, _, remedy = str(error).rpartition("; ")
        yield Finding(about, "wrong", text or remedy, remedy if text else "")
    except ImportError as error:
        yield Finding(about, "wrong", f"{error}", INSTALL)
    except Exception as error:
        text = f"could not be looked at: {type(error).__name__}: {error}"
        yield Finding(about, "wrong", text, "this is a fault of bench itself; say so to its authors")


INSTALL = "install it again with what it needs: pip install cxr-bench, in a checkout pip install -e ."
