"""What a Keras backend does in its own way: gradients, determinism, threads, memory, the device, the feed.

But for `registry.kernels`, everything else speaks `keras.ops`.  The backend is the one Keras was imported with
(`KERAS_BACKEND`).
"""

import os
import platform
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np

from registry.ahead import Ahead, Batched
from registry.cores import keep_to, usable_cores
from registry.errors import ContractError
from registry.settings import settle

NAME = keras.backend.backend()
settle()
FIRST_WITH_BFLOAT16 = 8  # NVIDIA's compute capability: Ampere
DEPTH = 2  # batches that are drawn before a step asks for them: more even out no more than a few slow ones

# TensorFlow and JAX take an accelerator's whole memory when they first compute, and a second worker gets none.  Both
# read this then, and not when they are imported; what the user has set stays.
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

if NAME == "tensorflow":
    import tensorflow as tf
elif NAME == "jax":
    import jax
elif NAME == "torch":
    import torch
else:
    raise ImportError(f"Keras runs on {NAME!r}; set KERAS_BACKEND to tensorflow, jax or torch")


def gradient(function: Callable[[Any], Any], inputs: Any) -> tuple[np.ndarray, np.ndarray]:
    """The value of a function and the gradient of its sum with respect to its inputs.

    Args:
        function: differentiable, from one tensor to one tensor of any shape, by `keras.ops` and Keras layers.
        inputs: array or tensor of floats.

    Returns:
        value as NumPy array, gradient as NumPy array of the shape of `inputs`.

    Raises:
        ContractError: the value does not depend on the inputs in a differentiable way (JAX gives zeros instead).
    """
    value, slope = _GRADIENTS[NAME](function, keras.ops.convert_to_tensor(inputs))
    if slope is None:
        raise ContractError("no gradient: the value does not depend on its input through differentiable operations")
    return keras.ops.convert_to_numpy(value), keras.ops.convert_to_numpy(slope)


@contextmanager
def feed(batches: Batched) -> Iterator[Any]:
    """What `fit(shuffle=False)` and its validation take batches from, in order, the next few drawn during a step.

    Each pass asks for every batch anew, so they may depend on a state that changes between two passes.  Whatever is
    raised by a batch is raised by the block that trains on it, and no thread outlives the block.

    Args:
        batches: tuples of arrays, alike but for their first axis.
    """
    if NAME != "tensorflow":
        with closing(Ahead(batches, DEPTH)) as ahead:
            yield ahead
        return
    raised: list[Exception] = []
    try:
        yield _dataset(batches, raised)
    except tf.errors.OpError as error:
        if raised:  # TensorFlow tells of it in words alone
            raise raised[0] from error
        raise


def training_pass(network: keras.Model) -> Callable[[np.ndarray], None]:
    """A function that runs a batch of images forward through a network as in training, for what its layers keep.

    Weights stay; moving statistics and seed generators move.  What layers are set to counts when it is first called.
    """
    return _TRAINING_PASSES[NAME](network)


def set_threads(threads: int) -> None:
    """Limit the CPU threads of the backend; before the first operation.

    Raises:
        RuntimeError: TensorFlow is already running with another number.
    """
    if NAME == "tensorflow":
        threading = tf.config.threading
        if threading.get_intra_op_parallelism_threads() != threads:
            threading.set_intra_op_parallelism_threads(threads)
        if threading.get_inter_op_parallelism_threads() != threads:
            threading.set_inter_op_parallelism_threads(threads)
    elif NAME == "torch":
        torch.set_num_threads(threads)
    else:  # XLA on the CPU has no such setting; it takes the cores that the process may use when it first computes
        keep_to(threads)


def enable_determinism(threads: int) -> None:
    """Make equal seeds give equal bits on this machine, at a fixed number of CPU threads; before the first operation.

    Sums are split by thread, so another number of threads gives other bits.
    """
    set_threads(threads)
    if NAME == "tensorflow":
        tf.config.experimental.enable_op_determinism()
    elif NAME == "torch":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
    else:  # read when XLA first computes, not when JAX is imported
        flags = [*os.environ.get("XLA_FLAGS", "").split(), "--xla_gpu_deterministic_ops=true"]
        os.environ["XLA_FLAGS"] = " ".join(dict.fromkeys(flags))


def device_name() -> str:
    """The device that computes, in words: the accelerator's name, else the processor's."""
    if NAME == "tensorflow":
        found = tf.config.list_physical_devices("GPU")
        names = [tf.config.experimental.get_device_details(gpu).get("device_name", "GPU") for gpu in found]
    elif NAME == "torch":
        names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    else:
        names = [device.device_kind for device in jax.devices() if device.platform != "cpu"]
    return names[0] if names else f"{_processor()}, {usable_cores()} CPUs"


def has_accelerator() -> bool:
    """Whether something other than the processor computes."""
    if NAME == "tensorflow":
        return any(device.device_type != "CPU" for device in tf.config.list_physical_devices())
    if NAME == "torch":
        return bool(torch.cuda.is_available())
    return bool(jax.default_backend() != "cpu")


