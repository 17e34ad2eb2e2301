"""A network in an ONNX file as a function of arrays, by ONNX Runtime on this process's cores.  No Keras is imported."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from registry.cores import usable_cores
from registry.networks.onnx_file import run, session


class Graph:
    """A network that is loaded once.

    Attributes:
        outputs: names of what it gives.
    """

    def __init__(self, path: Path) -> None:
        """Load it.

        Raises:
            BenchError: it is no file that may be run, see `registry.networks.onnx_file`, or ONNX Runtime is missing.
        """
        self._session = session(path, threads=usable_cores())
        self.outputs = [output.name for output in self._session.get_outputs()]

    def __call__(
        self, inputs: Mapping[str, np.ndarray], batch_size: int, names: Sequence[str] = ()
    ) -> dict[str, np.ndarray]:
        """Output name -> array (N, …) for arrays (N, …) by the names of inputs, so many rows at once.

        Args:
            names: which outputs; all by default.
        """
        wanted = list(names or self.outputs)
        count = len(next(iter(inputs.values())))
        starts = range(0, max(count, 1), batch_size)  # of no rows a batch too, for the shapes
        pieces = [
            run(self._session, {name: rows[start : start + batch_size] for name, rows in inputs.items()}, wanted)
            for start in starts
        ]
        return {name: np.concatenate(parts) for name, parts in zip(wanted, zip(*pieces, strict=True), strict=True)}
