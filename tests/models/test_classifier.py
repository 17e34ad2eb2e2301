import keras
import pytest

from benchmark.models import classifier
from registry.errors import ContractError
from tests.stages.test_stages import small


@pytest.mark.parametrize(
    ("kind", "product", "message"),
    [
        ("backbone", lambda shape, **_: object(), "does not end in a feature map"),
        ("backbone", lambda shape, **_: flat(shape), "does not end in a feature map"),
        ("head", lambda shape, classes, **_: flat(shape), r"does not give \(B, 2\) logits"),
    ],
)
def test_a_component_that_breaks_its_contract_is_named(monkeypatch, kind, product, message):
    real = classifier.load_component
    monkeypatch.setattr(classifier, "load_component", lambda entry: product if entry.kind == kind else real(entry))
    with pytest.raises(ContractError, match=f"{kind} .* {message}"):
        classifier.assemble(small())


def flat(shape):
    images = keras.Input(shape)
    return keras.Model(images, keras.layers.Flatten()(images))
