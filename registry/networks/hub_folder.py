"""Vision transformers in a local folder of the Hugging Face layout: what its small files say, checked before all else.

``config.json`` describes the network, ``preprocessor_config.json`` its images, ``model.safetensors`` holds its weights.
Nothing is downloaded, and numbers that no such network has, or whose weights the file cannot hold, are one line.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from registry.errors import OptionError, WeightsError

CONFIG, IMAGES, WEIGHTS = "config.json", "preprocessor_config.json", "model.safetensors"
LARGEST = 1 << 20  # bytes of a small file
KINDS = ("vit", "dinov2", "dinov2_with_registers")  # `model_type`
MOST_TOKENS = 16_384  # of one image
COUNTS = {  # whole numbers of every kind, and the most that they can be
    "image_size": 4096,
    "patch_size": 256,
    "hidden_size": 16_384,
    "num_hidden_layers": 256,
    "num_attention_heads": 256,
}
SHARES = ("hidden_dropout_prob", "attention_probs_dropout_prob", "drop_path_rate")
FIXED: dict[str, Any] = {"num_channels": 3, "hidden_act": "gelu", "qkv_bias": True}  # the default where they are absent


@dataclass(frozen=True, slots=True)
class HubFolder:
    """A vision transformer on disk.

    Attributes:
        path: absolute, so that nobody takes it for a name on a hub.
        kind: one of `KINDS`.
        size, patch: pixels a side of the images that it learnt from, and of its patches.
        registers: tokens beside those of the patches and of the class.
        scale, offset: per channel, from pixels in [0, 1] to what the network reads.
        epsilon: of its layer normalisation, where the configuration says it.
    """

    path: str
    kind: str
    size: int
    patch: int
    registers: int
    scale: tuple[float, ...]
    offset: tuple[float, ...]
    epsilon: float | None


def hub_folder(path: str, example: str) -> HubFolder:
    """What a folder says of its network.

    Args:
        example: how the component is written, for messages.

    Raises:
        OptionError: no path is given.
        WeightsError: there is no such folder, a file is missing, or it says what cannot be.
    """
    if not path:
        raise OptionError(f"backbone 'keras-hub' needs a folder: {example}")
    folder = Path(path).resolve()
    if not folder.is_dir():
        raise WeightsError(
            f"no folder {path!r} for backbone 'keras-hub', which downloads nothing; "
            f"expected one with {CONFIG}, {IMAGES} and {WEIGHTS}: {example}"
        )
    for name in (CONFIG, IMAGES, WEIGHTS):
        if not (folder / name).is_file():
            raise WeightsError(
                f"{path!r} lacks {name}; expected {CONFIG}, {IMAGES} and {WEIGHTS}, the last in one piece"
            )
    config, images = _read(path, CONFIG), _read(path, IMAGES)
    _check_kind(path, config)
    _check_numbers(path, config)
    _check_weights(path, config, (folder / WEIGHTS).stat().st_size)
    epsilon = config.get("layer_norm_eps")
    return HubFolder(
        str(folder),
        config["model_type"],
        config["image_size"],
        config["patch_size"],
        config.get("num_register_tokens", 0),
        *_normalisation(path, images),
        None if epsilon is None else float(epsilon),
    )


def _read(path: str, name: str) -> dict[str, Any]:
    file = Path(path) / name
    try:
        size = file.stat().st_size
        said = json.loads(file.read_bytes() if size <= LARGEST else b"{}")
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"{name} of {path!r} is no JSON; expected the file as it was published") from error
    except OSError as error:
        raise WeightsError(f"{name} of {path!r} cannot be read ({error.strerror}); see its permissions") from error
    if size > LARGEST:
        raise WeightsError(f"{name} of {path!r} has {size:,} bytes; expected a small file of JSON")
    if not isinstance(said, dict):
        raise WeightsError(f"{name} of {path!r} holds {type(said).__name__}; expected an object of JSON")
    return said


def _check_kind(path: str, config: Mapping[str, Any]) -> None:
    kind = config.get("model_type")
    if kind not in KINDS or "registered_name" in config:
        raise WeightsError(f"{CONFIG} of {path!r}: model_type is one of {', '.join(KINDS)}, received {_shown(kind)}")
    for name, expected in FIXED.items():
        if config.get(name, expected) != expected:
            raise WeightsError(f"{CONFIG} of {path!r}: expected {name} {expected}, received {_shown(config[name])}")


def _check_numbers(path: str, config: Mapping[str, Any]) -> None:
    own = {"intermediate_size": 65_536} if config["model_type"] == "vit" else {}
    for name, most in {**COUNTS, **own}.items():
        _check(path, name, config.get(name), _is_count(config.get(name), 1, most), f"a whole number from 1 to {most:,}")
    registers = config.get("num_register_tokens", 0)
    _check(path, "num_register_tokens", registers, _is_count(registers, 0, 256), "a whole number from 0 to 256")
    for name in SHARES:
        share = config.get(name, 0)
        _check(path, name, share, _is_number(share, 0, 0.99), "a share below 1")
    epsilon = config.get("layer_norm_eps", 1e-6)
    _check(path, "layer_norm_eps", epsilon, _is_number(epsilon, 0, 1), "a small number")
    if config["model_type"] != "vit":
        ratio, scale = config.get("mlp_ratio"), config.get("layerscale_value")
        _check(path, "mlp_ratio", ratio, _is_number(ratio, 0.01, 64), "a number from .01 to 64")
        _check(path, "layerscale_value", scale, _is_number(scale, -1e6, 1e6), "a number")
        _check(
            path,
            "use_swiglu_ffn",
            config.get("use_swiglu_ffn"),
            config.get("use_swiglu_ffn") in (True, False),
            "a bool",
        )
    sides, heads = (config["image_size"], config["patch_size"]), (config["hidden_size"], config["num_attention_heads"])
    _check(path, "image_size", sides, sides[0] % sides[1] == 0, "a multiple of patch_size")
    _check(path, "hidden_size", heads, heads[0] % heads[1] == 0, "a multiple of num_attention_heads")


def _check(path: str, name: str, received: Any, fits: bool, expected: str) -> None:
    if not fits:
        raise WeightsError(f"{CONFIG} of {path!r}: {name} is {expected}, received {_shown(received)}")


def _check_weights(path: str, config: Mapping[str, Any], size_bytes: int) -> None:
    width = config["hidden_size"]
    inner = config.get("intermediate_size") or int(width * config["mlp_ratio"])
    cells = (config["image_size"] // config["patch_size"]) ** 2
    least = (
        config["num_hidden_layers"] * (4 * width**2 + width * inner) + (3 * config["patch_size"] ** 2 + cells) * width
    )
    if least > size_bytes:
        raise WeightsError(
            f"{CONFIG} of {path!r} describes a network of {least:,} weights or more, and {WEIGHTS} has "
            f"{size_bytes:,} bytes; they do not belong together, or the file is cut off"
        )


def _normalisation(path: str, images: Mapping[str, Any]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Scale and offset per channel, for pixels in [0, 1]."""
    factor = images.get("rescale_factor", 1 / 255) if images.get("do_rescale", True) else 1.0
    mean, deviation = [0.0] * 3, [1.0] * 3
    if images.get("do_normalize", True):
        mean, deviation = images.get("image_mean"), images.get("image_std")
    for name, values, least in (
        ("image_mean", mean, -1e6),
        ("image_std", deviation, 1e-6),
        ("rescale_factor", [factor] * 3, 1e-9),
    ):
        if not isinstance(values, list) or len(values) != 3 or not all(_is_number(one, least, 1e6) for one in values):
            raise WeightsError(
                f"{IMAGES} of {path!r}: {name} is not what three channels have, received {_shown(values)}"
            )
    return (
        tuple(255 * factor / one for one in deviation),
        tuple(-own / one for own, one in zip(mean, deviation, strict=True)),
    )


def _is_count(value: Any, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is_number(value: Any, least: float, most: float) -> bool:
    whole = isinstance(value, (int, float)) and not isinstance(value, bool)
    return whole and math.isfinite(value) and least <= value <= most


def _shown(value: Any) -> str:
    text = ascii(value)
    return text if len(text) <= 80 else f"{text[:79]}…"
