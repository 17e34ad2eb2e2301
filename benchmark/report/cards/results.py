"""What a model scored: on its own test, beside rules that see no disease, elsewhere, and where it looks."""

from collections.abc import Iterator

from benchmark.records.estimate import Estimate
from benchmark.records.external import MASKS, External
from benchmark.records.metrics import AT_THRESHOLD, ECE_FLOOR, LEVELS, UNCALIBRATED
from benchmark.records.record import Record
from benchmark.report import wording
from benchmark.report.answers import screening_sentences
from benchmark.report.cards.beside import Beside
from benchmark.report.cards.parts import Entry, Grid, Section, counted, entry, statistics
from benchmark.report.screening import PREVALENCE, Decided, points, screened

EVALUATE = "bench evaluate"
EXAMPLES = "gradcam.png"
NOT_DIVIDED = "Over all images and by class; by source, age or sex the own test was not divided."


def test(record: Record, found: Beside) -> Section:
    """Metrics with intervals, confusion, errors, other trainings."""
    if not record.metrics:
        said = "The run has no numbers." if record.failure else "None in the record."
        none = entry("Test", said, claim="28 29 32 37 38", tripod="12e 23a", state="not done")
        return Section("Test", [none])
    own = record.metrics.get(record.metric)
    entries = [
        entry(
            "Own test",
            [
                f"{wording.metric(record.metric)} {wording.estimate(own)}{_on(own)}.",
                "Intervals: 95 % over images, whole patients and copies as one; what retraining or another split would "
                "change is not in them.",
            ],
            claim="28 29 32 37 38",
            tripod="12e",
        ),
        entry("Subgroups of the own test", NOT_DIVIDED, tripod="23a", state="in part"),
        *_of_people(record),
        *_scored(found),
        _again(record, found),
        _errors(record, found),
    ]
    if record.reference:
        said = f"Minus the direct model {record.reference.pipeline}: {wording.difference(record.reference.difference)}"
        entries.append(entry("Beside the direct model", f"{said} {record.metric}.", claim="29", tripod="12e"))
    return Section("Test", entries, [*_metrics(record), *_confusion(record), *_members(record)])


def _on(own: Estimate | None) -> str:
    return f" on {own.n:,} images" if own and own.n else ""


def _of_people(record: Record) -> Iterator[Entry]:
    """What decisions come to where the disease is rarer than among the test images."""
    asked = points(record.classes, record.positive)
    worth = [record.metrics.get(name) for point in asked[:1] for name in (point.sensitivity, point.specificity)]
    known = [one for one in worth if one is not None and one.value is not None]
    if len(known) < 2:
        return
    counts = record.split.counts.get("test", {}) if record.split else {}
    every, own = sum(counts.values()), counts.get(asked[0].positive)
    here = f"Of the test images {100 * own / every:.1f} % are {asked[0].positive}." if own and every else ""
    said = screening_sentences("it", asked[0], screened(Decided(*known), PREVALENCE))
    yield entry(f"At {PREVALENCE:.0%} prevalence", [here, *said], claim="38 41", state="in part")


def _scored(found: Beside) -> Iterator[Entry]:
    if found.scored:
        times = wording.plural(found.scored, "time")
        text = f"At least {times}, as far as lies beside it: the more often, the more the best of all is luck."
        yield entry("How often these test images were scored", text, claim="32", state="in part")


def _again(record: Record, found: Beside) -> Entry:
    if not found.others:
        text = "With no other seed, as far as lies beside it; bench run --seeds 0,1,2 does."
        return entry("Trained again", text, claim="30", state="not done")
    seeds = ", ".join(
        f"seed {one.seed} {wording.estimate(one.metrics.get(record.metric))}"
        for one in sorted(found.others, key=lambda one: one.seed)
    )
    return entry(
        "Trained again",
        f"{wording.metric(record.metric)} of its other trainings: {seeds}.",
        claim="30",
        state="in part",
    )


def _errors(record: Record, found: Beside) -> Entry:
    if EXAMPLES in (record.files or {}):
        where = found.where(EXAMPLES)
        text = f"The surest hits and errors of each class are in {where}; no reader has looked at them for this card."
        return entry("Errors", text, claim="39", state="in part")
    return entry("Errors", "No pictures of errors lie beside it.", claim="39", state="not done")


def _metrics(record: Record) -> Iterator[Grid]:
    """What holds over all images, per class, and at the thresholds."""
    at = {name for name in record.metrics if name.partition(AT_THRESHOLD)[2] in LEVELS}
    rest = {name: one for name, one in record.metrics.items() if name not in at and not name.startswith("n/")}
    shown = {name: one for name, one in rest.items() if not name.endswith(UNCALIBRATED) and name != ECE_FLOOR}
    for title, found in (
        ("test", {name: one for name, one in shown.items() if "/" not in name}),
        ("per class", {name: one for name, one in shown.items() if "/" in name}),
        ("at thresholds", {name: one for name, one in record.metrics.items() if name in at}),
        ("votes", record.voting),
        ("lung masks", record.masks),
    ):
        if found:
            yield statistics(title, found)


def _confusion(record: Record) -> Iterator[Grid]:
    if record.confusion:
        rows = [
            [name, *(f"{count:,}" for count in counts)]
            for name, counts in zip(record.classes, record.confusion, strict=False)
        ]
        yield Grid(["true class \\ decided", *record.classes], rows)


