"""Why a Keras backend computes on no accelerator, as far as its libraries can tell; no part of any training."""

import sys
from collections.abc import Callable
from ctypes.util import find_library
from importlib.util import find_spec
from pathlib import Path

from registry.backend import NAME, has_accelerator

if NAME == "tensorflow":
    import tensorflow as tf
elif NAME == "torch":
    import torch

CUDA = ("cudart", "cublas", "cudnn")  # what each of the backends opens first
PLUGINS = ("jax_cuda12_plugin", "jax_cuda13_plugin", "jax_rocm60_plugin", "jax_rocm7_plugin")
BUILD = "was built without CUDA"
NO_DEVICE = "finds no device that it can use"


def hindrance() -> str:
    """What keeps the backend from an accelerator, to be read after its name; empty where one computes."""
    if has_accelerator():
        return ""
    if not _BUILT[NAME]():
        return BUILD
    lacking = [name for name in CUDA if not _is_there(name)] if NAME == "tensorflow" else []  # others bring their own
    return f"lacks the CUDA libraries {', '.join(lacking)}" if lacking else NO_DEVICE


def _is_there(library: str) -> bool:
    """Whether the loader finds a library, or a distribution of NVIDIA has brought it."""
    brought = (found for place in sys.path for found in Path(place).glob(f"nvidia/*/lib/lib{library}.so*"))
    return bool(find_library(library)) or any(brought)


_BUILT: dict[str, Callable[[], bool]] = {
    "tensorflow": lambda: bool(tf.test.is_built_with_cuda() or tf.test.is_built_with_rocm()),
    "torch": lambda: bool(torch.version.cuda or torch.version.hip or torch.backends.mps.is_built()),
    "jax": lambda: any(find_spec(name) for name in PLUGINS),
}
