"""What a check of a dataset found, in words."""

from collections.abc import Iterator, Mapping, Sequence

from benchmark.records.data_check import DataCheck, DataReport, Exposure, Leak, Twins
from benchmark.report.opening import opening
from benchmark.report.wording import plural

MOST = 10  # lines of one kind
TELLS = 0.3  # of Cramér's V, from which a word of warning is due


def check_lines(report: DataReport) -> list[str]:
    """Everything, a line each."""
    lines = list(_lines(report.data))
    if report.external:
        lines += ["", *_lines(report.external), "", *_common(report)]
    if report.sheet:
        lines += ["", f"Pictures of the odd ones: {report.sheet}"]
    return [*lines, "", _conclusion(report)]


def _lines(found: DataCheck) -> Iterator[str]:
    yield f"{found.summary.name}: {plural(found.summary.images, 'image')}"
    yield from opening(found.summary, "own")
    for title, lines in (
        ("cannot be read", found.unreadable),
        ("copies", list(_copies(found))),
        ("two labels", [_twins(one) for one in found.twins if one.contradict]),
        ("parts share", list(map(_leak, found.leaks))),
        ("label and source", list(_sources(found))),
        ("masks drawn by", list(_by_label(found.annotators))),
        ("masks that are none of lungs", list(_masks(found))),
        ("files say", list(_facts(found))),
        ("exposure", list(_exposures(found))),
    ):
        yield from _titled(title, lines)


def _titled(title: str, lines: Sequence[str]) -> Iterator[str]:
    if not lines:
        yield f"  {title}: nothing"
        return
    first, *others = lines
    yield f"  {title}: {first}" if not others else f"  {title}:"
    if others:
        yield from (f"    {line}" for line in lines[:MOST])
    if len(lines) > MOST:
        yield f"    and {len(lines) - MOST:,} more (--json lists all)"


def _copies(found: DataCheck) -> Iterator[str]:
    if not found.twins:
        return
    counts: dict[str, int] = {}
    for one in found.twins:
        name = " and ".join(sorted(set(one.labels)))
        counts[name] = counts.get(name, 0) + 1
    by_label = ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items(), key=lambda item: -item[1]))
    equal = sum(one.identical for one in found.twins)
    yield (
        f"{plural(len(found.twins), 'pair')} ({by_label}), {equal:,} of them equal pixel for pixel; "
        f"{found.twin_films:,} films in {plural(found.twin_groups, 'group')}"
    )
    if found.unsearched:
        yield found.unsearched
    yield from (_twins(one) for one in found.twins if not one.contradict)


def _twins(one: Twins) -> str:
    how = "equal" if one.identical else f"{one.points} points agree"
    labels = f"{one.labels[0]} and {one.labels[1]}" if one.contradict else one.labels[0]
    parts = f", {one.parts[0]} and {one.parts[1]}" if one.parts and len(set(one.parts)) > 1 else ""
    return f"{one.one} = {one.other} ({labels}{parts}; {how})"


def _leak(one: Leak) -> str:
    what = plural(one.count, "patient" if one.what == "patients" else "pair") + " of copies" * (one.what == "copies")
    return f"{one.parts[0]} and {one.parts[1]}: {what}, such as {', '.join(one.examples[:2])}"


def _masks(found: DataCheck) -> Iterator[str]:
    for fault, films in found.masks.items():
        yield f"{len(films):,} {fault}: {_some(films)}"


def _sources(found: DataCheck) -> Iterator[str]:
    if not found.sources:
        yield "sources unknown"
        return
    yield from _by_label(found.sources)
    if found.cramers_v is not None:
        word = "; the source alone may tell the label" if found.cramers_v >= TELLS else ""
        yield f"Cramér's V {found.cramers_v:.2f} (0: independent, 1: each tells the other){word}"


def _by_label(counts: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    for label, values in counts.items():
        yield f"{label}: {', '.join(f'{value} {count:,}' for value, count in values.items())}"


def _facts(found: DataCheck) -> Iterator[str]:
    for what, values in found.summary.facts.items():
        by_label: dict[str, list[str]] = {}
        for value, counts in values.items():
            for label, count in counts.items():
                by_label.setdefault(label, []).append(f"{value} {count:,}")
        if len(values) == 1:
            yield f"{what}: {next(iter(values))}"
        else:
            yield f"{what}: {'; '.join(f'{label} {_some(told)}' for label, told in by_label.items())}"
    for one in found.tells:
        yield f"the {one.what} alone tells {one.of}: {one.text()}"


def _some(texts: Sequence[str], most: int = 4) -> str:
    return ", ".join([*texts[:most], *([f"{len(texts) - most} more"] if len(texts) > most else [])])


def _exposures(found: DataCheck) -> Iterator[str]:
    for label, seen in found.by_label.items():
        yield f"{label}: {_exposure(seen)}"
    for source, seen in found.by_source.items() if len(found.by_source) > 1 else ():
        yield f"source {source}: {_exposure(seen)}"


def _exposure(seen: Exposure) -> str:
    return (
        f"mean grey {seen.mean:.0f} (nine in ten {seen.low:.0f} to {seen.high:.0f}), "
        f"{seen.black:.1%} of the pixels black, {seen.white:.1%} white"
    )


def _common(report: DataReport) -> Iterator[str]:
    assert report.external
    films = len({one.one for one in report.common})
    names = f"{report.external.summary.name} and {report.data.summary.name}"
    yield f"{names}: {plural(films, 'film')} in common"
    yield from (f"  {_twins(one)}" for one in report.common[:MOST])
    if len(report.common) > MOST:
        yield f"  and {len(report.common) - MOST:,} more pairs (--json lists all)"


def _conclusion(report: DataReport) -> str:
    if report.data.leaks:
        what = " and ".join(dict.fromkeys(one.what for one in report.data.leaks))
        return f"The split as given leaks: {what} on both sides. A split of the program's own keeps them together."
    return "No leak between given parts." if report.data.summary.understood.parts else "No parts are given."
