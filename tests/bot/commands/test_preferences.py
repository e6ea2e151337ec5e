from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from agents.tools.desk import ToolDesk
from bot.forms import MOST_FIELDS
from bot.reply import FORM, plain
from charts.specs import SocChart
from energy.preferences import PREFERENCES, Preferences
from services import preferences as kept
from services.preferences import as_preferred
from store import audit
from tests.bot.commands.stage import ORG, Stage, buttons, labels, lines, newcomer
from tests.bot.commands.test_miners import button, tap


async def value(stage: Stage, name: str) -> object:
    return getattr(await kept.preferences_of(stage.scope), name)


async def test_all_preferences_are_shown_in_six_lines(stage: Stage) -> None:
    reply = await stage.say("/prefs")
    said = plain(reply.blocks)
    for kind in PREFERENCES:
        assert kind.label in said
    assert "minimum SOC 30 %" in said
    assert "miner priority excess solar" in said
    assert len(lines(reply)) <= 6


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("/prefs set min_soc_pct 35", "min_soc_pct", 35),
        ("/prefs set minimum SOC to 35 %", "min_soc_pct", 35),
        ("/prefs minimum soc 35", "min_soc_pct", 35),
        ("set my minimum SOC to 35", "min_soc_pct", 35),
        ("/prefs set temperature_unit F", "temperature_unit", "F"),
        ("use fahrenheit", "temperature_unit", "F"),
        ("use kilowatts", "power_unit", "kW"),
        ("/prefs set miner priority never", "miner_priority", "never"),
        ("/prefs set time zone America/Denver", "timezone", "America/Denver"),
        ("turn alerts off", "alerts", False),
        ("/prefs set email Ann@Example.org", "email", "Ann@Example.org"),
    ],
)
async def test_a_preference_is_changed_by_command_and_by_plain_words(
    stage: Stage, text: str, name: str, expected: object
) -> None:
    reply = await stage.say(text)
    assert "is your" in plain(reply.blocks)
    assert await value(stage, name) == expected
    assert len(await audit.entries(stage.scope.database, ORG, limit=100)) >= 2


async def test_what_the_order_of_the_limits_forbids_is_answered_with_what_must_move_first(stage: Stage) -> None:
    said = await stage.hears("set my minimum SOC to 45")
    assert said.endswith("For example: /prefs set safe_min_soc_pct 45")
    await stage.say("/prefs set safe_min_soc_pct 45")
    assert (await stage.hears("set my minimum SOC to 45")).startswith("45 % is your minimum SOC now.")


async def test_a_preference_goes_back_to_its_default(stage: Stage) -> None:
    await stage.say("/prefs set min_soc_pct 35")
    await stage.say("/prefs set min_soc_pct default")
    assert await value(stage, "min_soc_pct") == 30


async def test_a_personal_limit_says_that_the_owners_limits_stay(stage: Stage) -> None:
    assert "the owner's limits for the site stay as they are" in await stage.hears("/prefs set min_soc_pct 35")


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("/prefs set min_soc_pct 450", "0 to 100"),
        ("/prefs set min_soc_pct 45", "must be at most the safe minimum (40 %)"),
        ("/prefs set timezone Mars/Base", "America/Los_Angeles"),
        ("/prefs set temperature_unit K", "C, F"),
        ("/prefs set quiet_hours late", "22:00-07:00"),
        ("/prefs set email nobody", "ann@example.org"),
        ("/prefs set colour red", "Allowed: min_soc_pct"),
        ("/prefs set", "Allowed: min_soc_pct"),
    ],
)
async def test_a_value_that_is_not_allowed_is_answered_with_what_is(stage: Stage, text: str, allowed: str) -> None:
    said = await stage.hears(text)
    assert allowed in said
    assert "For example: /prefs set" in said
    assert await kept.preferences_of(stage.scope) == stage.scope.preferences


async def test_where_there_are_forms_buttons_open_them(stage: Stage) -> None:
    stage.has_forms = True
    reply = await stage.say("/prefs")
    assert [each.token for each in buttons(reply)] == [
        f"{FORM}prefs.battery",
        f"{FORM}prefs.alerts",
        f"{FORM}prefs.display",
    ]


@pytest.mark.parametrize("group", ["battery", "alerts", "display"])
async def test_a_form_holds_the_present_values(stage: Stage, group: str) -> None:
    await stage.say("/prefs set min_soc_pct 35")
    form = await stage.commands.form(f"prefs.{group}", stage.scope)
    assert form is not None
    assert 1 <= len(form.fields) <= MOST_FIELDS
    for field in form.fields:
        assert field.hint
        if field.choices:
            assert field.value in [choice for choice, _ in field.choices]
    if group == "battery":
        assert form.fields[0].value == "35 %"


