"""What TensorFlow, and in one place PyTorch, computes more quickly otherwise than Keras has it computed.

Batch normalisation in training and Adam's step are one operation each, where Keras takes many; gradients of wide
pointwise kernels are products of matrices; a separable convolution of few channels is one dense convolution.

On processors these are used in place of Keras's: the same formulas, so only roundings differ.  A training
takes a fifth to a third less processor time with them and is traced in half the time.  XLA fuses by itself.
What else was tried, and what it gains, stands in ``tests/perf/README.md``.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
from keras import layers, ops

from registry.backend import NAME, has_accelerator

if NAME == "tensorflow":
    import tensorflow as tf
elif NAME == "torch":
    import torch

IMAGES = 4  # dimensions of (B, H, W, C)
WIDE = 64  # channels, in and out, from which on a pointwise kernel's gradient is quicker as a product: up to thrice


def adam(learning_rate: Any) -> keras.optimizers.Adam:
    """Adam (Kingma & Ba 2014, arXiv:1412.6980) as Keras sets it up."""
    return (_Adam if _pays() else keras.optimizers.Adam)(learning_rate, name="adam")


@contextmanager
def quick_layers(network: keras.Model) -> Iterator[None]:
    """Inside, what is traced of a network's training has the quickest kernels for its layers.

    Batch normalisations of half precision, of anything but images, and those that are frozen are computed as Keras
    does; so are convolutions of half precision, and those with strides or dilation.
    """
    flat = network._flatten_layers(include_self=False) if _pays() else ()
    quick = [layer for layer in flat if type(layer) in _QUICK and layer.built]  # never called: without weights
    try:
        for layer in quick:
            _QUICK[type(layer)](layer)
        yield
    finally:
        for layer in quick:
            for name in ("call", "convolution_op"):
                vars(layer).pop(name, None)


def every_second_pixel(images: Any, transforms: Any) -> Any:
    """Every second row and column of what `affine_transform` gives, from the first on, bilinear, black outside.

    Args:
        images: (B, H, W, C).
        transforms: (B, 8), each from a place in the output to one in the images.
    """
    if NAME == "torch":
        return _sampled(images, transforms)
    if NAME != "tensorflow":
        how = {"interpolation": "bilinear", "fill_mode": "constant", "fill_value": 0.0}
        return ops.image.affine_transform(images, transforms, **how)[:, ::2, ::2]
    return tf.raw_ops.ImageProjectiveTransformV3(  # a quarter of the work; doubling is exact, so are the bits
        images=images,
        transforms=transforms * tf.constant([2.0, 2, 1, 2, 2, 1, 2, 2]),
        output_shape=(tf.shape(images)[1:3] + 1) // 2,
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )


def _sampled(images: Any, transforms: Any) -> Any:
    """The same by PyTorch for all images at once; Keras has it turn one after the other, in 30 operations each.

    The last two numbers of a transform, which bend straight lines, count as 0, as they do with Keras there.
    """
    height, width = images.shape[1:3]
    rows, columns = (torch.arange(0, side, 2, device=images.device, dtype=torch.float32) for side in (height, width))
    to_x, to_y = (transforms.float()[:, place : place + 3, None, None].unbind(1) for place in (0, 3))
    x, y = (own * columns + other * rows[:, None] + first for own, other, first in (to_x, to_y))
    places = torch.stack([2 * x / (width - 1) - 1, 2 * y / (height - 1) - 1], dim=-1)  # -1 and 1: outermost pixels
    found = torch.nn.functional.grid_sample(images.float().permute(0, 3, 1, 2), places, align_corners=True)
    return found.permute(0, 2, 3, 1).to(images.dtype)


def change_some(change: Callable[..., Any], chosen: Any, images: Any, *others: Any) -> Any:
    """Images (B, ...), those that are chosen changed: by themselves where that spares the work for the others.

    Args:
        change: from images, and what `others` hold for them, to as many of the same shape, each for itself.
        chosen: (B,) bool.
        others: (B, ...) each.
    """
    if not _pays():
        return ops.where(ops.reshape(chosen, (-1, *(1 for _ in images.shape[1:]))), change(images, *others), images)
    places = tf.where(chosen)[:, 0]
    changed = change(*(tf.gather(part, places) for part in (images, *others)))
    count = tf.shape(images)[0]
    after = count - 1 + tf.cumsum(tf.cast(chosen, "int32"))  # the first changed one comes after all images
    return tf.gather(tf.concat([images, changed], 0), tf.where(chosen, after, tf.range(count)))


def take_any_batch(network: keras.Model) -> None:
    """Let `predict_on_batch` be compiled once, not for a full batch and again for what is left over."""
    inputs = getattr(network, "inputs", None) or ()
    if not _pays() or len(inputs) != 1 or network.predict_function is not None:
        return
    signature = tf.TensorSpec((None, *inputs[0].shape[1:]), inputs[0].dtype)
    network.predict_function = tf.function(
        lambda batches: network(batches[0][0], training=False), input_signature=[[(signature,)]], autograph=False
    )


def _pays() -> bool:
    return NAME == "tensorflow" and not has_accelerator()


class _Adam(keras.optimizers.Adam):
    """Keras's, with one operation for each variable."""

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        step = ops.cast(self.iterations + 1, "float32")
        self._powers = [tf.pow(tf.constant(beta, "float32"), step) for beta in (self.beta_1, self.beta_2)]
        super().apply(grads, trainable_variables)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        if isinstance(gradient, tf.IndexedSlices) or variable.dtype != tf.float32:
            super().update_step(gradient, variable, learning_rate)
            return
        place = self._get_variable_index(variable)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[place].value.handle,
            v=self._velocities[place].value.handle,
            beta1_power=self._powers[0],
            beta2_power=self._powers[1],
            lr=tf.cast(learning_rate, "float32"),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=tf.cast(gradient, "float32"),
        )


