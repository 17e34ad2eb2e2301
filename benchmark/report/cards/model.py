"""What a model is made of, how it was trained, what it puts out, and with which program."""

from collections.abc import Iterator

import msgspec

from benchmark.records.record import Part, Record
from benchmark.report import wording
from benchmark.report.cards.beside import Beside
from benchmark.report.cards.parts import Entry, Grid, Section, entry, options, settings

DATA, WEIGHTS, FROM_NOTHING = "dataset", "weights", (None, "", "none")
MODEL = "model/"  # folder of a run
MEMBERS = "The cards of its members say it."


def model(record: Record, found: Beside) -> Section:
    """Components with their options, parameters, files, members."""
    parts = {name: part for name, part in record.components.items() if name != DATA}
    cost = record.cost
    entries = [
        entry(
            "Pipeline",
            [f"{record.pipeline}.", _parameters(record), f"{wording.size(cost.model_bytes)} as saved."]
            if cost.parameters
            else f"{record.pipeline}.",
            claim="22",
            tripod="12c 9b",
            state="answered" if parts or record.members else "in part",
        ),
        _start(record, parts),
        _together(record),
        _files(record, found),
    ]
    return Section("Model", entries, [_components(parts)] if parts else [])


def _parameters(record: Record) -> str:
    cost = record.cost
    trained = f"{cost.trainable_parameters:,} of them trained"
    return f"{cost.parameters:,} parameters, {trained}; classes: {len(record.classes)}."


def _components(parts: dict[str, Part]) -> Grid:
    rows = [
        [kind, part.name, options(part.options) or "none", f"{part.distribution} {part.version}", part.code[:16]]
        for kind, part in parts.items()
    ]
    return Grid(["component", "name", "options", "from", "digest of its code"], rows)


def _start(record: Record, parts: dict[str, Part]) -> Entry:
    if record.members:
        return entry("Starting weights", MEMBERS, claim="24", state="in part")
    said = [
        f"{kind}: {options({WEIGHTS: part.options[WEIGHTS]})}."
        for kind, part in parts.items()
        if part.options.get(WEIGHTS) not in FROM_NOTHING
    ]
    rest = (
        f"Other weights are drawn at random by training seed {record.seed}, but for those that a component brings from "
        "a file that its options name."
    )
    return entry("Starting weights", [*said, rest], claim="24", state="answered" if said else "in part")


def _together(record: Record) -> Entry:
    if record.fold is None and record.members:
        runs = (
            f"{len(record.members)} folds, each a model of its own, whose predictions on the others' images are pooled"
        )
        return entry("Several models", f"{runs}.", claim="27")
    if record.members:
        listed = "; ".join(f"{one.name} ({one.pipeline})" for one in record.members)
        return entry("Several models", f"{len(record.members)} vote: {listed}.", claim="27")
    return entry("Several models", "One model.", claim="27", state="does not apply")


def _files(record: Record, found: Beside) -> Entry:
    if record.members:
        return entry("Files", "Those of its members, in their folders.", claim="43", tripod="22", state="in part")
    listed = {name: one for name, one in (record.files or {}).items() if name.startswith(MODEL)}
    if not listed:
        return entry(
            "Files",
            "No file of a model is listed.",
            claim="43",
            tripod="22",
            state="not done" if record.files is not None or record.failure else "not known",
        )
    shown = "; ".join(f"{found.where(name)} ({one.size:,} bytes, SHA-256 {one.sha256})" for name, one in listed.items())
    return entry("Files", f"In the run's folder: {shown}.", claim="43", tripod="22", state="in part")


def training(record: Record) -> Section:
    """The schedule, what memory and device made of it, seeds, what went wrong."""
    entries = [
        _schedule(record),
        _augmentation(record),
        entry("Seed", f"Training seed {record.seed}{_fold(record)}.", claim="25"),
        _chosen(record),
        _tuned(record),
        _balance(record),
        _cost(record),
    ]
    notes = list(dict.fromkeys([*record.notes, *(record.training.notes or [])]))
    entries += [entry("Note", f"{note}.", claim="25") for note in notes]
    return Section("Training", entries)


def _schedule(record: Record) -> Entry:
    asked, masks = (record.spec.get(part) or {} for part in ("training", "segmentation"))
    said = [
        f"Asked: {settings(asked)}." if asked else "",
        _trained(record),
        f"Segmenter: {settings(masks)}." if masks and _trains_a_segmenter(record) else "",
    ]
    known = any(said)
    text = said if known else MEMBERS if record.members else "Not in the record."
    return entry("Schedule", text, claim="25", tripod="12c", state="answered" if known else "in part")


def _trains_a_segmenter(record: Record) -> bool:
    found = record.training
    return found.segmenter is not None or "segmenter" in (found.stage_duration_s or {})


def _fold(record: Record) -> str:
    folds = record.split.folds if record.split else 1
    if record.fold is None:
        return f", {folds} folds pooled"
    return f", fold {record.fold} of 0 to {folds - 1}" if folds > 1 else ""


def _trained(record: Record) -> str:
    found = record.training
    if found.epochs is None:
        return ""
    steps = f", {found.steps:,} steps" if found.steps else ""
    return (
        f"Done: {wording.plural(found.epochs, 'epoch')}{steps} in batches of {found.batch_size}, {found.precision}; "
        f"class-balanced loss on validation {wording.number(found.val_loss)}."
    )


