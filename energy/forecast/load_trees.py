"""Boosted trees as plain arrays: what scikit-learn fitted, kept and read without scikit-learn or a pickle.

The prediction is exactly that of `HistGradientBoostingRegressor.predict` (without categories): the same comparisons in
64-bit floats, the trees added up in the same order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from energy.forecast.hours import Bools, Floats, Ints

CHUNK_ROWS = 2_048


@dataclass(frozen=True)
class Trees:
    """The nodes of all trees one after the other. A node sends a row left where its feature is at most `threshold`, or
    unknown and `unknown_left`; a leaf sends it to itself and holds its `value`. `names` are the features in order."""

    names: tuple[str, ...]
    base: float
    roots: Ints
    feature: Ints
    threshold: Floats
    unknown_left: Bools
    left: Ints
    right: Ints
    value: Floats

    def predict(self, features: Floats) -> Floats:
        """One prediction per row. Raises ValueError for another number of features than were learned from."""
        if features.ndim != 2 or features.shape[1] != len(self.names):
            raise ValueError(f"trees: rows of {len(self.names)} features are wanted, not {features.shape}")
        parts = [self._some(features[start : start + CHUNK_ROWS]) for start in range(0, features.shape[0], CHUNK_ROWS)]
        return np.concatenate(parts) if parts else np.empty(0)

    def _some(self, features: Floats) -> Floats:
        rows = np.arange(features.shape[0])
        node = np.repeat(self.roots[:, None], features.shape[0], axis=1)
        while True:
            value = features[rows, self.feature[node]]
            goes_left = np.where(np.isnan(value), self.unknown_left[node], value <= self.threshold[node])
            following = np.where(goes_left, self.left[node], self.right[node])
            if np.array_equal(following, node):
                break
            node = following
        total = np.full(features.shape[0], self.base)
        for leaf in self.value[node]:  # one tree after the other, as scikit-learn adds
            total += leaf
        return total

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The trees as arrays to be stored."""
        return {
            "names": np.array(self.names),
            "base": np.array(self.base),
            "roots": self.roots.astype(np.int32),
            "feature": self.feature.astype(np.int16),
            "threshold": self.threshold,
            "unknown_left": self.unknown_left,
            "left": self.left.astype(np.int32),
            "right": self.right.astype(np.int32),
            "value": self.value,
        }


def trees_from(arrays: Mapping[str, NDArray[Any]]) -> Trees:
    """The trees of stored arrays. Raises ValueError or KeyError for what cannot be such."""
    size = arrays["value"].size
    for name in ("left", "right", "roots"):
        if arrays[name].size == 0 or arrays[name].min() < 0 or arrays[name].max() >= size:
            raise ValueError(f"trees: {name} points outside the nodes")
    names = tuple(str(name) for name in arrays["names"])
    if arrays["feature"].min() < 0 or arrays["feature"].max() >= len(names):
        raise ValueError("trees: a node asks for a feature that has no name")
    return Trees(
        names,
        float(arrays["base"]),
        arrays["roots"].astype(np.int64),
        arrays["feature"].astype(np.int64),
        arrays["threshold"].astype(np.float64),
        arrays["unknown_left"].astype(np.bool_),
        arrays["left"].astype(np.int64),
        arrays["right"].astype(np.int64),
        arrays["value"].astype(np.float64),
    )


def trees_of(estimator: Any, names: tuple[str, ...]) -> Trees:
    """The trees of a fitted HistGradientBoostingRegressor. Raises ValueError where it splits by categories."""
    nodes = [stage[0].nodes for stage in estimator._predictors]  # scikit-learn offers no public way to them
    sizes = np.array([each.size for each in nodes])
    roots = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    joined = np.concatenate(nodes)
    if joined["is_categorical"].any():
        raise ValueError("trees: splits by categories are not known here")
    offset = np.repeat(roots, sizes)
    leaf = joined["is_leaf"].astype(bool)
    own = np.arange(joined.size)
    return Trees(
        names,
        float(np.ravel(estimator._baseline_prediction)[0]),
        roots.astype(np.int64),
        np.where(leaf, 0, joined["feature_idx"]).astype(np.int64),
        np.where(leaf, np.inf, joined["num_threshold"]).astype(np.float64),
        joined["missing_go_to_left"].astype(bool),
        np.where(leaf, own, joined["left"].astype(np.int64) + offset).astype(np.int64),
        np.where(leaf, own, joined["right"].astype(np.int64) + offset).astype(np.int64),
        np.where(leaf, joined["value"], 0.0).astype(np.float64),
    )