def _quick_normalisation(layer: layers.BatchNormalization) -> None:
    if not getattr(layer, "renorm", False):  # Keras before 3.9 knows of none
        layer.call = _normalising(layer)


def _quick_convolution(layer: layers.Conv2D) -> None:
    """Sets what a convolution of single cells computes, where it is wide."""
    if _plain(layer) and layer.kernel_size == (1, 1) and layer.groups == 1 and _is_wide(layer.kernel):
        layer.convolution_op = _pointwise


def _quick_separable(layer: layers.SeparableConv2D) -> None:
    """Sets what a separable convolution computes: as few multiplications as one dense one, or a wide second half."""
    height, width, channels, several = layer.depthwise_kernel.shape
    cells, inner, filters = height * width, channels * several, layer.filters
    dense = cells * channels * filters <= cells * inner + inner * filters
    if _plain(layer) and (dense or _is_wide(layer.pointwise_kernel)):
        layer.call = _separable(layer, _densely if dense else _separately)


_QUICK: dict[type, Callable[[Any], None]] = {
    layers.BatchNormalization: _quick_normalisation,
    layers.Conv2D: _quick_convolution,
    layers.SeparableConv2D: _quick_separable,
}


def _plain(layer: Any) -> bool:
    steps = (*layer.strides, *layer.dilation_rate)
    return layer.compute_dtype == "float32" and layer.data_format == "channels_last" and set(steps) == {1}


def _is_wide(kernel: Any) -> bool:
    return bool(min(kernel.shape[2:]) >= WIDE)


def _separable(layer: Any, computed: Callable[..., Any]) -> Callable[..., Any]:
    """The `call` of a separable convolution."""

    def call(inputs: Any) -> Any:
        kernels = (ops.convert_to_tensor(kernel) for kernel in (layer.depthwise_kernel, layer.pointwise_kernel))
        outputs = computed(inputs, *kernels, layer.padding.upper())
        outputs = outputs + layer.bias if layer.use_bias else outputs
        return outputs if layer.activation is None else layer.activation(outputs)

    return call


def _separately(images: Any, depthwise: Any, pointwise: Any, padding: str) -> Any:
    return _pointwise(tf.nn.depthwise_conv2d(images, depthwise, (1, 1, 1, 1), padding), pointwise)


def _densely(images: Any, depthwise: Any, pointwise: Any, padding: str) -> Any:
    """One convolution with the product of both kernels."""
    mixed = tf.reshape(pointwise, (*depthwise.shape[2:], -1))
    return tf.nn.conv2d(images, tf.einsum("hwcm,cmo->hwco", depthwise, mixed), 1, padding)


def _pointwise(images: Any, kernel: Any) -> Any:
    """A convolution of single cells with a kernel (1, 1, C, F)."""
    return tf.custom_gradient(_with_gradient)(images, tf.convert_to_tensor(kernel))  # eagerly it takes no variable


def _with_gradient(images: Any, kernel: Any) -> tuple[Any, Callable[[Any], tuple[Any, Any]]]:
    def gradient(slope: Any) -> tuple[Any, Any]:
        back = tf.raw_ops.Conv2DBackpropInput(
            input_sizes=tf.shape(images), filter=kernel, out_backprop=slope, strides=[1, 1, 1, 1], padding="VALID"
        )
        cells, slopes = (tf.reshape(part, (-1, part.shape[-1])) for part in (images, slope))
        return back, tf.matmul(cells, slopes, transpose_a=True)[None, None]

    return tf.nn.conv2d(images, kernel, 1, "VALID"), gradient


def _normalising(layer: layers.BatchNormalization) -> Callable[..., Any]:
    """The `call` of a layer that normalises batches of images in one operation while it is trained."""
    plain = layer.call

    def call(inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        learning = training and layer.trainable and mask is None
        images = len(inputs.shape) == IMAGES and layer.axis in (-1, IMAGES - 1)
        if not (learning and images and inputs.dtype == layer.compute_dtype == "float32"):
            return plain(inputs, training=training, mask=mask)
        channels = inputs.shape[-1]
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=layer.gamma if layer.scale else tf.ones(channels),
            offset=layer.beta if layer.center else tf.zeros(channels),
            mean=[],
            variance=[],
            epsilon=layer.epsilon,
        )
        count = tf.cast(tf.size(inputs) // channels, "float32")
        variance *= tf.maximum(count - 1, 1.0) / count  # the kernel's is that of a sample
        for moving, found in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
            moving.assign(moving * layer.momentum + found * (1 - layer.momentum))
        return outputs

    return call
