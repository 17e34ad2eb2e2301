"""Multiply-accumulates: worked by hand for small nets, as published for known ones."""

import keras
import pytest
from keras import layers, ops

from benchmark.speed.macs import Work, work
from registry.backbones import applications
from registry.backbones.sepcnn import sepcnn
from registry.heads.attention_pool import attention_pool
from registry.heads.dense import dense


def counted(*stack, shape=(8, 8, 3)) -> Work:
    """Of layers on top of each other."""
    return work(keras.Sequential([keras.Input(shape), *stack]), shape)


@pytest.mark.parametrize(
    ("layer", "macs"),
    [
        (layers.Conv2D(4, 3, padding="same"), 8 * 8 * 4 * 9 * 3),
        (layers.Conv2D(4, 3, strides=2, padding="same", use_bias=False), 4 * 4 * 4 * 9 * 3),
        (layers.Conv2D(4, (3, 5), padding="valid"), 6 * 4 * 4 * 15 * 3),
        (layers.Conv2D(6, 3, padding="same", groups=3), 8 * 8 * 6 * 9 * 1),
        (layers.Conv2D(4, 3, dilation_rate=2, padding="same"), 8 * 8 * 4 * 9 * 3),
        (layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same"), 8 * 8 * 6 * 9),
        (layers.Conv2DTranspose(4, 3, strides=2, padding="same"), 8 * 8 * 3 * 9 * 4),
        (layers.Dense(5), 8 * 8 * 3 * 5),
        (layers.BatchNormalization(), 0),
        (layers.MaxPooling2D(), 0),
        (layers.PReLU(shared_axes=[1, 2]), 0),
    ],
)
def test_a_layer_multiplies_what_its_kernel_and_output_say(layer, macs):
    assert counted(layer) == Work(macs, macs)


@pytest.mark.parametrize("multiplier", [1, 4])
def test_a_separable_convolution_is_told_beside_the_plain_one(multiplier):
    found = counted(layers.SeparableConv2D(5, 3, strides=2, depth_multiplier=multiplier, padding="same"))
    assert found.macs == 4 * 4 * (9 * 3 * multiplier + 3 * multiplier * 5)
    assert found.plain == 4 * 4 * 5 * 9 * 3


def test_pooled_attention_counts_its_dot_product():
    cells, channels, units = 16, 6, 8
    head = attention_pool((4, 4, channels), 3, units=units)
    macs = cells * channels * units * 2 + cells * units + cells * channels + channels * 3
    assert work(head, (4, 4, channels)) == Work(macs, macs)


def test_the_head_of_the_founding_study_is_two_dense_layers_whatever_the_map():
    assert work(dense((None, None, 128), 4, units=224), (7, 9, 128)).macs == 128 * 224 + 224 * 4


def test_a_shared_layer_counts_at_each_call_and_a_network_inside_by_its_layers():
    shared = layers.Conv2D(3, 3, padding="same")
    inner = keras.Sequential([keras.Input((None, None, 3)), shared, layers.MaxPooling2D(), shared])
    images = keras.Input((None, None, 3))
    network = keras.Model(images, inner(inner(images)))
    kernel = 9 * 3 * 3
    assert work(network, (16, 16, 3)).macs == kernel * (16**2 + 8**2 + 8**2 + 4**2)


@keras.saving.register_keras_serializable("tests")
class Mixing(layers.Layer):
    """A stranger's layer with a matrix."""

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], 2))

    def call(self, inputs):
        return ops.matmul(inputs, self.kernel)


def test_what_multiplies_in_an_unknown_way_is_named():
    found = counted(layers.Conv2D(4, 1), Mixing(name="mixing"), Mixing(name="mixing-2"))
    assert found == Work(8 * 8 * 4 * 3, 8 * 8 * 4 * 3, ("mixing (Mixing)", "mixing-2 (Mixing)"))
    tensor = keras.Input((4, 4, 2))
    bare = work(keras.Model(tensor, ops.matmul(tensor, ops.transpose(tensor, (0, 1, 3, 2)))), (4, 4, 2))
    assert [name.partition(" ")[2] for name in bare.uncounted] == ["(Matmul)"]
    rows = counted(layers.Conv1D(4, 3, name="rows"), shape=(8, 3))  # of images alone are layers known
    assert rows.uncounted == ("rows (Conv1D)",)


# Mult-adds as published, without the classifier on top, which these backbones lack.
@pytest.mark.parametrize(
    ("network", "published"),
    [
        # 56 M (Howard et al. 2019, table 3) less 576 -> 1024 -> 1000 on one cell
        (lambda: applications.mobilenetv3_small((224, 224, 1), weights=None), 56e6 - 576 * 1024 - 1024 * 1000),
        # 4.5 G (Liu et al. 2022, table 9) less 768 -> 1000
        (lambda: applications.convnext_tiny((224, 224, 1), weights=None), 4.5e9 - 768 * 1000),
    ],
    ids=["mobilenetv3-small", "convnext-tiny"],
)
def test_published_networks_cost_what_was_published(network, published):
    found = work(network(), (224, 224, 1))
    assert found.macs == pytest.approx(published, rel=0.02)
    assert found.uncounted == ()


def test_separable_pairs_save_most_of_the_work():
    found = work(sepcnn((64, 64, 1), filters=8), (64, 64, 1))
    sides, widths = [64, 32, 16, 16], [8, 16, 32, 64]
    plain = [
        side**2 * 9 * width * (into + width) for side, width, into in zip(sides, widths, [1, *widths], strict=False)
    ]
    own = [
        side**2 * ((9 + width) * (into * multiplier) + (9 + width) * width)
        for side, width, into, multiplier in zip(sides, widths, [1, *widths], [8, 1, 1, 1], strict=False)
    ]
    assert (found.macs, found.plain) == (sum(own), sum(plain))
