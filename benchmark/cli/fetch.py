"""`bench data fetch`: a published dataset from Kaggle, whole or not at all."""

import contextlib
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmark.cli.group import Once

if TYPE_CHECKING:
    from registry.errors import BenchError

HANDLE = re.compile(r"[\w.-]+/[\w.-]+(/versions/\d+)?")
MARKS = ".complete"  # that kagglehub leaves in a folder of ours


@click.command(cls=Once, short_help="Download a published dataset from Kaggle.")
@click.argument("name", required=False)
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="DIR", help="Into this folder, a new one.")
def fetch(name: str | None, output: Path | None) -> None:
    """Download a published dataset from Kaggle: NAME as bench list datasets has it, or OWNER/NAME.

    \b
    bench data fetch -o COVID-19_Radiography_Dataset

    Without NAME it is the COVID-19 Radiography Database. Without -o it goes into the cache of kagglehub, which does the
    work and needs pip install "cxr-bench[kaggle]"; the same line again finds it there.
    """
    from registry.published import KAGGLE

    own = name or next(iter(KAGGLE))
    handle = _handle(own)
    with _complaints(handle):
        folder = _asked(handle) if output is None else _downloaded(handle, output)
    for line in _about(own, handle, folder):
        click.echo(line)


def _handle(name: str) -> str:
    from registry.errors import unknown_name
    from registry.published import KAGGLE

    if name not in KAGGLE and not HANDLE.fullmatch(name):
        raise unknown_name("published dataset", name, KAGGLE, "bench data fetch --help, or give OWNER/NAME of Kaggle")
    return KAGGLE.get(name, name)


def _page(handle: str) -> str:
    return f"https://www.kaggle.com/datasets/{handle}"


def _downloaded(handle: str, output: Path) -> Path:
    """Into a folder that gets its name when it is complete."""
    from benchmark.storage.folders import whole_folder
    from benchmark.storage.refusals import check_writable
    from registry.errors import ConfigError

    if output.is_symlink() or output.is_file() or (output.is_dir() and any(output.iterdir())):
        raise ConfigError(f"{output} is there already; name a new folder with -o, or use it: bench data check {output}")
    check_writable(output.absolute().parent, "choose another folder with -o")
    with whole_folder(output) as unfinished:
        _asked(handle, output_dir=str(unfinished))
        shutil.rmtree(unfinished / MARKS, ignore_errors=True)
    return output


def _asked(handle: str, **where: str) -> Path:
    """Where kagglehub has put it; what it prints is no result of ours."""
    from benchmark.storage.garbage import imported

    with contextlib.redirect_stdout(sys.stderr):
        return Path(imported("kagglehub").dataset_download(handle, **where))


@contextlib.contextmanager
def _complaints(handle: str) -> Iterator[None]:
    """What kagglehub raises as one line that says what to do."""
    from benchmark.storage.garbage import imported
    from benchmark.storage.refusals import storage_errors
    from registry.errors import ConfigError

    try:
        _, errors, requests = map(imported, ("kagglehub", "kagglehub.exceptions", "requests.exceptions"))
    except ImportError as error:
        raise ConfigError(
            f'kagglehub is not installed; pip install "cxr-bench[kaggle]", or download {_page(handle)} in a browser, '
            "unpack it, and name its folder with --data"
        ) from error
    try:
        with storage_errors(Path()):
            yield
    except (requests.RequestException, *_others(errors), ValueError) as error:
        raise _complaint(handle, error, errors, requests) from error


def _others(errors: Any) -> tuple[type[Exception], ...]:
    names = ("UnauthenticatedError", "CredentialError", "DataCorruptionError", "NotFoundError", "BackendError")
    return tuple(getattr(errors, name) for name in names if hasattr(errors, name))


def _complaint(handle: str, error: Exception, errors: Any, requests: Any) -> "BenchError":
    from registry.errors import ConfigError, DataError, DataNotFoundError

    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in (401, 403) or isinstance(error, (errors.UnauthenticatedError, errors.CredentialError)):
        return ConfigError(
            f"Kaggle gives {handle} to nobody without an account, or not to yours; put a token of "
            f"https://www.kaggle.com/settings into KAGGLE_API_TOKEN and accept the terms at {_page(handle)}"
        )
    if status == 404 or isinstance(error, errors.NotFoundError):
        return DataNotFoundError(f"Kaggle has no dataset {handle}; look for it at https://www.kaggle.com/datasets")
    if isinstance(error, (requests.ConnectionError, requests.Timeout)):
        return DataNotFoundError(
            f"Kaggle cannot be reached from here; on a machine that can, download {_page(handle)}, copy it, and name "
            "its folder with --data"
        )
    if isinstance(error, errors.DataCorruptionError):
        return DataError(f"what arrived of {handle} is not what Kaggle sent; run the same line again")
    said = " ".join(str(error).split())[:200] or type(error).__name__
    return DataError(f"Kaggle did not give {handle}: {said}; run the same line again later")


def _about(name: str, handle: str, folder: Path) -> Iterator[str]:
    """Where it is, how large, whose, and what to run next."""
    from benchmark.report.wording import size

    files = [path for path in folder.rglob("*") if path.is_file()]
    yield f"{handle}: {folder}"
    yield f"  {len(files):,} files, {size(sum(path.stat().st_size for path in files))}"
    yield f"  licence: {_licence(name, handle, folder)}"
    place = shlex.quote(str(folder))
    yield f"next: bench data check {place}"
    yield f"      bench run --task TASK --data {place}        (bench list tasks has their names)"


def _licence(name: str, handle: str, folder: Path) -> str:
    """As the dataset that reads it says it."""
    from registry.errors import BenchError
    from registry.lookup import find, load
    from registry.published import KAGGLE

    stated = f"see {_page(handle)}"
    if name not in KAGGLE:
        return stated
    try:
        return f"{load(find('dataset', name))(str(folder)).licence}; {stated}"
    except BenchError as error:
        return f"{stated}; it cannot be read as {name}: {error}"
