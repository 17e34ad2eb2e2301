"""Features of what a classifier sees, which heads that are no networks learn from: of a network, or of a predictor.

A network's are the means of its last map.  A predictor is made anew by its factory wherever it predicts; of the files
that its options name, an artefact or a run keeps copies, which then take their place.
"""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import numpy as np

from benchmark.models.inference import outputs, unit, warm_up
from benchmark.models.predictor import load_backbone, pooled
from registry.declarations import parameters_of
from registry.errors import ContractError
from registry.lookup import find, load

if TYPE_CHECKING:
    from benchmark.tasks.spec import Component, RunSpec

NETWORK = "backbone.keras"
COPY = "backbone-{}"  # of the file that an option of that name names, before its suffix
PROBED = 2  # images


class Extractor(NamedTuple):
    """What turns views into features.

    Attributes:
        features: views uint8 (n,H,W), and how many at once -> float32 (n,C).
        warm_up: the same two and n; has everything compiled that n views need.
        parameters: that it has learnt; None where nobody knows.
        channels: C.
    """

    features: Callable[[np.ndarray, int], np.ndarray]
    warm_up: Callable[[np.ndarray, int, int], None]
    parameters: int | None
    channels: int


def of_network(backbone: keras.Model, size: int) -> Extractor:
    """The means of a network's last map, of views of so many pixels a side."""
    network = pooled(backbone, size)
    return Extractor(
        lambda views, batch_size: outputs(network, views[..., None], batch_size),
        lambda views, batch_size, count: warm_up(network, views[:batch_size][..., None], batch_size, count),
        backbone.count_params(),
        network.outputs[0].shape[-1],
    )


def of_predictor(name: str, predictor: Any, size: int) -> Extractor:
    """What a `registry.contracts.FeaturePredictor` gives.

    Raises:
        ContractError: that is no features.
    """

    def features(views: np.ndarray, batch_size: int) -> np.ndarray:
        starts = range(0, len(views), batch_size)
        return np.concatenate([_predicted(name, predictor, views[start : start + batch_size]) for start in starts])

    channels = features(np.zeros((PROBED, size, size), np.uint8), PROBED).shape[1]
    return Extractor(features, lambda views, batch_size, count: None, parameters_of(predictor), channels)


def load_extractor(files: Mapping[str, Path], spec: "RunSpec") -> Extractor:
    """The extractor that a run keeps.

    Args:
        files: of its models, by the names that a run's folder gives them.

    """
    size = spec.images.size
    if NETWORK in files:
        return of_network(load_backbone(files[NETWORK], spec), size)
    copies = {name.partition(".")[0]: str(path) for name, path in files.items()}
    options = {option: copies.get(COPY.format(option), value) for option, value in spec.backbone.options.items()}
    predictor = load(find("backbone", spec.backbone.name))((size, size, 1), **options)
    return of_predictor(spec.backbone.name, predictor, size)


def keep_files(component: "Component", folder: Path) -> None:
    """Put copies of the files that a component's options name into a folder."""
    for option, path in named_files(component).items():
        shutil.copy(path, folder / f"{COPY.format(option)}.{path.suffix.removeprefix('.')}")


def named_files(component: "Component") -> dict[str, Path]:
    """Option -> the file that it names."""
    texts = {option: Path(value) for option, value in component.options.items() if isinstance(value, str) and value}
    return {option: path for option, path in texts.items() if path.is_file()}


def _predicted(name: str, predictor: Any, views: np.ndarray) -> np.ndarray:
    given = np.asarray(predictor.predict(unit(views)))
    if given.ndim != 2 or len(given) != len(views) or given.dtype != np.float32:
        raise ContractError(
            f"backbone {name!r} does not give features float32 ({len(views)}, C), "
            f"received {given.dtype} {given.shape}; see registry.contracts"
        )
    return given