def _members(record: Record) -> Iterator[Grid]:
    rows = [
        [one.name, one.pipeline, wording.estimate(one.metrics.get(record.metric))]
        for one in record.members
        if one.metrics
    ]
    if rows:
        yield Grid(["fold" if record.fold is None else "member", "pipeline", record.metric], rows)


def controls(record: Record, found: Beside) -> Section:
    """What rules that see no disease score on the same images."""
    rules = {**record.controls}
    for one in found.controls:
        rules |= one.controls
    sees = {name: rule for one in found.controls for name, rule in one.rules.items()}
    if not rules:
        text = "No rule that sees no disease was judged on these images, so nothing here excludes that one explains it."
        return Section("Controls", [entry("Rules that see no disease", text, state="not done")])
    rows = [
        [name, sees[name].sees if name in sees else "", wording.estimate(metrics.get(record.metric))]
        for name, metrics in rules.items()
    ]
    own = record.metrics.get(record.metric)
    text = (
        f"The model itself: {wording.estimate(own)} {record.metric}. What a rule scores, a network may have learnt "
        "too; whether it is better is a question to bench compare, which tests all rows at once."
    )
    return Section(
        "Controls", [entry("Rules that see no disease", text)], [Grid(["rule", "sees", record.metric], rows)]
    )


def elsewhere(record: Record, found: Beside) -> Section:
    """External evaluations and their subgroups."""
    judged = [one for one in found.externals if one.kind != MASKS]
    if not judged:
        text = f"As far as lies beside it; {EVALUATE} RUN --data DIR does."
        entries = [
            entry("Images of elsewhere", text, claim="33", tripod="16 23b 12d", state="not done"),
            entry("Subgroups", text, tripod="14 23a 23b", state="not done"),
            entry("Recalibration", text, tripod="12f 24", state="not done"),
        ]
        return Section("Elsewhere", entries)
    entries = [one for external in judged for one in _external(external)]
    return Section("Elsewhere", entries, [grid for external in judged for grid in _external_grids(external)])


def _external(one: External) -> Iterator[Entry]:
    own, drop = one.metrics.get(one.metric), one.drop.get(one.metric)
    sent = ", ".join(f"{label} → {name}" for label, name in one.mapping.items())
    found = f"{len(one.shared.pairs):,}, left out" if one.shared.pairs else "none found"
    yield entry(
        f"Images of {one.dataset.name}",
        [
            f"{one.n:,} images in {one.groups:,} groups ({counted(one.counts)}), digest {one.dataset.digest}.",
            f"{wording.metric(one.metric)} {wording.estimate(own)}; less that on the own test "
            f"{wording.difference(drop)}.",
            f"Labels: {sent}.",
            f"Of no class: {counted(one.left_out)}." if one.left_out else "",
            f"Films that it learnt from: {found if one.shared.checked else one.shared.how}.",
            *one.dataset.notices,
        ],
        claim="33",
    )
    differ = "The two sets are described by the counts above; setting and patients are not compared."
    yield entry("How the two differ", differ, tripod="16", state="in part")
    yield _subgroups(one)
    yield _recalibration(one)


def _subgroups(one: External) -> Entry:
    told = "; ".join(
        f"{two.trait}: {two.first} minus {two.second} {wording.difference(two.difference)} {two.metric}"
        for two in one.differences
    )
    number = f"{len(one.subgroups)}, none left out for being small."
    return entry(
        f"Subgroups of {one.dataset.name}",
        [number, f"Told apart: {told}." if told else "None told apart."]
        if one.subgroups
        else "Neither sources nor traits.",
        claim="30",
        tripod="14 23a 23b 12d",
        state="in part" if one.subgroups else "not known",
    )


def _recalibration(one: External) -> Entry:
    again = one.recalibration
    if again is None:
        return entry("Recalibration", f"{EVALUATE} --recalibrate does.", tripod="12f 24", state="not done")
    text = f"On {again.images:,} local images: {wording.estimate(again.metrics.get(one.metric))} {one.metric}."
    return entry(f"Recalibration on {one.dataset.name}", text, tripod="12f 24")


def _external_grids(one: External) -> Iterator[Grid]:
    yield statistics(
        f"on {one.dataset.name}",
        {name: found for name, found in one.metrics.items() if "/" not in name and "@" not in name},
    )
    rows = [
        [part.trait, part.value, f"{part.n:,}", *(wording.estimate(part.metrics.get(name)) for name in _kinds(one))]
        for part in one.subgroups
    ]
    if rows:
        yield Grid(["trait", "value", "n", *_kinds(one)], rows)


def _kinds(one: External) -> list[str]:
    return list(dict.fromkeys(name for part in one.subgroups for name in part.metrics))


def explanations(record: Record, found: Beside) -> Section:
    """How much of the heat lies where."""
    if not record.gradcam and EXAMPLES in (record.files or {}):
        text = f"{record.map_method} of examples: {found.where(EXAMPLES)}. How much heat lies where was not measured"
        whose = "; the cards of its members say it of these." if record.members else "."
        return Section("Explanations", [entry("Heat maps", f"{text}{whose}", claim="31", state="in part")])
    if not record.gradcam:
        none = entry("Heat maps", "No maps were made.", claim="31", state="not done")
        return Section("Explanations", [none])
    text = (
        f"{record.map_method} of every class's log-odds on test images. Enrichment: the heat in a region over the "
        "region's share of the image, 1 is chance; relative: over that of the class's mean map. Whether a map shows "
        "what the network used is not proved by it."
    )
    maps = entry("Heat maps", text, claim="31", state="in part")
    return Section("Explanations", [maps], [statistics(record.map_method, record.gradcam)])
