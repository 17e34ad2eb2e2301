import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy

from registry.heads.dense import dense
from registry.heads.sepconv import sepconv


@pytest.mark.parametrize("head", [dense, sepconv])
@pytest.mark.parametrize("num_classes", [2, 4, 14])
def test_a_head_gives_one_logit_a_class_at_any_size(head, num_classes):
    network = head((None, None, 6), num_classes)
    for shape in ((3, 5), (8, 8)):
        assert network(np.zeros((2, *shape, 6), np.float32)).shape == (2, num_classes)


@pytest.mark.parametrize("head", [dense, sepconv])
def test_logits_are_float32_in_mixed_precision(head):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        assert head((4, 4, 6), 2).outputs[0].dtype == "float32"
    finally:
        keras.config.set_dtype_policy("float32")


def test_dense_sees_the_mean_of_the_cells_only():
    network = dense((4, 4, 3), 2)
    features = np.random.default_rng(0).random((5, 4, 4, 3)).astype(np.float32)
    logits, flipped = (convert_to_numpy(network(tensor)) for tensor in (features, features[:, ::-1].copy()))
    np.testing.assert_allclose(logits, flipped, atol=1e-5)


def test_sepconv_sees_how_cells_lie():
    network = sepconv((4, 4, 3), 2)
    features = np.random.default_rng(0).random((5, 4, 4, 3)).astype(np.float32)
    logits, flipped = (convert_to_numpy(network(tensor)) for tensor in (features, features[:, ::-1].copy()))
    assert not np.allclose(logits, flipped, atol=1e-5)