@pytest.mark.parametrize("name", ["prefs", "prefs.", "prefs.nothing", "other", ""])
async def test_there_is_no_other_form(stage: Stage, name: str) -> None:
    assert await stage.commands.form(name, stage.scope) is None
    said = plain((await stage.commands.submitted(name, {"min_soc_pct": "1"}, stage.scope, stage.context)).blocks)
    assert said.startswith("That form is none of mine.")


@pytest.mark.parametrize("group", ["battery", "alerts", "display"])
async def test_a_form_sent_in_unchanged_changes_nothing(stage: Stage, group: str) -> None:
    form = await stage.commands.form(f"prefs.{group}", stage.scope)
    assert form is not None
    fields = {field.name: field.value for field in form.fields}
    reply = await stage.commands.submitted(form.name, fields, stage.scope, stage.context)
    assert plain(reply.blocks) == "Nothing was changed."


async def test_a_form_may_move_several_limits_at_once_in_whatever_order_works(stage: Stage) -> None:
    fields = {"min_soc_pct": "60", "safe_min_soc_pct": "70 %", "safe_max_soc_pct": "95", "miner_min_soc_pct": "75"}
    reply = await stage.commands.submitted("prefs.battery", fields, stage.scope, stage.context)
    assert plain(reply.blocks).startswith("Saved.")
    assert await value(stage, "min_soc_pct") == 60
    assert await value(stage, "miner_min_soc_pct") == 75
    back = {"min_soc_pct": "10", "safe_min_soc_pct": "15", "safe_max_soc_pct": "20", "miner_min_soc_pct": "10"}
    await stage.commands.submitted("prefs.battery", back, stage.scope, stage.context)
    assert await value(stage, "safe_max_soc_pct") == 20


async def test_a_form_saves_what_is_allowed_and_names_the_rest(stage: Stage) -> None:
    fields = {"temperature_unit": "F", "timezone": "Mars/Base", "unknown": "x"}
    reply = await stage.commands.submitted("prefs.display", fields, stage.scope, stage.context)
    said = plain(reply.blocks)
    assert "temperature unit: °F" in said
    assert "Not saved, time zone" in said
    assert "America/Los_Angeles" in said
    assert await value(stage, "temperature_unit") == "F"


async def test_without_forms_the_choices_are_buttons(stage: Stage) -> None:
    overview = await stage.say("/prefs")
    group = await tap(stage, button(overview, "Display"), key="1")
    assert group.replaces
    assert labels(group) == ["time zone", "temperature unit", "power unit", "language of dates", "daily brief", "Back"]
    one = await tap(stage, button(group, "temperature unit"), key="2")
    assert plain(one.blocks).startswith("°C is your temperature unit.")
    assert "/prefs set temperature_unit" in plain(one.blocks)
    done = await tap(stage, button(one, "°F"), key="3")
    assert plain(done.blocks).startswith("°F is your temperature unit now.")
    assert await value(stage, "temperature_unit") == "F"


async def test_somebody_elses_preferences_stay_theirs(stage: Stage) -> None:
    ben = replace(
        stage, scope=replace(stage.scope, actor=await newcomer(stage.scope.database, stage.site, "Ben", "9", "owner"))
    )
    await stage.say("/prefs set min_soc_pct 35")
    assert "minimum SOC 30 %" in await ben.hears("/prefs")


async def test_what_the_assistant_proposes_is_changed_by_a_tap_only(stage: Stage) -> None:
    reply = await stage.commands.proposal("/prefs set min_soc_pct 35", stage.scope, stage.context)
    assert plain(reply.blocks) == "Your minimum SOC: 30 % now, 35 % then."
    assert await value(stage, "min_soc_pct") == 30
    done = await tap(stage, button(reply, "Change it"))
    assert done.replaces
    assert await value(stage, "min_soc_pct") == 35


@pytest.mark.parametrize(
    "text", ["/miners stop all", "/people remove Ann", "/group open", "stop the miners", "/nothing", "/prefs"]
)
async def test_no_other_command_can_be_proposed_as_text(stage: Stage, text: str) -> None:
    reply = await stage.commands.proposal(text, stage.scope, stage.context)
    assert reply.buttons == ()
    assert (await kept.preferences_of(stage.scope)) == stage.scope.preferences


