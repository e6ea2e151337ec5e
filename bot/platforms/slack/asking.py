"""Which app of which workspace a token is."""

from __future__ import annotations

import asyncio

from pydantic import SecretStr

from bot.platforms.asking import NotAccepted, NotAsked
from bot.platforms.slack.client import OFFICIAL_API, Refused, SlackClient, SlackFailure

VARIABLE = "SLACK_BOT_TOKEN"


async def account(token: SecretStr, api_base_url: str | None, *, timeout_s: float) -> str:
    """The app's name and its workspace. Raises `NotAccepted` or `NotAsked`."""
    client = SlackClient(token, api_base_url or OFFICIAL_API, reply_timeout_s=timeout_s, variable=VARIABLE)
    try:
        async with asyncio.timeout(timeout_s):
            answer = await client.ask(client.api.auth_test())
    except Refused as refusal:
        if refusal.code.startswith("http_"):  # a gateway's word, not Slack's
            raise NotAsked(f"{refusal}; check SLACK_API_BASE_URL") from refusal
        remedy = "" if VARIABLE in str(refusal) else f"; check {VARIABLE}"
        raise NotAccepted(f"{refusal}{remedy}") from refusal
    except SlackFailure as failure:
        raise NotAsked(str(failure)) from failure
    except TimeoutError as error:
        raise NotAsked(f"no answer within {timeout_s:g} s") from error
    finally:
        await client.close()
    return f"{answer['user']} in {answer['team']}"
