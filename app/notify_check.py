"""What `commandcenter doctor` finds out about the ways to people that are no chat, and about the watch over us."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from app.finding import Finding
from app.settings import Settings

TIMEOUT_S = 15.0
_SPELLED = {"email": "email", "sms": "SMS"}


async def notify_findings(settings: Settings) -> list[Finding]:
    """A finding for each way that has settings: the mail server is logged in to, Twilio is asked for the account."""
    from connectors.notify.settings import notify_settings
    from connectors.notify.ways import senders_of

    wanted = notify_settings(settings.environment)
    findings = [Finding(False, _SPELLED.get(kind, kind), says) for kind, says in wanted.troubles.items()]
    senders = senders_of(wanted)
    try:
        findings += [
            await _checked(spelled, senders[kind].check()) for kind, spelled in _SPELLED.items() if kind in senders
        ]
    finally:
        await asyncio.gather(*(sender.close() for sender in senders.values()))
    if wanted.allow_private:
        hosts = ", ".join(sorted(wanted.allow_private))
        findings.append(Finding(None, "alerts", f"people may send to these hosts of the own network: {hosts}"))
    return [*findings, await _heartbeat(settings)]


async def _heartbeat(settings: Settings) -> Finding:
    from connectors.notify.ping import HeartbeatUrlWrong, Ping

    url = settings.environment.get("HEARTBEAT_URL")
    if not url:
        says = "no HEARTBEAT_URL: nobody outside notices when this machine is off (healthchecks.io makes an address)"
        return Finding(None, "heartbeat", says)
    try:
        ping = Ping(url)
    except HeartbeatUrlWrong as error:
        return Finding(False, "heartbeat", str(error))
    try:
        # Not pinged: that would say that all is well, which the worker alone knows.
        return await _checked("heartbeat", ping.reachable())
    finally:
        await ping.close()


async def _checked(about: str, check: Awaitable[str | None]) -> Finding:
    try:
        async with asyncio.timeout(TIMEOUT_S):
            trouble = await check
    except TimeoutError:
        return Finding(False, about, f"said nothing within {TIMEOUT_S:g} s; check its settings and the line")
    return Finding(True, about, "answers") if trouble is None else Finding(False, about, trouble)
