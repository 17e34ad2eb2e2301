"""One run in detail, for a terminal of any width."""

from collections.abc import Sequence

import msgspec
from rich.console import Console
from rich.text import Text

from benchmark.comparison.aggregates import deviation
from benchmark.records.estimate import Estimate
from benchmark.records.findings import Reference
from benchmark.records.metrics import AT_THRESHOLD, ECE_FLOOR, LEVELS, SECONDARY, UNCALIBRATED
from benchmark.records.record import Record
from benchmark.records.training import TrainingInfo
from benchmark.report import wording
from benchmark.report.layout import Cell, Grid, Line, choose, draw
from benchmark.report.lines import prose
from benchmark.report.terminal import show

MEMBER_METRICS = 4  # shown of each member; result.json has all


def print_run(console: Console, record: Record) -> None:
    """Metrics with n, per class too, confusion, members, votes, reference, thresholds, masks, maps."""
    width = console.width
    out = Text().append(prose(f"{record.pipeline} · {_which(record)}", width) + "\n", "bold")
    if record.failure:
        text = f"failed: {record.failure.cause} at {record.failure.stage}: {record.failure.message}"
        out.append(prose(text, width) + "\n", "red")
        out.append("".join(f"  {line}\n" for line in record.failure.log), "dim")
    for line in _about(record):
        out.append(prose(line, width) + "\n", "dim")
    out += _statistics("test", _but_thresholds(record.metrics), record.classes, width)
    for level in LEVELS:
        out += _statistics(wording.at_threshold(level), _at_threshold(record.metrics, level), record.classes, width)
    out += _rules(record, width)
    out += _confusion(record, width)
    out += _members(record, width)
    out += _statistics("votes", record.voting, record.classes, width)
    if record.reference:
        out.append("\n" + prose(_reference(record, record.reference), width) + "\n")
    out += _statistics("lung masks", record.masks, record.classes, width)
    out += _statistics(record.map_method, record.gradcam, record.classes, width)
    found = (record.metrics, record.voting, record.masks, record.gradcam, *(one.metrics for one in record.members))
    if any(wording.scarce(one) for statistics in found for one in statistics.values()):
        out.append("grey: images of fewer than ten groups\n", "dim")
    show(console, out)


def _which(record: Record) -> str:
    folds = record.split.folds if record.split else 1
    if record.fold is None:
        return f"seed {record.seed}, {folds} folds pooled"
    return f"seed {record.seed}" + (f", fold {record.fold} (of 0 to {folds - 1})" if folds > 1 else "")


def _statistics(heading: str, found: dict[str, Estimate], classes: Sequence[str], width: int) -> Text:
    """One table of what holds over all images, one of what holds per class (``name/CLASS``)."""
    out = Text()
    left_out = {name for name in found if "/" in name or name.endswith(UNCALIBRATED) or name == ECE_FLOOR}
    whole = {name: one for name, one in found.items() if name not in left_out}
    if whole:
        lines = [_line(name, one, found.get(ECE_FLOOR) if name == "ece" else None) for name, one in whole.items()]
        grid = Grid(heading, ["value [interval]", "n"], lines)
        out.append("\n")
        out += draw(grid, width, grid.name_width())
    split = [name.partition("/")[::2] for name in found if "/" in name]
    kinds = [kind for kind in dict.fromkeys(kind for kind, _ in split) if kind != "n"]
    named = list(dict.fromkeys(owner for _, owner in split))
    owners = sorted(named, key=lambda owner: classes.index(owner) if owner in classes else len(classes))
    lines = [_class_line(owner, kinds, found) for owner in owners]
    return out + _blocks(Grid(f"{heading}, per class", ["n", *kinds], lines), width) if lines else out


def _line(name: str, one: Estimate, perfect: Estimate | None) -> Line:
    notes = [one.note, wording.beside_perfect(perfect) if perfect else ""]
    return Line(Cell(name), [_estimate(one), Cell(f"{one.n:,}")], notes=[note for note in notes if note])


