"""The nightly training: new models of solar and load in a process that ends, judged against those in use.

A model that is worse by more than 5 % is kept as rejected, and the one in use stays. Files of the newest five versions
of each target stay, and always the one in use.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from time import time as real_time
from typing import get_args

import structlog

from energy.forecast.hours import HOUR_S
from jobs.claims import claim_slot, try_again
from jobs.forecasting import models_in_use
from jobs.work import Work
from services.outlook_inputs import outlook_inputs, solar_site
from services.outlook_reckoning import log_file
from services.outlook_training import Target, Trained, TrainTask, rehearsal_of, train
from services.reckoning import ReckoningError
from services.trained_models import FOLDER
from store import model_files
from store.model_files import ModelFile

log = structlog.get_logger()
NAME = "training"
AT = time(3, 10)  # local: most of what yesterday brought is there, and nobody waits
EVERY_S = 86_400.0
WITHIN_S = 300.0
DAYS = 730
KEPT_VERSIONS = 5
STRAY_AFTER_S = 86_400.0  # by the clock that files have; a training of now is still writing


async def train_models(work: Work) -> None:
    """Train once after each 03:10 of the site, on one of the workers; also when that was missed."""
    if work.reckoner is None or work.data_dir is None:
        return
    if work.tried_slots.get(NAME) == (slot := slot_of_night(work)):
        return
    won = await claim_slot(work, NAME, slot, EVERY_S)
    work.tried_slots[NAME] = slot
    if not won:
        return
    done = False
    try:
        done = await _train_what_is_missing(work, slot)
        await drop_strays(work)
    finally:  # also where the schedule's time was over
        if not done:
            await try_again(work, NAME)


async def _train_what_is_missing(work: Work, slot: datetime) -> bool:
    """Train the targets that have no model of this night yet; whether none failed."""
    known = await model_files.of_site(work.database, work.org_id, work.site.id)
    made = {each.target for each in known if each.trained_at >= slot}
    wanted = [target for target in _targets(work) if target not in made]
    return len(await train_now(work, wanted)) == len(wanted)


def slot_of_night(work: Work) -> datetime:
    """The last 03:10 of the site's zone, in UTC."""
    local = work.clock().astimezone(work.site.zone)
    day = local.date() if local.time() >= AT else local.date() - timedelta(days=1)
    return datetime.combine(day, AT, tzinfo=work.site.zone).astimezone(UTC)


async def train_now(work: Work, targets: Sequence[Target] | None = None) -> tuple[ModelFile, ...]:
    """Train each target (or those named) and keep what came of it. One that fails is logged and keeps its model."""
    reckoner, data_dir, site = work.reckoner, work.data_dir, work.site
    if reckoner is None or data_dir is None:
        raise ValueError("training needs a reckoner and a data folder")
    now = work.clock()
    inputs = await outlook_inputs(work.database, work.org_id, site, as_of=now, days=DAYS, hours=1)
    in_use = await models_in_use(work)
    made = []
    for target in _targets(work) if targets is None else targets:
        task = TrainTask(
            target=target,
            inputs=inputs,
            until_s=int(now.timestamp()) // HOUR_S * HOUR_S,
            folder=data_dir / FOLDER,
            site_folder=site.id,
            stamp=now.strftime("%Y%m%dT%H%M%S"),
            in_use=in_use[target].path if target in in_use else None,
        )
        try:
            trained = await reckoner.once(train, task, timeout_s=WITHIN_S)
        except ReckoningError as error:
            work.surprises.failed("model_not_trained", f"{site.id}:{target}", error)
            continue
        work.surprises.succeeded("model_not_trained", f"{site.id}:{target}")
        if trained is not None:
            made.append(await keep_trained(work, trained, now))
    return tuple(made)


def _targets(work: Work) -> Sequence[Target]:
    known: Sequence[Target] = get_args(Target)
    return [target for target in known if target != "solar" or solar_site(work.site) is not None]


async def keep_trained(work: Work, trained: Trained, now: datetime) -> ModelFile:
    """Take a trained model into use, or reject it where it is worse; old versions go."""
    note = "; ".join(trained.notes)
    file = ModelFile(trained.target, trained.version, now, trained.path, trained.sha256, trained.error, "active", note)
    if trained.worse:
        error, before = trained.shared_error or 0.0, trained.shared_error_in_use or 0.0
        says = f"mean error {error:.0f} W over the same days, {before:.0f} W of the model in use, which stays"
        file = replace(file, state="rejected", note=f"{says}; {note}" if note else says)
        log.warning("model_rejected", site=work.site.id, target=trained.target, version=trained.version, reason=says)
    await model_files.add(work.database, work.org_id, work.site.id, file)
    if not trained.worse:
        error_w = None if trained.error is None else round(trained.error)
        log.info("model_trained", site=work.site.id, target=trained.target, error_w=error_w, cpu_s=round(trained.cpu_s))
    await _drop_old(work, trained.target)
    return file


async def drop_strays(work: Work) -> int:
    """Delete what trainings that were killed left: parts of files, and models without a row; how many they were."""
    assert work.data_dir is not None
    folder = work.data_dir / FOLDER / work.site.id
    known = await model_files.of_site(work.database, work.org_id, work.site.id)
    kept = {name for each in known for name in (Path(each.path).name, rehearsal_of(Path(each.path)).name)}
    kept |= {log_file(folder, target).name for target in get_args(Target)}
    return await asyncio.to_thread(_dropped, folder, kept, real_time() - STRAY_AFTER_S)


def _dropped(folder: Path, kept: set[str], before_s: float) -> int:
    strays = [
        file
        for pattern in ("*.new", "*.pkl", "*.npz")
        for file in folder.glob(pattern)
        if file.name not in kept and file.stat().st_mtime < before_s
    ]
    for file in strays:
        file.unlink(missing_ok=True)
    return len(strays)


async def _drop_old(work: Work, target: str) -> None:
    assert work.data_dir is not None
    known = await model_files.of_site(work.database, work.org_id, work.site.id, target)
    for old in [each for each in known[KEPT_VERSIONS:] if each.state != "active"]:
        file = work.data_dir / FOLDER / old.path
        file.unlink(missing_ok=True)
        rehearsal_of(file).unlink(missing_ok=True)
        await model_files.remove(work.database, work.org_id, work.site.id, target, old.version)
