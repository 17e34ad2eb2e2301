"""Any network as an ONNX file: what it makes of images, as it is, for heads that are no networks."""

import math
from typing import Literal

import numpy as np

from registry.cores import usable_cores
from registry.errors import ContractError, OptionError
from registry.networks.onnx_file import OnnxFile, checked, image_input, run, session
from registry.networks.onnx_images import Span, check_span, taken

cxr_bench_libraries = ["onnxruntime"]

EXAMPLE = "onnx[path=network.onnx,range=imagenet]"
PROBED = 2  # images
SMALLEST = 32  # pixels a side of the images that a file is tried with where the run leaves them open
MOST = 65_536  # features
AXES = {"first": (2, 3), "last": (1, 2)}  # which are pooled, by where the channels are


class OnnxFeatures:
    """What a file makes of images, as a `registry.contracts.FeaturePredictor`.

    Attributes:
        parameters: numbers in the file.
    """

    def __init__(self, found: OnnxFile, output: str, span: Span, channels: int | None, maps: str | None) -> None:
        self.path, self.parameters = found.path, found.numbers
        self._input = image_input(found, channels=channels)
        check_span(found.path, self._input, span)
        self._span = span
        self._session = session(found.path, threads=usable_cores(), outputs=[output or found.outputs[0].name])
        self._pooled = AXES[maps or ("first" if self._input.channels_first else "last")]

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Features float32 (B, C) of images float32 (B, H, W, 1) in [0, 1].

        Raises:
            ContractError: the file fails on them, or gives no features.
        """
        if not len(images):
            return self.predict(np.zeros((1, *images.shape[1:]), np.float32))[:0]
        (given,) = run(self._session, {self._input.name: taken(images, self._input, self._span)})
        fits = isinstance(given, np.ndarray) and given.ndim in (2, 4) and len(given) == len(images)
        if not fits or not np.issubdtype(given.dtype, np.floating) or math.prod(given.shape[1:]) == 0:
            received = f"{getattr(given, 'dtype', type(given).__name__)} {getattr(given, 'shape', '')}"
            raise ContractError(
                f"{self.path!r} gives no features of {len(images)} images: expected numbers (B, C) or a map of four "
                f"axes, received {received}; name another tensor with output=NAME"
            )
        features = given if given.ndim == 2 else given.mean(axis=self._pooled, dtype=np.float64)
        if features.shape[1] > MOST:
            raise ContractError(
                f"{self.path!r} gives {features.shape[1]:,} features an image, expected at most {MOST:,}; "
                "name a tensor behind its pooling with output=NAME"
            )
        return features.astype(np.float32)


def onnx(
    image_shape: tuple[int | None, int | None, int],
    *,
    path: str = "",
    output: str = "",
    range: Span = "0..1",
    channels: Literal[None, 1, 3] = None,
    maps: Literal[None, "first", "last"] = None,
) -> OnnxFeatures:
    """An ONNX file of any origin, as it is: numbers per image, or a feature map, which is averaged.

    Images become as large as the file says; where it leaves that open they stay as they are.  Grey ones fill three
    channels alike.  Nothing of it is trained, so heads on it are no networks.

    Args:
        path: the file, with all of its numbers inside; see `registry.networks.onnx_content` for what is refused.
        output: the tensor to take, an output or one on the way; by default the first output.
        range: what the file's pixels lie in; ``imagenet`` is torchvision's normalisation.
        channels: where the file leaves them open.
        maps: where a feature map has its channels; by default where the images have theirs.

    Raises:
        OptionError: no path is given.
        WeightsError: no such file, it is no ONNX file, or ONNX is not installed.
        ContractError: it holds what is refused, takes no images, or gives no features at this size.
    """
    if not path:
        raise OptionError(f"backbone 'onnx' needs the path of a network: {EXAMPLE}")
    found = checked(path)
    if not found.outputs:
        raise ContractError(f"{path!r} has no output; export the network again")
    predictor = OnnxFeatures(found, output, range, channels, maps)
    sides = [side or SMALLEST for side in image_shape[:2]]
    predictor.predict(np.zeros((PROBED, *sides, 1), np.float32))
    return predictor


onnx.untrained = True  # type: ignore[attr-defined]