def _but_thresholds(found: dict[str, Estimate]) -> dict[str, Estimate]:
    return {name: one for name, one in found.items() if name.partition(AT_THRESHOLD)[2] not in LEVELS}


def _at_threshold(found: dict[str, Estimate], level: str) -> dict[str, Estimate]:
    """What holds at a threshold, without its name."""
    ending = f"{AT_THRESHOLD}{level}"
    return {name.removesuffix(ending): one for name, one in found.items() if name.endswith(ending)}


def _class_line(owner: str, kinds: list[str], found: dict[str, Estimate]) -> Line:
    own = {kind: found[f"{kind}/{owner}"] for kind in kinds if f"{kind}/{owner}" in found}
    notes = [f"{kind}: {one.note}" for kind, one in own.items() if one.note]
    counted = found.get(f"n/{owner}")
    n = int(counted.value) if counted and counted.value is not None else max(one.n for one in own.values())
    return Line(Cell(owner), [Cell(f"{n:,}"), *(_estimate(own.get(kind)) for kind in kinds)], notes=notes)


def _rules(record: Record, width: int) -> Text:
    """Of a record of controls: what each rule saw, which learner was taken by its loss on validation, its score."""
    lines = [
        Line(
            Cell(name),
            [_estimate(record.controls.get(name, {}).get(record.metric)), Cell(rule.sees, left=True)],
            notes=[f"{rule.learner}; class-balanced log-loss on validation: {_setting(rule.losses)}"]
            if rule.learner
            else [],
        )
        for name, rule in record.rules.items()
    ]
    return _blocks(Grid("control", [record.metric, "sees"], lines), width) if lines else Text()


def _members(record: Record, width: int) -> Text:
    """The members of a vote, or the folds of a cross-validation and their spread."""
    members = record.members
    measured = {name for member in members for name in member.metrics}
    kinds = [name for name in dict.fromkeys((record.metric, *SECONDARY)) if name in measured][:MEMBER_METRICS]
    if not kinds:
        return Text()
    alike = len({member.pipeline for member in members}) == 1
    lines = [
        Line(
            Cell(member.name),
            [_estimate(member.metrics.get(kind)) for kind in kinds],
            notes=[] if alike or member.pipeline == member.name else [member.pipeline],
        )
        for member in members
    ]
    if record.fold is None:
        spreads = [_spread([member.metrics.get(kind) for member in members]) for kind in kinds]
        lines.append(Line(Cell("SD over folds"), spreads, rule=True))
    return _blocks(Grid("fold" if record.fold is None else "member", kinds, lines), width)


def _spread(found: list[Estimate | None]) -> Cell:
    values = [one.value for one in found if one is not None and one.value is not None]
    return Cell(wording.number(deviation(values)), left=True)


def _reference(record: Record, reference: Reference) -> str:
    """The paired comparison of a vote with the model that answers directly."""
    found = reference.difference
    sentence = f"{record.pipeline} minus the direct model {reference.pipeline}: "
    if found.value is None:
        return f"{sentence}Δ {record.metric} is not testable ({found.note})."
    verdict = (
        "statistically significant"
        if found.low is not None and found.high is not None and found.low * found.high > 0
        else ("not statistically significant")
    )
    sentence += f"Δ {record.metric} {wording.difference(found)} on the same {found.n:,} images, {verdict}"
    if reference.minimum_detectable is not None:
        sentence += f"; minimum detectable difference {wording.number(reference.minimum_detectable)}"
    own = reference.metrics.get(record.metric)
    return f"{sentence}. The direct model has {wording.estimate(own)}." if own else f"{sentence}."


def _estimate(one: Estimate | None) -> Cell:
    return Cell(wording.estimate(one), "dim" if one is not None and wording.scarce(one) else "", left=True)


