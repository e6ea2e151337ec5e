"""What a process needs to know, from flags, the environment and the toml, in this order of precedence.

Secrets live in the environment alone and are typed as secrets, so that no log and no traceback shows them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from platformdirs import user_data_path
from pydantic import SecretStr

from agents.models import DEFAULT_MODEL, ModelSettings
from app.site_file import FILE_NAME, load_site
from energy.site import Site

DATABASE_NAME = "commandcenter.db"
PLATFORMS = ("telegram", "slack", "discord")
_SECRET_ENDINGS = ("_KEY", "_TOKEN", "_PASSWORD", "_USERNAME", "_SECRET", "SMTP_URL", "HEARTBEAT_URL")


class NotServed(Exception):
    """The web face cannot be served, and without it the process is of no use; the port may be free again later."""


class SettingsError(Exception):
    """The settings contradict each other or are incomplete; the message says what to change."""


@dataclass(frozen=True, slots=True)
class TelegramSettings:
    """How Telegram is reached; `api_base_url` is for self-hosted gateways and tests.

    With a `webhook_url` (public, https) Telegram calls us, and proves with the secret that it is Telegram.
    """

    token: SecretStr
    api_base_url: str | None
    long_poll_timeout_s: float
    webhook_url: str | None = None
    webhook_secret: SecretStr | None = None


@dataclass(frozen=True, slots=True)
class SlackSettings:
    """How Slack is reached: by Socket Mode with an app token, else over HTTP with the signing secret."""

    bot_token: SecretStr
    app_token: SecretStr | None
    signing_secret: SecretStr | None
    api_base_url: str | None


@dataclass(frozen=True, slots=True)
class DiscordSettings:
    """How Discord is reached; the addresses are for self-hosted gateways and tests."""

    token: SecretStr
    api_base_url: str | None
    gateway_url: str | None


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything from outside, in one value; only entry points build it."""

    data_dir: Path
    database_url: str | None  # None: SQLite in the data folder
    redis_url: str | None  # None: the embedded server, which only `run` and `demo` start
    site_id: str | None
    models: ModelSettings
    telegram: TelegramSettings | None
    slack: SlackSettings | None
    discord: DiscordSettings | None
    platform_troubles: Mapping[
        str, str
    ]  # platforms whose own settings are wrong, which stop nothing else: what to mend
    web_host: str
    web_port: int
    open_meteo_url: str | None  # None: the public service
    environment: Mapping[str, str]  # where the connectors find their devices' secrets

    @property
    def site_file(self) -> Path:
        """Where the site's description is expected."""
        return self.data_dir / FILE_NAME

    def without_platforms(self) -> Settings:
        """The same for a process that serves the web face alone."""
        return replace(self, telegram=None, slack=None, discord=None, platform_troubles={})

    def site(self) -> Site | None:
        """The described site; None where the data folder has no toml."""
        if not self.site_file.exists():
            return None
        site = load_site(self.site_file)
        if self.site_id is not None and self.site_id != site.id:
            raise SettingsError(
                f'--site {self.site_id}: {self.site_file} describes "{site.id}"; use that id or drop the flag'
            )
        return site


