"""Who may do what: /people for owners, /link for one's own accounts, /group for what may be told in a group."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

from bot.commands.buttons import run_button
from bot.commands.command import Context
from bot.commands.saying import Line, Misused, answer, listed, name, one_of, quoted
from bot.reply import Bold, Button, Code, Reply, Text
from services import groups
from services import people as services
from services.scope import ROLES, Role

if TYPE_CHECKING:
    from services.scope import Scope


class _Account(Protocol):
    @property
    def platform(self) -> str: ...
    @property
    def external_id(self) -> str: ...


class _Known(Protocol):
    """What a person is found by."""

    @property
    def person_id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def identities(self) -> Sequence[_Account]: ...


_Somebody = TypeVar("_Somebody", bound=_Known)

_LINES = 5  # under the heading
_STRANGERS = 2
_ALL = 30
_NAMED = 12
_ACCOUNT = re.compile(r"(?P<platform>[a-z]{2,20}):(?P<id>\S{1,64})")
_ACTIONS = ("list", "approve", "role", "remove")


async def people(scope: Scope, context: Context, arguments: str) -> Reply:
    """The list, or a change to it. For owners."""
    first, _, rest = arguments.strip().partition(" ")
    match first.lower():
        case "" | "list":
            return await _list(scope, context, everybody=False)
        case "all":
            return await _list(scope, context, everybody=True)
        case "approve":
            return await _approve(scope, rest)
        case "role":
            return await _role(scope, rest)
        case "remove":
            return await _remove(scope, rest)
        case other:
            raise Misused(
                f"{quoted(other)} is nothing that I can do with people",
                f"Allowed: {one_of(_ACTIONS)}",
                "/people role Ben operator",
            )


async def link(scope: Scope, _context: Context, arguments: str) -> Reply:
    """A code with which the person's account on another platform becomes theirs."""
    if arguments.strip():
        raise Misused(
            "/link takes nothing after its name",
            "It gives you a code; send that code from your other account, in a direct chat with me there",
            "/link",
        )
    code = await services.link_code(scope)
    return answer(
        (Bold("Your code: "), Code(code), Text(", good once, for 15 minutes.")),
        ("On the other platform, send me ", Code(f"/start {code}"), " in a direct chat."),
        "Both accounts are you then, with the same role and the same preferences.",
        "Give the code to nobody: whoever sends it becomes you.",
    )


async def group(scope: Scope, context: Context, arguments: str) -> Reply:
    """Open or close the group in which it is said."""
    word = arguments.strip().lower()
    if word not in ("open", "close", ""):
        raise Misused(f"after /group I understand open or close, not {quoted(word)}", "", "/group open")
    if context.direct:
        raise Misused(
            "this is a direct chat and needs no opening; say it in the group that you mean", "", "/group open"
        )
    address = context.address
    if word == "open":
        await groups.open_group(scope, address.platform, address.chat_id)
        return answer("This group is open: figures, charts and miners are told here.", "/group close ends that.")
    if word == "close":
        await groups.close_group(scope, address.platform, address.chat_id)
        return answer("This group is closed: I answer in direct chats only.")
    is_open = await groups.is_open(scope, address.platform, address.chat_id)
    other = "close" if is_open else "open"
    return answer(f"This group is {'open' if is_open else 'closed'}.", ("To change it: ", Code(f"/group {other}")))


async def _list(scope: Scope, context: Context, *, everybody: bool) -> Reply:
    known = await services.list_people(scope)
    strangers = (await services.strangers(scope))[: _ALL if everybody else _STRANGERS]
    most = _ALL if everybody else _LINES - len(strangers)
    shown = known if len(known) <= most else known[: most - 1]
    lines: list[Line] = []
    for person in shown:
        accounts = ", ".join(dict.fromkeys(account.platform for account in person.identities)) or "no account"
        lines.append((Bold(name(person.name)), Text(f", {person.roles[scope.site.id]} ({accounts})")))
    if len(known) > len(shown):
        where = "commandcenter people on the host lists them" if everybody else "/people all lists them"
        lines.append(f"and {len(known) - len(shown)} more; {where}")
    after: list[Line] = []
    rows: list[list[Button]] = []
    for stranger in strangers:
        account = f"{stranger.platform}:{stranger.external_id}"
        after.append((f"Knocked: {name(stranger.name)}. To let them in: ", Code(f"/people approve {account} viewer")))
        rows.append(
            [await run_button(scope, context, f"Let {name(stranger.name, limit=24)} in", f"/people approve {account}")]
        )
    return listed(f"{len(known)} {'person' if len(known) == 1 else 'people'}:", lines, *after, buttons=rows)


async def _approve(scope: Scope, rest: str) -> Reply:
    words = rest.split()
    example = "/people approve telegram:123456 viewer"
    account = _ACCOUNT.fullmatch(words[0]) if words else None
    if account is None or len(words) > 2:
        raise Misused(
            f"{quoted(words[0] if words else '')} is no account",
            "It is the platform and the id that it gave the account; /people lists who knocked",
            example,
        )
    role = _role_named(words[1], example) if len(words) == 2 else "viewer"
    try:
        person = await services.approve(scope, account["platform"], account["id"], role)
    except services.NoSuchAccount as error:
        raise Misused(name(str(error), limit=300)) from error
    return answer((Bold(name(person.name)), Text(f" is {role} now.")), "They can write to me at once.")


async def _role(scope: Scope, rest: str) -> Reply:
    who, _, word = rest.strip().rpartition(" ")
    example = "/people role Ben operator"
    if not who:
        raise Misused("say who, and which role", f"Roles: {one_of(ROLES)}", example)
    role = _role_named(word, example)
    person = _one(await services.list_people(scope), who, example)
    await services.set_role(scope, person, role)
    return answer((Bold(name(person.name)), Text(f" is {role} now.")))


async def _remove(scope: Scope, rest: str) -> Reply:
    person = _one(await services.list_people(scope), rest, "/people remove Ben")
    await services.remove(scope, person)
    return answer((Bold(name(person.name)), Text(" is nobody here any more: I answer them nothing.")))


def _role_named(word: str, example: str) -> Role:
    for role in ROLES:
        if role == word.lower():
            return role
    raise Misused(f"{quoted(word)} is no role", f"Allowed: {one_of(ROLES)}", example)


def _one(known: Sequence[_Somebody], who: str, example: str) -> _Somebody:
    """The one person whom these words mean: a name, an id, or an account."""
    asked = who.strip().strip('"').lower()
    found = [person for person in known if _is_meant(person, asked)]
    if len(found) == 1:
        return found[0]
    names = ", ".join(name(person.name) for person in known[:_NAMED])
    if not found:
        raise Misused(f"nobody here is called {quoted(who)}", f"Known: {names}", example)
    accounts = [f"{one.platform}:{one.external_id}" for person in found for one in person.identities[:1]]
    raise Misused(f"more than one is called {quoted(who)}", f"Say which account: {one_of(accounts)}", example)


def _is_meant(person: _Known, asked: str) -> bool:
    accounts = [f"{account.platform}:{account.external_id}".lower() for account in person.identities]
    shown = (person.name.lower(), name(person.name).lower(), person.person_id, *accounts)
    return bool(asked) and asked in shown
