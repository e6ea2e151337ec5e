"""A person's own preferences: /prefs, its forms where a platform has them, its buttons where it has none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, get_args

from bot.commands.buttons import run_button
from bot.commands.command import Context
from bot.commands.saying import Line, Misused, answer, one_of, quoted, sentence
from bot.forms import Form, FormField
from bot.reply import FORM, Bold, Button, Code, Reply, Text
from energy.preferences import PREFERENCES, PreferenceError, PreferenceKind, changed, find_preference, shown
from services import preferences as services

if TYPE_CHECKING:
    from energy.preferences import Preferences
    from services.scope import Scope

Group = Literal["battery", "alerts", "display"]
GROUPS: tuple[Group, ...] = get_args(Group)
_FORM_PREFIX = "prefs."
_TITLES: dict[str, str] = {"battery": "Battery", "alerts": "Alerts", "display": "Display"}
_SET = ("set", "change")
_DEFAULT = ("default", "reset")
_NUMBERS = ("35", "40", "45", "50", "60")
_IN_A_ROW = 3


async def prefs(scope: Scope, context: Context, arguments: str) -> Reply:
    """All of them, one group, one preference with its choices, or `set NAME VALUE`."""
    words = arguments.split()
    if not words:
        return await _overview(scope, context)
    if words[0].lower() in _SET:
        kind, rest = _preference(words[1:])
        if not rest:
            return await _one(scope, context, kind)
        return await _set(scope, kind, " ".join(rest).removeprefix("to ").removeprefix("= "))
    if len(words) == 1 and words[0].lower() in GROUPS:
        return await _group(scope, context, words[0].lower())
    kind, rest = _preference(words)
    return await _set(scope, kind, " ".join(rest)) if rest else await _one(scope, context, kind)


async def form(name: str, scope: Scope) -> Form | None:
    """The form `prefs.GROUP` with the person's present values; None for any other name."""
    group = name.removeprefix(_FORM_PREFIX)
    if not name.startswith(_FORM_PREFIX) or group not in GROUPS:
        return None
    preferences = await services.preferences_of(scope)
    fields = tuple(
        FormField(
            kind.name,
            kind.label,
            shown(preferences, kind.name),
            kind.allowed,
            tuple((choice, choice.replace("_", " ")) for choice in kind.choices),
        )
        for kind in _kinds(group)
    )
    return Form(name, f"Preferences: {_TITLES[group].lower()}", fields)


async def submitted(name: str, fields: Mapping[str, str], scope: Scope) -> Reply:
    """Save the fields that differ; those that are refused are named with what is allowed, the others are saved."""
    group = name.removeprefix(_FORM_PREFIX)
    if not name.startswith(_FORM_PREFIX) or group not in GROUPS:
        raise Misused("that form is none of mine", "", "/prefs")
    before = await services.preferences_of(scope)
    wanted = {
        kind.name: fields[kind.name].strip()
        for kind in _kinds(group)
        if kind.name in fields and fields[kind.name].strip() != shown(before, kind.name)
    }
    order, refused = _in_order(before, wanted)
    after = before
    for each in order:
        after = await services.change(scope, each, wanted[each])
    if not order and not refused:
        return answer("Nothing was changed.")
    lines: list[Line] = [f"{_kind(each).label}: {shown(after, each)}." for each in order]
    if lines:
        lines[0] = (Bold("Saved. "), Text(str(lines[0])))
    lines += [f"Not saved, {_kind(each).label}: {sentence(why)}" for each, why in refused.items()]
    return answer(*lines)


