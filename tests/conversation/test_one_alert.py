"""One alert on several platforms: told, taken in hand in one of them, and over in all of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.bot.stages.base import Seen, until
from tests.conversation.alarms import Village, village

WAIT_S = 20.0


async def _told(here: Village, *where: tuple[str, str]) -> None:
    await until(lambda: all(here.alert(*place) is not None for place in where), timeout_s=WAIT_S)


@pytest.mark.timeout(120)
async def test_acknowledged_in_slack_it_shows_so_in_telegram_and_discord_and_nobody_else_is_called(
    tmp_path: Path,
) -> None:
    async with village(tmp_path) as here:
        await here.joins("telegram", "7", "Ann", "owner")
        await here.joins("slack", "8", "Ben", "operator")
        await here.joins("discord", "9", "Cora", "operator")
        everywhere = (("telegram", "7"), ("slack", "8"), ("discord", "9"))
        await here.fires()
        await _told(here, *everywhere)
        await until(lambda: all(any(each.pictures for each in here.seen(*place)) for place in everywhere))
        for place in everywhere:
            alert = here.alert(*place)
            assert alert is not None
            assert here.reads(*place).startswith("Critical: Battery at 28 %, under its minimum of 30 %.")
            assert alert.buttons == ("Acknowledge", "Mute 1 h", "Chart", "Stop miners")
        before = {place: len(here.seen(*place)) for place in everywhere}

        held = here.alert("slack", "8")
        assert held is not None
        await here.stages["slack"].tap(held, "Acknowledge", user="8")
        await until(lambda: all("Acknowledged by Ben" in here.reads(*place) for place in everywhere), timeout_s=WAIT_S)
        for place in everywhere:
            changed = here.alert(*place)
            assert changed is not None
            assert changed.buttons == ("Mute 1 h", "Chart", "Stop miners")
        assert await here.watching.escalate(datetime.now(UTC) + timedelta(hours=2)) == 0

        await here.clears()
        await until(lambda: all(here.reads(*place).startswith("Over:") for place in everywhere), timeout_s=WAIT_S)
        for place in everywhere:
            over = here.alert(*place)
            assert over is not None
            assert over.buttons == ()
        assert {place: len(here.seen(*place)) for place in everywhere} == before  # changed in its place, no second ping


@pytest.mark.timeout(120)
async def test_what_nobody_acknowledges_is_passed_on(tmp_path: Path) -> None:
    async with village(tmp_path, "telegram", "slack") as here:
        await here.joins("telegram", "7", "Ann", "owner")
        await here.also_on("Ann", "slack", "8")
        await here.joins("telegram", "9", "Vic", "viewer")
        await here.fires()
        await until(lambda: here.alert("slack", "8") or here.alert("telegram", "7"), timeout_s=WAIT_S)
        assert here.alert("telegram", "9") is None
        told = len([place for place in (("telegram", "7"), ("slack", "8")) if here.alert(*place)])
        assert told == 1  # one way, the one used last
        assert await here.watching.escalate(datetime.now(UTC) + timedelta(minutes=11)) == 1
        await _told(here, ("telegram", "7"), ("slack", "8"), ("telegram", "9"))


@pytest.mark.timeout(120)
async def test_who_blocked_the_bot_is_told_by_the_next_way(tmp_path: Path) -> None:
    async with village(tmp_path, "telegram", "slack") as here:
        await here.joins("slack", "8", "Ann", "owner")
        await here.also_on("Ann", "telegram", "7")  # used last, so it is the first way
        here.stages["telegram"].fail_next("never")
        here.stages["telegram"].fail_next("never")
        await here.fires(chart=None)
        await _told(here, ("slack", "8"))
        assert here.alert("telegram", "7") is None


@pytest.mark.timeout(120)
async def test_a_critical_alert_leaves_a_storm_of_pauses_by_the_second_way(tmp_path: Path) -> None:
    async with village(tmp_path, "telegram", "slack") as here:
        await here.joins("slack", "8", "Ann", "owner")
        await here.also_on("Ann", "telegram", "7")
        here.stages["telegram"].fail_next("later")
        began = datetime.now(UTC)
        await here.fires(chart=None)
        await _told(here, ("slack", "8"))
        assert datetime.now(UTC) - began < timedelta(seconds=5)
        assert here.alert("telegram", "7") is None


async def _group(here: Village, *commands: str) -> None:
    stage = here.stages["telegram"]
    for command in commands:
        before = len(here.seen("telegram", group=True))
        await stage.command(command, group=True)
        await until(lambda: len(here.seen("telegram", group=True)) > before, timeout_s=WAIT_S)  # noqa: B023


@pytest.mark.timeout(120)
async def test_a_group_hears_alerts_when_an_owner_says_so_and_a_viewer_cannot_acknowledge_there(
    tmp_path: Path,
) -> None:
    async with village(tmp_path, "telegram") as here:
        stage = here.stages["telegram"]
        await here.joins("telegram", "7", "Ann", "owner")
        await here.joins("telegram", "8", "Vic", "viewer")
        await _group(here, "/group open")
        await here.fires("battery_low", chart=None)
        await _told(here, ("telegram", "7"))
        assert here.alert("telegram", group=True) is None
        await _group(here, "/alerts here on")
        await here.fires(chart=None)
        await until(lambda: here.alert("telegram", group=True), timeout_s=WAIT_S)

        def alert() -> Seen:
            found = here.alert("telegram", group=True)
            assert found is not None
            return found

        await stage.tap(alert(), "Acknowledge", user="8")
        await until(lambda: "not allowed" in here.seen("telegram", group=True)[-1].text, timeout_s=WAIT_S)
        assert "Acknowledge" in alert().buttons
        await stage.tap(alert(), "Acknowledge", user="99")  # nobody here
        await stage.tap(alert(), "Acknowledge", user="7")
        await until(lambda: "Acknowledged by Ann" in alert().text, timeout_s=WAIT_S)
        await until(lambda: "Acknowledged by Ann" in here.reads("telegram", "7"), timeout_s=WAIT_S)
        assert "Stop miners" in alert().buttons


@pytest.mark.timeout(120)
async def test_the_buttons_draw_mute_and_stop(tmp_path: Path) -> None:
    async with village(tmp_path, "telegram") as here:
        stage, ranch = here.stages["telegram"], here.house.ranch
        await here.joins("telegram", "7", "Ann", "owner")
        await here.fires()
        await _told(here, ("telegram", "7"))

        def alert() -> Seen:
            found = here.alert("telegram", "7")
            assert found is not None
            return found

        assert alert().pictures == 1
        await stage.tap(alert(), "Chart", user="7")
        await until(lambda: sum(each.pictures for each in here.seen("telegram")) == 2, timeout_s=WAIT_S)
        await stage.tap(alert(), "Mute 1 h", user="7")
        await until(lambda: "muted until" in alert().text.lower(), timeout_s=WAIT_S)
        assert "Mute 1 h" not in alert().buttons
        await stage.tap(alert(), "Stop miners", user="7")
        await until(lambda: "off" in here.seen("telegram")[-1].text, timeout_s=WAIT_S)
        assert not any(ranch.is_on(miner.id) for miner in ranch.site.miner)


@pytest.mark.timeout(120)
async def test_what_nobody_acknowledged_is_told_again_and_what_is_muted_is_not(tmp_path: Path) -> None:
    async with village(tmp_path, "telegram") as here:
        await here.joins("telegram", "7", "Ann", "owner")
        await here.fires(chart=None)
        await _told(here, ("telegram", "7"))
        told = len(here.seen("telegram"))
        await here.stages["telegram"].say("mute alerts for 2 hours")
        await until(lambda: "all but critical alerts" in here.seen("telegram")[-1].text, timeout_s=WAIT_S)
        await here.fires("battery_low", chart=None)
        await here.stages["telegram"].say("acknowledge")
        await until(lambda: "Acknowledged: " in here.seen("telegram")[-1].text, timeout_s=WAIT_S)
        assert len(here.seen("telegram")) == told + 2  # the answers, and nothing of the low battery