def _augmentation(record: Record) -> Entry:
    used = record.spec.get("augmentation")
    if used:
        return entry("Augmentation", f"{settings(used)}.", claim="25")
    text = MEMBERS if record.members else "It is not in the record."
    return entry("Augmentation", text, claim="25", state="in part" if record.members else "not known")


def _chosen(record: Record) -> Entry:
    found = record.training
    if record.members:
        return entry("Final model", MEMBERS, claim="26", tripod="12c", state="in part")
    if found.best_epoch is not None:
        text = f"The weights of epoch {found.best_epoch}, by validation."
    elif found.rounds is not msgspec.UNSET and found.rounds is not None:
        text = f"{found.rounds:,} rounds of boosting, where validation no longer gained."
    elif found.epochs is not None:
        text = "The last weights: neither validation nor test chose among epochs."
    else:
        return entry("Final model", "How it was chosen is not in the record.", claim="26", state="not known")
    return entry("Final model", text, claim="26", tripod="12c")


def _tuned(record: Record) -> Entry:
    found = record.tuned
    if found is None:
        return entry("Search for settings", "Settings are those of the task.", claim="30", state="not done")
    values = ", ".join(f"{name} {value}" for name, value in found.values.items())
    outcome = "no trial was better than the default" if found.stayed else f"found {values}"
    return entry(
        "Search for settings",
        f"{found.tuner}, {wording.tuning(found)} on validation, test not seen: {outcome}.",
        claim="26",
        tripod="12c",
    )


def _balance(record: Record) -> Entry:
    how = record.training.balanced or (record.spec.get("training") or {}).get("balance")
    known = ", ".join(f"{name} {share:.3f}" for name, share in record.calibration.data_prior.items())
    shares = f"Shares in the training data: {known}; probabilities are brought back to these." if known else ""
    if how:
        text = "Left as they are." if how == "none" else f"Made to weigh alike by {how}."
        return entry("Unequal classes", [text, shares], tripod="13")
    text = MEMBERS if record.members else "It is not in the record."
    return entry("Unequal classes", [text, shares], tripod="13", state="in part" if record.members else "not known")


def _cost(record: Record) -> Entry:
    cost = record.cost
    if not cost.hardware and cost.training_s is None:
        return entry("Cost", "Not measured.", state="not known")
    return entry("Cost", f"{wording.duration(cost.training_s)} of training on {cost.hardware or 'unknown hardware'}.")


def output(record: Record) -> Section:
    """What it puts out: probabilities, decisions, thresholds, and how they were calibrated."""
    found = record.calibration
    if not found.decisions and not found.thresholds and found.method is None:
        said = entry("Output", "The run ended before it had any.", tripod="15", state="not known")
        return Section("Output", [said])
    entries = [
        entry("Probabilities", f"One per class. {_sentence(found.probabilities)}", tripod="15 12g"),
        entry("Decision", _sentence(found.decisions) or "Not in the record.", tripod="15"),
        entry("Calibration", list(_calibrated(record)), tripod="12e 15"),
    ]
    return Section("Output", entries, [grid for grid in (_thresholds(record),) if grid.rows])


def _calibrated(record: Record) -> Iterator[str]:
    found = record.calibration
    if found.method is None:
        yield "By each fold or member." if record.members else "None."
        return
    fitted = {"temperature": found.temperature, "slope": found.slope, "intercept": found.intercept}
    numbers = ", ".join(f"{name} {wording.number(value)}" for name, value in fitted.items() if value is not None)
    of = f" on {found.n:,} images of the {found.subset or 'calibration'} subset" if found.n else ""
    yield f"{found.method.capitalize()}{of}{f': {numbers}' if numbers else ''}."
    if found.note:
        yield _sentence(found.note)


def _thresholds(record: Record) -> Grid:
    rows = [
        [
            wording.at_threshold(name).removeprefix("at the threshold chosen for "),
            wording.number(one.log_odds),
            f"{one.negatives or 0:,} / {one.positives or 0:,}",
            one.note,
        ]
        for name, one in record.calibration.thresholds.items()
    ]
    return Grid(["threshold chosen for", "log-odds", "negatives / positives it was chosen on", "note"], rows)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:].rstrip('.')}." if text else ""


def provenance(record: Record, *, sealed: bool) -> Section:
    """Versions, digests and the seal."""
    versions = ", ".join(f"{name} {version}" for name, version in record.environment.items())
    backend = (record.spec.get("runtime") or {}).get("backend")
    digests = {"run": record.digest, "pipeline": record.pipeline_digest, "key": record.key, "test images": record.test}
    known = "; ".join(f"{name} {digest}" for name, digest in digests.items() if digest)
    seal = f"{record.seal}; it fits the record" if sealed and record.seal else f"{record.seal or 'none'}, not checked"
    entries = [
        entry(
            "Software",
            [f"{versions}." if versions else "Not known.", f"Backend {backend}." if backend else ""],
            claim="23",
            state="answered" if versions else "not known",
        ),
        entry("Digests", f"{known}.", claim="42", state="in part"),
        entry("Seal", f"SHA-256 {seal}. It makes edits evident and is no signature."),
        entry("Written", record.created or "Not known.", state="answered" if record.created else "not known"),
        entry(
            "Program",
            f"cxr-bench computed everything{' but the predictions' if record.imported else ''}; spec.json and "
            "split.csv in the run's folder repeat the run.",
            claim="42",
            tripod="18f 12g",
            state="in part",
        ),
    ]
    return Section("Where it comes from", entries)
