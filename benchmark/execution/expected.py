"""How long a step is likely to take: as long as the last one of its stage on the same subject, or of its stage."""

from benchmark.planning.graph import Step, subject
from benchmark.storage.cache import Store

UNKNOWN_S = {"segmenter": 60.0, "fit": 60.0, "prepare": 10.0, "explain": 5.0, "features": 5.0, "draw": 3.0}


class Expected:
    """Seconds that a step is likely to take, by what its artefacts in a store say."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.known: dict[str, dict[str, float]] = {}

    def __call__(self, step: Step) -> float:
        """Of a step."""
        if step.name not in self.known:
            self.known[step.name] = self.store.last_durations(step.name)
        known = self.known[step.name]
        others = sum(known.values()) / len(known) if known else UNKNOWN_S.get(step.name, 1.0)
        return known.get(subject(step), others)
