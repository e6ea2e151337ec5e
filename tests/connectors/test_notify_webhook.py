"""Webhooks on the wire: signed ones, Slack's and Discord's, and every way in which they refuse."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web

from connectors.notify.pinned import PinnedPost
from connectors.notify.sender import Delivered, Later, Never, OutMessage
from connectors.notify.webhook import WebhookSender
from tests.certificates import Certificates, certificates_for
from tests.connectors.serving import closed_port
from tests.doubles.webhook_sink import webhook_sink

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 50
ALERT = OutMessage(
    "CRITICAL: *Battery* <28 %>", "Stop the @everyone miners_now.", "critical", "outbox:7", PNG, "A chart"
)
SECRET = base64.b64encode(b"k" * 32).decode()
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
NAMES = ("alerts.example.org", "hooks.slack.com", "discord.com")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder: Path = tmp_path_factory.mktemp("hooks")
    return certificates_for(folder, *(f"DNS:{name}" for name in NAMES))


async def everything_is_here(host: str, port: int) -> Sequence[str]:
    return ["127.0.0.1"]


def sender_for(certificates: Certificates | None = None, *hosts: str) -> WebhookSender:
    tls = None if certificates is None else certificates.trusting
    post = PinnedPost(hosts or NAMES, resolver=everything_is_here, tls=tls)
    return WebhookSender(post, clock=lambda: NOW)


async def test_a_signed_event_can_be_checked_and_told_from_a_repetition(certificates: Certificates) -> None:
    async with webhook_sink(certificates.server) as sink:
        sender = sender_for(certificates)
        target = f"https://alerts.example.org:{sink.port}/in?tenant=1#whsec_{SECRET}"
        assert await sender.send(target, ALERT) == Delivered()
        assert await sender.send(target, ALERT) == Delivered()
        await sender.close()
    first, second = sink.posted
    assert first.path == "/in?tenant=1"
    assert first.host == f"alerts.example.org:{sink.port}"
    event = json.loads(first.body)
    assert event["data"]["title"] == ALERT.title
    assert event["data"]["level"] == "critical"
    assert base64.b64decode(event["data"]["chart_png_base64"]) == PNG
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == event["id"]
    signed = f"{first.headers['webhook-id']}.{first.headers['webhook-timestamp']}.".encode() + first.body
    expected = base64.b64encode(hmac.new(b"k" * 32, signed, hashlib.sha256).digest()).decode()
    assert first.headers["webhook-signature"] == f"v1,{expected}"
    assert first.headers["webhook-timestamp"] == str(int(NOW.timestamp()))
    assert SECRET.encode() not in first.body


async def test_slack_gets_its_own_form_and_nothing_in_it_comes_to_life(certificates: Certificates) -> None:
    async with webhook_sink(certificates.server) as sink:
        sender = sender_for(certificates)
        assert await sender.send(f"https://hooks.slack.com:{sink.port}/services/T/B/x", ALERT) == Delivered()
        await sender.close()
    body = json.loads(sink.posted[0].body)
    assert "&lt;28 %&gt;" in body["text"]
    assert "*Battery*" not in body["text"]
    assert body["unfurl_links"] is False


async def test_discord_gets_the_chart_and_wakes_nobody(certificates: Certificates) -> None:
    async with webhook_sink(certificates.server) as sink:
        sender = sender_for(certificates)
        assert await sender.send(f"https://discord.com:{sink.port}/api/webhooks/1/x?thread_id=2", ALERT) == Delivered()
        await sender.close()
    posted = sink.posted[0]
    assert posted.path == "/api/webhooks/1/x?thread_id=2&wait=true"
    payload = json.loads(posted.parts["payload_json"])
    assert payload["allowed_mentions"] == {"parse": []}
    assert "\\*Battery\\*" in payload["content"]
    assert payload["attachments"] == [{"id": 0, "filename": "chart.png", "description": "A chart"}]
    assert posted.parts["files[0]"] == PNG


async def test_a_long_text_keeps_the_limit_of_discord(certificates: Certificates) -> None:
    async with webhook_sink(certificates.server) as sink:
        sender = sender_for(certificates)
        long = OutMessage("T", "wörter* " * 600, "info", "k")
        assert await sender.send(f"https://discord.com:{sink.port}/api/webhooks/1/x", long) == Delivered()
        await sender.close()
    assert len(json.loads(sink.posted[0].body)["content"]) == 2000


@pytest.mark.parametrize(
    ("path", "host", "status"),
    [
        ("/services/T/B/x", "hooks.slack.com", 404),
        ("/api/webhooks/1/x", "discord.com", 404),
        ("/in", "alerts.example.org", 410),
    ],
)
async def test_what_is_gone_for_good_is_a_dead_end(
    certificates: Certificates, path: str, host: str, status: int
) -> None:
    async with webhook_sink(certificates.server) as sink:
        sink.answer_status = status
        sender = sender_for(certificates)
        outcome = await sender.send(f"https://{host}:{sink.port}{path}", ALERT)
        await sender.close()
    assert isinstance(outcome, Never)
    assert outcome.dead


@pytest.mark.parametrize(
    ("status", "kind", "says"),
    [(404, Never, "404"), (401, Never, "401"), (500, Later, "500"), (429, Later, "429"), (302, Never, "elsewhere")],
)
async def test_other_answers_are_no_dead_end(status: int, kind: type, says: str) -> None:
    async with webhook_sink() as sink:
        sink.answers.append(web.Response(status=status, headers={"Retry-After": "9", "Location": "http://x.example/"}))
        sender = sender_for(None, "lan.example")
        outcome = await sender.send(f"http://lan.example:{sink.port}/in", ALERT)
        await sender.close()
    assert isinstance(outcome, kind)
    assert not getattr(outcome, "dead", False)
    assert says in outcome.reason  # type: ignore[union-attr]  # no Delivered
    assert getattr(outcome, "after_s", None) == (9.0 if kind is Later else None)
    assert len(sink.posted) == 1


async def test_a_webhook_that_cannot_be_reached_or_does_not_end_is_left(certificates: Certificates) -> None:
    sender = WebhookSender(PinnedPost(("lan.example",), resolver=everything_is_here, timeout_s=1.0))
    assert isinstance(await sender.send(f"http://lan.example:{await closed_port()}/", ALERT), Later)
    async with webhook_sink() as sink:
        sink.drip = True
        assert await sender.send(f"http://lan.example:{sink.port}/", ALERT) == Delivered()  # its end is not waited for
    async with webhook_sink(certificates.server) as other:
        outcome = await sender_for(None).send(f"https://alerts.example.org:{other.port}/", ALERT)
    assert isinstance(outcome, Later)
    assert "certificate" in outcome.reason
    await sender.close()


async def test_a_certificate_for_another_name_is_not_taken(certificates: Certificates) -> None:
    async with webhook_sink(certificates.server) as sink:
        sender = sender_for(certificates, "other.example.org")
        outcome = await sender.send(f"https://other.example.org:{sink.port}/in", ALERT)
        await sender.close()
    assert isinstance(outcome, Later)
    assert sink.posted == []
