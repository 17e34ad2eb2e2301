"""Boosted trees over pooled features."""

import functools
import json
import warnings
from typing import Annotated, Any

import numpy as np

from registry.boosting import xgboost as library
from registry.cores import usable_cores
from registry.options import Range

xgb = library()


class BoostedTrees(xgb.XGBClassifier):
    """Learns on a GPU where there is one; answers on the CPU, where the features are."""

    @functools.wraps(xgb.XGBClassifier.fit)
    def fit(self, *args: Any, **keywords: Any) -> "BoostedTrees":
        """As its parent's, silently."""
        self.set_params(device=device())
        super().fit(*args, **{"verbose": False, **keywords})
        return self.set_params(device="cpu")


def xgboost(
    feature_shape: tuple[int | None, int | None, int],
    num_classes: int,
    *,
    trees: Annotated[int, Range(10, 5000, step=10)] = 1000,
    depth: Annotated[int, Range(1, 12)] = 3,
    learning_rate: Annotated[float, Range(0.005, 0.5, log=True)] = 0.1,
    subsample: Annotated[float, Range(0.2, 1)] = 0.8,
    colsample: Annotated[float, Range(0.05, 1)] = 0.2,
    l2: Annotated[float, Range(0.01, 100, log=True)] = 1.0,
    patience: Annotated[int, Range(2, 200)] = 20,
) -> BoostedTrees:
    """Boosted trees (Chen and Guestrin 2016, arXiv:1603.02754), stopped early on validation.

    Args:
        trees: boosting rounds at most; with K > 2 each grows a tree for every class.
        subsample: share of the images that a round learns from.
        colsample: share of the features that a tree may use.
        l2: penalty on the leaves.
        patience: rounds without a better log-loss on validation until growing stops; the best round answers.
    """
    return BoostedTrees(
        n_estimators=trees,
        max_depth=depth,
        learning_rate=learning_rate,
        subsample=subsample,
        colsample_bytree=colsample,
        reg_lambda=l2,
        early_stopping_rounds=patience,
        eval_metric="logloss" if num_classes == 2 else "mlogloss",
        tree_method="hist",
        max_bin=64,  # a thousand features: a third of the time of the usual 256, as good
        n_jobs=usable_cores(),
    )


@functools.cache
def device() -> str:
    """``cuda`` where XGBoost can train a tree there, else ``cpu``: asked of the library, which falls back by itself."""
    data = xgb.DMatrix(np.zeros((2, 1), np.float32), label=[0, 1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there is no GPU
        try:
            tried = xgb.train({"device": "cuda", "verbosity": 0}, data, 1)
        except xgb.core.XGBoostError:  # a GPU that this build cannot use
            return "cpu"
    used: str = json.loads(tried.save_config())["learner"]["generic_param"]["device"]
    return used.partition(":")[0]
