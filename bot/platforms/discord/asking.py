"""Which bot a token is."""

from __future__ import annotations

import asyncio

import aiohttp
import discord
from pydantic import SecretStr

from bot.platforms.asking import NotAccepted, NotAsked
from bot.platforms.discord.client import TOKEN_REFUSED, TokenRefused, failure_of, use_api
from bot.platforms.discord.gateway import GatewayClient


async def account(token: SecretStr, api_base_url: str | None, *, timeout_s: float) -> str:
    """The bot's name. Raises `NotAccepted` or `NotAsked`."""
    use_api(api_base_url)
    client = GatewayClient(gateway_url=None, heard=lambda: None, trouble=lambda _: None)
    try:
        async with asyncio.timeout(timeout_s):
            await client.login(token.get_secret_value())  # GET /users/@me, and no connection to the gateway
    except discord.LoginFailure as error:
        raise NotAccepted(TOKEN_REFUSED) from error
    except discord.HTTPException as error:
        failure = failure_of(error)
        raise (NotAccepted if isinstance(failure, TokenRefused) else NotAsked)(str(failure)) from error
    except discord.RateLimited as error:
        raise NotAsked("Discord asks for a pause (429)") from error
    except TimeoutError as error:
        raise NotAsked(f"no answer within {timeout_s:g} s") from error
    except (OSError, aiohttp.ClientError) as error:
        raise NotAsked(type(error).__name__) from error
    finally:
        await client.close()
    return client.user.name if client.user is not None else ""
