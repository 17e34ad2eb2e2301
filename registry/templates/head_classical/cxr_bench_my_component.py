"""A head for cxr-bench that is no network: it learns from features that a backbone has pooled."""

from typing import Annotated

from registry.options import Range
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler


def my_component(
    feature_shape: tuple[int | None, int | None, int],
    num_classes: int,
    *,
    strength: Annotated[float, Range(0.001, 100, log=True)] = 1.0,
) -> Pipeline:
    """Logistic regression over standardised features.

    Args:
        strength: of the penalty on large weights.
    """
    return make_pipeline(StandardScaler(), LogisticRegression(C=1 / strength, max_iter=1000))
