"""The ways outside the chats as the courier uses them, as the doctor sees them, and the report on all parts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.health import ProcessHealth
from app.notify_check import notify_findings
from app.outside_ways import keyed, outside_ways, titled
from app.settings import Settings, settings_from
from bot.message import Address
from bot.ports import Sent, TryLater, Undeliverable
from bot.reply import Bold, Paragraph, Picture, Reply, Text
from bot.web.app import create_app
from energy.site import Device, Site
from store import outbox
from store.database import Database, sqlite_url
from store.heartbeats import beat
from tests.connectors.serving import closed_port
from tests.doubles.mail_server import mail_server
from tests.doubles.sms_api import FROM, SID, TOKEN, error, sms_api
from tests.doubles.webhook_sink import webhook_sink

REPLY = Reply(
    (
        Paragraph((Bold("CRITICAL: "), Text("Battery at 28 %, under 30 %."))),
        Paragraph((Text("What to do: stop the miners.\nType /ack 12 in the chat."),)),
    )
)
CHART = Picture(b"\x89PNG\r\n\x1a\n", "Battery level, 44 % to 28 %", "battery")
ANN = Address("email", "ann@example.org")


def settings(tmp_path: Path, **env: str) -> Settings:
    return settings_from(data=tmp_path, environment=env)


def smtp(port: int) -> str:
    return f"smtp://127.0.0.1:{port}?from=ranch@example.org"


def twilio(url: str) -> Mapping[str, str]:
    return {"TWILIO_ACCOUNT_SID": SID, "TWILIO_AUTH_TOKEN": TOKEN, "TWILIO_FROM": FROM, "TWILIO_API_BASE_URL": url}


async def test_a_reply_becomes_a_mail_with_its_chart_and_the_same_id_each_time(tmp_path: Path) -> None:
    async with mail_server() as server:
        ways = outside_ways(settings(tmp_path, SMTP_URL=smtp(server.port)))
        outlet = ways.outlets["email"]
        assert not outlet.has_buttons
        for _ in range(2):
            assert isinstance(await outlet.send(keyed(ANN, 12, "critical"), REPLY, [CHART]), Sent)
        await outlet.send(keyed(ANN, 13, "info"), REPLY, [])
        await ways.close()
    first, second, other = server.mails
    assert first["Subject"] == "CRITICAL: Battery at 28 %, under 30 %."
    assert first["Message-ID"] == second["Message-ID"] != other["Message-ID"]
    assert first["Importance"] == "high"
    assert other["Importance"] is None
    body = first.get_body(("plain",))
    assert body is not None
    assert "/ack 12" in body.get_content()


async def test_a_way_that_is_down_gives_way_to_the_next_and_a_pause_is_a_pause(tmp_path: Path) -> None:
    away = outside_ways(settings(tmp_path, SMTP_URL=smtp(await closed_port())))
    outcome = await away.outlets["email"].send(ANN, REPLY, [])
    await away.close()
    assert isinstance(outcome, Undeliverable)
    assert not outcome.dead
    assert "SMTP_URL" in outcome.reason
    async with sms_api() as api:
        api.answers.append(error(429, 20429, "Too Many Requests", {"Retry-After": "7"}))
        ways = outside_ways(settings(tmp_path, **twilio(api.url)))
        to = Address("sms", "+14155550123")
        assert await ways.outlets["sms"].send(to, REPLY, []) == TryLater(7.0)
        api.stopped.add(to.chat_id)
        stopped = await ways.outlets["sms"].send(to, REPLY, [])
        await ways.close()
    assert isinstance(stopped, Undeliverable)
    assert stopped.dead


async def test_webhooks_need_no_setting_and_a_mistake_costs_its_own_way_alone(tmp_path: Path) -> None:
    ways = outside_ways(settings(tmp_path, SMTP_URL="nonsense", NOTIFY_ALLOW_PRIVATE="127.0.0.1"))
    assert sorted(ways.outlets) == ["apprise", "webhook"]
    assert not ways.has_own
    assert "SMTP_URL" in ways.troubles["email"]
    async with webhook_sink() as sink:
        to = Address("webhook", f"http://127.0.0.1:{sink.port}/in")
        assert isinstance(await ways.outlets["webhook"].send(to, REPLY, []), Sent)
        edited = await ways.outlets["webhook"].edit(to, "1", REPLY)
        await ways.close()
    assert isinstance(edited, Undeliverable)
    assert len(sink.posted) == 1


async def test_a_contact_is_reached_by_its_number_and_not_once_it_is_removed(tmp_path: Path) -> None:
    database = await Database.open(sqlite_url(tmp_path / "commandcenter.db"), migrate=True)
    ways = outside_ways(settings(tmp_path, NOTIFY_ALLOW_PRIVATE="127.0.0.1"), database)
    removed = await ways.outlets["webhook"].send(Address("webhook", "contact:1"), REPLY, [])
    await ways.close()
    await database.close()
    assert isinstance(removed, Undeliverable)
    assert "removed" in removed.reason


async def test_half_a_character_stops_no_message(tmp_path: Path) -> None:
    broken = Reply((Paragraph((Text("Miner \ud83d is hot."),)),))
    async with webhook_sink() as sink:
        ways = outside_ways(settings(tmp_path, NOTIFY_ALLOW_PRIVATE="127.0.0.1"))
        to = Address("webhook", f"http://127.0.0.1:{sink.port}/in")
        assert isinstance(await ways.outlets["webhook"].send(to, broken, []), Sent)
        await ways.close()
    assert b"Miner ? is hot." in sink.posted[0].body


@pytest.mark.parametrize(
    ("text", "title", "rest"),
    [
        ("One line.", "One line.", ""),
        ("First.\n\nSecond.\nThird.", "First.", "Second.\nThird."),
        ("A sentence. " + "x" * 200, "A sentence", "A sentence. " + "x" * 200),
    ],
)
def test_the_first_line_is_the_title(text: str, title: str, rest: str) -> None:
    assert titled(text) == (title, rest)


async def test_the_doctor_logs_in_asks_twilio_and_reaches_the_heartbeat(tmp_path: Path) -> None:
    async with mail_server() as server, sms_api() as api, webhook_sink() as sink:
        found = settings(
            tmp_path,
            SMTP_URL=smtp(server.port),
            HEARTBEAT_URL=f"http://127.0.0.1:{sink.port}/secret-uuid",
            NOTIFY_ALLOW_PRIVATE="nas.lan",
            **twilio(api.url),
        )
        findings = await notify_findings(found)
        api.account_status = "suspended"
        worse = await notify_findings(found)
    assert {finding.about: finding.ok for finding in findings} == {
        "email": True,
        "SMS": True,
        "alerts": None,
        "heartbeat": True,
    }
    assert [finding.about for finding in worse if finding.ok is False] == ["SMS"]
    assert [posted.path for posted in sink.posted] == ["/", "/"]  # a look is no sign of life
    assert server.mails == []
    assert api.sent == []


async def test_the_doctor_names_mistakes(tmp_path: Path) -> None:
    findings = await notify_findings(settings(tmp_path, SMTP_URL="x", HEARTBEAT_URL="http://example.org"))
    assert {finding.about for finding in findings if finding.ok is False} == {"email", "heartbeat"}
    (note,) = await notify_findings(settings(tmp_path))
    assert note.ok is None
    assert "healthchecks" in note.says


SITE = Site(id="ranch", timezone="UTC", device=(Device(id="one", kind="shelly", host="127.0.0.1"),))
FILES_ONLY = Site(id="ranch", timezone="UTC", device=(Device(id="one", kind="csv"),))


async def health_of(tmp_path: Path, site: Site = SITE, *, delivers: bool = True) -> tuple[Database, ProcessHealth]:
    database = await Database.open(sqlite_url(tmp_path / "commandcenter.db"), migrate=True)
    return database, ProcessHealth(database, site, [], delivers=delivers)


async def test_parts_that_never_gave_a_sign_are_not_held_against_it(tmp_path: Path) -> None:
    database, health = await health_of(tmp_path)
    report = await health.check()
    await database.close()
    assert report.ok
    assert report.parts["evaluate"].age_s is None


@pytest.mark.parametrize(
    ("part", "site", "delivers", "ok"),
    [
        ("poll:ranch", SITE, True, False),
        ("evaluate:ranch", SITE, True, False),
        ("deliver:ranch", SITE, True, False),
        ("deliver:ranch", SITE, False, True),  # nothing leaves from this process
        ("poll:ranch", FILES_ONLY, True, True),  # imported files grow old in peace
    ],
)
async def test_what_must_run_and_stands_still_makes_it_ill(
    tmp_path: Path, part: str, site: Site, delivers: bool, ok: bool
) -> None:
    database, health = await health_of(tmp_path, site, delivers=delivers)
    now = datetime.now(UTC)
    for name in ("poll:ranch", "evaluate:ranch", "deliver:ranch"):
        await beat(database, "home", name, now - timedelta(seconds=300 if name == part else 5))
    report = await health.check()
    await database.close()
    assert report.ok is ok
    assert create_app(health) is not None


async def test_a_message_that_nobody_takes_up_makes_it_ill_and_a_dead_letter_does_not(tmp_path: Path) -> None:
    database, health = await health_of(tmp_path)
    now = datetime.now(UTC)
    entry = outbox.NewEntry(site_id="ranch", level="info", text="x")
    await outbox.add(database, "home", entry, now=now - timedelta(seconds=30))
    (claimed,) = await outbox.claim_due(database, "home", now)
    await outbox.failed(database, "home", claimed.outbox_id, "no way", now=now, next_try_at=None)
    assert (await health.check()).outbox.dead_letters == 1
    assert (await health.check()).ok
    await outbox.add(database, "home", entry, now=now - timedelta(seconds=300))
    report = await health.check()
    await database.close()
    assert not report.ok
    assert report.outbox.overdue_s == pytest.approx(300, abs=10)