def _in_order(before: Preferences, wanted: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """The order in which all changes are allowed one after the other, and why the rest are not.

    Minimum and maximum may have to move in one order only: 40 to 80 becomes 85 to 95 from the top.
    """
    order: list[str] = []
    left, refused, preferences = dict(wanted), dict[str, str](), before
    while left:
        refused = {}
        for name, text in left.items():
            try:
                preferences = changed(preferences, name, text)
            except PreferenceError as error:
                refused[name] = str(error)
            else:
                order.append(name)
        if len(refused) == len(left):
            break
        left = {name: left[name] for name in refused}
    return order, refused


async def _set(scope: Scope, kind: PreferenceKind, text: str) -> Reply:
    if text.lower() in _DEFAULT:
        text = shown(type(await services.preferences_of(scope))(), kind.name)
    try:
        after = await services.change(scope, kind.name, text)
    except PreferenceError as error:
        raise Misused(str(error), "", _example(kind)) from error
    lines: list[Line] = [(Bold(shown(after, kind.name)), Text(f" is your {kind.label} now."))]
    if kind.group == "battery":
        lines.append("It shapes your answers and your own commands; the owner's limits for the site stay as they are.")
    return answer(*lines)


async def _overview(scope: Scope, context: Context) -> Reply:
    preferences = await services.preferences_of(scope)
    lines: list[Line] = []
    for group in GROUPS:
        said = ", ".join(f"{kind.label} {shown(preferences, kind.name)}" for kind in _kinds(group))
        lines.append((Bold(f"{_TITLES[group]}: "), Text(f"{said}.")))
    lines.append(("To change one: ", Code("/prefs set min_soc_pct 45")))
    return answer(*lines, buttons=(await _group_buttons(scope, context),))


async def _group_buttons(scope: Scope, context: Context) -> list[Button]:
    if context.has_forms:
        return [Button(_TITLES[group], f"{FORM}{_FORM_PREFIX}{group}") for group in GROUPS]
    return [await run_button(scope, context, _TITLES[group], f"/prefs {group}", replaces=True) for group in GROUPS]


async def _group(scope: Scope, context: Context, group: str) -> Reply:
    preferences = await services.preferences_of(scope)
    kinds = _kinds(group)
    lines: list[Line] = [(Bold(shown(preferences, kind.name)), Text(f" {kind.label}")) for kind in kinds]
    if context.has_forms:
        return answer(*lines, buttons=((Button("Change", f"{FORM}{_FORM_PREFIX}{group}"),),))
    row = [await run_button(scope, context, kind.label, f"/prefs {kind.name}", replaces=True) for kind in kinds]
    back = await run_button(scope, context, "Back", "/prefs", replaces=True)
    return answer(*lines, buttons=(*_rows(row), [back]))


async def _one(scope: Scope, context: Context, kind: PreferenceKind) -> Reply:
    preferences = await services.preferences_of(scope)
    lines: list[Line] = [
        (Bold(shown(preferences, kind.name)), Text(f" is your {kind.label}.")),
        f"Allowed: {kind.allowed}.",
        ("Send ", Code(_example(kind)), " to change it."),
    ]
    row = [
        await run_button(scope, context, choice.replace("_", " "), f"/prefs set {kind.name} {choice}", replaces=True)
        for choice in kind.choices
    ]
    back = await run_button(scope, context, "Back", f"/prefs {kind.group}", replaces=True)
    return answer(*lines, buttons=(*_rows(row), [back]))


def _rows(buttons: list[Button]) -> list[list[Button]]:
    return [buttons[at : at + _IN_A_ROW] for at in range(0, len(buttons), _IN_A_ROW)]


def _preference(words: list[str]) -> tuple[PreferenceKind, list[str]]:
    """The preference that the first words name (the longest name counts), and the words after it."""
    for size in range(min(5, len(words)), 0, -1):
        kind = find_preference(" ".join(words[:size]))
        if kind is not None:
            return kind, words[size:]
    names = ", ".join(kind.name for kind in PREFERENCES)
    wrong = f"{quoted(' '.join(words[:3]))} is no preference" if words else "which preference?"
    raise Misused(wrong, f"Allowed: {names}", "/prefs set min_soc_pct 45")


def _kinds(group: str) -> list[PreferenceKind]:
    return [kind for kind in PREFERENCES if kind.group == group]


def _kind(name: str) -> PreferenceKind:
    return next(kind for kind in PREFERENCES if kind.name == name)


def _example(kind: PreferenceKind) -> str:
    examples = {
        "min_soc_pct": "45",
        "safe_min_soc_pct": "45",
        "safe_max_soc_pct": "90",
        "miner_min_soc_pct": "60",
        "email": "ann@example.org",
        "sms_number": "+14085550100",
        "quiet_hours": "22:00-07:00",
        "timezone": "America/Los_Angeles",
        "date_language": "en",
    }
    return f"/prefs set {kind.name} {examples.get(kind.name) or one_of(kind.choices[:1]) or 'on'}"
