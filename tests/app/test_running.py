"""The real thing in one piece: `commandcenter run`, the simulated site, and a conversation in Telegram."""

from __future__ import annotations

import asyncio
import os
import signal
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.app.running import children_of, installation


@pytest.mark.timeout(150)
async def test_a_telegram_conversation_survives_a_killed_bot_and_a_restart(tmp_path: Path) -> None:
    async with installation(tmp_path / "data") as house:
        telegram = house.telegram
        async with house.running() as process:
            await house.logged("worker_ready")
            await house.logged("telegram_ready")
            telegram.say("What's my battery level?", user_id=99)  # a stranger
            code = (await house.command("pair")).splitlines()[0]
            telegram.say(f"/start {code}")
            (welcome,) = await telegram.wait_for(1)
            assert "connected" in welcome.text
            telegram.say("What's my battery level?")
            level = (await telegram.wait_for(2))[-1]
            assert "%" in level.text
            telegram.say("show me the last 24 hours")
            with_chart = await telegram.wait_for(3, timeout_s=20)
            assert any(sent.photo and sent.photo.startswith(b"\x89PNG") for sent in with_chart)
            count = len(telegram.sent)
            await house.all_settled()  # a death between Telegram's acceptance and our commit may repeat a message
            os.kill(children_of(process.pid)["bot"], signal.SIGKILL)
            telegram.say("Average solar yesterday?")  # said while nobody listens
            await telegram.wait_for(count + 1, timeout_s=30)
            assert process.returncode is None
        answered = len(telegram.sent)
        telegram.say("What's my battery level now?")
        async with house.running():
            await telegram.wait_for(answered + 1, timeout_s=30)
            await asyncio.sleep(2)  # nothing may follow
        assert len(telegram.sent) == answered + 1
        assert {sent.chat_id for sent in telegram.sent} == {7}, "a stranger got an answer"
        people = await house.command("people")
        assert "owner" in people


@pytest.mark.timeout(100)
async def test_the_worker_stores_what_the_devices_say_and_the_doctor_is_content(tmp_path: Path) -> None:
    async with installation(tmp_path / "data") as house:
        report = await house.command("doctor")
        assert "FAIL" not in report
        for device in ("solark", "cerbo", "garage"):
            assert f"ok    {device}: answers with readings" in report
        async with house.running("--role", "all"):
            await house.logged("backfill_done")
            deadline = asyncio.get_running_loop().time() + 30
            while True:
                rows = (await house.command("export", "--from", datetime.now(UTC).date().isoformat())).splitlines()
                if {row.split(",")[2] for row in rows[1:]} == {"solark", "cerbo", "garage"}:
                    break
                assert asyncio.get_running_loop().time() < deadline, rows[:3]
                await asyncio.sleep(1)
        log = (house.data / "run.log").read_text(encoding="utf-8")
        assert "Traceback" not in log
        assert house.endpoints.solark_password not in log
