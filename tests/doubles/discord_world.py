"""What there is on the Discord double: people, channels, the bot's messages, interactions."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from typing import Any

from tests.doubles.discord_markdown import read
from tests.doubles.discord_rules import SUPPRESS_EMBEDS, Refused

EPOCH_MS = 1_420_070_400_000
GUILD, CHANNEL, THREAD = 500_000, 600_000, 610_000
DIRECT = 900_000_000  # plus the user's id: the channel of the direct chat


@dataclass(frozen=True)
class Failure:
    """What happens to a call instead of an answer."""

    status: int = 0
    code: int = 0
    message: str = ""
    more: dict[str, Any] = field(default_factory=dict)
    lands: bool = False  # the message arrives all the same
    hangs_s: float = 0.0
    cuts: bool = False  # the connection is cut instead of answered


def too_many(retry_after_s: float) -> Failure:
    return Failure(429, 0, "You are being rate limited.", {"retry_after": retry_after_s, "global": False})


def out_of_order(status: int = 503) -> Failure:
    return Failure(status, 0, "Service Unavailable")


def closed_direct_messages() -> Failure:
    return Failure(403, 50007, "Cannot send messages to this user")


def lost_answer() -> Failure:
    return Failure(lands=True, cuts=True)


@dataclass
class Post:
    """A message of the bot's as it stands now."""

    post_id: int
    channel_id: int
    content: str = ""
    components: list[dict[str, Any]] = field(default_factory=list)
    pictures: list[tuple[str, str, bytes]] = field(default_factory=list)  # (file name, alt text, bytes)
    flags: int = 0
    reply_to: int | None = None
    only_for: int | None = None
    thinking: bool = False
    pinned: bool = False
    shown: list[str] = field(default_factory=list)  # every text that stood there, in order
    at: float = 0.0

    @property
    def text(self) -> str:
        """The text as a reader sees it."""
        return read(self.content)[0]

    @property
    def markup(self) -> set[str]:
        """Which kinds of markup are at work in it."""
        return read(self.content)[1]

    @property
    def buttons(self) -> list[tuple[str, str]]:
        """(label, token) in reading order."""
        return [(each["label"], each["custom_id"]) for row in self.components for each in row["components"]]

    @property
    def previews(self) -> bool:
        return not self.flags & SUPPRESS_EMBEDS

    def change(self, body: dict[str, Any], files: dict[str, bytes]) -> None:
        if "content" in body:
            self.content = (body["content"] or "").strip()
            self.shown.append(self.text)
        self.components = body.get("components", self.components)
        self.flags = self.flags & ~SUPPRESS_EMBEDS | int(body.get("flags", self.flags)) & SUPPRESS_EMBEDS
        if "attachments" in body:
            self.pictures = [
                (each["filename"], each.get("description", ""), files[f"files[{each['id']}]"])
                for each in body["attachments"]
            ]
        self.thinking = False
        self.at = time.perf_counter()

    def payload(self, world: World) -> dict[str, Any]:
        return {
            **world.message(self.post_id, self.channel_id, world.me, self.content),
            "flags": self.flags | (1 << 6 if self.only_for is not None else 0),
            "components": self.components,
        }


@dataclass
class Interaction:
    """One interaction and how far it was answered."""

    interaction_id: int
    token: str
    kind: int
    user: int
    channel_id: int
    at: float
    source: Post | None = None
    acknowledged: int = 0  # the type of the first answer
    original: Post | None = None
    choices: list[str] = field(default_factory=list)
    expired: bool = False
    payload: dict[str, Any] = field(default_factory=dict)


