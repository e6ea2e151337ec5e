"""`commandcenter demo` as a process that plays a scenario, with somebody on the Bot API double who is told of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.doubles.telegram_api import TelegramApi
from tests.doubles.telegram_messages import Delivered

ROOT = Path(__file__).resolve().parents[2]
ANN = 7
_CODE = re.compile(r"Pairing code: ([0-9A-Z-]+)")


@dataclass(frozen=True, slots=True)
class Played:
    """What came of it: the exit code, what stood in the terminal, what Ann was sent, sees now, and saw in between."""

    code: int
    terminal: str
    errors: str
    sent: Sequence[Delivered]
    standing: Sequence[Delivered]
    changes: Sequence[str]  # the new texts of messages that were changed
    tapped: Sequence[int]  # the messages on which she tapped Acknowledge

    @property
    def alerts(self) -> list[Delivered]:
        """The messages that were sent as alerts: they have a button to acknowledge them."""
        return [message for message in self.sent if "Acknowledge" in message.labels]

    def now(self, message: Delivered) -> Delivered:
        """The same message as it stands at the end."""
        return next(each for each in self.standing if each.message_id == message.message_id)


async def play(scenario: str, data: Path, *flags: str, within_s: float = 330.0) -> Played:
    """Play a scenario until its alerts are over; Ann pairs at once and acknowledges each alert that she is sent."""
    async with TelegramApi() as telegram:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "app", "demo", "--scenario", scenario, "--until", "resolved", "--platforms"),
            *("--data", str(data), *flags),
            cwd=ROOT,
            env=_environment(telegram),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        assert process.stderr is not None
        lines: list[str] = []
        errors = asyncio.create_task(process.stderr.read())
        tapped: list[int] = []
        acting = asyncio.create_task(_acknowledge(telegram, tapped))
        try:
            async with asyncio.timeout(within_s):
                async for raw in process.stdout:
                    lines.append(raw.decode())
                    if found := _CODE.search(lines[-1]):
                        telegram.say(found[1], user_id=ANN)
                await process.wait()
        finally:
            if process.returncode is None:
                process.terminate()
                await process.wait()
            acting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await acting
        assert process.returncode is not None
        return Played(
            code=process.returncode,
            terminal="".join(lines),
            errors=(await errors).decode(),
            sent=list(telegram.sent),
            standing=telegram.standing(ANN),
            changes=[
                fields.get("caption") or fields.get("text", "") for name, fields in telegram.calls if "edit" in name
            ],
            tapped=tapped,
        )


async def _acknowledge(telegram: TelegramApi, tapped: list[int]) -> None:
    while True:
        for alert in telegram.standing(ANN):
            if "Acknowledge" in alert.labels and alert.message_id not in tapped:
                tapped.append(alert.message_id)
                telegram.tap(alert, "Acknowledge", user_id=ANN)
        await asyncio.sleep(0.05)


def _environment(telegram: TelegramApi) -> dict[str, str]:
    ours = ("DATABASE_URL", "REDIS_URL", "OPENAI_API_KEY", "HEARTBEAT_URL")
    foreign = ("SLACK_", "DISCORD_", "TELEGRAM_", "SMTP_", "TWILIO_")
    clean = {k: v for k, v in os.environ.items() if k not in ours and not k.startswith(foreign)}
    return clean | {
        "TELEGRAM_BOT_TOKEN": telegram.token,
        "TELEGRAM_API_BASE_URL": telegram.url,
        "TELEGRAM_LONG_POLL_TIMEOUT_S": "2",
        "NO_COLOR": "1",
    }
