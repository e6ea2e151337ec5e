"""A way to a person as they write it: a webhook's address, or an address that `apprise` knows.

Pure: nothing is looked up. Whether a host may be connected to is decided where the connection is made. Push services
and their options are an allow-list: some of what apprise knows runs programs, reads files, or speaks to this machine.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

ContactKind = Literal["webhook", "apprise"]

LONGEST = 1_000
KEY_START = "whsec_"  # as in the "Standard Webhooks" specification
SLACK_HOST = "hooks.slack.com"
DISCORD_HOSTS = frozenset({"discord.com", "discordapp.com", "ptb.discord.com", "canary.discord.com"})


class TargetRefused(ValueError):
    """The text is no target that we send to; the message says what is."""


@dataclass(frozen=True, slots=True)
class Target:
    """A parsed target. `target` may hold secrets and is shown to nobody; `shown` is what people read.

    `needs_key`: its messages are signed, and it has no key yet.
    """

    kind: ContactKind
    target: str = field(repr=False)
    shown: str
    needs_key: bool = False


@dataclass(frozen=True, slots=True)
class Service:
    """A push service of apprise: its name, whether the address names a host of the person's choice, its options."""

    name: str
    own_host: bool = False
    options: frozenset[str] = frozenset()
    before: int | None = None  # parts of the path that come before the recipients; None: it has none there
    plain: bool = False  # its address is called without encryption: for hosts of the own network only


_LISTS = frozenset({"to", "channel", "channels"})


def _service(
    name: str, options: str = "", *, before: int | None = None, own_host: bool = False, plain: bool = False
) -> Service:
    return Service(name, own_host, frozenset(options.split()) | {"format"}, before, plain)


def _both(scheme: str, name: str, options: str = "", before: int | None = None) -> dict[str, Service]:
    """A self-hosted service: without and with encryption."""
    return {
        scheme: _service(name, options, before=before, own_host=True, plain=True),
        f"{scheme}s": _service(name, options, before=before, own_host=True),
    }


SERVICES: Mapping[str, Service] = MappingProxyType(
    {
        "pover": _service("Pushover", "priority sound expire interval to"),
        "tgram": _service("Telegram", "silent preview topic thread to", before=0),
        "pbul": _service("Pushbullet", "to", before=0),
        "prowl": _service("Prowl", "priority"),
        "pagerduty": _service("PagerDuty", "group class region severity"),
        "opsgenie": _service("Opsgenie", "region priority entity alias tags to"),
        "join": _service("Join", "priority to", before=0),
        "zulip": _service("Zulip", "to token", before=1),
        "psafers": _service("Pushsafer", "priority sound vibration to", before=0),
        "spush": _service("SimplePush", "event"),
        "gchat": _service("Google Chat", "workspace key token thread"),
        "whatsapp": _service("WhatsApp", "from token template lang to"),
        "signl4": _service("SIGNL4", "service location alerting_scenario"),
        "line": _service("LINE", "to", before=0),
        **_both("ntfy", "ntfy", "priority mode auth token xtags to", before=0),
        **_both("gotify", "Gotify", "priority"),
        **_both("matrix", "Matrix", "mode msgtype token to"),
        **_both("mmost", "Mattermost", "channel channels botname to"),
        **_both("rocket", "Rocket.Chat", "mode to"),
        **_both("signal", "Signal", "from to"),
        **_both("bark", "Bark", "sound level group to", before=0),
        **_both("nctalk", "Nextcloud Talk", "url_prefix"),
        **_both("hassio", "Home Assistant", "to token prefix"),
        **_both("synology", "Synology Chat", "token"),
    }
)
_WHAT_IS = (
    "it must be a webhook (https://...), a Slack or Discord webhook, or an address of a push service such as "
    "ntfys://HOST/TOPIC or pover://USER@TOKEN"
)


def parse_target(text: str) -> Target:
    """The target that a person wrote. Raises `TargetRefused` with words for them."""
    text = text.strip().strip("<>")
    if not text:
        raise TargetRefused(f"nothing was given; {_WHAT_IS}")
    if len(text) > LONGEST:
        raise TargetRefused(f"it has {len(text):,} characters; {LONGEST:,} are the most")
    if not re.fullmatch(r"[!-~]+", text) or "\\" in text:
        raise TargetRefused("it holds a blank, a backslash or a letter that no address has; copy it again")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise TargetRefused(f"it is no address; {_WHAT_IS}") from error
    scheme = parts.scheme.lower()
    if scheme in ("http", "https"):
        return _webhook(parts, port)
    if scheme in SERVICES:
        return _push(text, parts, SERVICES[scheme])
    if not scheme or not parts.netloc:
        raise TargetRefused(f"it is no address; {_WHAT_IS}")
    known = ", ".join(sorted({service.name for service in SERVICES.values()}))
    raise TargetRefused(f"{scheme}:// is no service that we send to; the services are {known}")


