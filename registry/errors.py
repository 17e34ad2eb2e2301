"""Everything that can go wrong for a reason the user can mend.

BenchError                      exit 2 unless said otherwise
├── UnknownNameError            (LookupError)        no component, task, metric or key of that name
├── OptionError                 (ValueError)         a component's option is unknown or out of range
├── ConfigError                 (ValueError)         a task file or a flag cannot be used
├── PluginError                 (ImportError)        a registered component cannot be imported
├── ContractError               (TypeError)          a component does not return what its kind promises
├── DataError                   (ValueError)         images, masks or labels cannot be used
│   └── DataNotFoundError       (FileNotFoundError)  there is nothing where the data should be
├── WeightsError                (FileNotFoundError)  pretrained weights cannot be had here
├── StorageError                (OSError)            the disk is full, or a folder cannot be written
├── DivergedError               (ArithmeticError)    training produced NaN or infinity; exit 1
├── RefusedError                (PermissionError)    the result would mislead; exit 4
└── VerificationError           (ValueError)         a record's seal does not match; exit 5

Each message is one line: what is wrong, what was expected, what was received, what to do.
"""

import difflib
from collections.abc import Iterable


class BenchError(Exception):
    """Root of the errors that the command line prints in one line."""

    exit_code = 2


class UnknownNameError(BenchError, LookupError):
    """A name that nobody registered; see `unknown_name` for its usual wording."""


class OptionError(BenchError, ValueError):
    """An option of a component that does not exist or does not fit its type or range."""


class ConfigError(BenchError, ValueError):
    """A task file, flag or environment variable that cannot be used."""


class PluginError(BenchError, ImportError):
    """A registered component whose module cannot be imported, or a name claimed twice."""


class ContractError(BenchError, TypeError):
    """A component whose product is not what its kind promises (see `registry.contracts`)."""


class DataError(BenchError, ValueError):
    """Images, masks or labels that cannot be used."""


class DataNotFoundError(DataError, FileNotFoundError):
    """There is nothing where the data should be."""


class WeightsError(BenchError, FileNotFoundError):
    """Pretrained weights that cannot be had here; the message names the remedy."""


class StorageError(BenchError, OSError):
    """A disk that is full or a folder that cannot be written."""


class DivergedError(BenchError, ArithmeticError):
    """Training produced a loss that is NaN or infinite."""

    exit_code = 1


class RefusedError(BenchError, PermissionError):
    """What was asked for would mislead (a leak, masks that give the class away)."""

    exit_code = 4


class VerificationError(BenchError, ValueError):
    """A record that was changed after it was sealed."""

    exit_code = 5


def unknown_name(what: str, name: str, known: Iterable[str], see: str) -> UnknownNameError:
    """The error for a name nobody knows, with the nearest names and where to look.

    Args:
        what: the kind in words, for instance ``backbone``.
        see: the command or file that lists the known names.
    """
    names = sorted(known)
    folded = {other.lower(): other for other in names}
    nearest = [folded[found] for found in difflib.get_close_matches(name.lower(), folded, n=3, cutoff=0.55)]
    hint = f"did you mean {' or '.join(nearest)}? " if nearest else ""
    if not nearest and names:
        hint = f"known: {', '.join(names[:12])}{', …' if len(names) > 12 else ''}. "
    return UnknownNameError(f"no {what} named {name!r}; {hint}See: {see}")
