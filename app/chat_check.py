"""What `commandcenter doctor` finds out about the chat platforms: each is asked whether it knows its token."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from app.finding import Finding
from app.opening import opened_database, scope_for
from app.settings import Settings, SettingsError
from bot.platforms.asking import NotAccepted, NotAsked
from bot.text import clean_name
from energy.site import Site
from services.people import list_people
from store.errors import StoreError

TIMEOUT_S = 5.0
SPELLED = {"telegram": "Telegram", "slack": "Slack", "discord": "Discord"}


async def chat_findings(settings: Settings) -> list[Finding]:
    """A finding for each platform that has a token, or whose settings are wrong."""
    wrong = [Finding(False, SPELLED[name], says) for name, says in settings.platform_troubles.items()]
    asked = [_checked(SPELLED[name], account) for name, account in _accounts(settings).items()]
    if not wrong and not asked:
        tokens = "TELEGRAM_BOT_TOKEN, SLACK_BOT_TOKEN or DISCORD_BOT_TOKEN"
        return [Finding(None, "chat", f"no {tokens}: only the terminal can chat")]
    return [*wrong, *await asyncio.gather(*asked)]


async def pairing_findings(settings: Settings, site: Site) -> list[Finding]:
    """A remark where nobody can use the platforms that have a token."""
    platforms = list(_accounts(settings))
    if not platforms:
        return []
    try:
        async with opened_database(settings, create=False) as database:
            people = await list_people(await scope_for(database, site))
    except SettingsError:
        people = []  # no database yet
    except StoreError:
        return []  # which has been told
    if any(account.platform in platforms for person in people for account in person.identities):
        return []
    where = " or ".join(SPELLED[name] for name in platforms)
    return [Finding(None, "chat", f"nobody is paired on {where} yet; `commandcenter pair` makes a code for the first")]


def _accounts(settings: Settings) -> dict[str, Callable[[], Awaitable[str]]]:
    """How each platform that has a token is asked; its library is loaded only then."""
    found: dict[str, Callable[[], Awaitable[str]]] = {}
    if (telegram := settings.telegram) is not None:

        async def ask_telegram() -> str:
            from bot.platforms.telegram.asking import account

            return await account(telegram.token, telegram.api_base_url, timeout_s=TIMEOUT_S)

        found["telegram"] = ask_telegram
    if (slack := settings.slack) is not None:

        async def ask_slack() -> str:
            from bot.platforms.slack.asking import account

            return await account(slack.bot_token, slack.api_base_url, timeout_s=TIMEOUT_S)

        found["slack"] = ask_slack
    if (discord := settings.discord) is not None:

        async def ask_discord() -> str:
            from bot.platforms.discord.asking import account

            return await account(discord.token, discord.api_base_url, timeout_s=TIMEOUT_S)

        found["discord"] = ask_discord
    return found


async def _checked(platform: str, account: Callable[[], Awaitable[str]]) -> Finding:
    try:
        return Finding(True, platform, f"knows the token, as {clean_name(await account())}")
    except NotAccepted as error:
        return Finding(False, platform, str(error))
    except NotAsked as error:
        return Finding(None, platform, f"cannot be asked about the token at the moment: {error}")
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        base = f"{platform.upper()}_API_BASE_URL"
        says = f"what answers is not {platform} ({type(error).__name__}); check {base} where it is set"
        return Finding(None, platform, says)
