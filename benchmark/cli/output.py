"""Where a report goes, and in which form: on the screen, or into a file whose suffix says it."""

from collections.abc import Iterable
from pathlib import Path

FORMS = {".txt": "table", ".md": "md", ".csv": "csv", ".json": "json", ".html": "html"}


def form_of(form: str | None, as_json: bool, output: Path | None) -> str:
    """The form of a report: what is asked for, or what the file's suffix says.

    Args:
        form: of --format; None where it is not given.
        as_json: --json.
        output: the file of -o.

    Raises:
        ConfigError: the suffix is of no form, or of another one than is asked for.
    """
    from registry.errors import ConfigError

    if as_json and form not in (None, "json"):
        raise ConfigError(f"--json and --format {form} contradict each other; give one of them")
    asked = "json" if as_json else form
    if output is None:
        return asked or "table"
    suffix = output.suffix.lower()
    if suffix not in FORMS:
        known = ", ".join(FORMS)
        raise ConfigError(f"-o {str(output)!r} ends in {suffix or 'no suffix'}, which is of no form; expected {known}")
    if asked not in (None, FORMS[suffix]):
        flag = "--json" if as_json else f"--format {form}"
        raise ConfigError(f"{flag} contradicts the suffix of -o {str(output)!r}; leave {flag} out, or change the name")
    return FORMS[suffix]


def write(output: Path, pieces: Iterable[str]) -> None:
    """Write a report into a file, in folders that are made where they lack.

    Raises:
        StorageError: it cannot be written.
    """
    from registry.errors import StorageError

    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with output.open("w", encoding="utf-8") as file:
            file.writelines(pieces)
    except OSError as error:
        raise StorageError(f"{output} cannot be written ({error.strerror}); choose another file with -o") from error
