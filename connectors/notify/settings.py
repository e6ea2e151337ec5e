"""How the ways to people that are no chat are reached, from the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import SecretStr

from connectors.notify.addresses import is_loopback_name

Tls = Literal["implicit", "starttls", "none"]
TWILIO_API = "https://api.twilio.com"
_EMAIL = re.compile(r"[^\s@<>,;\"]{1,64}@[^\s@<>,;\"]+")


class WaySettingsError(ValueError):
    """A setting of a way to people is wrong; the message names it and says what to write. It holds no secret."""


@dataclass(frozen=True, slots=True)
class EmailSettings:
    """The mail server that takes our messages. `ca_file` is for a server with a certificate of one's own."""

    host: str
    port: int
    sender: str
    tls: Tls
    username: str | None = None
    password: SecretStr | None = None
    ca_file: str | None = None


@dataclass(frozen=True, slots=True)
class SmsSettings:
    """Twilio's account; `sender` is a number of it (+14155550100) or a messaging service (MG...)."""

    account_sid: str
    auth_token: SecretStr
    sender: str
    api_base_url: str = TWILIO_API


@dataclass(frozen=True, slots=True)
class NotifySettings:
    """Everything. `allow_private` are hosts of the owner's own network that people may name in their targets."""

    email: EmailSettings | None = None
    sms: SmsSettings | None = None
    allow_private: frozenset[str] = frozenset()
    pushover_api_url: str | None = None  # for tests and gateways
    troubles: Mapping[str, str] = field(default_factory=dict)  # what is wrong, by way; the others work all the same


def notify_settings(env: Mapping[str, str]) -> NotifySettings:
    """The settings in an environment. A mistake is noted in `troubles`, and leaves the other ways alone."""
    troubles: dict[str, str] = {}
    email, sms = None, None
    try:
        email = _email(env)
    except WaySettingsError as error:
        troubles["email"] = str(error)
    try:
        sms = _sms(env)
    except WaySettingsError as error:
        troubles["sms"] = str(error)
    hosts = (
        host.strip().lower().rstrip(".").removeprefix("[").removesuffix("]")
        for host in (env.get("NOTIFY_ALLOW_PRIVATE") or "").split(",")
    )
    return NotifySettings(
        email=email,
        sms=sms,
        allow_private=frozenset(host for host in hosts if host),
        pushover_api_url=env.get("PUSHOVER_API_BASE_URL") or None,
        troubles=troubles,
    )


def _email(env: Mapping[str, str]) -> EmailSettings | None:
    text = (env.get("SMTP_URL") or "").strip()
    if not text:
        return None
    example = "write smtp://USER:PASSWORD@HOST:587?from=ranch@example.org, or smtps:// with port 465"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise WaySettingsError(f"SMTP_URL: it is no address; {example}") from error
    if parts.scheme not in ("smtp", "smtps") or not host:
        raise WaySettingsError(f"SMTP_URL: must start with smtp:// or smtps:// and name a host; {example}")
    options = dict(parse_qsl(parts.query))
    if unknown := options.keys() - {"from", "tls"}:
        raise WaySettingsError(f"SMTP_URL: {', '.join(sorted(unknown))} is no option of it; {example}")
    username = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password else None
    sender = options.get("from") or username or ""
    if not _EMAIL.fullmatch(sender):
        raise WaySettingsError(f"SMTP_URL: it does not say whom the mails are from; {example}")
    if options.get("tls") not in (None, "none"):
        raise WaySettingsError("SMTP_URL: tls can be none; without it the connection is encrypted")
    if (username is None) != (password is None):
        raise WaySettingsError(
            "SMTP_URL: the user name and the password go together; a : / @ in them is written %3A %2F %40"
        )
    tls: Tls = "starttls"
    if parts.scheme == "smtps":
        tls = "implicit"
    elif options.get("tls") == "none" or is_loopback_name(host):
        tls = "none"
    return EmailSettings(
        host=host,
        port=port or (465 if tls == "implicit" else 587),
        sender=sender,
        tls=tls,
        username=username,
        password=SecretStr(password) if password else None,
        ca_file=env.get("SMTP_CA_FILE") or None,
    )


def _sms(env: Mapping[str, str]) -> SmsSettings | None:
    names = ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_FROM")
    values = {name: (env.get(name) or "").strip() for name in names}
    if not any(values.values()):
        return None
    if missing := [name for name, value in values.items() if not value]:
        raise WaySettingsError(f"{', '.join(missing)}: needed beside the other Twilio settings; see Twilio's console")
    sid, token, sender = values.values()
    if not re.fullmatch(r"AC[0-9a-fA-F]{32}", sid):
        raise WaySettingsError("TWILIO_ACCOUNT_SID: must be AC and 32 hexadecimal digits, as in Twilio's console")
    if not re.fullmatch(r"\+[1-9]\d{6,14}|MG[0-9a-fA-F]{32}|[A-Za-z0-9 ]{1,11}", sender):
        raise WaySettingsError("TWILIO_FROM: must be a number such as +14155550100, or a messaging service (MG...)")
    return SmsSettings(sid, SecretStr(token), sender, (env.get("TWILIO_API_BASE_URL") or TWILIO_API).rstrip("/"))
