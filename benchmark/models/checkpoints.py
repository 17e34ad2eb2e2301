"""What a killed process takes up again: the variables of a network and its optimizer, and the history so far."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np

History = list[dict[str, float]]


class Checkpoints:
    """``epoch-NNNN/`` folders below one folder: every variable of network and optimizer, and the history so far."""

    def __init__(self, network: keras.Model, folder: Path) -> None:
        self.network = network
        self.folder = folder

    def restore_newest(self) -> History:
        """Load the newest checkpoint, if any; gives its history."""
        epochs = self._epochs()
        return self.restore(max(epochs)) if epochs else []

    def restore(self, epoch: int) -> History:
        """Load the checkpoint written after that epoch; gives its history."""
        place = self.folder / f"epoch-{epoch:04d}"
        with np.load(place / "state.npz", allow_pickle=False) as state:
            for index, variable in enumerate(self._variables()):
                variable.assign(state[f"{index:04d}"])
        history: History = json.loads((place / "history.json").read_text())
        return history

    def write(self, history: History) -> None:
        """Write the newest epoch whole or not at all, and keep no other."""
        newest = len(history) - 1
        place = self.folder / f"epoch-{newest:04d}"
        building = place.with_suffix(".tmp")
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir()
        state = {f"{index:04d}": variable.numpy() for index, variable in enumerate(self._variables())}
        np.savez(building / "state.npz", **state)
        (building / "history.json").write_text(json.dumps(history))
        for path in building.iterdir():
            with path.open("rb") as file:
                os.fsync(file.fileno())  # a rename that survives a power loss must not outlive what it names
        building.rename(place)
        for epoch in self._epochs() - {newest}:
            shutil.rmtree(self.folder / f"epoch-{epoch:04d}")

    def _epochs(self) -> set[int]:
        return {int(path.name[6:]) for path in self.folder.glob("epoch-????")}

    def _variables(self) -> list[Any]:
        return [*self.network.variables, *self.network.optimizer.variables]
