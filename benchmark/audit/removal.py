"""What somebody wants to be rid of below a results folder: which, what stands on it, and away.

Only folders that hold a record of ours, under its own name, are ever touched, and no link is followed.  What goes is
first renamed into a hidden folder beside it, then the ledger says so, then it is deleted: whoever is killed in between
leaves the run, or no run and what the next removal finishes.
"""

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from benchmark.audit.removable import EVALUATION, Found, Removable, Search, absolute, home
from benchmark.records.external import External
from benchmark.records.files import FILE, as_written
from benchmark.records.ledger import Ledger, entries
from benchmark.records.places import REFERENCE, SEARCHES, meant
from benchmark.records.record import Record
from benchmark.records.speed import Speed
from benchmark.storage.aside import delete, left_aside, put_back, set_aside
from benchmark.storage.refusals import storage_errors
from registry.errors import ConfigError, RefusedError, UnknownNameError, unknown_name

REASON = "removed by bench rm"


def named(texts: Iterable[str], there: Sequence[Removable], results: Path) -> list[Removable]:
    """What is meant by folders, and by names of runs, or their beginnings, or those of places: `records.places.meant`.

    Evaluations, measurements and searches are meant by their places alone.

    Raises:
        ConfigError: a folder is none of a run, or lies outside the results.
        UnknownNameError: nothing begins so.
    """
    chosen: dict[Path, Removable] = {}
    own = [one for one in there if REFERENCE not in Path(one.place).parts]
    for text in texts:
        path = absolute(Path(text))
        found = [one for one in there if one.folder == path]
        if not found and os.path.lexists(path) and os.sep in text.rstrip(os.sep):
            raise ConfigError(_no_run(text, path, results))
        found = found or _begun(text, own)
        if not found:
            raise _unknown(text, {one.name for one in own if one.is_run}, results)
        chosen |= {one.folder: one for one in found}
    return list(chosen.values())


def _unknown(text: str, names: set[str], results: Path) -> UnknownNameError:
    """The error of a name that none begins with; those that hold it are named first."""
    see = f"bench compare {results} --details"
    holding = sorted(name for name in names if text and text in name)
    if not holding:
        return unknown_name("run", text, names, see)
    shown = " or ".join(holding[:3]) + (f" and {len(holding) - 3} more" if len(holding) > 3 else "")
    return UnknownNameError(f"no run named {text!r}; did you mean {shown}? See: {see}")


def _begun(text: str, own: Sequence[Removable]) -> list[Removable]:
    runs = set(meant(text, [one.place for one in own if one.is_run]))
    start = text.removeprefix("./")
    # speed and tuning in full, or their first letters would mean everything in them
    others = [one for one in own if not one.is_run and ("/" in start or one.kind == EVALUATION)]
    return [
        *(one for one in own if one.is_run and one.place in runs),
        *(one for one in others if start and one.place.startswith(start)),
    ]


def standing_on(chosen: Sequence[Removable], there: Sequence[Removable]) -> dict[Path, tuple[Removable, Removable]]:
    """Folder -> what stands on something that is chosen, and on what; what stands on these, and so on."""
    found: dict[Path, tuple[Removable, Removable]] = {}
    leaving = {one.folder for one in chosen}
    ground = list(chosen)
    while ground:
        below = ground.pop()
        for one in there:
            if one.folder not in leaving and _stands_on(one.found, below):
                found[one.folder] = one, below
                leaving.add(one.folder)
                ground.append(one)
    return found


def check_alone(chosen: Sequence[Removable], dependants: dict[Path, tuple[Removable, Removable]]) -> None:
    """Refuse to take away what others stand on.

    Raises:
        RefusedError: something stands on what is chosen.
    """
    if not dependants:
        return
    one, below = next(iter(dependants.values()))
    more = f" and {len(dependants) - 1} more like it" if len(dependants) > 1 else ""
    raise RefusedError(
        f"{one.place} stands on {below.place}{more}, so nothing is removed; --with-dependants removes these too"
    )