def _blocks(grid: Grid, width: int) -> Text:
    """A grid that is too wide, as several below each other; the first column and the notes are repeated in none."""
    out = Text()
    left = list(range(len(grid.titles)))
    while left:
        part = grid.only(left)
        taken, names = choose(part, width, range(len(left)), min(2, len(left)))
        fitting = taken[: next((i for i, place in enumerate(taken) if place != i), len(taken))]
        out.append("\n")
        block = part.only(fitting)
        if len(left) < len(grid.titles):
            block = block.noted([[] for _ in block.lines])
        out += draw(block, width, names)
        left = left[len(fitting) :]
    return out


def _about(record: Record) -> list[str]:
    """Where the numbers come from, thresholds and calibration included."""
    about = [f"Task {record.task}, run {record.run}, 95 % intervals over images."]
    if record.training.input_stall is not None:
        about.append(_trained(record.training))
    calibration = msgspec.to_builtins(record.calibration)
    fields = {key: value for key, value in calibration.items() if not isinstance(value, dict)}
    sentences = {key: value for key, value in fields.items() if isinstance(value, str) and " " in value}
    numbers = {key: value for key, value in fields.items() if key not in sentences}
    if numbers:
        prior = (
            f"; priors around the identity: {_setting(record.calibration.prior)}" if record.calibration.prior else ""
        )
        about.append(f"Calibration: {_setting(numbers)}{prior}.")
    about += [f"{key.capitalize()}: {value}." for key, value in sentences.items()]
    about += _with_and_without_calibration(record)
    if record.tuned:
        found = record.tuned
        losses = ", ".join(
            f"{name} {wording.number(loss)}" for name, loss in (("default", found.default), ("best", found.best))
        )
        values = ", ".join(f"{name} {_setting(value)}" for name, value in found.values.items())
        spent = f"{wording.tuning(found)} on {found.hardware or 'unknown hardware'}, {found.epochs} epochs"
        what = "Default settings, which no trial beat, searched" if found.stayed else "Settings found"
        about.append(f"{what} by {found.tuner} ({spent}; loss on validation: {losses}): {values}.")
    for name, value in record.calibration.thresholds.items():
        chosen = wording.at_threshold(name).removeprefix("at the ").capitalize()
        about.append(f"{chosen}: {_setting(msgspec.to_builtins(value))}.")
    return about


def _with_and_without_calibration(record: Record) -> list[str]:
    """What decisions are worth with and without calibration, by the task's metric where it is one of decisions."""
    for name in (record.metric, "balanced-accuracy"):
        found = [record.metrics.get(one) for one in (name, f"{name}{UNCALIBRATED}")]
        if all(found):
            calibrated, raw = map(wording.estimate, found)
            return [f"Decisions by {name}: calibrated {calibrated}, not calibrated {raw}."]
    return []


def _trained(training: TrainingInfo) -> str:
    """How the networks were trained, and how well the device was kept at work."""
    compiled = "compiled by XLA" if training.jit else "not compiled by XLA"
    waits = [f"{training.input_stall:.1%} of the time"]
    tracing_s = training.tracing_s
    if training.segmenter:
        waits.append(f"the segmenter's {training.segmenter.input_stall:.1%}")
        tracing_s += training.segmenter.tracing_s
    traced = f"; tracing took {tracing_s:.1f} s" if tracing_s else ""  # 0: counted as input_stall once
    return (
        f"Training: {training.epochs} epochs, batches of {training.batch_size}, {training.precision}, "
        f"{compiled}, {wording.plural(training.steps_per_execution or 1, 'step')} an execution; "
        f"it waited for images {', '.join(waits)}{traced}."
    )


def _setting(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        return ", ".join(f"{key.replace('_', ' ')} {_setting(one)}" for key, one in value.items() if one != "")
    return ", ".join(map(_setting, value)) if isinstance(value, list) else str(value)


def _confusion(record: Record, width: int) -> Text:
    if not record.confusion:
        return Text()
    lines = [
        Line(Cell(name), [Cell(f"{images:,}") for images in row])
        for name, row in zip(record.classes, record.confusion, strict=True)
    ]
    return _blocks(Grid("true class \\ predicted", list(record.classes), lines), width)
