"""A whole classifier in an ONNX file, asked about prepared images; Keras is not imported."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.data.predicted_table import FLOOR, SUM_TOLERANCE
from benchmark.data.value_range import read_range
from registry.errors import ConfigError, ContractError
from registry.networks.onnx_file import ImageInput, OnnxFile, checked, image_input, run, session, shown

if TYPE_CHECKING:
    from benchmark.tasks.spec import Classifier

TRIED = 3  # images on which a file is tried


class OnnxClassifier:
    """Logits of images.

    Args:
        path: of the file.
        asked: how it is asked.
        size: side of the images in pixels.
        threads: that it computes on.

    Raises:
        BenchError: it cannot be used, or does not fit what is said of it; one line says why.
    """

    def __init__(self, path: Path, asked: "Classifier", size: int, threads: int) -> None:
        self.path, self.asked, self.size = path, asked, size
        self.file: OnnxFile = checked(path)
        self.input: ImageInput = image_input(self.file)
        self.scale = read_range(asked.range, asked.channels)
        self._check()
        self.session: Any = session(path, threads=threads)
        self.clipped = 0
        self.single = False

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """(n, K) logits, a column for each class in the order of `asked.order`.

        Args:
            images: uint8 (n, S, S).
        """
        answers = self._answers(images)
        return answers if self.asked.outputs == "logits" else self._logarithms(answers)

    def try_out(self) -> str:
        """Ask it about a few images; gives in words how it is asked.

        Raises:
            BenchError: its answers are not what was said.
        """
        levels = np.random.default_rng(0).integers(0, 256, (TRIED, self.size, self.size), np.uint8)
        answers = self(levels)
        if self.asked.outputs == "logits":
            self._check_logits(answers)
        layout = "channels first" if self.input.channels_first else "channels last"
        (taken,) = self.file.inputs
        return (
            f"{self.path.name}: takes {taken.dtype} {shown(taken)}, {layout}, grey levels as {self.asked.range}; "
            f"answers {self._answered()}"
        )

    def _answers(self, images: np.ndarray) -> np.ndarray:
        """(n, K) as `asked.outputs` says; of a single answer for two classes the column of the first is worked out."""
        (answers,) = run(self.session, {self.input.name: self._seen(images)}, [self.file.outputs[0].name])
        count, classes = len(images), len(self.asked.order)
        self.single = classes == 2 and np.shape(answers) in ((count,), (count, 1))
        if not self.single and np.shape(answers) != (count, classes):
            raise ContractError(
                f"{self.path.name} answers {np.shape(answers)} for {count} images, expected {(count, classes)}, a "
                f"column for each of {', '.join(self.asked.order)}"
            )
        found: np.ndarray = np.asarray(answers, float)
        if not np.isfinite(found).all():
            raise ContractError(f"{self.path.name} answers NaN or infinity; see --range, received {self.asked.range}")
        if not self.single:
            return found
        second = found.reshape(count)
        first = np.zeros(count) if self.asked.outputs == "logits" else 1 - second
        return np.stack([first, second], axis=1)

    def _answered(self) -> str:
        first, *others = self.asked.order
        if self.single:  # as binary cross-entropy trains it
            one = "one logit" if self.asked.outputs == "logits" else "one probability"
            return f"{one}, that of {others[0]}, the second of --classes, against {first}"
        return f"{self.asked.outputs} of {', '.join(self.asked.order)}"

    def _check_logits(self, answers: np.ndarray) -> None:
        """See that they are no probabilities; a single number tells that only by the operator that it comes from."""
        name, use = self.path.name, "so these are no logits; use --outputs probabilities"
        if not self.single and _sum_to_one(answers).all():
            raise ConfigError(f"{name} answers numbers from 0 to 1 that add up to 1, {use}")
        if self.single and self.file.last == "Sigmoid":
            raise ConfigError(f"{name} answers what a sigmoid gives, {use}")

    def _check(self) -> None:
        found, name = self.input, self.path.name
        if len(self.file.outputs) != 1:
            few = ", ".join(repr(one.name[:40]) for one in self.file.outputs[:8])
            raise ContractError(f"{name} has {len(self.file.outputs)} outputs ({few}), expected one of shape (B, K)")
        if found.channels != self.asked.channels:
            raise ConfigError(f"{name} takes {found.channels} channel(s), --channels says {self.asked.channels}")
        if any(side not in (None, self.size) for side in found.size):
            sides = "×".join("?" if side is None else str(side) for side in found.size)
            raise ConfigError(f"{name} takes images of {sides} pixels, --size says {self.size}")
        if found.dtype == "uint8" and set(self.scale.factors) | set(self.scale.offsets) != {1.0, 0.0}:
            raise ConfigError(f"{name} takes whole numbers (uint8), so its range is 0..255, not {self.asked.range}")

    def _seen(self, images: np.ndarray) -> np.ndarray:
        """(n, C, S, S) or (n, S, S, C), as the file takes them."""
        if self.input.dtype == "uint8":
            channels = [images] * self.asked.channels
        else:
            pairs = zip(*self.scale, strict=True)
            channels = [images.astype(np.float32) * np.float32(factor) + np.float32(shift) for factor, shift in pairs]
        return np.stack(channels, axis=1 if self.input.channels_first else 3).astype(self.input.dtype, copy=False)

    def _logarithms(self, probabilities: np.ndarray) -> np.ndarray:
        if not _sum_to_one(probabilities).all():
            raise ConfigError(f"{self.path.name} answers {self._shown(probabilities[0])}; use --outputs logits")
        self.clipped += int((probabilities < FLOOR).any(axis=1).sum())
        return np.log(np.maximum(probabilities, FLOOR))

    def _shown(self, row: np.ndarray) -> str:
        if self.single:
            return f"{round(float(row[1]), 3)}, which is no probability"
        return f"{np.round(row, 3).tolist()}, which are no probabilities that add up to 1"


def _sum_to_one(answers: np.ndarray) -> np.ndarray:
    """(n,) whether each row might be probabilities of all classes."""
    inside = ((answers >= -1e-6) & (answers <= 1 + 1e-6)).all(axis=1)
    return inside & (np.abs(answers.sum(axis=1) - 1) <= SUM_TOLERANCE)
