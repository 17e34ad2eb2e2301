"""How long a network trains, at which learning rate, and after which epochs it is validated: known before it begins.

Linear warm-up, then half a cosine to 0 (Loshchilov & Hutter 2017, arXiv:1608.03983, without restarts; Goyal et al.
2017, arXiv:1706.02677), and the last weights.  Nothing here depends on what validation finds.
"""

import math
from typing import Any

import numpy as np

WARM_UP = 0.1  # of the steps
MOST_VALIDATIONS = 24
FORWARD = 1 / 3  # of what a training step costs for an image
RUNG = 3  # a search may pause a training after a third of it, a ninth, ...


def length(schedule: Any, steps: int) -> int:
    """Epochs of a training: those asked for, or as many whole ones as `minimum_steps` take.

    Args:
        schedule: a `benchmark.tasks.schema.Schedule`.
        steps: per epoch.
    """
    least = 0 if schedule.exact_epochs else math.ceil(schedule.minimum_steps / steps)
    return max(schedule.epochs, least)


def reached(schedule: Any, epochs: int, until: int) -> int:
    """Epochs of a training of so many, where `until` of those that its schedule asks for are reached."""
    return min(epochs, -(-epochs * until // schedule.epochs))


def learning_rates(peak: float, steps: int) -> np.ndarray:
    """(steps,) float32, the learning rate of every step of a training of so many."""
    step, rising = np.arange(steps), max(1, round(WARM_UP * steps))
    falling = 0.5 * (1 + np.cos(np.pi * (step - rising) / max(1, steps - rising)))
    return (peak * np.where(step < rising, (step + 1) / rising, falling)).astype(np.float32)


def validated(schedule: Any, epochs: int, images: int, cost: int) -> list[int]:
    """The epochs, from 1, after which a training is validated: evenly spread, and where a search may pause; the last.

    As many as `validation_share` of the training's time allows, reckoned in passes of images through the network, so
    that it is the same on every machine.

    Args:
        schedule: a `benchmark.tasks.schema.Schedule`.
        epochs: of the whole training.
        images: that an epoch trains on.
        cost: images that go forward through the network at one validation.
    """
    affordable = int(schedule.validation_share * epochs * images / (FORWARD * cost))
    number = max(1, min(MOST_VALIDATIONS + 1 - len(rungs(epochs)), affordable, epochs))
    spread = {math.ceil(epochs * place / number) for place in range(1, number + 1)}
    return sorted(spread | rungs(epochs))


def rungs(epochs: int) -> set[int]:
    """Where successive halving pauses a training of so many epochs (Li et al. 2018, arXiv:1603.06560)."""
    return {math.ceil(epochs / RUNG**power) for power in range(math.floor(math.log(epochs, RUNG) + 1e-9) + 1)}
