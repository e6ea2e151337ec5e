"""A person's own preferences: /prefs, its forms where a platform has them, its buttons where it has none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Literal, get_args

from bot.commands.buttons import once_button, run_button
from bot.commands.command import Context
from bot.commands.saying import Line, Misused, answer, inlines, name, own_words, quoted, sentence
from bot.commands.usual_values import usual_values
from bot.forms import Form, FormField
from bot.reply import FORM, Bold, Button, Code, Reply, Text
from energy.preferences import PREFERENCES, PreferenceError, PreferenceKind, changed, find_preference, shown
from services import preferences as services

if TYPE_CHECKING:
    from energy.preferences import Preferences
    from services.scope import Scope

Group = Literal["battery", "alerts", "display"]
GROUPS: tuple[Group, ...] = get_args(Group)
_MOST_FIELDS = 5  # of a form, Discord's limit
_FORM_PREFIX = "prefs."
_TITLES: dict[str, str] = {"battery": "Battery", "alerts": "Alerts", "display": "Display"}
_SET = ("set", "change")
_IN_A_ROW = 3
# A person's own address and time zone are shown as they were written, so that they can be copied.
_COPYABLE = re.compile(r"[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+|[A-Z][\w+-]*(?:/[\w+-]+)*")
PROPOSAL_LASTS = timedelta(hours=24)
_SENT_NOWHERE = frozenset({"email", "sms_number"})
NOTHING_SENT = "It is kept, but nothing is sent there yet: notices come in your direct chats with me."


async def prefs(scope: Scope, context: Context, arguments: str) -> Reply:
    """All of them, one group, one preference with its choices, or `set NAME VALUE`."""
    words = arguments.split()
    if not words:
        return await _overview(scope, context)
    if words[0].lower() in _SET:
        kind, rest = _preference(words[1:])
        if not rest:
            return await _one(scope, context, kind)
        return await _set(scope, context, kind, " ".join(rest).removeprefix("to ").removeprefix("= "))
    if len(words) == 1 and words[0].lower() in GROUPS:
        return await _group(scope, context, words[0].lower())
    kind, rest = _preference(words)
    return await _set(scope, context, kind, " ".join(rest)) if rest else await _one(scope, context, kind)


async def form(form_name: str, scope: Scope) -> Form | None:
    """The form `prefs.GROUP` with the person's present values; None for any other name."""
    group = form_name.removeprefix(_FORM_PREFIX)
    if not form_name.startswith(_FORM_PREFIX) or group not in GROUPS:
        return None
    preferences = await services.preferences_of(scope)
    fields = tuple(
        FormField(
            kind.name,
            kind.label,
            _written(preferences, kind),
            kind.allowed,
            tuple((choice, _label(kind, choice)) for choice in kind.choices),
        )
        for kind in _kinds(group)[:_MOST_FIELDS]
    )
    return Form(form_name, f"Preferences: {_TITLES[group].lower()}", fields)


async def submitted(form_name: str, fields: Mapping[str, str], scope: Scope) -> Reply:
    """Save the fields that differ; those that are refused are named with what is allowed, the others are saved."""
    group = form_name.removeprefix(_FORM_PREFIX)
    if not form_name.startswith(_FORM_PREFIX) or group not in GROUPS:
        raise Misused("that form is none of mine", "", "/prefs")
    before = await services.preferences_of(scope)
    wanted = {
        kind.name: fields[kind.name].strip()
        for kind in _kinds(group)
        if kind.name in fields and fields[kind.name].strip() != _written(before, kind)
    }
    order, refused = _in_order(before, wanted)
    after = before
    for each in order:
        after = await services.change(scope, each, wanted[each])
    if not order and not refused:
        return answer("Nothing was changed.")
    lines: list[Line] = [f"{_kind(each).label}: {_shown(after, _kind(each))}." for each in order]
    if lines:
        lines[0] = (Bold("Saved. "), Text(str(lines[0])))
    if any(each in _SENT_NOWHERE and getattr(after, each) is not None for each in order):
        lines.append(NOTHING_SENT)
    lines += [f"Not saved, {_kind(each).label}: {sentence(why)}" for each, why in refused.items()]
    return answer(*lines)


