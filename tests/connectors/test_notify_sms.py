"""SMS through Twilio's API, spoken on the wire; and how a text is made to fit."""

from __future__ import annotations

from dataclasses import replace

import pytest
from aiohttp import web
from pydantic import SecretStr

from connectors.notify.sender import Delivered, Later, Never, OutMessage
from connectors.notify.settings import SmsSettings, notify_settings
from connectors.notify.sms import SmsSender, sms_text
from tests.connectors.serving import closed_port
from tests.doubles.sms_api import FROM, SID, TOKEN, SmsApi, error, sms_api

ANN = "+14155550123"
ALERT = OutMessage("CRITICAL: Battery at 28 %", "What to do: stop the miners.", "critical", "outbox:7", png=b"x")


def settings_for(api: SmsApi) -> SmsSettings:
    env = {"TWILIO_ACCOUNT_SID": SID, "TWILIO_AUTH_TOKEN": TOKEN, "TWILIO_FROM": FROM, "TWILIO_API_BASE_URL": api.url}
    settings = notify_settings(env)
    assert settings.sms is not None, settings.troubles
    return settings.sms


async def test_the_words_arrive_and_the_chart_stays_away() -> None:
    async with sms_api() as api:
        sender = SmsSender(settings_for(api))
        outcome = await sender.send(ANN, ALERT)
        await sender.close()
    assert isinstance(outcome, Delivered)
    assert api.sent == [{"To": ANN, "From": FROM, "Body": f"{ALERT.title}\n{ALERT.text}"}]


async def test_a_messaging_service_can_be_the_sender() -> None:
    async with sms_api() as api:
        sender = SmsSender(replace(settings_for(api), sender="MG" + "a" * 32))
        assert isinstance(await sender.send(ANN, ALERT), Delivered)
        await sender.close()
    assert api.sent[0]["MessagingServiceSid"] == "MG" + "a" * 32


async def test_a_person_who_answered_stop_and_a_number_that_is_none_are_dead_ends() -> None:
    async with sms_api() as api:
        api.stopped.add(ANN)
        sender = SmsSender(settings_for(api))
        stopped, wrong = await sender.send(ANN, ALERT), await sender.send("+1", ALERT)
        await sender.close()
    for outcome, code in ((stopped, "21610"), (wrong, "21211")):
        assert isinstance(outcome, Never)
        assert outcome.dead
        assert code in outcome.reason


async def test_a_refusal_that_is_ours_to_mend_is_no_dead_end() -> None:
    async with sms_api() as api:
        api.answers.append(error(400, 21408, "Permission to send an SMS has not been enabled for the region"))
        sender = SmsSender(settings_for(api))
        outcome = await sender.send(ANN, ALERT)
        await sender.close()
    assert isinstance(outcome, Never)
    assert not outcome.dead
    assert "not switched on" in outcome.reason


@pytest.mark.parametrize(
    ("answer", "after_s"),
    [
        (error(429, 20429, "Too Many Requests", {"Retry-After": "7"}), 7.0),
        (error(503, 20503, "Service unavailable"), None),
        (error(401, 20003, "Authenticate"), None),
        (web.Response(text="<html>portal</html>"), None),
        (web.json_response([]), None),
    ],
)
async def test_everything_else_is_tried_again(answer: web.Response, after_s: float | None) -> None:
    async with sms_api() as api:
        api.answers.append(answer)
        sender = SmsSender(settings_for(api))
        outcome = await sender.send(ANN, ALERT)
        await sender.close()
    assert isinstance(outcome, Later)
    assert outcome.after_s == after_s
    assert TOKEN not in outcome.reason


async def test_a_line_that_is_down_means_later() -> None:
    sender = SmsSender(SmsSettings(SID, SecretStr(TOKEN), FROM, f"http://127.0.0.1:{await closed_port()}"))
    outcome = await sender.send(ANN, ALERT)
    await sender.close()
    assert isinstance(outcome, Later)


async def test_the_check_asks_for_the_account_and_sends_nothing() -> None:
    async with sms_api() as api:
        sender, wrong = (
            SmsSender(settings_for(api)),
            SmsSender(replace(settings_for(api), auth_token=SecretStr("other"))),
        )
        assert await sender.check() is None
        assert "TWILIO_AUTH_TOKEN" in (await wrong.check() or "")
        api.account_status = "suspended"
        assert "suspended" in (await sender.check() or "")
        await sender.close()
        await wrong.close()
    assert api.sent == []


def test_signs_that_would_halve_the_room_are_made_plainer() -> None:
    assert sms_text("Battery at 28\u00a0%", "45 °C – “hot” … ≥ 40") == 'Battery at 28 %\n45 C - "hot" ... >= 40'
    assert sms_text("", "Señor Müller, Élan") == "Señor Müller, Élan"  # ñ, ü and É are in the alphabet
    assert sms_text("", "crème brûlée") == "crème brulée"  # û is not


def test_a_long_text_is_cut_at_a_word_to_two_parts() -> None:
    text = sms_text("Title", "word " * 100)
    assert len(text) <= 306
    assert text.endswith("word...")
    exact = "x" * 306
    assert sms_text("", exact) == exact


def test_other_scripts_have_less_room() -> None:
    text = sms_text("", "電池 " * 80)
    assert len(text) <= 134
    assert text.endswith("...")


@pytest.mark.parametrize(
    ("env", "says"),
    [
        ({"TWILIO_ACCOUNT_SID": SID}, "TWILIO_AUTH_TOKEN, TWILIO_FROM"),
        ({"TWILIO_ACCOUNT_SID": "1", "TWILIO_AUTH_TOKEN": "x", "TWILIO_FROM": FROM}, "TWILIO_ACCOUNT_SID"),
        ({"TWILIO_ACCOUNT_SID": SID, "TWILIO_AUTH_TOKEN": "x", "TWILIO_FROM": "0123"}, None),
        ({"TWILIO_ACCOUNT_SID": SID, "TWILIO_AUTH_TOKEN": "x", "TWILIO_FROM": "+1-23"}, "TWILIO_FROM"),
    ],
)
def test_a_mistake_in_the_settings_is_named(env: dict[str, str], says: str | None) -> None:
    settings = notify_settings(env)
    assert (settings.sms is None) == (says is not None)
    assert says is None or says in settings.troubles["sms"]