def webhook_kind(host: str, path: str) -> Literal["slack", "discord", "signed"]:
    """Whose messages a webhook takes: Slack's, Discord's, or our own signed ones."""
    if host == SLACK_HOST:
        return "slack"
    if host in DISCORD_HOSTS and re.match(r"/api/(v\d+/)?webhooks/", path):
        return "discord"
    return "signed"


def with_key(target: Target, key: str) -> Target:
    """The same webhook with the key that its messages are signed with. It is kept where no request carries it."""
    return Target(target.kind, f"{target.target.partition('#')[0]}#{key}", target.shown)


def is_odd_number(host: str) -> bool:
    """Whether the system may read that as a number that means an address (2130706433, 0x7f.1, 127.1)."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        last = host.rstrip(".").rpartition(".")[2]
        return re.fullmatch(r"\d+|0x[0-9a-f]*", last, re.IGNORECASE) is not None
    return False


def _webhook(parts: SplitResult, port: int | None) -> Target:
    host = _host(parts)
    if parts.username is not None or parts.password is not None:
        raise TargetRefused("it holds a user name before the @; give the address without it")
    if port == 0:
        raise TargetRefused("port 0 is none")
    key = parts.fragment
    if key and not re.fullmatch(KEY_START + r"[A-Za-z0-9+/=_-]{24,128}", key):
        raise TargetRefused(f"what follows the # is no signing key; leave it out, or give {KEY_START} and your key")
    kind = webhook_kind(host, parts.path)
    if kind != "signed" and parts.scheme.lower() != "https":
        raise TargetRefused("such a webhook begins with https://")
    where = f"[{host}]" if ":" in host else host
    name = {"slack": "Slack webhook", "discord": "Discord webhook", "signed": f"webhook at {where}"}[kind]
    netloc = where if port is None else f"{where}:{port}"
    path = parts.path or "/"
    query = f"?{parts.query}" if parts.query else ""
    target = f"{parts.scheme.lower()}://{netloc}{path}{query}" + (f"#{key}" if key else "")
    return Target("webhook", target, name + _hint(path), needs_key=kind == "signed" and not key)


def _push(text: str, parts: SplitResult, service: Service) -> Target:
    if not parts.netloc or parts.fragment:
        raise TargetRefused(f"it is no address of {service.name}; see its page on appriseit.com")
    if ";" in unquote(parts.query):
        raise TargetRefused("what follows the ? holds a semicolon; write & between the options")
    try:
        given = [name.lower() for name, _ in parse_qsl(parts.query, strict_parsing=bool(parts.query))]
    except ValueError as error:
        raise TargetRefused("what follows the ? is not NAME=VALUE") from error
    wrong = sorted(name for name in given if name not in service.options)
    if wrong:
        allowed = ", ".join(sorted(service.options))
        raise TargetRefused(f"{', '.join(wrong)}: no option that we pass on to {service.name}; there are {allowed}")
    if _recipients(parts, service) > 1:
        raise TargetRefused("it names several recipients; add each of them by itself")
    if has_host(text):
        return Target("apprise", text, f"{service.name} at {_host(parts)}{_hint(parts.path)}")
    return Target("apprise", text, service.name + _hint(parts.netloc + parts.path))


def has_host(text: str) -> bool:
    """Whether an apprise address names a host. Some have only a topic there, at the service's own host."""
    parts = urlsplit(text)
    service = SERVICES.get(parts.scheme.lower())
    if service is None or not service.own_host:
        return False
    if not parts.scheme.lower().startswith("ntfy"):
        return True
    options = dict(parse_qsl(parts.query.lower()))
    return bool(parts.path.strip("/")) or "to" in options or options.get("mode") == "private"


def _recipients(parts: SplitResult, service: Service) -> int:
    """How many are named, as far as we can tell; apprise counts once more before it sends."""
    options = parse_qsl(parts.query)
    listed = sum(len(re.findall(r"[^,\s]+", value)) for name, value in options if name.lower() in _LISTS)
    in_path = len([each for each in unquote(parts.path).split("/") if each])
    return listed + (max(in_path - service.before, 0) if service.before is not None else 0)


def _host(parts: SplitResult) -> str:
    host = (parts.hostname or "").rstrip(".")
    if not re.fullmatch(r"[a-z0-9_.:-]{1,253}", host) or "%" in host:
        raise TargetRefused("it names no host")
    if is_odd_number(host):
        raise TargetRefused(f"{host} is an odd way to write a number; give the host's name, or its address as 1.2.3.4")
    return host


def _hint(secret: str) -> str:
    """The last letters of something long, so that its owner can tell two apart."""
    secret = re.sub(r"[^A-Za-z0-9_-]", "", secret)
    return f" (…{secret[-4:]})" if len(secret) >= 16 else ""
