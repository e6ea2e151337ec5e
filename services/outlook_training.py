"""What a child process reckons every night: a new model of one target, and whether it is worse than the one in use.

A new model is judged by its rehearsal: what one trained 28 days ago would have said since. The one in use left its own
rehearsal beside it; both are scored on the days that both know, against what is known now. With fewer than seven such
days there is nothing to compare, and the new one is taken: so a model cannot stay for ever because it once did well.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from energy.forecast.hours import DAY_S, Floats, Hours
from energy.forecast.load_away import inside
from energy.forecast.member_log import MemberLog
from services import member_logs
from services.member_logs import LogDamaged
from services.outlook_inputs import OutlookInputs
from services.outlook_reckoning import load_past, log_file, solar_past
from services.trained_models import save

FEWEST_DAYS = 7  # that both rehearsals know
WORSE = 1.05
ENOUGH_ISSUES = 14  # a log of what was really said is better than a rehearsal, once it has so many days
Target = Literal["solar", "load"]


@dataclass(frozen=True)
class TrainTask:
    """Which target to train from what was known at `until_s`; `folder` holds all models, `site_folder` lies below it.

    `in_use` is the path of the model in use, below `folder`.
    """

    target: Target
    inputs: OutlookInputs
    until_s: int
    folder: Path
    site_folder: str
    stamp: str
    in_use: str | None = None


@dataclass(frozen=True)
class Trained:
    """A model that was written. Errors are mean absolute ones of rehearsals (W): over its own days, and, for it and for
    the one in use, over the days that both know (None: too few)."""

    target: Target
    version: str
    path: str
    sha256: str
    error: float | None
    shared_error: float | None
    shared_error_in_use: float | None
    notes: tuple[str, ...]
    cpu_s: float

    @property
    def worse(self) -> bool:
        """Whether it is more than 5 % worse than the one in use."""
        new, old = self.shared_error, self.shared_error_in_use
        return new is not None and old is not None and new > WORSE * old


def train(task: TrainTask) -> Trained | None:
    """Train, rehearse, write both. None where the site has no such target."""
    began = time.process_time()
    made = _solar(task) if task.target == "solar" else _load(task)
    if made is None:
        return None
    model, rehearsal, power = made
    version = f"{model.version}-{task.stamp}"
    path = f"{task.site_folder}/{version}.pkl"
    sha256 = save(task.folder, path, model)
    member_logs.write(rehearsal_of(task.folder / path), rehearsal)
    _begin_log(task, rehearsal)
    own, theirs = _shared(task, rehearsal, power)
    return Trained(
        task.target,
        version,
        path,
        sha256,
        _mean(_errors(rehearsal, power, task.until_s)),
        own,
        theirs,
        tuple(model.notes),
        time.process_time() - began,
    )


def rehearsal_of(model: Path) -> Path:
    """Where a model's rehearsal lies: beside it."""
    return model.with_suffix(".npz")


def _solar(task: TrainTask) -> tuple[Any, MemberLog, Hours] | None:
    from energy.forecast import solar

    site = task.inputs.solar
    if site is None:
        return None
    past = solar_past(site, task.inputs)
    model = solar.train(site, past, task.until_s)
    held = np.isin(past.power.starts_s, past.curtailed_s)
    power = Hours(past.power.starts_s, np.where(held, np.nan, past.power.values))
    return model, solar.rehearse(site, past, task.until_s), power


def _load(task: TrainTask) -> tuple[Any, MemberLog, Hours] | None:
    from energy.forecast import load

    past = load_past(task.inputs)
    gone = inside(past.power.starts_s, task.inputs.away)  # an empty home teaches nothing of usual days
    past = replace(past, power=Hours(past.power.starts_s, np.where(gone, np.nan, past.power.values)))
    model = load.train(task.inputs.load, past, task.until_s)
    return model, load.rehearse(task.inputs.load, past, task.until_s), past.power


def _begin_log(task: TrainTask, rehearsal: MemberLog) -> None:
    """A site without a log of its own begins with the rehearsal, so that the blend and the band have a ground."""
    file = log_file(task.folder / task.site_folder, task.target)
    try:
        kept = member_logs.read(file)
    except LogDamaged:
        kept = None
    if kept is None or np.unique(kept.issued_s).size < min(ENOUGH_ISSUES, np.unique(rehearsal.issued_s).size):
        member_logs.write(file, rehearsal)


def _shared(task: TrainTask, new: MemberLog, power: Hours) -> tuple[float | None, float | None]:
    if task.in_use is None:
        return None, None
    try:
        old = member_logs.read(rehearsal_of(task.folder / task.in_use))
    except LogDamaged:
        return None, None
    if old is None:
        return None, None
    ours, theirs = _errors(new, power, task.until_s), _errors(old, power, task.until_s)
    both = sorted(ours.keys() & theirs.keys())
    if len({target_s // DAY_S for _, target_s in both}) < FEWEST_DAYS:
        return None, None
    return _mean({key: ours[key] for key in both}), _mean({key: theirs[key] for key in both})


def _errors(log: MemberLog, power: Hours, until_s: int) -> dict[tuple[int, int], float]:
    """The absolute error (W) by local day's number ahead and target hour, of the hours that are known."""
    error: Floats = np.abs(log.p50 - log.actual(power, until_s))
    known = np.isfinite(error)
    ahead = ((log.starts_s - log.issued_s) // DAY_S)[known].tolist()
    return dict(zip(zip(ahead, log.starts_s[known].tolist(), strict=True), error[known].tolist(), strict=True))


def _mean(errors: dict[tuple[int, int], float]) -> float | None:
    return float(np.mean(list(errors.values()))) if errors else None