async def proposal(arguments: str, scope: Scope, context: Context) -> Reply:
    """Whether a preference shall be changed as the assistant proposes: a button for the person who asked, once."""
    words = arguments.split()
    kind, rest = _preference(words[1:] if words[:1] == ["set"] else words)
    text = " ".join(rest)
    before = await services.preferences_of(scope)
    try:
        after = changed(before, kind.name, text)
    except PreferenceError as error:
        raise await _not_allowed(scope, kind, text, error) from error
    action = {"do": "command", "text": f"/prefs set {kind.name} {text}", "replaces": True}
    row = [
        await once_button(scope, context, "Change it", action, expires_at=scope.now + PROPOSAL_LASTS, style="primary")
    ]
    return answer(f"Your {kind.label}: {_shown(before, kind)} now, {_shown(after, kind)} then.", buttons=(row,))


def _in_order(before: Preferences, wanted: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """The order in which all changes are allowed one after the other, and why the rest are not.

    Minimum and maximum may have to move in one order only: 40 to 80 becomes 85 to 95 from the top.
    """
    order: list[str] = []
    left, refused, preferences = dict(wanted), dict[str, str](), before
    while left:
        refused = {}
        for each, text in left.items():
            try:
                preferences = changed(preferences, each, text)
            except PreferenceError as error:
                refused[each] = own_words(str(error), text)
            else:
                order.append(each)
        if len(refused) == len(left):
            break
        left = {each: left[each] for each in refused}
    return order, refused


async def _set(scope: Scope, context: Context, kind: PreferenceKind, text: str) -> Reply:
    try:
        after = await services.change(scope, kind.name, text)
    except PreferenceError as error:
        raise await _not_allowed(scope, kind, text, error) from error
    lines: list[Line] = [(Bold(_shown(after, kind)), Text(f" is your {kind.label} now."))]
    if kind.name in _SENT_NOWHERE and getattr(after, kind.name) is not None:
        lines.append(NOTHING_SENT)
    if kind.group == "battery":
        lines.append("It shapes your answers and your own commands; the owner's limits for the site stay as they are.")
    if context.origin == "tapped" and not context.has_forms:
        return answer(*lines, buttons=await _value_buttons(scope, context, after, kind))
    return answer(*lines)


async def _not_allowed(scope: Scope, kind: PreferenceKind, text: str, error: PreferenceError) -> Misused:
    preferences = await services.preferences_of(scope)
    return Misused(own_words(str(error), text), "", _example(preferences, kind, text))


async def _overview(scope: Scope, context: Context) -> Reply:
    preferences = await services.preferences_of(scope)
    lines: list[Line] = []
    for group in GROUPS:
        said = ", ".join(f"{kind.label} {_shown(preferences, kind)}" for kind in _kinds(group))
        lines.append((Bold(f"{_TITLES[group]}: "), Text(f"{said}.")))
    lines.append(("To change one: ", Code("/prefs set min_soc_pct 35")))
    return answer(*lines, buttons=(await _group_buttons(scope, context),))


async def _group_buttons(scope: Scope, context: Context) -> list[Button]:
    if context.has_forms:
        return [Button(_TITLES[group], f"{FORM}{_FORM_PREFIX}{group}") for group in GROUPS]
    return [await run_button(scope, context, _TITLES[group], f"/prefs {group}", replaces=True) for group in GROUPS]


async def _group(scope: Scope, context: Context, group: str) -> Reply:
    preferences = await services.preferences_of(scope)
    kinds = _kinds(group)
    lines: list[Line] = [(Text(f"{kind.label}: "), Bold(_shown(preferences, kind))) for kind in kinds]
    if context.has_forms:
        if len(kinds) > _MOST_FIELDS:
            lines[-1] = (*inlines(lines[-1]), Text("; "), Code(f"/prefs {kinds[-1].name}"), Text(" changes it"))
        return answer(*lines, buttons=((Button("Change", f"{FORM}{_FORM_PREFIX}{group}"),),))
    row = [await run_button(scope, context, kind.label, f"/prefs {kind.name}", replaces=True) for kind in kinds]
    back = await run_button(scope, context, "Back", "/prefs", replaces=True)
    return answer(*lines, buttons=(*_rows(row), [back]))


async def _one(scope: Scope, context: Context, kind: PreferenceKind) -> Reply:
    preferences = await services.preferences_of(scope)
    lines: list[Line] = [
        (Bold(_shown(preferences, kind)), Text(f" is your {kind.label}.")),
        f"Allowed: {kind.allowed}.",
        ("Send ", Code(_example(preferences, kind)), " to change it."),
    ]
    return answer(*lines, buttons=await _value_buttons(scope, context, preferences, kind))


async def _value_buttons(
    scope: Scope, context: Context, preferences: Preferences, kind: PreferenceKind
) -> list[list[Button]]:
    row = [
        await run_button(scope, context, label, f"/prefs set {kind.name} {value}", replaces=True)
        for label, value in usual_values(preferences, kind)
    ]
    back = await run_button(scope, context, "Back", f"/prefs {kind.group}", replaces=True)
    return [*_rows(row), [back]]


def _rows(buttons: list[Button]) -> list[list[Button]]:
    return [buttons[at : at + _IN_A_ROW] for at in range(0, len(buttons), _IN_A_ROW)]


def _preference(words: list[str]) -> tuple[PreferenceKind, list[str]]:
    """The preference that the first words name (the longest name counts), and the words after it."""
    for size in range(min(5, len(words)), 0, -1):
        named = " ".join(words[:size])
        # No name has a digit in it, so a number is the value already.
        kind = None if any(ch.isdigit() for ch in named) else find_preference(named)
        if kind is not None:
            return kind, words[size:]
    names = ", ".join(kind.name for kind in PREFERENCES)
    wrong = f"{quoted(' '.join(words[:3]))} is no preference" if words else "which preference?"
    raise Misused(wrong, f"Allowed: {names}", "/prefs set min_soc_pct 35")


def _shown(preferences: Preferences, kind: PreferenceKind) -> str:
    value = shown(preferences, kind.name)
    if kind.name in ("email", "timezone") and _COPYABLE.fullmatch(value):
        return value
    return name(value.replace("_", " "), limit=80)


def _written(preferences: Preferences, kind: PreferenceKind) -> str:
    """The value as a form holds it: one of the choices where there are some."""
    value = getattr(preferences, kind.name)
    return str(value) if kind.choices and not isinstance(value, bool) else shown(preferences, kind.name)


def _label(kind: PreferenceKind, choice: str) -> str:
    return choice if choice in ("on", "off") else kind.show(choice).replace("_", " ")


def _kinds(group: str) -> list[PreferenceKind]:
    return [kind for kind in PREFERENCES if kind.group == group]


def _kind(wanted: str) -> PreferenceKind:
    return next(kind for kind in PREFERENCES if kind.name == wanted)


_EXAMPLES = {
    "min_soc_pct": ("35", "30"),
    "safe_min_soc_pct": ("45", "40"),
    "safe_max_soc_pct": ("90", "80"),
    "miner_min_soc_pct": ("60", "50"),
    "email": ("ann@example.org",),
    "sms_number": ("+14155550123",),
    "quiet_hours": ("22:00-07:00",),
    "timezone": ("America/Los_Angeles",),
}


def _example(preferences: Preferences, kind: PreferenceKind, wanted: str = "") -> str:
    """A change that would be taken: after one that the order of the SOC limits forbids, what must move first."""
    if wanted:
        for other in _kinds("battery"):
            try:
                changed(changed(preferences, other.name, wanted), kind.name, wanted)
            except PreferenceError:
                continue
            return f"/prefs set {other.name} {wanted}"
    for text in (*_EXAMPLES.get(kind.name, ()), *kind.choices):
        try:
            after = changed(preferences, kind.name, text)
        except PreferenceError:
            continue
        if after != preferences:
            return f"/prefs set {kind.name} {text}"
    return f"/prefs set {kind.name} default"
