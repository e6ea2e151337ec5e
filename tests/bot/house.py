"""A small household for the chat's tests: its people, an assistant that repeats, an inbox that survives restarts."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

from agents.answer import Answer, Figure
from bot.chat import Chat, ChatLimits
from bot.commands.command import Call, Command, Context
from bot.message import Address, Message, Sender
from bot.ports import PartSent, Pending, SendResult, Sent, Verdict
from bot.reply import Button, Picture, Reply, ReplyKind, plain, say
from charts.specs import ChartSpec, Line, SocChart

ZONE = ZoneInfo("America/Los_Angeles")
NOON = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001"
    "a5f645400000000049454e44ae426082"
)
QUICK = ChatLimits(working_shown_after_s=0.01, typing_every_s=0.05, steps_shown_after_s=0.03)


def soc_chart() -> ChartSpec:
    start = NOON - timedelta(hours=3)
    times = tuple(int((start + timedelta(hours=n)).timestamp()) for n in range(4))
    line = Line(label="Battery", field="soc_pct", times=times, values=(50.0, 55.0, 61.0, 66.0))
    return SocChart(title="Battery", zone=ZONE, start=start, end=NOON, as_of=NOON, site="Ranch", soc=line)


def answer(text: str, *, charts: tuple[ChartSpec, ...] = ()) -> Answer:
    figure = Figure("soc_pct", 66.0, "%", taken_at=NOON, source="Victron", age_s=20.0)
    return Answer(
        text=f"{text}\nas of 12:00, Victron", agent="energy", mode="model", as_of=NOON, figures=(figure,), charts=charts
    )


@dataclass
class Assistant:
    """Answers "Re: QUESTION"; a question with "chart" in it gets one. `before` runs before each answer."""

    before: Callable[[str], Awaitable[None]] | None = None
    asked: list[str] = field(default_factory=list)
    turns: list[int] = field(default_factory=list)
    text: str | None = None
    proposals: tuple[str, ...] = ()

    async def answer(
        self,
        question: str,
        scope: Any,
        *,
        turns: Sequence[Any] = (),
        progress: Any = None,
        place: str | None = None,
    ) -> Answer:
        self.asked.append(question)
        self.turns.append(len(turns))
        if progress is not None:
            await progress("checking the battery ...")
        if self.before is not None:
            await self.before(question)
        said = answer(self.text or f"Re: {question}", charts=(soc_chart(),) if "chart" in question else ())
        return replace(said, proposals=self.proposals)


@dataclass
class Inbox:
    """What the database would hold; hand the same one to the next run. Values go through JSON like there."""

    rows: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    failures: int = 0  # so many of the next writes fail

    async def receive(self, platform: str, key: str, message: dict[str, Any]) -> bool:
        self._write()
        if (platform, key) in self.rows:
            return False
        self.rows[platform, key] = {"state": "received", "message": json.dumps(message), "delivery": None}
        return True

    async def answered(self, platform: str, key: str, delivery: dict[str, Any]) -> None:
        self._write()
        self.rows[platform, key] |= {"state": "answered", "delivery": json.dumps(delivery)}

    async def settled(self, platform: str, key: str) -> None:
        self._write()
        self.rows[platform, key] = {"state": "settled"}

    async def pending(self, platform: str) -> Sequence[Pending]:
        return [
            Pending(key, json.loads(row["message"]), json.loads(row["delivery"]) if row["delivery"] else None)
            for (where, key), row in self.rows.items()
            if where == platform and row["state"] != "settled"
        ]

    @property
    def states(self) -> list[str]:
        return [row["state"] for row in self.rows.values()]

    def _write(self) -> None:
        if self.failures:
            self.failures -= 1
            raise OSError("the disk is full")


@dataclass
class People:
    """Account 7 is Ann; whoever has the code HQ7KZ-M2XD4 can pair."""

    known: dict[str, str] = field(default_factory=lambda: {"7": "Ann"})
    code: str | None = "HQ7KZ-M2XD4"
    tried: list[str] = field(default_factory=list)
    strangers: list[tuple[str, str]] = field(default_factory=list)

    async def admit(self, platform: str, external_id: str) -> Any:
        name = self.known.get(external_id)
        return SimpleNamespace(person_id=f"p{external_id}", name=name) if name else None

    async def pair(self, platform: str, external_id: str, name: str, code: str) -> Any:
        self.tried.append(code)
        if code != self.code:
            return None
        self.code = None
        self.known[external_id] = name
        return await self.admit(platform, external_id)

    async def note_stranger(self, platform: str, external_id: str, name: str, reason: str) -> None:
        self.strangers.append((external_id, reason))


@dataclass
class Places:
    """Groups in `open` may be told figures."""

    open: set[str] = field(default_factory=set)
    routes: list[tuple[str, str]] = field(default_factory=list)
    gone: list[tuple[str, str]] = field(default_factory=list)

    async def is_open(self, address: Address) -> bool:
        return address.chat_id in self.open

    async def seen(self, person_id: str, address: Address) -> None:
        self.routes.append((person_id, address.chat_id))

    async def dead(self, address: Address, reason: str) -> None:
        self.gone.append((address.chat_id, reason))


@dataclass(frozen=True)
class Redeemed:
    verdict: Verdict
    action: Mapping[str, Any] | None = None


@dataclass
class Buttons:
    """Tokens and what they are worth; each works once, for whoever taps it where."""

    actions: dict[str, dict[str, Any]] = field(default_factory=dict)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    used_by: dict[str, str] = field(default_factory=dict)

    async def redeem(self, token: str, person_id: str, place: str, key: str) -> Redeemed:
        if token not in self.actions:
            return Redeemed("unknown")
        if self.used_by.setdefault(token, key) != key:
            return Redeemed("used")
        return Redeemed(self.verdicts.get(token, "ok"), self.actions[token])


async def _never(scope: Any, context: Context, arguments: str) -> Reply:
    raise AssertionError("the table's own functions are not called here")


STATUS = Command("status", "How the site is doing", _never)
SPECIAL = {
    "link": Command("link", "One more account", _never, private=True),
    "group": Command("group", "Open or close this group", _never, in_any_group=True),
}


@dataclass
class Commands:
    """/status says what it was given, /live is kept live, /link is private; a tap says what its action is."""

    before: Callable[[str], Awaitable[None]] | None = None
    ran: list[tuple[str, str, str]] = field(default_factory=list)  # (command, arguments, place)
    forms: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    buttons: tuple[tuple[Button, ...], ...] = ()

    def find(self, text: str) -> Call | None:
        name, _, arguments = text.strip().removeprefix("/").partition(" ")
        if not text.strip().startswith("/"):
            return None
        return Call(SPECIAL.get(name, replace(STATUS, name=name)), arguments)

    async def run(self, call: Call, scope: Any, context: Context) -> Reply:
        if self.before is not None:
            await self.before(call.command.name)
        self.ran.append((call.command.name, call.arguments, context.place))
        kinds: dict[str, ReplyKind] = {"live": "live", "live_off": "live_off"}
        kind = kinds.get(call.command.name, "answer")
        return replace(say(f"{call.command.name}: {call.arguments or 'all'}"), buttons=self.buttons, kind=kind)

    async def tapped(self, action: Mapping[str, Any], scope: Any, context: Context) -> Reply:
        self.ran.append(("tap", json.dumps(action), context.place))
        return replace(say(f"Done: {action['text']}"), replaces=True)

    async def submitted(self, name: str, fields: Mapping[str, str], scope: Any, context: Context) -> Reply:
        self.forms.append((name, dict(fields)))
        return say(f"Saved: {name}")

    async def proposal(self, proposal: str, scope: Any, context: Context) -> Reply:
        return replace(say(f"Shall I? ({proposal})"), buttons=((Button("Yes", f"yes-{proposal}"),),))


@dataclass
class Live:
    kept: list[tuple[str, str, str]] = field(default_factory=list)  # (chat, account, ref)
    ended: list[str] = field(default_factory=list)

    async def begin(self, address: Address, sender: Sender, ref: str) -> None:
        self.kept.append((address.chat_id, sender.external_id, ref))

    async def end(self, address: Address) -> None:
        self.ended.append(address.chat_id)


@dataclass
class Conversations:
    kept: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    async def recent(self, address: Address) -> Sequence[Any]:
        return self.kept.get(address.key, [])[-6:]

    async def remember(self, address: Address, person_id: str, turn: dict[str, Any]) -> None:
        self.kept.setdefault(address.key, []).append(turn)


async def draw(spec: ChartSpec) -> bytes:
    return PNG


@dataclass
class House:
    """Everything that outlives a run, and `chat()` for the next run."""

    assistant: Assistant = field(default_factory=Assistant)
    inbox: Inbox = field(default_factory=Inbox)
    people: People = field(default_factory=People)
    places: Places = field(default_factory=Places)
    buttons: Buttons = field(default_factory=Buttons)
    commands: Commands = field(default_factory=Commands)
    live: Live = field(default_factory=Live)
    conversations: Conversations = field(default_factory=Conversations)
    clock: list[float] = field(default_factory=lambda: [0.0])
    draw: Callable[[ChartSpec], Awaitable[bytes]] = draw
    limits: ChatLimits = QUICK

    def chat(self) -> Chat:
        async def scope_for(person: Any) -> Any:
            return SimpleNamespace(zone=ZONE)

        return Chat(
            inbox=self.inbox,
            people=self.people,
            places=self.places,
            buttons=self.buttons,
            commands=self.commands,
            live=self.live,
            conversations=self.conversations,
            assistant=self.assistant,
            render=self.draw,
            scope_for=scope_for,
            limits=self.limits,
            monotonic=lambda: self.clock[0],
        )


@dataclass
class Wall:
    """An outlet that keeps what it was given. `results` are given back first, one a send."""

    platform: str = "wall"
    local: bool = False
    has_forms: bool = False
    has_buttons: bool = True
    edits: list[tuple[str, str]] = field(default_factory=list)  # (ref, text)
    edit_results: list[SendResult] = field(default_factory=list)
    pinned: list[str] = field(default_factory=list)
    unpinned: list[str] = field(default_factory=list)
    buttons: list[Button] = field(default_factory=list)
    results: list[SendResult] = field(default_factory=list)
    said: list[tuple[str, str]] = field(default_factory=list)  # (chat, text)
    pictures: list[Picture] = field(default_factory=list)
    progress: list[str] = field(default_factory=list)
    working: int = 0
    gate: asyncio.Event | None = None

    async def send(
        self,
        address: Address,
        reply: Reply,
        pictures: Sequence[Picture],
        *,
        from_part: int = 0,
        part_sent: PartSent | None = None,
    ) -> SendResult:
        if self.gate is not None:
            await self.gate.wait()
        result = self.results.pop(0) if self.results else Sent()
        if not isinstance(result, Sent) or not result.confirmed:
            return result
        self.said.append((address.chat_id, plain(reply.blocks)))
        self.pictures += pictures
        self.buttons += [button for row in reply.buttons for button in row]
        return Sent(ref=f"m{len(self.said)}")

    async def edit(self, address: Address, ref: str, reply: Reply) -> SendResult:
        if self.edit_results:
            return self.edit_results.pop(0)
        self.edits.append((ref, plain(reply.blocks)))
        return Sent(ref=ref)

    async def pin(self, address: Address, ref: str) -> bool:
        self.pinned.append(ref)
        return True

    async def unpin(self, address: Address, ref: str) -> bool:
        self.unpinned.append(ref)
        return True

    async def show_working(self, address: Address) -> None:
        self.working += 1

    async def show_progress(self, address: Address, text: str) -> None:
        self.progress.append(text)

    @property
    def texts(self) -> list[str]:
        return [text for _, text in self.said]


_numbers = iter(range(1, 1_000_000))


def message(text: str, *, user: str = "7", chat: str | None = None, key: str | None = None, **changes: Any) -> Message:
    return Message(
        Address("wall", chat or user),
        Sender("wall", user, "Ann"),
        text,
        datetime.now(UTC),
        key or f"k{next(_numbers)}",
        **changes,
    )


class Terminal(io.StringIO):
    """A stream that says whether it is a terminal."""

    def __init__(self, *, tty: bool) -> None:
        super().__init__()
        self._tty = tty

    def isatty(self) -> bool:
        return self._tty
