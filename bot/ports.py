"""What the chat needs from others, as small as it can be; app binds the real ones."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from bot.commands.command import Call, Context
from bot.message import Address, Sender
from bot.reply import Picture, Reply

if TYPE_CHECKING:
    from agents.answer import Answer
    from charts.specs import ChartSpec


@dataclass(frozen=True, slots=True)
class Sent:
    """The platform took it. `confirmed` is False when no answer came back: it may have arrived, so only a critical
    alert is sent once more.

    `ref` names the message that holds the text and the buttons, as `edit` and `pin` take it; None where unknown.
    """

    confirmed: bool = True
    ref: str | None = None


@dataclass(frozen=True, slots=True)
class TryLater:
    """Nothing wrong with the message: send again after `after_s` seconds, starting with part `next_part`.

    `ref` is what `Sent.ref` will be, where that part has gone already.
    """

    after_s: float
    next_part: int = 0
    ref: str | None = None


@dataclass(frozen=True, slots=True)
class Undeliverable:
    """It will never arrive: the person blocked the bot, the chat is gone. Repeating it helps nobody.

    `dead` means that nothing at all can be sent there any more: the place is no route until somebody writes from it.
    `stands`, of an edit: the message is there as it was, only the platform lets nobody change it (so often).
    """

    reason: str
    dead: bool = False
    stands: bool = False


SendResult = Sent | TryLater | Undeliverable
PartSent = Callable[[int], Awaitable[None]]


class Outlet(Protocol):
    """One platform's way out."""

    @property
    def platform(self) -> str:
        """The platform's name, as in `Address.platform`."""
        ...

    @property
    def local(self) -> bool:
        """Whether it can only be reached from the host itself; then nobody is throttled."""
        ...

    @property
    def has_forms(self) -> bool:
        """Whether a button can open a form (`bot.reply.FORM`); elsewhere choices are buttons."""
        ...

    @property
    def has_buttons(self) -> bool:
        """Whether it shows buttons and can change a message; elsewhere (email, SMS) the text says what to type."""
        ...

    async def send(
        self,
        address: Address,
        reply: Reply,
        pictures: Sequence[Picture],
        *,
        from_part: int = 0,
        part_sent: PartSent | None = None,
    ) -> SendResult:
        """Send the reply in as many parts as the platform needs, skipping the first `from_part` of them.

        `part_sent(n)` is called when n parts have gone and more follow. Network trouble is a result, not an exception.
        """
        ...

    async def edit(self, address: Address, ref: str, reply: Reply) -> SendResult:
        """Put the reply's text and buttons in the place of what message `ref` shows; pictures stay as they are.

        `Undeliverable` when it cannot be changed (too old, deleted, or the platform has no edits): send it then.
        """
        ...

    async def pin(self, address: Address, ref: str) -> bool:
        """Pin a message of ours; False where that is not possible, which is no failure."""
        ...

    async def unpin(self, address: Address, ref: str) -> bool:
        """Take the pin from a message of ours; False where that is not possible, which is no failure."""
        ...

    async def show_working(self, address: Address) -> None:
        """Show that an answer is being worked on (a typing indicator). May be a no-op."""
        ...

    async def show_progress(self, address: Address, text: str) -> None:
        """Show what is being done ("checking last night ...") in one line.

        The line changes with each call and is gone when the answer stands there. May be a no-op.
        """
        ...


class Person(Protocol):
    """Somebody who is known here."""

    @property
    def person_id(self) -> str:
        """The id that all of the person's platforms share."""
        ...

    @property
    def name(self) -> str:
        """What the person is called."""
        ...


class AlreadySomebody(Exception):
    """The account is a person of its own, so a code of somebody else cannot join it; the words say the remedy.

    The code is not used up by it.
    """


class People(Protocol):
    """Who may talk to us."""

    async def admit(self, platform: str, external_id: str) -> Person | None:
        """The person behind an account, or None for a stranger."""
        ...

    async def pair(self, platform: str, external_id: str, name: str, code: str) -> Person | None:
        """Use up a pairing code for this account; None when the code is wrong, used, expired or tried too often.

        Raises `AlreadySomebody`.
        """
        ...

    async def note_stranger(self, platform: str, external_id: str, name: str, reason: str) -> None:
        """Write an audit row about somebody who was not let in."""
        ...


