"""Charging the battery from the grid: the one inverter setting that is written, where the site's owner opted in."""

from __future__ import annotations

import asyncio

import structlog

from connectors.device import InverterSettings
from connectors.errors import ConnectorError
from jobs.outcome import Outcome
from jobs.telling import Telling
from jobs.work import Work
from store.control import ControlRequest

log = structlog.get_logger()
LIMIT_S = 120.0  # a cloud is read, written, and read back for up to a minute


async def set_grid_charge(work: Work, telling: Telling, request: ControlRequest) -> Outcome:
    """Write it through the inverter's own cloud, which reads the whole block, changes it and reads it back."""
    on = request.action == "grid_charge.on"
    actor = request.person_id or "host"
    outcome = await _set(work, on)
    action = "grid_charge_set" if outcome.state == "done" else f"grid_charge_{outcome.state}"
    await telling.note(action, request.request_id, outcome.says, actor=actor, on=on)
    log.info("grid_charge", wanted=on, state=outcome.state)
    return outcome


async def _set(work: Work, on: bool) -> Outcome:
    word = "enabled" if on else "disabled"
    if not work.site.inverter.allow_settings_writes:
        said = (
            f"Grid charging was not {word}: writing the inverter's settings is off on this site "
            "(allow_settings_writes under [inverter] in commandcenter.toml)."
        )
        return Outcome(state="refused", says=said)
    if not work.inverter_settings:
        return Outcome(state="failed", says=f"Grid charging was not {word}: no inverter here takes settings.")
    states: list[bool | None] = []
    for device_id, inverter in work.inverter_settings.items():
        try:
            async with asyncio.timeout(LIMIT_S):
                states.append((await inverter.set_grid_charge(on)).enabled)
        except (ConnectorError, TimeoutError) as error:
            reason = str(error) or f"{device_id} did not answer within {LIMIT_S:g} s"
            now = await _now(inverter)
            return Outcome(state="failed", says=f"Grid charging was not {word}: {reason}. {now}", on=None)
    if any(state is not on for state in states):
        return Outcome(state="failed", says=f"Grid charging was told to be {word}, but reads back otherwise.")
    return Outcome(state="done", says=f"Grid charging is {word}, read back from the inverter.", on=on)


async def _now(inverter: InverterSettings) -> str:
    """How it stands after a write that failed: never assumed."""
    try:
        async with asyncio.timeout(LIMIT_S / 4):
            enabled = (await inverter.grid_charge()).enabled
    except (ConnectorError, TimeoutError):
        return "It could not be read back: look at the inverter's own app."
    if enabled is None:
        return "The inverter does not say how it stands: look at its own app."
    return f"It reads back as {'enabled' if enabled else 'disabled'} now."
