"""What might make a training step on a processor shorter: settings of the libraries, and layers computed otherwise."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import keras
import tensorflow as tf
from keras import layers

from benchmark.models import augmentation
from registry.kernels import change_some

Change = Callable[[keras.Model], None]
OURS = "ours"
ONES = [1, 1, 1, 1]  # strides


class Candidate(NamedTuple):
    """What is changed beside a step whose convolutions are Keras's, and what that does to what is learnt."""

    what: str
    learnt: str = "roundings"
    environment: Mapping[str, str] = {}
    change: Change = lambda network: None


def keras_convolutions(network: keras.Model) -> None:
    """Undo what `quick_layers` does to convolutions, and turn whole batches of images."""
    for layer in network._flatten_layers(include_self=False):
        if isinstance(layer, layers.Conv2D | layers.SeparableConv2D):
            vars(layer).pop("call", None)
            vars(layer).pop("convolution_op", None)
    augmentation.change_some = _all_changed


def _all_changed(change: Callable[..., Any], chosen: Any, images: Any, *others: Any) -> Any:
    return tf.where(chosen[:, None, None, None], change(images, *others), images)


# --- pointwise convolutions -------------------------------------------------------------------------------------------


@tf.custom_gradient  # type: ignore[untyped-decorator]
def _pointwise(images: Any, kernel: Any) -> Any:
    """A convolution of one cell, whose kernel's gradient is a product of two matrices."""

    def gradient(slope: Any) -> Any:
        inputs, outputs = kernel.shape[2:]
        back = tf.raw_ops.Conv2DBackpropInput(
            input_sizes=tf.shape(images), filter=kernel, out_backprop=slope, strides=ONES, padding="SAME"
        )
        product = tf.matmul(tf.reshape(images, (-1, inputs)), tf.reshape(slope, (-1, outputs)), transpose_a=True)
        return back, product[None, None]

    return tf.nn.conv2d(images, kernel, 1, "SAME"), gradient


def _product(images: Any, kernel: Any) -> Any:
    """The same, forward and back, as products of matrices."""
    inputs, outputs = kernel.shape[2:]
    shape = tf.concat([tf.shape(images)[:3], [outputs]], axis=0)
    return tf.reshape(tf.matmul(tf.reshape(images, (-1, inputs)), kernel[0, 0]), shape)


# --- depthwise convolutions -------------------------------------------------------------------------------------------


def _depthwise(images: Any, kernel: Any) -> Any:
    return tf.nn.depthwise_conv2d(images, kernel, ONES, "SAME")


@tf.custom_gradient  # type: ignore[untyped-decorator]
def _turned(images: Any, kernel: Any) -> Any:
    """Its input's gradient as a depthwise convolution with the kernel turned by half a circle."""

    def gradient(slope: Any) -> Any:
        filters = tf.nn.depthwise_conv2d_backprop_filter(images, kernel.shape, slope, ONES, "SAME")
        if kernel.shape[3] > 1:
            return tf.nn.depthwise_conv2d_backprop_input(tf.shape(images), kernel, slope, ONES, "SAME"), filters
        return _depthwise(slope, kernel[::-1, ::-1]), filters

    return _depthwise(images, kernel), gradient


@tf.custom_gradient  # type: ignore[untyped-decorator]
def _grouped(images: Any, kernel: Any) -> Any:
    """Forward as a convolution in groups; TensorFlow has no gradient of one on processors."""
    height, width, channels, several = kernel.shape
    dense = tf.reshape(kernel, (height, width, 1, channels * several))

    def gradient(slope: Any) -> Any:
        return (
            tf.nn.depthwise_conv2d_backprop_input(tf.shape(images), kernel, slope, ONES, "SAME"),
            tf.nn.depthwise_conv2d_backprop_filter(images, kernel.shape, slope, ONES, "SAME"),
        )

    return tf.nn.conv2d(images, dense, 1, "SAME"), gradient


def _shifted(images: Any, kernel: Any) -> Any:
    """Shifts, multiplications and a sum."""
    height, width, _, several = kernel.shape
    if several > 1:
        return _depthwise(images, kernel)
    rows, columns = tf.shape(images)[1], tf.shape(images)[2]
    above, left = height // 2, width // 2
    wide = tf.pad(images, [[0, 0], [above, above], [left, left], [0, 0]])
    parts = [
        wide[:, row : row + rows, column : column + columns] * kernel[row, column, :, 0]
        for row in range(height)
        for column in range(width)
    ]
    return tf.add_n(parts)


# --- layers that are computed by them ---------------------------------------------------------------------------------


def _separable(network: keras.Model, depthwise: Callable[..., Any], pointwise: Callable[..., Any]) -> None:
    """Separable convolutions of stride 1, and convolutions of one cell, by these two functions."""
    for layer in network._flatten_layers(include_self=False):
        if _replaceable(layer, layers.SeparableConv2D):
            layer.call = partial(_separately, layer, depthwise, pointwise)
        elif _replaceable(layer, layers.Conv2D) and layer.kernel_size == (1, 1):
            layer.call = partial(lambda layer, images: pointwise(images, layer.kernel.value), layer)


def _separately(layer: Any, depthwise: Callable[..., Any], pointwise: Callable[..., Any], images: Any) -> Any:
    return pointwise(depthwise(images, layer.depthwise_kernel.value), layer.pointwise_kernel.value)


def _replaceable(layer: Any, kind: type) -> bool:
    plain = type(layer) is kind and layer.strides == (1, 1) and layer.padding == "same" and not layer.use_bias
    return plain and layer.activation is keras.activations.linear