class Places(Protocol):
    """Which chats may hear what, and through which a person is reached."""

    async def is_open(self, address: Address) -> bool:
        """Whether an owner opened this group: figures may be told there."""
        ...

    async def seen(self, person_id: str, address: Address) -> None:
        """A person wrote in this direct chat: it is a way to reach them."""
        ...

    async def dead(self, address: Address, reason: str) -> None:
        """Nothing can be sent there any more, until somebody writes from it."""
        ...


Verdict = Literal["ok", "unknown", "used", "expired", "not_yours", "elsewhere"]


class Redeemed(Protocol):
    """What a button's token was worth."""

    @property
    def verdict(self) -> Verdict:
        """ "ok" once for a button that works once; what else it may be says why it does nothing."""
        ...

    @property
    def action(self) -> Mapping[str, Any] | None:
        """What the button does, as it was stored on our side."""
        ...


class Buttons(Protocol):
    """What the buttons' tokens stand for."""

    async def redeem(self, token: str, person_id: str, place: str, key: str) -> Redeemed:
        """Use a token; the same `key` (one tap, delivered or resumed again) gets the same verdict again."""
        ...


class Commands(Protocol):
    """The commands (`bot.commands.dispatch.Commands`)."""

    def find(self, text: str) -> Call | None:
        """The command that a text calls; None for a question."""
        ...

    async def run(self, call: Call, scope: Any, context: Context) -> Reply:
        """What the command says."""
        ...

    async def tapped(self, action: Mapping[str, Any], scope: Any, context: Context) -> Reply:
        """What a tapped button's action says."""
        ...

    async def submitted(self, name: str, fields: Mapping[str, str], scope: Any, context: Context) -> Reply:
        """What a form that was sent in says."""
        ...

    async def proposal(self, proposal: str, scope: Any, context: Context) -> Reply:
        """The question, with its buttons, whether something that the assistant proposed shall be done.

        `proposal` is a control request's id, or the text of a command.
        """
        ...


class LiveMessages(Protocol):
    """The messages that are kept up to date, one a chat."""

    async def begin(self, address: Address, sender: Sender, ref: str) -> None:
        """Keep this message up to date from now on; any other in its chat is ended and says so."""
        ...

    async def end(self, address: Address) -> None:
        """End the chat's live message: it says so from then on, without figures, and is pinned no more."""
        ...


@dataclass(frozen=True, slots=True)
class Pending:
    """A message that was received before a restart; `delivery` is set when it had been answered too."""

    key: str
    message: dict[str, Any]
    delivery: dict[str, Any] | None


class ProgressRefs(Protocol):
    """Which progress lines stand where, across restarts; written once when a line appears and once when it goes."""

    async def keep(self, address: Address, ref: str) -> None:
        """Message `ref` is a progress line."""
        ...

    async def forget(self, address: Address, ref: str) -> None:
        """It is none any more."""
        ...

    async def all(self, platform: str) -> Sequence[tuple[Address, str]]:
        """The lines that stand on a platform."""
        ...


class Inbox(Protocol):
    """Received messages until their replies have gone, committed step by step."""

    async def receive(self, platform: str, key: str, message: dict[str, Any]) -> bool:
        """Commit a received message; False when this key was received before."""
        ...

    async def answered(self, platform: str, key: str, delivery: dict[str, Any]) -> None:
        """Commit the reply that is about to be sent (again, when a part of it has gone)."""
        ...

    async def settled(self, platform: str, key: str) -> None:
        """Commit that nothing is left to do for this message."""
        ...

    async def pending(self, platform: str) -> Sequence[Pending]:
        """Everything not settled, oldest first."""
        ...


class Conversations(Protocol):
    """What was said before."""

    async def recent(self, address: Address) -> Sequence[Any]:
        """The last few turns as the assistant takes them, oldest first."""
        ...

    async def remember(self, address: Address, person_id: str, turn: dict[str, Any]) -> None:
        """Keep a turn (its keys: `bot.answering.turn_of`)."""
        ...


Progress = Callable[[str], Awaitable[None]]


class Assistant(Protocol):
    """Answers a question within a scope (`agents.assistant.Assistant`)."""

    async def answer(
        self,
        question: str,
        scope: Any,
        *,
        turns: Sequence[Any] = (),
        progress: Progress | None = None,
        place: str | None = None,
    ) -> Answer:
        """The answer, with its figures and chart specs, and what it proposes to be confirmed in `place`."""
        ...


Renderer = Callable[["ChartSpec"], Awaitable[bytes]]  # PNG bytes; runs off the event loop (charts.render.render)
ScopeFor = Callable[[Person], Awaitable[Any]]  # what the person may see, as of now (services.scope.Scope)
