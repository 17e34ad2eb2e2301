"""Whether a row's heat follows the lungs, or the lesion, of the very image: class by class, with a verdict."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmark.comparison.tables import Row
from benchmark.records.estimate import Estimate
from benchmark.records.files import FILE, read
from benchmark.records.record import Record
from benchmark.report import wording
from benchmark.report.panels import FolderOf
from benchmark.report.wording import interval, number
from registry.errors import BenchError

RELATIVE = "-relative-enrichment"
MASK = "-mask"  # of what the images' own masks reach
MOST = 3  # classes that are spoken of
LITTLE = 0.05  # by how much the images' own masks must differ from a map that never looks


def region_maps(row: Row, folder_of: FolderOf) -> dict[str, Estimate]:
    """``lung-relative-enrichment/COVID`` and its like: means over the row's runs of value and ends.

    Ends are over images alone; what not all runs have is left out. Empty where the records cannot be read.
    """
    found = [one.gradcam for one in map(_record, map(folder_of, row.runs)) if one is not None]
    if not found or len(found) < len(row.runs):
        return {}
    shared = [name for name in found[0] if RELATIVE in name and all(_whole(maps.get(name)) for maps in found)]
    return {name: _mean([maps[name] for maps in found]) for name in shared}


def looks(region: str, maps: Mapping[str, Estimate], positive: str | None) -> list[str]:
    """A sentence for each class, that of the disease first; empty where nothing was measured.

    Args:
        region: ``lung`` or ``lesion``.
    """
    start = f"{region}{RELATIVE}/"
    classes = [name.removeprefix(start) for name in maps if name.startswith(start)]
    ordered = sorted(classes, key=lambda name: name != positive)
    return [_of_class(region, maps, name, place) for place, name in enumerate(ordered[:MOST])]


def _of_class(region: str, maps: Mapping[str, Estimate], name: str, place: int) -> str:
    one, most = maps[f"{region}{RELATIVE}/{name}"], maps.get(f"{region}{MASK}{RELATIVE}/{name}")
    found = f"{number(one.value)} {interval(one.low, one.high)}"
    shown = (
        f"{name}: {found}"
        if place
        else (f"{name}: the {region} gets {found} times the heat of a map that never looks at the image")
    )
    reach = "" if most is None else f"; the images' own masks would reach {number(most.value)}"
    return f"{shown} ({wording.plural(one.n, 'map')}{reach}): {verdict(region, one, most)}."


def verdict(region: str, one: Estimate, most: Estimate | None) -> str:
    """What an enrichment shows, in words.

    A map that lies on all lungs alike, wherever the image has its own, has 1 too: what is spoken of is whether the
    heat follows those of the image.
    """
    value, low, high = (end or 0.0 for end in (one.value, one.low, one.high))
    ceiling = most.value if most is not None else None
    whose = f"the {region}s of the image" if region == "lung" else f"the {region} of the image"
    if ceiling is not None and ceiling < 1 + LITTLE:
        return f"not to be told, {whose} lie too much alike"
    if low > 1:
        share = "" if ceiling is None else f", {min(1.0, (value - 1) / (ceiling - 1)):.0%} of the way"
        return f"the heat follows {whose}{share}"
    if high < 1:
        return f"the heat rather avoids {whose}"
    if ceiling is not None and high >= ceiling:
        return "too few maps to tell"
    return f"no preference for {whose} is shown"


def _record(folder: Path) -> Record | None:
    try:
        return read(folder / FILE)
    except BenchError:
        return None


def _whole(one: Estimate | None) -> bool:
    return one is not None and None not in (one.value, one.low, one.high)


def _mean(found: Sequence[Estimate]) -> Estimate:
    value, low, high = (sum(getattr(one, end) for one in found) / len(found) for end in ("value", "low", "high"))
    return Estimate(value, low, high, found[0].n)
