"""What a trained pipeline says of single images, as lines, as CSV and as JSON."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from benchmark.execution.predicting import Engine
from benchmark.execution.streaming import Predicted, shown_name
from benchmark.records.prediction import NOT_FOR_DIAGNOSIS, Answered, FamiliarityInfo
from benchmark.records.record import Record
from benchmark.report.csv_text import csv_text
from benchmark.report.markup import visible_json
from benchmark.report.wording import number, plural

STEADY = 24  # calibration images from which on the limit has its false alarms whatever the distribution
EACH = 20  # images up to which each has lines of its own
UNKNOWN = "not known whether images are unlike those that the run learnt from: it is older than that; run it again"


def opening(record: Record, answered: Answered, engine: Engine) -> list[str]:
    """What must be known before any number: whose they are, how it is decided, how often warnings are false."""
    lines = [f"{record.pipeline} ({record.run})", f"Decided: {rule(record)}"]
    lines += [f"Computed: by {engine.name}, as Keras does: {engine.proof}"] if engine.proof else []
    known = answered.familiarity
    lines.append(f"Unlike: {familiar(known)}" if known else f"note: {UNKNOWN}")
    return [*lines, NOT_FOR_DIAGNOSIS]


def rule(record: Record) -> str:
    """How classes are decided, in words, for two classes with the probability from which on it is the positive one."""
    threshold = probability_threshold(record)
    said = record.calibration.decisions
    if threshold is None:
        return said
    return f"{said}: {record.positive} from a probability of {number(threshold)} on"


def probability_threshold(record: Record) -> float | None:
    """The probability from which on the positive of two classes is decided.

    It is the class's share of the training data, to which probabilities refer: there it is as likely as the other at
    equal shares.  None for more classes.
    """
    if record.positive is None or len(record.classes) != 2:
        return None
    return record.calibration.data_prior.get(record.positive)


def familiar(known: FamiliarityInfo) -> str:
    """What the warning is worth, in words."""
    share = f"{known.false_alarms} of {known.tested} test images raise it" if known.tested else "no test images"
    few = "" if known.calibration >= STEADY else " (few)"
    return f"by a limit set on {plural(known.calibration, 'calibration image')}{few}; falsely: {share}"


def lines_of(record: Record, predicted: Sequence[Predicted]) -> list[str]:
    """Every image where they are few; of many the warnings and problems of the first, and how many there are."""
    few = len(predicted) <= EACH
    odd = [one for one in predicted if few or one.answer.problem]
    lines = [line for one in odd[:EACH] for line in _lines(record, one)]
    return lines + ([f"… and {len(odd) - EACH} more that cannot be used"] if len(odd) > EACH else [])


def summary(record: Record, predicted: Sequence[Predicted]) -> str:
    """``120 images: 30 COVID, 88 Non-COVID; 2 cannot be used; 5 unlike; 3 with an implausible mask``."""
    usable = [one.answer for one in predicted if not one.answer.problem]
    decided = Counter(answer.decided for answer in usable)
    counts = {
        "cannot be used": len(predicted) - len(usable),
        "unlike": sum(bool(answer.unlike) for answer in usable),
        "with an implausible mask": sum(bool(answer.implausible_mask) for answer in usable),
    }
    classes = ", ".join(f"{decided[k]} {name}" for k, name in enumerate(record.classes) if decided[k])
    told = "; ".join(filter(None, [classes, *(f"{count} {what}" for what, count in counts.items() if count)]))
    return f"{plural(len(predicted), 'image')}: {told}"


def predictions_csv(record: Record, predicted: Sequence[Predicted]) -> str:
    """A line per image; probabilities are not rounded."""
    return csv_text([_row(record, one) for one in predicted])


def predictions_json(
    record: Record, folder: str, output: str, answered: Answered, engine: Engine, all_of: Sequence[Predicted]
) -> str:
    """One document: the run, its rules, every image."""
    known = answered.familiarity
    document = {
        "run": record.run,
        "folder": folder,
        "pipeline": record.pipeline,
        "task": record.task,
        "classes": record.classes,
        "positive": record.positive,
        "decided_by": record.calibration.decisions,
        "probability_threshold": probability_threshold(record),
        "probabilities_at": record.calibration.probabilities,
        "unlike_rule": None if known is None else msgspec.to_builtins(known),
        "map_method": answered.method if any(one.picture for one in all_of) else None,
        "engine": engine.name,
        "engine_proof": engine.proof or None,
        "engine_refusal": engine.refusal or None,
        "output": output or None,
        "note": NOT_FOR_DIAGNOSIS,
        "images": [_entry(record, one) for one in all_of],
    }
    return visible_json(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())


def _lines(record: Record, one: Predicted) -> list[str]:
    answer = one.answer
    if answer.problem:
        return [f"{answer.problem}"]
    each = zip(record.classes, answer.probabilities, strict=True)
    lines = [f"{shown_name(one.name)}: {record.classes[answer.decided]}"]
    lines[0] += f" (probabilities: {', '.join(f'{name} {number(value)}' for name, value in each)})"
    lines += [f"  warning: {warning}" for warning in answer.warnings]
    return lines + ([f"  picture: {one.picture}"] if one.picture else [])


def _entry(record: Record, one: Predicted) -> dict[str, Any]:
    answer = one.answer
    if answer.problem:
        return {"image": shown_name(one.name), "problem": answer.problem}
    return {
        "image": shown_name(one.name),
        "decided": record.classes[answer.decided],
        "probabilities": dict(zip(record.classes, answer.probabilities, strict=True)),
        "unlike": answer.unlike,
        "implausible_mask": answer.implausible_mask,
        "warnings": answer.warnings,
        "width": answer.size[0],
        "height": answer.size[1],
        "picture": one.picture or None,
    }


def _row(record: Record, one: Predicted) -> dict[str, Any]:
    answer = one.answer
    usable = not answer.problem
    row: dict[str, Any] = {"image": shown_name(one.name), "decided": record.classes[answer.decided] if usable else ""}
    for k, name in enumerate(record.classes):
        row[f"probability {name}"] = answer.probabilities[k] if usable else ""
    row |= {name: _yes(getattr(answer, name)) for name in ("unlike", "implausible_mask")}
    return row | {"picture": one.picture, "problem": answer.problem}


def _yes(value: bool | None) -> str:
    return "" if value is None else "yes" if value else "no"
