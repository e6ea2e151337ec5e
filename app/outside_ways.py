"""Email, SMS, webhooks and push services as outlets of the courier. What they need is loaded with the first message."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog

from app.settings import Settings
from bot.message import Address
from bot.ports import Outlet, PartSent, SendResult, Sent, TryLater, Undeliverable
from bot.reply import Picture, Reply, plain
from services import contacts
from services.scope import DEFAULT_ORG_ID
from store.database import Database

if TYPE_CHECKING:
    from connectors.notify.sender import Level, OutMessage, Sender

log = structlog.get_logger()
LONGEST_TITLE = 150
CONTACT_KINDS = ("webhook", "apprise")
_LEVELS: Mapping[str, Level] = {"critical": "critical", "warning": "warning", "info": "info"}


def keyed(address: Address, outbox_id: int, level: str) -> Address:
    """The address with what an outside way must know of a message: its number, the same each time, and its level."""
    return Address(address.platform, address.chat_id, address.thread, via=f"{level} outbox:{outbox_id}")


@dataclass(slots=True)
class OutsideWays:
    """The outlets, by kind, and their end. `troubles` are the ways whose settings are wrong: what to mend."""

    settings: Settings
    outlets: dict[str, Outlet] = field(default_factory=dict)
    troubles: Mapping[str, str] = field(default_factory=dict)
    database: Database | None = None  # where people's own addresses are; without it an address stands as it is
    _senders: Mapping[str, Sender] | None = None
    _loading: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def has_own(self) -> bool:
        """Whether a way of the owner's is set up, so that messages leave without a chat platform too."""
        return bool({"email", "sms"} & self.outlets.keys())

    async def sender(self, kind: str) -> Sender:
        """The sender of that kind; made with the first message."""
        async with self._loading:
            if self._senders is None:
                self._senders = await asyncio.to_thread(self._load)
        return self._senders[kind]

    def _load(self) -> Mapping[str, Sender]:
        from connectors.notify.settings import notify_settings
        from connectors.notify.ways import senders_of

        return senders_of(notify_settings(self.settings.environment))

    async def target(self, address: Address) -> str | None:
        """Where to send: a contact's address is kept in one place, and gone when its person removes it."""
        if self.database is None or address.platform not in CONTACT_KINDS:
            return address.chat_id
        return await contacts.target_at(self.database, DEFAULT_ORG_ID, address.chat_id)

    async def close(self) -> None:
        """Close what is open."""
        if self._senders is not None:
            await asyncio.gather(*(sender.close() for sender in self._senders.values()), return_exceptions=True)


def outside_ways(settings: Settings, database: Database | None = None) -> OutsideWays:
    """The ways that can be used with these settings. A wrong one is logged, and stops nothing else."""
    from connectors.notify.settings import notify_settings

    wanted = notify_settings(settings.environment)
    for kind, trouble in wanted.troubles.items():
        log.error("way_not_started", kind=kind, reason=trouble)
    ways = OutsideWays(settings, troubles=wanted.troubles, database=database)
    kinds = ["webhook", "apprise"]
    kinds += ["email"] if wanted.email is not None else []
    kinds += ["sms"] if wanted.sms is not None else []
    ways.outlets.update({kind: OutsideOutlet(kind, ways) for kind in kinds})
    return ways


@dataclass(frozen=True, slots=True)
class OutsideOutlet:
    """`bot.ports.Outlet` over a sender. Nothing there can be tapped or changed; the text says what to type."""

    platform: str
    ways: OutsideWays
    local: bool = False
    has_forms: bool = False
    has_buttons: bool = False

    async def send(
        self,
        address: Address,
        reply: Reply,
        pictures: Sequence[Picture],
        *,
        from_part: int = 0,  # noqa: ARG002 - there is one part
        part_sent: PartSent | None = None,  # noqa: ARG002
    ) -> SendResult:
        """See `Outlet`: one part, with the first picture where the way has room for one."""
        from connectors.notify.sender import Delivered, Later

        target = await self.ways.target(address)
        if target is None:
            return Undeliverable("its person removed it")
        sender = await self.ways.sender(self.platform)
        match await sender.send(target, _message(address, reply, pictures)):
            case Delivered(ref):
                return Sent(ref=ref)
            case Later(after_s, _) if after_s is not None:
                return TryLater(after_s)
            case Later(_, reason):
                # A server that is away is no reason to wait: the next way is taken, and this one is tried again.
                return Undeliverable(reason)
            case never:
                return Undeliverable(never.reason, dead=never.dead)

    async def edit(self, address: Address, ref: str, reply: Reply) -> SendResult:  # noqa: ARG002
        """Nobody can change what was sent there."""
        return Undeliverable("what was sent there cannot be changed", stands=True)

    async def pin(self, address: Address, ref: str) -> bool:  # noqa: ARG002
        """Not there."""
        return False

    async def unpin(self, address: Address, ref: str) -> bool:  # noqa: ARG002
        """Not there."""
        return False

    async def show_working(self, address: Address) -> None:
        """Not there."""

    async def show_progress(self, address: Address, text: str) -> None:
        """Not there."""


def _message(address: Address, reply: Reply, pictures: Sequence[Picture]) -> OutMessage:
    from connectors.notify.sender import OutMessage

    title, text = titled(plain(reply.blocks))
    level, key = _level_and_key(address, _whole(f"{title}\n{text}"))
    picture = pictures[0] if pictures else None
    return OutMessage(
        title=_whole(title),
        text=_whole(text),
        level=level,
        key=key,
        png=None if picture is None else picture.png,
        alt="" if picture is None else _whole(picture.alt),
    )


def _whole(text: str) -> str:
    """Without halves of characters, which nothing can send."""
    return text.encode("utf-8", "replace").decode()


def titled(text: str) -> tuple[str, str]:
    """The first line as a title and the rest. A long first line is the text, and its beginning the title."""
    first, _, rest = text.strip().partition("\n")
    if len(first) <= LONGEST_TITLE:
        return first, rest.strip()
    sentence = first.partition(". ")[0]
    short = sentence if len(sentence) <= LONGEST_TITLE else first[:LONGEST_TITLE].rpartition(" ")[0] + " …"
    return short, text.strip()


def _level_and_key(address: Address, text: str) -> tuple[Level, str]:
    if address.via is not None and " " in address.via:
        level, _, key = address.via.partition(" ")
        return _LEVELS.get(level, "info"), f"{key}:{address.key}"
    # Without a number the words of a day are what is the same each time.
    head = text.split(":", 1)[0].strip().lower()
    digest = hashlib.sha256(f"{datetime.now(UTC):%Y-%m-%d} {address.key} {text}".encode()).hexdigest()
    return _LEVELS.get(head, "info"), digest