def check_idle(chosen: Iterable[Removable], at_work: Callable[[Path], bool]) -> None:
    """Refuse to take away a search while somebody runs its trials.

    Args:
        at_work: whether that is so of the search in a folder.

    Raises:
        RefusedError: one of them is at work.
    """
    for one in chosen:
        if isinstance(one.found, Search) and at_work(one.folder):
            raise RefusedError(f"{one.place} is at work, so nothing is removed; end that bench tune, or wait for it")


def remove(chosen: Iterable[Removable]) -> Iterator[Removable]:
    """Take them away one by one; gives each that went, and not what another command has taken or made anew meanwhile.

    Raises:
        StorageError: a folder cannot be removed, or the ledger cannot be written.
    """
    ledgers: dict[Path, Ledger] = {}
    for one in chosen:
        with storage_errors(one.folder):
            gone = _set_aside(one)
        if gone is None:
            continue
        if one.is_run:
            ledgers.setdefault(one.home, Ledger(one.home)).add(one.name, "removed", one.seal, reason=REASON)
        with storage_errors(one.folder):
            delete(gone)
        yield one


def finish(there: Sequence[Removable], results: Path) -> int:
    """Finish what removals on this host began that were killed; gives how many.

    Raises:
        StorageError: it cannot be done.
    """
    root = absolute(results)
    parents = dict.fromkeys([*(one.folder.parent for one in there), *_folders(root)])
    count = 0
    for left in (left for parent in parents for left in left_aside(parent)):
        count += 1
        for folder in left.iterdir():
            _say_removed(folder, home(left.parent / folder.name, root))
        with storage_errors(left):
            delete(left)
    return count


def _no_run(text: str, path: Path, results: Path) -> str:
    if not path.is_relative_to(absolute(results)):
        return f"{text!r} lies outside {str(results)!r}, and nothing there is touched; name its results folder with -o"
    links = [one for one in (path, *path.parents) if one != absolute(results) and one.is_symlink()]
    if links and links[0].is_relative_to(absolute(results)):
        return f"{text!r} is or lies behind a link, which is not followed; remove the link yourself"
    return (
        f"{text!r} holds no run of ours ({FILE} with its own name in it); expected the folder of a run, or the start "
        "of a name below the results"
    )


def _stands_on(found: Found, below: Removable) -> bool:
    """Whether a vote, a pooled result, a record scored anew or an evaluation stands on a run."""
    ground = below.found
    if not isinstance(ground, Record) or isinstance(found, Speed | Search):
        return False
    if isinstance(found, External):
        return found.run == ground.run and found.record in ("", below.seal)
    if found.scored_from:
        return found.scored_from == below.seal
    if not found.members or ground.members or ground.of_controls:
        return False
    if found.fold is None:
        return any(member.run == ground.run for member in found.members)
    same = (ground.seed, ground.fold) == (found.seed, found.fold) and set(ground.trainings) <= set(found.trainings)
    return same and any(member.pipeline == ground.pipeline for member in found.members)


def _set_aside(one: Removable) -> Path | None:
    """Where it lies now; None where it is gone, or another record has taken its place."""
    aside = set_aside(one.folder)
    if aside is not None and one.is_run and as_written(aside / one.name / FILE).seal != one.seal:
        put_back(aside, one.folder)  # made anew since it was looked at
        return None
    return aside


def _say_removed(folder: Path, home: Path) -> None:
    """A line of the ledger for a run whose removal was cut short, unless there is one."""
    try:
        seal = as_written(folder / FILE).seal
    except (OSError, msgspec.DecodeError):  # an evaluation, or half deleted, which follows the line
        return
    lines = (line for one in entries(home) for line in one.lines)
    if not any(line.status == "removed" and (line.run, line.record) == (folder.name, seal) for line in lines):
        Ledger(home).add(folder.name, "removed", seal, reason=REASON)


def _folders(root: Path) -> Iterator[Path]:
    """Where a removal may have been at work although nothing is left: the folders of tasks, of searches too."""
    with contextlib.suppress(OSError):
        for path in (path for path in root.iterdir() if path.is_dir() and not path.is_symlink()):
            yield path
            if path.name == SEARCHES:
                yield from (task for task in path.iterdir() if task.is_dir() and not task.is_symlink())
