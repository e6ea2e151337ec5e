"""Gradient boosting as both forecasts use it: scikit-learn's HistGradientBoosting with absolute error.

It aims at the median, as the score does; the same rows give the same model.
"""

from __future__ import annotations

from typing import Any

from energy.forecast.hours import Floats


def boosted(
    features: Floats,
    target: Floats,
    weight: Floats,
    *,
    trees: int,
    rate: float,
    leaves: int,
    rows_per_leaf: int,
    share_of_features: float,
    seed: int = 0,
) -> Any:
    """A fitted estimator of `features` (rows, names) to `target` (rows), each row counting by its `weight`."""
    from sklearn.ensemble import HistGradientBoostingRegressor  # type: ignore[import-untyped]  # it ships no types
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it ships no types

    estimator = HistGradientBoostingRegressor(
        loss="absolute_error",
        max_iter=trees,
        learning_rate=rate,
        max_leaf_nodes=leaves,
        min_samples_leaf=rows_per_leaf,
        max_features=share_of_features,
        early_stopping=False,
        random_state=seed,
    )
    with threadpool_limits(1):  # rows so few gain nothing from more, and threads that share busy cores wait for it
        return estimator.fit(features, target, sample_weight=weight)
