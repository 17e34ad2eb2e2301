"""How Hyperband spends its trials: in brackets, in whose rounds the best third trains on for three times as long.

Keras Tuner's arithmetic, for modules that do not import it; bracket 0 has one round, of trials that train to the end.
"""

import math

FACTOR = 3


def size(bracket: int, round_number: int, epochs: int) -> int:
    """How many trials a round of a bracket has, where a full training has so many epochs."""
    last = math.ceil(1 + math.log(epochs, FACTOR)) / (bracket + 1)
    trials: float = last * FACTOR ** (bracket - round_number)
    return math.ceil(trials)


def trials_of(bracket: int, epochs: int) -> int:
    """How many trials all rounds of a bracket have."""
    return sum(size(bracket, round_number, epochs) for round_number in range(bracket + 1))


def why_none_stops_early(trials: int, epochs: int) -> str:
    """In words, why Hyperband is random search with so few trials or epochs; or empty."""
    rest = "each but the default is drawn at random and trained to the end"
    if trials == 1:
        return ""
    if epochs < FACTOR:
        return f"trainings of up to {epochs} epochs are too short for Hyperband to stop any early: {rest}"
    smallest = trials_of(1, epochs)
    if trials >= smallest:
        return ""
    return f"{trials} trials are fewer than Hyperband's smallest bracket ({smallest}, of up to {epochs} epochs): {rest}"