class World:
    """Everything that stays while the bot comes and goes."""

    def __init__(self) -> None:
        self.token = "MTIz.double.secret-token"
        self.application_id = 4201
        self.me = {
            "id": "4200",
            "username": "commandcenter",
            "discriminator": "0",
            "avatar": None,
            "global_name": None,
            "bot": True,
        }
        self.posts: dict[int, Post] = {}
        self.interactions: dict[str, Interaction] = {}
        self.names: dict[int, str] = {}
        self.closed: dict[int, tuple[int, int, str]] = {}  # channel -> (status, code, words)
        self._numbers = itertools.count(1)

    def snowflake(self) -> int:
        """An id that holds the time, as Discord's do."""
        return int(time.time() * 1000 - EPOCH_MS) << 22 | next(self._numbers) & 0x3FFFFF

    def user(self, user: int) -> dict[str, Any]:
        name = self.names.setdefault(user, "Ann")
        return {"id": str(user), "username": f"user{user}", "discriminator": "0", "avatar": None, "global_name": name}

    def direct_channel(self, user: int) -> dict[str, Any]:
        return {
            "id": str(DIRECT + user),
            "type": 1,
            "recipients": [self.user(user)],
            "last_message_id": None,
            "flags": 0,
        }

    def channel(self, channel_id: int, user: int) -> dict[str, Any]:
        if channel_id >= DIRECT:
            return self.direct_channel(user)
        held = self.guild()
        return next(each for each in [*held["channels"], *held["threads"]] if each["id"] == str(channel_id))

    def guild(self) -> dict[str, Any]:
        base = {
            "guild_id": str(GUILD),
            "flags": 0,
            "permissions": "0",
            "last_message_id": None,
            "rate_limit_per_user": 0,
        }
        channel = {**base, "id": str(CHANNEL), "type": 0, "name": "ranch", "position": 0, "permission_overwrites": []}
        metadata = {
            "archived": False,
            "auto_archive_duration": 60,
            "archive_timestamp": "2026-01-01T00:00:00+00:00",
            "locked": False,
        }
        thread = {
            **base,
            "id": str(THREAD),
            "type": 11,
            "name": "miners",
            "parent_id": str(CHANNEL),
            "owner_id": "7",
            "message_count": 0,
            "member_count": 1,
            "thread_metadata": metadata,
        }
        everyone = {
            "id": str(GUILD),
            "name": "@everyone",
            "permissions": "0",
            "position": 0,
            "color": 0,
            "hoist": False,
        }
        return {
            "id": str(GUILD),
            "name": "The ranch",
            "owner_id": "7",
            "channels": [channel],
            "threads": [thread],
            "roles": [{**everyone, "hoist": False, "managed": False, "mentionable": False}],
            "emojis": [],
            "stickers": [],
            "features": [],
            "members": [{"user": self.me, "roles": [], "joined_at": "2026-01-01T00:00:00+00:00", "flags": 0}],
            "member_count": 2,
            "verification_level": 0,
            "default_message_notifications": 0,
            "explicit_content_filter": 0,
            "mfa_level": 0,
            "nsfw_level": 0,
            "premium_tier": 0,
            "preferred_locale": "en-US",
            "system_channel_flags": 0,
            "afk_timeout": 300,
            "premium_progress_bar_enabled": False,
            "unavailable": False,
            "large": False,
            "presences": [],
            "voice_states": [],
            "stage_instances": [],
            "guild_scheduled_events": [],
            "soundboard_sounds": [],
        }

    def message(self, message_id: int, channel_id: int, author: dict[str, Any], content: str) -> dict[str, Any]:
        return {
            "id": str(message_id),
            "channel_id": str(channel_id),
            "author": author,
            "content": content,
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime()),
            "edited_timestamp": None,
            "tts": False,
            "mention_everyone": False,
            "mentions": [],
            "mention_roles": [],
            "attachments": [],
            "embeds": [],
            "components": [],
            "pinned": False,
            "type": 0,
            "flags": 0,
        }

    def check_open(self, channel_id: int) -> None:
        """Refuse what cannot be written to."""
        if channel_id in self.closed:
            raise Refused(*self.closed[channel_id])
        if channel_id < DIRECT and channel_id not in (CHANNEL, THREAD):
            raise Refused(404, 10003, "Unknown Channel")

    def stand(
        self,
        channel_id: int,
        body: dict[str, Any],
        files: dict[str, bytes],
        *,
        only_for: int | None = None,
        thinking: bool = False,
    ) -> Post:
        post = Post(self.snowflake(), channel_id, only_for=only_for)
        reference = body.get("message_reference")
        post.reply_to = int(reference["message_id"]) if reference else None
        post.change(body, files)
        post.thinking = thinking
        self.posts[post.post_id] = post
        return post