def settings_from(
    *,
    data: Path | None = None,
    site_id: str | None = None,
    keep_database_url: bool = True,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """The settings from flags (`data`, `site_id`) and the environment. Raises `SettingsError`.

    `keep_database_url` False is for the demo, which has a database of its own whatever the environment says.
    """
    env, troubles = _with_secret_files(os.environ if environment is None else environment)
    database_url = (env.get("DATABASE_URL") or None) if keep_database_url else None
    if data is not None and database_url is not None:
        raise SettingsError("--data and DATABASE_URL exclude each other: drop the flag, or unset the variable")
    return Settings(
        data_dir=data or Path(env.get("COMMANDCENTER_DATA") or user_data_path("commandcenter", appauthor=False)),
        database_url=database_url,
        redis_url=_redis_url(env.get("REDIS_URL")),
        site_id=site_id,
        models=_models(env),
        telegram=_unless_wrong("telegram", _telegram, env, troubles),
        slack=_unless_wrong("slack", _slack, env, troubles),
        discord=_unless_wrong("discord", _discord, env, troubles),
        platform_troubles=troubles,
        web_host=env.get("WEB_HOST") or "127.0.0.1",
        web_port=_whole(env, "WEB_PORT", 8080, 0, 65535),
        open_meteo_url=env.get("OPEN_METEO_BASE_URL") or None,
        environment=env,
    )


def _with_secret_files(environment: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """The environment with each `NAME_FILE` read into `NAME`, for secrets that are mounted as files.

    Then what is wrong with the files of chat platforms, by platform.
    """
    env = dict(environment)
    troubles: dict[str, str] = {}
    for name, path in environment.items():
        plain = name.removesuffix("_FILE")
        if plain == name or not path or not plain.endswith(_SECRET_ENDINGS) or env.get(plain):
            continue
        try:
            env[plain] = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text"
            says = f"{name}: {path} cannot be read ({reason})"
            platform = name.split("_", 1)[0].lower()
            if platform not in PLATFORMS:
                raise SettingsError(says) from error
            troubles[platform] = says
    return env, troubles


_Platform = TypeVar("_Platform")


def _unless_wrong(
    name: str,
    read: Callable[[Mapping[str, str]], _Platform | None],
    env: Mapping[str, str],
    troubles: dict[str, str],
) -> _Platform | None:
    """A platform's settings. A mistake in them is noted: the miners and the other platforms must not stop for it."""
    if name in troubles:
        return None
    try:
        return read(env)
    except SettingsError as error:
        troubles[name] = str(error)
        return None


def _models(env: Mapping[str, str]) -> ModelSettings:
    key = env.get("OPENAI_API_KEY")
    return ModelSettings(
        api_key=SecretStr(key) if key else None,
        base_url=env.get("OPENAI_BASE_URL") or None,
        model=env.get("MODEL_NAME") or DEFAULT_MODEL,
        manager_model=env.get("MANAGER_MODEL_NAME") or None,
        timeout_s=_number(env, "MODEL_TIMEOUT_S", 20.0, 0.05, 300),
    )


def _telegram(env: Mapping[str, str]) -> TelegramSettings | None:
    token = _token(env, "TELEGRAM_BOT_TOKEN")
    if token is None:
        return None
    url, secret = env.get("TELEGRAM_WEBHOOK_URL") or None, env.get("TELEGRAM_WEBHOOK_SECRET")
    if url is not None and not url.startswith("https://") and not env.get("TELEGRAM_API_BASE_URL"):
        raise SettingsError("TELEGRAM_WEBHOOK_URL: Telegram calls https addresses only")
    if url is not None and not re.fullmatch(r"[A-Za-z0-9_-]{16,256}", secret or ""):
        raise SettingsError(
            "TELEGRAM_WEBHOOK_SECRET: must be 16 to 256 letters, digits, _ or -; make one with `openssl rand -hex 32`"
        )
    return TelegramSettings(
        token=SecretStr(token),
        api_base_url=env.get("TELEGRAM_API_BASE_URL") or None,
        long_poll_timeout_s=_number(env, "TELEGRAM_LONG_POLL_TIMEOUT_S", 30.0, 0, 50),
        webhook_url=url,
        webhook_secret=SecretStr(secret) if url and secret else None,
    )


def _slack(env: Mapping[str, str]) -> SlackSettings | None:
    token = _token(env, "SLACK_BOT_TOKEN")
    if token is None:
        return None
    app_token, secret = _token(env, "SLACK_APP_TOKEN"), _token(env, "SLACK_SIGNING_SECRET")
    if not app_token and not secret:
        raise SettingsError(
            "SLACK_BOT_TOKEN: needs SLACK_APP_TOKEN beside it (Socket Mode, no public address), or "
            "SLACK_SIGNING_SECRET (Slack calls this machine over https)"
        )
    for name, text, start in (("SLACK_BOT_TOKEN", token, "xoxb-"), ("SLACK_APP_TOKEN", app_token, "xapp-")):
        if text and not text.startswith(start):
            raise SettingsError(f"{name}: must start with {start}; the two tokens of the app are easily mixed up")
    return SlackSettings(
        bot_token=SecretStr(token),
        app_token=SecretStr(app_token) if app_token else None,
        signing_secret=SecretStr(secret) if secret else None,
        api_base_url=env.get("SLACK_API_BASE_URL") or None,
    )


def _discord(env: Mapping[str, str]) -> DiscordSettings | None:
    token = _token(env, "DISCORD_BOT_TOKEN")
    if token is None:
        return None
    return DiscordSettings(
        token=SecretStr(token),
        api_base_url=env.get("DISCORD_API_BASE_URL") or None,
        gateway_url=env.get("DISCORD_GATEWAY_URL") or None,
    )


def _token(env: Mapping[str, str], name: str) -> str | None:
    """A token without the blanks around it."""
    token = (env.get(name) or "").strip()
    if token and not re.fullmatch(r"[!-~]+", token):
        raise SettingsError(f"{name}: holds a blank or another character that no token has; copy it again")
    return token or None


def _redis_url(text: str | None) -> str | None:
    if text and not text.startswith(("redis://", "rediss://", "unix://")):
        raise SettingsError("REDIS_URL: must start with redis://, rediss:// or unix://")
    try:
        parts = urlsplit(text or "")
        if parts.port is not None and parts.scheme == "unix":
            raise ValueError("a unix socket has no port")
        if parts.scheme != "unix" and parts.path.strip("/") not in ("", *map(str, range(16))):
            raise ValueError(f'"{parts.path.strip("/")}" is no database number')
    except ValueError as error:
        raise SettingsError(f"REDIS_URL: {error}; write redis://HOST:6379/0 or unix:///PATH") from error
    return text or None


def _number(env: Mapping[str, str], name: str, default: float, low: float, high: float) -> float:
    text = env.get(name)
    if not text:
        return default
    try:
        value = float(text)
    except ValueError as error:
        raise SettingsError(f'{name}: "{text}" is not a number') from error
    if not low <= value <= high:
        raise SettingsError(f"{name}: {value:g} is outside {low:g} to {high:g}")
    return value


def _whole(env: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    value = _number(env, name, default, low, high)
    if value != int(value):
        raise SettingsError(f"{name}: {value:g} must be a whole number")
    return int(value)
