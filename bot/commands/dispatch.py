"""Finding the command that a text calls, and running it: typed, tapped, sent in as a form, or proposed."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import structlog

from bot import plan_reply
from bot.commands import alerts, completing, miners, plain, plan, preferences, site
from bot.commands.command import Call, Command, Context
from bot.commands.saying import Misused, answer, name, one_of
from bot.commands.table import BY_NAME, COMMANDS
from bot.reply import Code, Reply, say
from services.scope import Refused, require

if TYPE_CHECKING:
    from bot.forms import Form
    from services.scope import Scope

log = structlog.get_logger()

_TYPED = re.compile(r"/(?P<name>[A-Za-z][A-Za-z0-9_-]{0,31})(?:@\w{1,64})?(?:\s+(?P<arguments>.*))?", re.DOTALL)
_NEEDED_ROLE = re.compile(r"needs the role (viewer|operator|owner)\b")
_PREFIXES = ("cc", "commandcenter")  # as Slack has it: /cc status

ONLY_DIRECT = say("That is private, so I answer it in a direct chat only. Please write to me there.")
NOTHING = say("That button does nothing any more. Please send the command again.")


class Commands:
    """All commands of a bot (`bot.ports.Commands`, and what ingress needs). Has no state: one for all platforms."""

    def find(self, text: str) -> Call | None:
        """The command that a text calls: "/name ...", or a few plain orders ("stop the miners"); None: a question."""
        text = text.strip()
        typed = _TYPED.fullmatch(text) or _TYPED.fullmatch(plain.command_of(text) or "")
        if typed is None:
            return None
        called, arguments = typed["name"].lower(), (typed["arguments"] or "").strip()
        if called in _PREFIXES:
            called, _, arguments = (arguments or "help").partition(" ")
            called, arguments = called.lower().removeprefix("/"), arguments.strip()
        command = BY_NAME.get(called)
        if command is not None:
            return Call(command, arguments)
        if called == "start":
            return Call(BY_NAME["help"], "")
        return Call(replace(BY_NAME["help"], run=unknown), called)

    async def run(self, call: Call, scope: Scope, context: Context) -> Reply:
        """What the command says; a refusal and nonsense are said in words too."""
        command = call.command
        if command.run is None:
            return answer((Code(f"/{command.name}"), " does nothing yet."), command.until)
        if command.private and not context.direct:
            return ONLY_DIRECT
        try:
            require(scope, command.role)
            return await command.run(scope, context, call.arguments)
        except Misused as misused:
            return misused.reply()
        except Refused as refused:
            return refusal(refused)

    async def tapped(self, action: Mapping[str, Any], scope: Scope, context: Context) -> Reply:
        """What a tapped button does: a command with the tapper's own role, or the end of a confirmation."""
        match action.get("do"):
            case "command":
                call = self.find(str(action.get("text", "")))
                if call is None:
                    return NOTHING
                reply = await self.run(call, scope, context)
                return replace(reply, replaces=bool(action.get("replaces")))
            case "confirm" | "cancel" as decision:
                try:
                    reply = await miners.decided(decision, str(action.get("request", "")), scope, context)
                except Refused as refused:
                    reply = refusal(refused)
                return replace(reply, replaces=True)
            case "alert":
                try:
                    return await alerts.tapped(action, scope, context)
                except Refused as refused:  # the alert itself stays as it is
                    return refusal(refused)
            case "plan_mode":
                try:
                    reply = await plan.mode_tapped(action, scope, context)
                except Refused as refused:
                    reply = refusal(refused)
                return replace(reply, replaces=True)
            case "plan_ask":
                try:
                    return await plan_reply.plan_tapped(action, scope, context)
                except Refused as refused:  # the question itself stays as it is
                    return refusal(refused)
            case _:
                log.warning("button_action_unknown", action=str(action.get("do"))[:40])
                return NOTHING

    async def submitted(self, form_name: str, fields: Mapping[str, str], scope: Scope, context: Context) -> Reply:
        """What a form that was sent in says."""
        if not context.direct:
            return ONLY_DIRECT
        try:
            return await preferences.submitted(form_name, fields, scope)
        except Misused as misused:
            return misused.reply()
        except Refused as refused:
            return refusal(refused)

    async def form(self, name: str, scope: Scope) -> Form | None:
        """The form of that name with the person's present values; None for a name that is none."""
        return await preferences.form(name, scope)

    async def proposal(self, request_id: str, scope: Scope, context: Context) -> Reply:
        """The question, with its buttons, whether what the assistant proposed shall be done.

        `request_id` names a control request, or is the text of a command that changes a preference.
        """
        try:
            if request_id.startswith("/"):
                call = self.find(request_id)
                if call is None or call.command.name != "prefs":
                    return NOTHING
                if not context.direct:
                    return ONLY_DIRECT
                return await preferences.proposal(call.arguments, scope, context)
            return await miners.proposal(request_id, scope, context)
        except Misused as misused:
            return misused.reply()
        except Refused as refused:
            return refusal(refused)

    def menu(self) -> tuple[Command, ...]:
        """The commands that do something, for registering with a platform."""
        return tuple(command for command in COMMANDS if command.available)

    async def complete(self, kind: str, typed: str, scope: Scope) -> list[str]:
        """Up to 25 words that fit what was typed so far."""
        return await completing.complete(kind, typed, scope)


async def unknown(_scope: Scope, _context: Context, arguments: str) -> Reply:
    """The answer to a command that does not exist: the closest ones that do."""
    available = [command.name for command in COMMANDS if command.available]
    close = difflib.get_close_matches(arguments, available, n=3, cutoff=0.5)
    close += [other for other in available if other.startswith(arguments[:3]) and other not in close]
    meant = f"Did you mean {one_of(f'/{other}' for other in close[:3])}?" if close else ""
    return answer(f"There is no command /{name(arguments, limit=32)}.", *([meant] if meant else []), site.ALL_COMMANDS)


def refusal(refused: Refused) -> Reply:
    """A role that does not suffice, in words, with the remedy."""
    said = f"That is not allowed: {name(str(refused), limit=300)}."
    needed = _NEEDED_ROLE.search(str(refused))
    return answer(said, f"An owner can give it: /people role NAME {needed[1]}.") if needed else answer(said)