async def test_where_nothing_is_sent_yet_is_said_when_it_is_set(stage: Stage) -> None:
    assert "nothing is sent there yet" in await stage.hears("/prefs set email ann@example.org")
    assert "nothing is sent there yet" in await stage.hears("/prefs set sms_number +14155550123")
    assert "nothing is sent" not in await stage.hears("/prefs set email none")
    reply = await stage.commands.submitted(
        "prefs.alerts", {"email": "bo@example.org", "alerts": "on"}, stage.scope, stage.context
    )
    assert "nothing is sent there yet" in plain(reply.blocks)


async def test_a_persons_stricter_limits_are_those_of_their_answers(stage: Stage) -> None:
    night = stage.at(stage.scope.as_of - timedelta(hours=14))
    assert "The owner's limits: never below 30 %, kept between 40 % and 80 %" in await night.hears("/battery")
    own = Preferences(min_soc_pct=35, safe_min_soc_pct=45, safe_max_soc_pct=75, miner_min_soc_pct=60)
    strict = replace(night, scope=as_preferred(night.scope, own))
    said = await strict.hears("/battery")
    assert "Your limits, stricter than the owner's: never below 35 %, kept between 45 % and 75 %" in said
    assert "miners only above 60 %." in said
    assert "reaches the minimum of 35 % in" in said
    assert "Battery never below 30 %, kept between 40 % and 80 %" in await strict.hears("/sites")
    facts = await ToolDesk(strict.scope).run("site_settings", {})
    assert facts.facts["limits"]["safe_max_soc_pct"] == 75
    assert facts.facts["owner_limits"]["safe_max_soc_pct"] == 80
    assert "Those are your own preferences; the owner's are minimum 30 %, kept above 40 %" in facts.text
    desk = ToolDesk(strict.scope)
    await desk.run("draw_chart", {"kind": "soc", "period": "yesterday"})
    (chart,) = desk.charts
    assert isinstance(chart, SocChart)
    assert (chart.min_soc_pct, chart.safe_min_soc_pct, chart.safe_max_soc_pct) == (35, 45, 75)


async def test_what_is_shown_can_be_copied(stage: Stage) -> None:
    said = await stage.hears("/prefs set timezone Mars/Base evil.example")
    assert "such as America/Los_Angeles or Europe/Berlin" in said
    assert '"Mars∕Base evil․example" is not allowed' in said
    assert "such as ann@example.org" in await stage.hears("/prefs set email nobody")
    assert "ann@example.org is your email now." in await stage.hears("/prefs set email ann@example.org")
    assert "America/Los_Angeles is your time zone now." in await stage.hears("/prefs set timezone America/Los_Angeles")
    reply = await stage.commands.submitted("prefs.display", {"timezone": "Mars/Base"}, stage.scope, stage.context)
    assert "America/Los_Angeles" in plain(reply.blocks)
    assert "Mars∕Base" in plain(reply.blocks)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("min_soc_pct", ["−5 (25 %)", "+5 (35 %)", "20 %", "40 %", "Back"]),
        ("safe_min_soc_pct", ["−5 (35 %)", "+5 (45 %)", "30 %", "50 %", "Back"]),
        ("safe_max_soc_pct", ["−5 (75 %)", "+5 (85 %)", "90 %", "100 %", "Back"]),
        ("miner_min_soc_pct", ["−5 (45 %)", "+5 (55 %)", "40 %", "60 %", "70 %", "Back"]),
        ("quiet_hours", ["22:00-07:00", "21:00-06:00", "23:00-08:00", "Back"]),
        ("email", ["Back"]),
    ],
)
async def test_without_forms_usual_values_are_buttons(stage: Stage, name: str, expected: list[str]) -> None:
    assert labels(await stage.say(f"/prefs {name}")) == expected


async def test_a_limit_is_stepped_by_taps_alone(stage: Stage) -> None:
    one = await stage.say("/prefs min_soc_pct")
    lower = await tap(stage, button(one, "−5 (25 %)"), key="1")
    assert plain(lower.blocks).startswith("25 % is your minimum SOC now.")
    await tap(stage, button(lower, "−5 (20 %)"), key="2")
    assert await value(stage, "min_soc_pct") == 20


async def test_what_was_set_can_be_taken_away_by_a_tap(stage: Stage) -> None:
    for name, text, label in (
        ("email", "ann@example.org", "none"),
        ("sms_number", "+14155550123", "none"),
        ("quiet_hours", "22:00-07:00", "none"),
        ("timezone", "America/Denver", "site"),
    ):
        await stage.say(f"/prefs set {name} {text}")
        await tap(stage, button(await stage.say(f"/prefs {name}"), label), key=name)
        assert await value(stage, name) is None
