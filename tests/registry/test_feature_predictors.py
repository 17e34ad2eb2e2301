"""What `bench check` says of backbones that are no networks and break their contract."""

import numpy as np
import pytest

from registry.checks.networks import check_backbone
from registry.errors import ContractError


class Means:
    """The mean of each row of an image, or what an argument makes of that."""

    def __init__(self, change=lambda images, means: means):
        self.change = change

    def predict(self, images):
        return self.change(images, images.mean(axis=(2, 3)))


def making(change, untrained=True, **attributes):
    def backbone(image_shape):
        made = Means(change)
        vars(made).update(attributes)
        return made

    backbone.untrained = untrained
    return backbone


def as_it_is(images, means):
    return means


def darkening(images, means):
    images *= 0.5
    return means


def at_random(images, means):
    return means + np.random.default_rng().random(dtype=np.float32)


def test_one_that_keeps_it_is_told_so():
    assert {promise.kept for promise in check_backbone(making(as_it_is, parameters=0))} == {True}


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        (making(as_it_is, untrained=False), r"untrained is False of the factory, which makes no network; declare"),
        (making(as_it_is, untrained="yes"), "untrained of a function is True or False, received 'yes'"),
        (making(lambda images, means: means[:, :, None]), r"received float32 \(4, 64, 1\)"),
        (making(lambda images, means: means.astype(float)), r"received float64 \(4, 64\)"),
        (making(lambda images, means: means / 0), "are finite numbers"),
        (making(lambda images, means: means * 0), "unlike images have unlike features"),
        (making(lambda images, means: means - means.mean()), "same features alone as among others"),
        (
            making(lambda images, means: means if len(means) else means[:, :1]),
            r"of no images it gives \(0, 64\), received",
        ),
        (making(at_random), "made anew from equal options it gives equal features"),
        (making(darkening), "predict changed the images"),
        (making(as_it_is, parameters=-1), "parameters of a Means is 0 or more, received -1"),
        (making(as_it_is, parameters="many"), "parameters of a Means is a whole number, received 'many'"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
def test_a_broken_promise_is_one_line_that_names_it(factory, message):
    with pytest.raises(ContractError, match=message):
        check_backbone(factory)


def test_a_backbone_is_a_network_or_predicts():
    def backbone(image_shape):
        return object()

    with pytest.raises(ContractError, match=r"a backbone is a keras\.Model or has predict\(\), received an object"):
        check_backbone(backbone)
