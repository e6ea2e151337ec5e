"""simcord, a Discord that we did not write, lets people talk to our adapter."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.judges.environments import judge_python

HERE = Path(__file__).parent
pytestmark = [pytest.mark.judge, pytest.mark.timeout(300)]


async def judged() -> dict[str, Any]:
    """What simcord's people saw. It needs the process of our own client, so its environment lends the package alone."""
    python = await asyncio.to_thread(judge_python, HERE / "discord")
    packages = next(python.parents[1].glob("[Ll]ib/**/site-packages"))
    judge = await asyncio.create_subprocess_exec(
        sys.executable,
        str(HERE / "discord" / "judge.py"),
        str(packages),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(judge.communicate(), 120)
    assert judge.returncode == 0, err.decode()
    found: dict[str, Any] = json.loads(out)
    return found


async def test_simcords_people_are_answered_as_discord_would_show_it() -> None:
    found = await judged()
    assert found["commands"] == ["link", "live", "miners", "status"]
    assert found["registered"] == 1
    assert found["answer"]["text"] == "Re: how is the battery?\n-# as of 12:00, Victron"
    assert found["chart"]["files"][0][0].startswith("soc-ranch")
    assert all(found[name]["suppressed"] for name in ("answer", "chart", "hostile", "command", "in_channel"))
    assert found["hostile"]["mentions"] == []
    assert "\\<＠1\\> ＠everyone" in found["hostile"]["text"]  # look-alikes before it comes to Discord
    assert found["command"]["text"] == "miners: stop s19-1 2h"
    assert found["command"]["buttons"] == ["Stop", "Change"]
    assert found["completed"] == ["s19-1", "s19-2"]
    assert found["form"] == ["Preferences", 2]
    assert found["form_sent"] == [True, "Saved: prefs"]
    assert found["forms"] == [["prefs", {"min_soc_pct": "45", "unit": "F"}]]


async def test_simcords_channel_strangers_and_restart_find_what_they_should() -> None:
    found = await judged()
    assert found["in_channel"]["ephemeral"] is True
    assert "direct chat" in found["in_channel"]["text"]
    mowing, asked, answer = found["mention"]
    assert mowing == "we should mow the lawn"
    assert asked.endswith("how is the battery?")
    assert "direct chat" in answer
    assert found["stranger"][1] == []
    assert found["tap_acknowledged"] is True
    assert found["tapped"]["text"].startswith("Done: stopped \\*\\*Mallory")
    assert found["tapped"]["buttons"] == []
    assert found["ran"] == [
        ["miners", "stop s19-1 2h"],
        ["tap", '{"text": "stopped **Mallory** <@1> @everyone"}'],
    ]
    assert found["asked"] == ["how is the battery?", "chart of the battery", "hostile"]