def _convolved(images: Any, kernel: Any) -> Any:
    return tf.nn.conv2d(images, kernel, 1, "SAME")


def wide_pointwise(network: keras.Model, least: int) -> None:
    """Gradients of pointwise kernels as products, from so many channels on."""

    def pointwise(images: Any, kernel: Any) -> Any:
        return (_pointwise if min(kernel.shape[2:]) >= least else _convolved)(images, kernel)

    _separable(network, _depthwise, pointwise)


def some_turned(network: keras.Model) -> None:
    """Only those images are doubled and turned that are chosen."""
    augmentation.change_some = change_some


def one_convolution(network: keras.Model, most: int) -> None:
    """Separable convolutions of so few channels as one dense convolution, by the product of their kernels."""
    for layer in network._flatten_layers(include_self=False):
        if _replaceable(layer, layers.SeparableConv2D) and layer.depthwise_kernel.shape[2] <= most:
            layer.call = partial(_densely, layer)


def _densely(layer: Any, images: Any) -> Any:
    depth, point = layer.depthwise_kernel.value, layer.pointwise_kernel.value
    channels, several = depth.shape[2:]
    mixed = tf.reshape(point, (channels, several, -1))
    return _convolved(images, tf.einsum("hwcm,cmo->hwco", depth, mixed))


# --- the step ---------------------------------------------------------------------------------------------------------


def several_steps(network: keras.Model) -> None:
    """Eight to an execution."""
    network.compile(network.optimizer, network.loss, jit_compile=False, steps_per_execution=8)


def keras_adam(network: keras.Model) -> None:
    """Keras's own, of many operations for each variable."""
    network.compile(keras.optimizers.Adam(1e-3), network.loss, jit_compile=False)


def descent(network: keras.Model) -> None:
    """No Adam at all: what is left is what no optimizer could save."""
    network.compile(keras.optimizers.SGD(1e-3), network.loss, jit_compile=False)


def keras_normalisation(network: keras.Model) -> None:
    """Batch normalisations of many operations each."""
    for layer in network._flatten_layers(include_self=False):
        if isinstance(layer, layers.BatchNormalization):
            vars(layer).pop("call", None)


CANDIDATES = {
    "the same again": Candidate("the step beside itself: what chance does", "the same bits"),
    "ours": Candidate("**all that is kept: the three below marked so**"),
    "chosen": Candidate("**kept: only chosen images are doubled and turned**", "the same bits", change=some_turned),
    "filter products": Candidate(
        "gradients of pointwise kernels as a product of matrices", change=partial(wide_pointwise, least=1)
    ),
    "wide filter products": Candidate(
        "the same from 64 channels on", change=partial(wide_pointwise, least=64)
    ),
    "products": Candidate(
        "pointwise convolutions as products, forward and back",
        change=partial(_separable, depthwise=_depthwise, pointwise=_product),
    ),
    "turned": Candidate(
        "input gradients of depthwise convolutions as a convolution with the turned kernel",
        change=partial(_separable, depthwise=_turned, pointwise=_convolved),
    ),
    "grouped": Candidate(
        "depthwise convolutions forward as one in groups",
        change=partial(_separable, depthwise=_grouped, pointwise=_convolved),
    ),
    "shifts": Candidate(
        "depthwise convolutions as shifts and multiply-adds",
        change=partial(_separable, depthwise=_shifted, pointwise=_convolved),
    ),
    "first dense": Candidate(
        "**kept: the first separable layer, of one channel, as one dense convolution**",
        change=partial(one_convolution, most=1),
    ),
    "16 dense": Candidate("the same of all with at most 16 channels", change=partial(one_convolution, most=16)),
    "keras normalisation": Candidate("batch normalisation as Keras computes it", change=keras_normalisation),
    "keras adam": Candidate("Adam as Keras computes it", change=keras_adam),
    "no adam": Candidate("plain descent: all that another Adam could save", "another training", change=descent),
    "no oneDNN": Candidate("`TF_ENABLE_ONEDNN_OPTS=0`", environment={"TF_ENABLE_ONEDNN_OPTS": "0"}),
    "bfloat16": Candidate(
        "`ONEDNN_DEFAULT_FPMATH_MODE=BF16`", "another training", {"ONEDNN_DEFAULT_FPMATH_MODE": "BF16"}
    ),
    "primitives": Candidate(
        "`ONEDNN_PRIMITIVE_CACHE_CAPACITY=8192`", "the same bits", {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "8192"}
    ),
    "blocktime": Candidate(
        "`KMP_BLOCKTIME=0`, `KMP_AFFINITY=granularity=fine,compact` (nothing reads them)",
        "the same bits",
        {"KMP_BLOCKTIME": "0", "KMP_AFFINITY": "granularity=fine,compact"},
    ),
    "AVX2": Candidate("`ONEDNN_MAX_CPU_ISA=AVX2`", environment={"ONEDNN_MAX_CPU_ISA": "AVX2"}),
    "one operation at once": Candidate("`TF_NUM_INTEROP_THREADS=1`", environment={"TF_NUM_INTEROP_THREADS": "1"}),
    "one thread each": Candidate("`TF_NUM_INTRAOP_THREADS=1`", environment={"TF_NUM_INTRAOP_THREADS": "1"}),
    "four threads": Candidate(
        "four threads within and between operations",
        environment={"TF_NUM_INTRAOP_THREADS": "4", "TF_NUM_INTEROP_THREADS": "4"},
    ),
    "several steps": Candidate(
        "eight steps an execution", "the same bits", change=several_steps
    ),
}  # fmt: skip