def best_precision() -> str:
    """The dtype policy that the device does well: mixed_bfloat16 where it has units for it, else float32.

    Not mixed_float16, whose range is so small that it needs loss scaling: that one is for whoever asks.
    """
    if not has_accelerator():
        return "float32"  # processors mostly convert bfloat16 back and forth
    if NAME == "tensorflow":
        found = [tf.config.experimental.get_device_details(gpu) for gpu in tf.config.list_physical_devices("GPU")]
        capabilities = [details.get("compute_capability", (0, 0))[0] for details in found]
    elif NAME == "torch":
        capabilities = [torch.cuda.get_device_capability(i)[0] for i in range(torch.cuda.device_count())]
    else:  # a TPU has no compute capability; bfloat16 was made for it
        told = [str(getattr(device, "compute_capability", FIRST_WITH_BFLOAT16)) for device in jax.devices()]
        capabilities = [int(capability.partition(".")[0]) for capability in told]
    return "mixed_bfloat16" if min(capabilities, default=0) >= FIRST_WITH_BFLOAT16 else "float32"


def compiles() -> bool:
    """Whether XLA is worth trying: always with JAX; with TensorFlow on an accelerator; PyTorch has none.

    On a processor TensorFlow's own kernels are the faster ones.
    """
    return NAME == "jax" or (NAME == "tensorflow" and has_accelerator())


def executes_several_steps() -> bool:
    """Whether it pays that several training steps are one execution; Keras's trainer for PyTorch has no such thing.

    On a processor a step takes so long that what lies between two does not count.
    """
    return NAME != "torch" and has_accelerator()


def is_not_compilable(error: BaseException) -> bool:
    """Whether a backend's error means that XLA lacks an operation of the network."""
    return NAME == "tensorflow" and isinstance(error, tf.errors.InvalidArgumentError) and "XLA" in str(error)


def peak_memory_bytes() -> int:
    """The most memory that this process has held: on the accelerator where there is one, else in RAM."""
    if NAME == "tensorflow" and tf.config.list_physical_devices("GPU"):
        return int(tf.config.experimental.get_memory_info("GPU:0")["peak"])
    if NAME == "torch" and torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    if NAME == "jax" and (statistics := jax.devices()[0].memory_stats()):
        return int(statistics["peak_bytes_in_use"])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # Linux counts kilobytes, macOS bytes


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a backend's error means that memory ran out."""
    if isinstance(error, MemoryError):
        return True
    if NAME == "tensorflow":
        return isinstance(error, tf.errors.ResourceExhaustedError)
    if NAME == "torch":
        return isinstance(error, torch.OutOfMemoryError)
    return "RESOURCE_EXHAUSTED" in str(error)


def _dataset(batches: Batched, raised: list[Exception]) -> Any:
    """A `tf.data.Dataset` of batches, which keeps what they raise."""

    def drawn() -> Iterator[tuple[np.ndarray, ...]]:
        try:
            for step in range(len(batches)):
                yield batches[step]
        except Exception as error:
            raised.append(error)
            raise

    signature = tuple(tf.TensorSpec((None, *array.shape[1:]), array.dtype) for array in batches[0])
    dataset = tf.data.Dataset.from_generator(drawn, output_signature=signature)
    options = tf.data.Options()
    # The autotuner's thread sleeps for 10 ms, 20, 40, ... 60 s, and the end of an iterator waits until it wakes.
    options.autotune.enabled = False
    counted = dataset.apply(tf.data.experimental.assert_cardinality(len(batches)))
    return counted.prefetch(DEPTH).with_options(options)


def _tensorflow_gradient(function: Callable[[Any], Any], inputs: Any) -> tuple[Any, Any]:
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        value = function(inputs)
    return value, tape.gradient(value, inputs)  # a tape differentiates the sum


def _jax_gradient(function: Callable[[Any], Any], inputs: Any) -> tuple[Any, Any]:
    def total(tensor: Any) -> tuple[Any, Any]:
        value = function(tensor)
        return value.sum(), value

    (_, value), slope = jax.value_and_grad(total, has_aux=True)(inputs)
    return value, slope


def _torch_gradient(function: Callable[[Any], Any], inputs: Any) -> tuple[Any, Any]:
    inputs = inputs.detach().requires_grad_(True)
    with torch.enable_grad():
        value = function(inputs)
    if not value.requires_grad:
        return value.detach(), None
    (slope,) = torch.autograd.grad(value.sum(), inputs, allow_unused=True)
    return value.detach(), slope


def _tensorflow_training_pass(network: keras.Model) -> Callable[[np.ndarray], None]:
    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def forward(images: Any) -> None:
        network(images, training=True)

    return lambda images: forward(tf.convert_to_tensor(images))


def _jax_training_pass(network: keras.Model) -> Callable[[np.ndarray], None]:
    @jax.jit  # type: ignore[untyped-decorator]
    def forward(weights: Any, others: Any, images: Any) -> Any:
        return network.stateless_call(weights, others, images, training=True)[1]

    def run(images: np.ndarray) -> None:
        others = network.non_trainable_variables
        values = [variable.value for variable in network.trainable_variables], [variable.value for variable in others]
        for variable, value in zip(others, forward(*values, images), strict=True):
            variable.assign(value)

    return run


def _torch_training_pass(network: keras.Model) -> Callable[[np.ndarray], None]:
    def run(images: np.ndarray) -> None:
        with torch.no_grad():
            network(keras.ops.convert_to_tensor(images), training=True)

    return run


_TRAINING_PASSES = {
    "tensorflow": _tensorflow_training_pass,
    "jax": _jax_training_pass,
    "torch": _torch_training_pass,
}
_GRADIENTS = {"tensorflow": _tensorflow_gradient, "jax": _jax_gradient, "torch": _torch_gradient}


def _processor() -> str:
    described = Path("/proc/cpuinfo")
    lines = described.read_text().splitlines() if described.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
