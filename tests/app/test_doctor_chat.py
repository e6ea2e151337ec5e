"""What the doctor says of the chat platforms, asked over HTTP."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from app.chat_check import chat_findings, pairing_findings
from app.doctor import doctor
from app.opening import opened_database, site_of
from app.pairing import pairing_code
from app.settings import Settings, settings_from
from bot.platforms.asking import NotAsked
from bot.platforms.slack.asking import account as slack_account
from bot.platforms.telegram.asking import account as telegram_account
from services.people import pair
from tests.doubles.discord_api import DiscordApi
from tests.doubles.slack_api import SlackApi
from tests.doubles.telegram_api import Failure, TelegramApi

ROOT = Path(__file__).resolve().parents[2]
NOWHERE = "http://127.0.0.1:9"


async def said(settings: Settings) -> list[tuple[bool | None, str]]:
    return [(each.ok, f"{each.about}: {each.says}") for each in await chat_findings(settings)]


def with_tokens(data: Path, **environment: str) -> Settings:
    return settings_from(data=data, environment=environment)


async def test_each_platform_is_asked_and_names_the_bot(tmp_path: Path) -> None:
    async with TelegramApi() as telegram, SlackApi() as slack, DiscordApi() as discord:
        settings = with_tokens(
            tmp_path,
            TELEGRAM_BOT_TOKEN=telegram.token,
            TELEGRAM_API_BASE_URL=telegram.url,
            SLACK_BOT_TOKEN=slack.bot_token,
            SLACK_APP_TOKEN=slack.app_token,
            SLACK_API_BASE_URL=slack.url,
            DISCORD_BOT_TOKEN=discord.token,
            DISCORD_API_BASE_URL=discord.url,
        )
        found = await said(settings)
        assert {method for method, _ in telegram.calls} == {"getMe"}
        assert {method for method, _ in slack.calls} == {"auth.test"}
    assert found[0] == (True, "Telegram: knows the token, as @commandcenter_bot")
    assert found[1] == (True, "Slack: knows the token, as cc in Ranch")
    assert found[2][0] is True
    assert found[2][1].startswith("Discord: knows the token, as ")


async def test_a_wrong_token_fails_and_names_its_variable_without_showing_it(tmp_path: Path) -> None:
    async with TelegramApi() as telegram, SlackApi() as slack, DiscordApi() as discord:
        settings = with_tokens(
            tmp_path,
            TELEGRAM_BOT_TOKEN="1:wr0ng",
            TELEGRAM_API_BASE_URL=telegram.url,
            SLACK_BOT_TOKEN="xoxb-wr0ng",
            SLACK_APP_TOKEN=slack.app_token,
            SLACK_API_BASE_URL=slack.url,
            DISCORD_BOT_TOKEN="wr0ng",
            DISCORD_API_BASE_URL=discord.url,
        )
        found = await said(settings)
    assert [ok for ok, _ in found] == [False, False, False]
    for (_, words), variable in zip(found, ("TELEGRAM", "SLACK", "DISCORD"), strict=True):
        assert f"check {variable}_BOT_TOKEN" in words
        assert "wr0ng" not in words


async def test_a_platform_that_cannot_be_reached_is_a_remark(tmp_path: Path) -> None:
    settings = with_tokens(
        tmp_path,
        TELEGRAM_BOT_TOKEN="1:hidden",
        TELEGRAM_API_BASE_URL=NOWHERE,
        SLACK_BOT_TOKEN="xoxb-hidden",
        SLACK_SIGNING_SECRET="s",
        SLACK_API_BASE_URL=NOWHERE,
        DISCORD_BOT_TOKEN="hidden",
        DISCORD_API_BASE_URL=NOWHERE,
    )
    found = await said(settings)
    assert [ok for ok, _ in found] == [None, None, None]
    for _, words in found:
        assert "cannot be asked about the token at the moment" in words
        assert "hidden" not in words


@pytest.mark.parametrize("failure", [Failure(502, page="<html>bad gateway</html>"), Failure(200, page="<html>")])
async def test_a_gateway_that_answers_for_the_platform_is_no_refusal(tmp_path: Path, failure: Failure) -> None:
    async with TelegramApi() as telegram:
        telegram.fail("getMe", failure)
        settings = with_tokens(tmp_path, TELEGRAM_BOT_TOKEN=telegram.token, TELEGRAM_API_BASE_URL=telegram.url)
        ((ok, _),) = await said(settings)
    assert ok is None


async def test_a_platform_that_says_nothing_is_not_waited_for(tmp_path: Path) -> None:
    async with TelegramApi() as telegram, SlackApi() as slack:
        telegram.fail("getMe", Failure(hangs_s=20))
        slack.latency_s = 20
        with pytest.raises(NotAsked, match=r"0\.3 s|Timed"):
            await telegram_account(SecretStr(telegram.token), telegram.url, timeout_s=0.3)
        with pytest.raises(NotAsked, match=r"0\.3 s|Timeout"):
            await slack_account(SecretStr(slack.bot_token), slack.url, timeout_s=0.3)


async def test_wrong_settings_fail_with_the_remedy_and_the_rest_is_looked_at(tmp_path: Path) -> None:
    lines: list[str] = []
    settings = with_tokens(tmp_path, SLACK_BOT_TOKEN="xapp-1", SLACK_APP_TOKEN="xoxb-1")
    assert await doctor(settings, lines.append) is False
    assert any(line.startswith("FAIL  Slack: SLACK_BOT_TOKEN: must start with xoxb-") for line in lines)
    assert any("model:" in line for line in lines)


async def test_no_token_at_all_is_a_remark(tmp_path: Path) -> None:
    assert await said(with_tokens(tmp_path)) == [
        (None, "chat: no TELEGRAM_BOT_TOKEN, SLACK_BOT_TOKEN or DISCORD_BOT_TOKEN: only the terminal can chat")
    ]


async def test_that_nobody_is_paired_is_said_until_somebody_is(tmp_path: Path) -> None:
    (tmp_path / "commandcenter.toml").write_text((ROOT / "commandcenter.toml").read_text(encoding="utf-8"), "utf-8")
    settings = with_tokens(tmp_path, TELEGRAM_BOT_TOKEN="1:a")
    described = settings.site()
    assert described is not None
    site = described

    async def remarks() -> list[str]:
        return [each.says for each in await pairing_findings(settings, site)]

    nobody = ["nobody is paired on Telegram yet; `commandcenter pair` makes a code for the first"]
    assert await remarks() == nobody  # without a database
    codes = [(await pairing_code(settings, "owner")).splitlines()[0] for _ in range(2)]
    assert await remarks() == nobody
    async with opened_database(settings, create=False) as database:
        await site_of(settings, database)
        await pair(database, site, "console", "local", "you", codes[0])
        assert await remarks() == nobody
        await pair(database, site, "telegram", "7", "Ann", codes[1])
    assert await remarks() == []
    assert await pairing_findings(with_tokens(tmp_path), site) == []
