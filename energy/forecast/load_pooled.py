"""The load model that is shipped with the package: trained over many homes, for a home that it has never seen.

It is read once from `pooled/load.npz` (plain arrays; `pooled/CARD.md` says what it was trained on and how good it is).
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from energy.forecast.load_rows import POOLED_NAMES
from energy.forecast.load_trees import Trees, trees_from

FILE = Path(__file__).with_name("pooled") / "load.npz"


class NoPooledModel(ValueError):
    """The file is not a pooled load model of this version; the text says what to do."""


@cache
def shipped() -> Trees:
    """The shipped model."""
    return read(FILE)


def read(file: Path) -> Trees:
    """The model in a file. Raises NoPooledModel for what is none, or was trained on other features."""
    remedy = "train it with python -m benchmarks.train_pooled_load"
    try:
        with np.load(file, allow_pickle=False) as stored:
            trees = trees_from({name: stored[name] for name in stored.files})
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise NoPooledModel(f"{file.name} is not a pooled load model ({error}); {remedy}") from error
    if trees.names != POOLED_NAMES:
        raise NoPooledModel(f"{file.name} was trained on other features than this version has; {remedy}")
    return trees
