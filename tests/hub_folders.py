"""Small vision transformers of random weights in folders of the Hugging Face layout, and what they compute, by hand."""

import json

import numpy as np
import pytest

numpy_files = pytest.importorskip("safetensors.numpy", reason="pip install 'cxr-bench[hub]'")

WIDTH, HEADS, LAYERS, INNER, SIZE, PATCH, REGISTERS = 16, 2, 2, 32, 32, 8, 3
CELLS = SIZE // PATCH
COMMON = {
    "image_size": SIZE, "patch_size": PATCH, "hidden_size": WIDTH, "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "qkv_bias": True,
    "num_channels": 3, "hidden_act": "gelu", "layer_norm_eps": 1e-6,
}  # fmt: skip
CONFIGS = {
    "vit": {**COMMON, "model_type": "vit", "intermediate_size": INNER},
    "dinov2": {
        **COMMON, "model_type": "dinov2", "mlp_ratio": INNER / WIDTH, "layerscale_value": 1.0, "drop_path_rate": 0.0,
        "use_swiglu_ffn": False,
    },
    "dinov2_with_registers": {
        **COMMON, "model_type": "dinov2_with_registers", "mlp_ratio": INNER / WIDTH, "layerscale_value": 1.0,
        "drop_path_rate": 0.0, "use_swiglu_ffn": False, "num_register_tokens": REGISTERS,
    },
}  # fmt: skip
IMAGES = {"do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True, "image_mean": [0.5, 0.4, 0.3],
          "image_std": [0.2, 0.25, 0.3]}  # fmt: skip


def folder(place, kind="vit", *, silent=False, config=None, images=None):
    """The path of a new folder.

    Args:
        silent: what attention and perceptrons add is nothing, so that tokens are those of the patches.
        config, images: what is said otherwise than it is.
    """
    place.mkdir(exist_ok=True)
    (place / "config.json").write_text(json.dumps({**CONFIGS[kind], **(config or {})}))
    (place / "preprocessor_config.json").write_text(json.dumps({**IMAGES, **(images or {})}))
    numpy_files.save_file(weights(kind, silent), place / "model.safetensors")
    return str(place)


def weights(kind="vit", silent=False):
    """Name -> array."""
    random = np.random.default_rng(5)
    start = "vit." if kind == "vit" else ""

    def drawn(*shape, scale=0.3):
        return (scale * random.normal(size=shape)).astype(np.float32)

    found = {
        f"{start}embeddings.cls_token": drawn(1, 1, WIDTH),
        f"{start}embeddings.position_embeddings": drawn(1, 1 + CELLS**2, WIDTH),
        f"{start}embeddings.patch_embeddings.projection.weight": drawn(WIDTH, 3, PATCH, PATCH),
        f"{start}embeddings.patch_embeddings.projection.bias": drawn(WIDTH),
        f"{start}layernorm.weight": 1 + drawn(WIDTH),
        f"{start}layernorm.bias": drawn(WIDTH),
    }
    if kind != "vit":
        found["embeddings.mask_token"] = drawn(1, WIDTH)
    if kind == "dinov2_with_registers":
        found["embeddings.register_tokens"] = drawn(1, REGISTERS, WIDTH)
    for number in range(LAYERS):
        layer = f"{start}encoder.layer.{number}"
        found |= {
            f"{layer}.attention.attention.{name}.weight": drawn(WIDTH, WIDTH) for name in ("query", "key", "value")
        }
        found |= {f"{layer}.attention.attention.{name}.bias": drawn(WIDTH) for name in ("query", "key", "value")}
        norms, dense = (("layernorm_before", "layernorm_after"), ("intermediate.dense", "output.dense"))
        if kind != "vit":
            norms, dense = (("norm1", "norm2"), ("mlp.fc1", "mlp.fc2"))
            found |= {f"{layer}.layer_scale{n}.lambda1": 1 + drawn(WIDTH) for n in (1, 2)}
        for name in norms:
            found |= {f"{layer}.{name}.weight": 1 + drawn(WIDTH), f"{layer}.{name}.bias": drawn(WIDTH)}
        found |= {f"{layer}.{dense[0]}.weight": drawn(INNER, WIDTH), f"{layer}.{dense[0]}.bias": drawn(INNER)}
        for name, width in (("attention.output.dense", WIDTH), (dense[1], INNER)):
            scale = 0 if silent else 0.3
            found |= {
                f"{layer}.{name}.weight": drawn(WIDTH, width, scale=scale),
                f"{layer}.{name}.bias": drawn(WIDTH, scale=scale),
            }
    return found
