"""Steadiness between plans: the last plan stays unless it no longer fits, or a new one is clearly better."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from energy.plan.limits import MinerBounds, in_order, miner_bounds, ordered, start_days
from energy.plan.plan import Plan
from energy.plan.problem import Floats, MinerState, Problem, Steps


def last_on(plan: Plan, steps: Steps, miner_ids: tuple[str, ...]) -> dict[str, Floats]:
    """What the last plan says on other steps: 1 on, 0 off, NaN where it says nothing."""
    found = [plan.step_at(start) for start in steps.starts_s.tolist()]
    return {m: np.array([np.nan if s is None else float(m in s.on) for s in found]) for m in miner_ids}


def kept(problem: Problem, new: Mapping[str, NDArray[np.bool_]]) -> tuple[dict[str, NDArray[np.bool_]], str]:
    """The last plan's miners on this problem's steps, new ones where it says nothing; and why they no longer fit ("").

    `problem.last_on` must be there.
    """
    last = problem.last_on or {}
    on = {
        m.id: np.where(np.isnan(last[m.id]), new[m.id], last[m.id] > 0.5).astype(bool) if m.id in last else new[m.id]
        for m in problem.miners
    }
    for m in problem.miners:
        words = _does_not_fit(problem, m, miner_bounds(problem, m), on[m.id])
        if words:
            return on, words
    miners = ordered(problem.miners)
    began = sum((np.diff(on[m.id].astype(int), prepend=int(m.on)) > 0).astype(int) for m in miners) if miners else 0
    if np.any(np.asarray(began) > 1):
        return on, "two miners would start at once"
    for first, second in itertools.pairwise(miners):
        if in_order(first, second, problem) and np.any(on[second.id] & ~on[first.id]):
            return on, f"{first.name} takes the turn of {second.name}"
    return on, ""


def _does_not_fit(problem: Problem, m: MinerState, b: MinerBounds, on: NDArray[np.bool_]) -> str:
    steps = problem.steps
    forbidden = np.flatnonzero(on & ~b.may)
    if forbidden.size:
        return f"{m.name} may not run then ({b.why[int(forbidden[0])].replace('_', ' ')})"
    if np.any(b.must & ~on):
        return f"{m.name} must run on for its minimum time"
    moves = np.diff(on.astype(int), prepend=int(m.on))
    for day, today in start_days(problem):
        if np.sum(moves[day] > 0) > max(m.starts_left_today if today else m.max_starts_per_day, 0):
            return f"{m.name} has no start left that day"
    at = np.flatnonzero(moves)
    for before, after in itertools.pairwise(at):
        least = m.min_on_min if moves[before] > 0 else m.min_off_min
        if (steps.starts_s[after] - steps.starts_s[before]) / 60.0 < least:
            return f"{m.name} would not keep its minimum times"
    return ""
