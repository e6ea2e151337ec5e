from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from energy.forecast.level import ENOUGH_DAYS, fit_level, level_now

ROOT = Path(__file__).resolve().parents[3]


def test_a_level_that_fell_is_carried_forward() -> None:
    rng = np.random.default_rng(1)
    ratio = np.concatenate([np.full(40, 1.0), np.full(20, 0.6)]) * np.exp(0.03 * rng.normal(size=60))
    model = fit_level(ratio)
    assert model is not None
    assert level_now(model, ratio) == pytest.approx(0.6, abs=0.05)


def test_too_short_a_history_has_no_model() -> None:
    assert fit_level(np.ones(ENOUGH_DAYS - 1)) is None


def test_ratios_that_hardly_change_are_fitted_without_a_word_on_the_terminal() -> None:
    said = "from energy.forecast.level import *; r = np.full(40, 1.2); print(round(level_now(fit_level(r), r), 3))"
    done = subprocess.run(  # a process of its own: the library's warnings are set when it is first loaded
        [sys.executable, "-c", f"import numpy as np; {said}"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "1.2"
    assert done.stderr == ""
