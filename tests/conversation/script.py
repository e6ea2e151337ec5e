"""One conversation, the same on every platform: each step is said, tapped or called, and what came back is kept."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field

from tests.bot.stages.base import Seen, Stage, until
from tests.conversation.house import StoredHouse

_TIMES = re.compile(r"\b\d{1,2}:\d{2}\b|\b\d+ (?:s|min)\b")
_INVISIBLE = re.compile("[\u200b-\u200f\u2060-\u2064\ufeff\u00ad]")


@dataclass
class Talk:
    """What was said and what came back, step by step."""

    stage: Stage
    house: StoredHouse
    steps: list[tuple[str, list[Seen]]] = field(default_factory=list)

    async def say(self, text: str) -> str:
        return await self._step(text, self.stage.say(text))

    async def command(self, text: str) -> str:
        return await self._step(text, self.stage.command(text))

    async def tap(self, label: str) -> str:
        """Tap the newest button of that name."""
        held = next(seen for seen in reversed(self.stage.seen()) if label in seen.buttons)
        return await self._step(f"[{label}]", self.stage.tap(held, label))

    async def _step(self, what: str, act: object) -> str:
        before = self.stage.seen()
        await act  # type: ignore[misc]  # what the platform's way of it returns
        await until(lambda: self._news(before), timeout_s=15)
        seen, quiet = self._news(before), 0
        while quiet < 6:  # a progress line may still become the answer
            await asyncio.sleep(0.05)
            now = self._news(before)
            quiet, seen = (quiet + 1, seen) if now == seen and now else (0, now)
        self.steps.append((what, seen))
        return "\n".join(readable(each.text) for each in seen)

    def _news(self, before: list[Seen]) -> list[Seen]:
        return [each for each in self.stage.seen() if each not in before]

    @property
    def facts(self) -> list[str]:
        """What a reader learns, without the times at which it happened to be said, and without their own name."""
        told = [readable(" ".join(each.text for each in seen)) for _, seen in self.steps]
        return [re.sub(r"# (?:you|Ann):", "# somebody:", _TIMES.sub("#", text)) for text in told]


def readable(text: str) -> str:
    return " ".join(_INVISIBLE.sub("", text).replace("•", " ").split())


async def converse(talk: Talk) -> None:
    """The scripted conversation of the issue."""
    ranch = talk.house.ranch
    if talk.stage.platform == "console":
        await talk.say(await talk.house.code())
    else:
        await talk.say(f"/start {await talk.house.code()}")
    charted = await talk.say("Show me the battery over the last 24 hours")
    assert "88" in charted
    assert any(seen.pictures for seen in talk.steps[-1][1])
    assert "88 %" in await talk.command("/status")
    assert await talk.tap("Miners")
    assert "35 %" in await talk.say("set my minimum SOC to 35")
    asked = await talk.command("/miners start s21")
    assert not ranch.is_on("s21")
    assert {"Start", "Cancel"} <= {label for seen in talk.steps[-1][1] for label in seen.buttons}, asked
    started = await talk.tap("Start")
    assert "s21" in started
    assert ranch.is_on("s21")
    stopped = await talk.say("stop the miners")
    assert "s21" in stopped
    assert not ranch.is_on("s21")
    await ranch.weather(soc_pct=44.0)
    refused = await talk.command("/miners start s21")
    assert "SOC is 44 % and must be at least 50 %" in refused
    assert not ranch.is_on("s21")
    assert "44 %" in await talk.command("/miners log")
