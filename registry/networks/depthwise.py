"""Convolutions of one filter per channel, by the layer that is made for them."""

import keras
from keras import layers


def depthwise(network: keras.Model) -> keras.Model:
    """The same function and weights, each Conv2D of one filter per channel replaced by a DepthwiseConv2D.

    Keras compiles grouped convolutions with XLA on TensorFlow.  On a CPU that makes ConvNeXt-Tiny five times slower to
    train and eight times slower to predict.
    """
    if not any(map(_is_grouped, network.layers)):
        return network
    clone = keras.models.clone_model(network, input_tensors=network.input, clone_function=_replacement)
    for old, new in zip(network.layers, clone.layers, strict=True):
        if _is_grouped(old):
            kernel, *bias = old.get_weights()  # (h, w, 1, C)
            new.set_weights([kernel.transpose(0, 1, 3, 2), *bias])  # (h, w, C, 1)
    return clone


def _is_grouped(layer: keras.Layer) -> bool:
    return isinstance(layer, layers.Conv2D) and 1 < layer.groups == layer.filters and layer.kernel.shape[2] == 1


def _replacement(layer: keras.Layer) -> keras.Layer:
    if not _is_grouped(layer):
        return layer
    kept = ("name", "strides", "padding", "dilation_rate", "activation", "use_bias")
    return layers.DepthwiseConv2D(layer.kernel_size, **{name: layer.get_config()[name] for name in kept})
