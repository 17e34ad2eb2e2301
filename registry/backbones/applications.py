"""Published networks of keras.applications, with ImageNet's weights or a fresh start."""

from collections.abc import Callable
from dataclasses import dataclass

import keras
from keras import layers

from registry.networks.depthwise import depthwise
from registry.networks.finer import join
from registry.networks.pretrained import application, freeze

Numbers = float | tuple[float, float, float]
ImageShape = tuple[int | None, int | None, int]

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's colours in [0, 1]


@dataclass(frozen=True, slots=True)
class Reading:
    """The range a network reads: scale × image in [0, 1] + offset, of one number or one per colour."""

    scale: Numbers
    offset: Numbers = 0.0


# As keras.applications' modules document it; the first has layers of its own that go on from there.
BYTES = Reading(255.0)  # mobilenet_v3, efficientnet_v2, convnext
SIGNED = Reading(2.0, -1.0)  # resnet_v2: [-1, 1]
STANDARD = Reading(  # densenet: ImageNet's mean 0, deviation 1
    tuple(1 / deviation for deviation in DEVIATION),
    tuple(-mean / deviation for mean, deviation in zip(MEAN, DEVIATION, strict=True)),
)


def _factory(name: str, architecture: str, reading: Reading, published: str, summary: str) -> Callable:
    """The factory of one network.

    Args:
        name: as a component.
        architecture: as an attribute of keras.applications.
        published: name of the weights file that Keras downloads.
    """
    identifier = name.replace("-", "_")

    def factory(image_shape: ImageShape, *, weights: str | None = "imagenet", frozen: bool = False) -> keras.Model:
        network = depthwise(application(name, architecture, published, weights, image_shape))
        images = keras.Input(image_shape, name="images")
        colour = layers.Rescaling(reading.scale, offset=reading.offset)(layers.Concatenate()([images] * 3))
        backbone = join(images, colour, network, identifier)
        return freeze(backbone) if frozen else backbone

    factory.__name__ = factory.__qualname__ = identifier
    factory.__doc__ = summary
    return factory


mobilenetv3_small = _factory(
    "mobilenetv3-small",
    "MobileNetV3Small",
    BYTES,
    "weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5",
    "MobileNetV3-Small, 0.9 M parameters (Howard et al. 2019, arXiv:1905.02244).",
)
efficientnetv2_b0 = _factory(
    "efficientnetv2-b0",
    "EfficientNetV2B0",
    BYTES,
    "efficientnetv2-b0_notop.h5",
    "EfficientNetV2-B0, 5.9 M parameters (Tan and Le 2021, arXiv:2104.00298).",
)
densenet121 = _factory(
    "densenet121",
    "DenseNet121",
    STANDARD,
    "densenet121_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "DenseNet-121, 7.0 M parameters (Huang et al. 2017, arXiv:1608.06993).",
)
resnet50v2 = _factory(
    "resnet50v2",
    "ResNet50V2",
    SIGNED,
    "resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "ResNet-50 V2, 23.6 M parameters (He et al. 2016, arXiv:1603.05027).",
)
convnext_tiny = _factory(
    "convnext-tiny",
    "ConvNeXtTiny",
    BYTES,
    "convnext_tiny_notop.h5",
    "ConvNeXt-Tiny, 27.8 M parameters (Liu et al. 2022, arXiv:2201.03545).",
)
