"""What is wrong with a training, each with the setting that mends it; nothing where all is well.

The limits are judgement, not fitted; `tests.simulations.small_trainings` counts how often each note is given.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from benchmark.records.estimate import FEW_GROUPS, Estimate

ONE_ANSWER = 0.98  # of the test images
GAINING = 0.1  # of the training loss, from the tenth of the epochs before the last tenth to that
WORTH = 0.04  # of what knowing nothing costs: a smaller fall is none, however large a share of next to nothing
MEMORISED = 3.0  # validation loss over training loss, and further apart than half of what knowing nothing costs
IMPLAUSIBLE = 0.05  # of the masks
THROUGHOUT = 0.9
POOR = 0.8  # Dice
SEGMENTER = "train the segmenter longer (segmentation.epochs) or take --segmenter none"
UNTRAINED = "take a segmenter that is trained, or --segmenter none"
FALLING = (
    "the training loss was still falling when the training ended: train longer (--epochs, or training.epochs and "
    "training.minimum_steps)"
)
BY_HEART = (
    "it knows its training images by heart (training loss far below validation loss): more images, a larger "
    "head.dropout or a smaller network may generalise better"
)
NOTHING = (
    "the validation loss never fell below that of a rule that knows nothing (log {}): train longer (--epochs, "
    "training.minimum_steps) or with another training.learning_rate"
)


def one_answer(confusion: Sequence[Sequence[int]], classes: Sequence[str]) -> list[str]:
    """Of a classifier that hardly tells images apart.

    Args:
        confusion: test images, rows true classes, columns decided ones.
    """
    decided = [sum(row[k] for row in confusion) for k in range(len(classes))]
    most = max(range(len(classes)), key=decided.__getitem__)
    if decided[most] < ONE_ANSWER * sum(decided):
        return []
    return [
        f"answers {classes[most]} for (nearly) every test image: it has not learnt to tell the classes apart; train "
        "longer (--epochs, training.minimum_steps), on more images, or look at curves.png and network-view.png"
    ]


def learning(history: Sequence[Mapping[str, float]], num_classes: int) -> list[str]:
    """What the losses of a training say: one thing, because what mends one makes another worse.

    Args:
        history: one row per epoch: ``loss`` and, where it was validated, ``val_loss``.
    """
    chance = math.log(num_classes)
    losses, validation = [row["loss"] for row in history], [row["val_loss"] for row in history if "val_loss" in row]
    if validation[-1] > MEMORISED * losses[-1] and validation[-1] - losses[-1] > chance / 2:
        return [BY_HEART]
    if min(validation) >= chance:
        return [NOTHING.format(num_classes)]
    tenth = max(1, round(len(losses) / 10))
    before, last = (sum(part) / tenth for part in (losses[-2 * tenth : -tenth], losses[-tenth:]))
    falls = len(losses) > 1 and before - last > max(GAINING * before, WORTH * chance)
    return [FALLING] if falls else []


def training_notes(history: Sequence[Mapping[str, float]], num_classes: int, schedule: Any, steps: int) -> list[str]:
    """What a training's length and its losses say: of one that was told to be short, not that it was.

    Args:
        history, num_classes: see `learning`.
        schedule, steps: see `shortened`.
    """
    short = shortened(schedule, steps)
    return short + [note for note in learning(history, num_classes) if not (short and note == FALLING)]


def shortened(schedule: Any, steps: int) -> list[str]:
    """Of a training that was told to be shorter than its minimum of steps.

    Args:
        schedule: a `benchmark.tasks.schema.Schedule`.
        steps: of all epochs.
    """
    if not schedule.exact_epochs or steps >= schedule.minimum_steps:
        return []
    return [
        f"{steps:,} steps are fewer than training.minimum_steps ({schedule.minimum_steps}): --epochs asks for exactly "
        f"{schedule.epochs}; leave it out, or ask for more"
    ]


def masks(quality: Mapping[str, Estimate], trained: bool) -> list[str]:
    """Of lung masks that many images did not get, or that hardly agree with the dataset's own.

    Args:
        quality: statistics of the test images' masks: share of implausible ones, Dice (also ``dice/LABEL (annotator)``)
            where the dataset has masks; empty where the frame is kept whole.
        trained: whether the segmenter was; a rule cannot be trained longer.
    """
    found, remedy = [], SEGMENTER if trained else UNTRAINED
    implausible = quality.get("implausible")
    if implausible and implausible.value is not None and implausible.value > IMPLAUSIBLE:
        much = "all or nearly all" if implausible.value > THROUGHOUT else f"more than {IMPLAUSIBLE:.0%} of"
        found.append(f"{much} the lung masks are implausible (see {_where_seen(quality)}): {remedy}")
    poor = _poor(quality)
    if poor is not None:
        below = f"{POOR:.2f}".removeprefix("0")
        found.append(f"the lung masks{poor} are poor: Dice below {below} against the dataset's own; {remedy}")
    return found


def _where_seen(quality: Mapping[str, Estimate]) -> str:
    """The picture that shows masks: beside the dataset's own only where that has some."""
    dice = quality.get("dice")
    return "masks.png" if dice is not None and dice.value is not None else "network-view.png"


def _poor(quality: Mapping[str, Estimate]) -> str | None:
    """Whose masks are poor: empty of all together; None of nobody's, as far as it is known."""
    known = {name: one.value for name, one in quality.items() if one.value is not None and FEW_GROUPS not in one.note}
    if known.get("dice", 1.0) < POOR:
        return ""
    labels = [name.removeprefix("dice/") for name, dice in known.items() if name.startswith("dice/") and dice < POOR]
    return f" of {', '.join(labels)}" if labels else None
