"""Alerts by command, on a database in which the watch has fired some."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.alert_reply import alert_reply
from bot.reply import Reply, plain
from energy.alerts.rule import Signal
from energy.alerts.table import BY_ID
from services import alerts
from services.alert_content import content_of
from services.scope import Role
from services.watching import Watching
from store import contacts as stored_contacts
from store import custom_alerts, outbox
from tests.bot.commands.stage import ONE_PM, ORG, Stage, labels, newcomer
from tests.bot.sample_alerts import LOW

SOLAR: dict[str, Any] = {"value": 1000.0, "threshold": 3000.0, "unit": "W", "action": None}
SOLAR |= {"what": "Solar gives {value}, it should give {threshold}."}
SILENT: dict[str, Any] = {"value": None, "threshold": None, "what": "garage is silent.", "action": None}
SILENT |= {"subject": "garage", "chart": None}


@dataclass
class Watch:
    """What the worker does: each rule fires and clears at once."""

    stage: Stage

    def __post_init__(self) -> None:
        self.watching = Watching(self.stage.scope.database, ORG, self.stage.site)

    async def sees(self, rule_id: str, *, active: bool = True, at: datetime = ONE_PM, **signal: Any) -> None:
        rule = replace(BY_ID[rule_id], for_s=0.0, keep_firing_s=0.0, cooldown_s=0.0)
        seen = Signal(rule_id=rule_id, active=active, devices=("solark",), taken_at=at, **(LOW | signal))
        await self.watching.carry_on([(rule, seen)], at)


@pytest.fixture
async def watch(stage: Stage) -> Watch:
    """Three alerts are open: 1 the battery, 2 solar, 3 a silent device."""
    watch = Watch(stage)
    await watch.sees("battery_critical")
    await watch.sees("solar_low", **SOLAR)
    await watch.sees("device_silent", **SILENT)
    return watch


async def ben(stage: Stage, role: Role) -> Stage:
    """Somebody else in the same chat."""
    actor = await newcomer(stage.scope.database, stage.site, "Ben", "8", role)
    return replace(stage, scope=replace(stage.scope, actor=actor))


async def test_without_an_alert_there_is_nothing_to_list_and_nothing_to_acknowledge(stage: Stage) -> None:
    assert await stage.hears("/alerts") == "No alert is open."
    assert await stage.hears("/alerts history") == "No alert in the last 7 days."
    assert await stage.hears("acknowledge") == "Nothing waits to be acknowledged."
    assert (await stage.hears("/mute")).startswith("Nothing is muted.")
    assert (await stage.hears("/unmute")).startswith("Nothing is muted")


async def test_what_is_open_is_listed_most_important_first_and_read_then(watch: Watch) -> None:
    stage = watch.stage
    reply = await stage.say("what alerts are open?")
    assert plain(reply.blocks) == (
        "3 alerts open, 3 unread:\n\n"
        "• 1 Critical: Battery at 28 %, under its minimum of 30 %. Since 13:00.\n"
        "• 2 Warning: Solar gives 1.00 kW, it should give 3.00 kW. Since 13:00.\n"
        "• 3 Warning: garage is silent. Since 13:00."
    )
    assert labels(reply) == ["Acknowledge all", "Acknowledge 1", "Acknowledge 2", "History", "Refresh"]
    assert "unread" not in await stage.hears("/alerts")


async def test_one_open_alert_is_told_in_full(stage: Stage) -> None:
    await Watch(stage).sees("battery_critical")
    reply = await stage.say("/alerts")
    assert "What to do: stop the miners, or start the generator." in plain(reply.blocks)
    assert labels(reply) == ["Acknowledge", "History", "Refresh"]
    assert "Acknowledge" not in labels(await stage.as_("viewer").say("/alerts"))


async def test_an_alert_is_acknowledged_by_its_number_and_once(watch: Watch) -> None:
    stage = watch.stage
    assert (await stage.hears("/ack")).startswith("Which one?")
    assert (await stage.hears("ack #1")).startswith("Acknowledged: 1 Battery critical.")
    assert await stage.hears("/ack 1, 2 and 99") == (
        "Acknowledged: 2 Solar under-performing.\nNobody else is called for it, and it is not told again.\n"
        "1 Battery critical was acknowledged by Ann before.\n"
        "There is no alert 99 here. /alerts lists those that are open."
    )
    assert "Acknowledged by Ann at 13:00." in await stage.hears("/alerts")
    assert "3 Device silent (garage)" in await stage.hears("/ack all")
    assert '"foo" is no alert\'s number' in await stage.hears("/ack foo")


async def test_what_is_acknowledged_by_its_number_is_read(watch: Watch) -> None:
    stage = watch.stage
    await stage.hears("/ack 1")
    assert await alerts.unread(stage.scope) == 3  # two more wait
    await stage.hears("/ack 2 3")
    assert "unread" not in await stage.hears("/alerts")


async def test_ones_own_rules_are_offered_by_their_titles(watch: Watch) -> None:
    await watch.stage.hears("/rules add tell me when battery is below 60 %")
    said = await watch.stage.hears("/mute battery")
    assert "battery_low" in said
    assert "custom:" not in said
    assert "60 %" in said


async def test_a_viewer_cannot_acknowledge_for_everybody(watch: Watch) -> None:
    said = await (await ben(watch.stage, "viewer")).hears("/ack all")
    assert said.startswith("That is not allowed: this needs the role operator")
    assert "Acknowledged" not in await watch.stage.hears("/alerts")


async def test_what_is_over_is_history(watch: Watch) -> None:
    await watch.sees("battery_critical", active=False, at=ONE_PM + timedelta(minutes=30))
    later = watch.stage.at(ONE_PM + timedelta(minutes=31))
    assert await later.hears("/alerts history") == (
        "The last 7 days, latest first:\n\n"
        "• 3 Device silent (garage): since 13:00, still open\n"
        "• 2 Solar under-performing: since 13:00, still open\n"
        "• 1 Battery critical: 13:00 to 13:30"
    )
    assert await later.hears("/ack 1") == "1 Battery critical is over."


async def test_a_rule_is_muted_for_a_while_and_unmuted(watch: Watch) -> None:
    stage = watch.stage
    reply = await stage.say("/mute solar_low for 2h")
    assert plain(reply.blocks).startswith("Muted until 15:00: Solar under-performing, for everybody.")
    assert labels(reply) == ["Unmute"]
    assert "Muted until 14:00: Device silent" in await stage.hears("/mute 3")
    assert "for you alone" in await (await ben(stage, "viewer")).hears("/mute battery low until 18:00")
    assert "Solar under-performing until 15:00, for everybody" in await stage.hears("/mute")
    assert (await stage.hears("/alerts")).endswith("/mute lists them.")
    assert await stage.hears("/unmute solar low") == "1 mute has ended: alerts are told again."


async def test_a_mute_without_a_time_of_its_own_and_one_of_all_shorten_none(watch: Watch) -> None:
    stage = watch.stage
    await stage.hears("/mute solar_low for 5h")
    assert "stays muted until 18:00" in await stage.hears("/mute solar_low")
    assert "stays muted until 18:00" in await stage.hears("/mute 2")
    assert "1 rule stays muted for longer" in await stage.hears("/mute all for 2h")
    assert "Solar under-performing until 18:00, for everybody" in await stage.hears("/mute")
    reply = await _tap(stage, "mute", 2)
    assert "muted until 18:00" in plain(reply.blocks).lower()
    shortened = await stage.hears("/mute solar_low for 30min")
    assert "It was muted until 18:00 before." in shortened


async def test_all_alerts_are_muted_but_the_critical_ones(watch: Watch) -> None:
    stage = watch.stage
    said = await stage.hears("mute alerts for 2 hours")
    assert said.startswith("Muted until 15:00: all but critical alerts, for everybody.")
    listed = await stage.hears("/alerts")
    assert "Battery at 28 %" in listed
    assert "Solar" not in listed
    assert "21 rules muted:" in await stage.hears("/mute")
    assert "21 mutes have ended" in await stage.hears("unmute alerts")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("/mute nonsense for 2h", '"nonsense" is neither an alert\'s number nor a rule.'),
        ("/mute battery", '"battery" may be battery_critical, battery_low'),
        ("/mute battery_low for 3 months", "is no time that I understand"),
        ("/mute battery_low until 2027-06-01", "At most 31 days."),
        ("/mute 77", "is neither an alert's number nor a rule"),
        ("/alerts tomorrow", "Allowed: nothing for what is open"),
        ("/alerts here on", "this is a direct chat"),
    ],
)
async def test_nonsense_gets_what_is_allowed(stage: Stage, text: str, said: str) -> None:
    assert said.lower() in (await stage.hears(text)).lower()


async def test_a_group_hears_alerts_only_where_an_owner_says_so(stage: Stage) -> None:
    stage.direct, stage.place = False, "-100"
    assert "not open yet" in await stage.hears("/alerts here on")
    await stage.hears("/group open")
    assert "Alerts are not told in this group." in await stage.hears("/alerts here")
    assert "needs the role owner" in await stage.as_("operator").hears("/alerts here on")
    assert "Alerts are told in this group from now on." in await stage.hears("/alerts here on")
    assert "Alerts are told in this group." in await stage.hears("/alerts here")
    assert "No alerts in this group any more." in await stage.hears("/alerts here off")


async def _tap(stage: Stage, act: str, message_id: int = 1) -> Reply:
    action = {"do": "alert", "act": act, "message": message_id}
    return await stage.commands.tapped(action, stage.scope, stage.context)


async def test_a_tap_shows_in_the_message_itself_what_came_of_it(watch: Watch) -> None:
    reply = await _tap(watch.stage, "ack")
    assert reply.replaces
    assert "Acknowledged by Ann at 13:00." in plain(reply.blocks)
    assert labels(reply) == ["Mute 1 h", "Chart", "Stop miners"]
    muted = await _tap(watch.stage, "mute")
    assert muted.replaces
    assert plain(muted.blocks).lower().count("muted until 14:00") == 1
    assert labels(muted) == ["Chart", "Stop miners"]


async def test_a_tap_on_the_chart_answers_with_it(watch: Watch) -> None:
    reply = await _tap(watch.stage, "chart")
    assert not reply.replaces
    assert len(reply.charts) == 1


async def test_a_tap_needs_the_role_of_whoever_tapped(watch: Watch) -> None:
    viewer = await ben(watch.stage, "viewer")
    refused = await _tap(viewer, "ack")
    assert not refused.replaces
    assert "needs the role operator; Ben is viewer" in plain(refused.blocks)
    muted = await _tap(viewer, "mute")
    assert "Muted until 14:00, for you alone." in plain(muted.blocks)


async def test_in_a_group_a_viewer_mutes_for_themselves_and_the_message_stays(watch: Watch) -> None:
    viewer = replace(await ben(watch.stage, "viewer"), direct=False)
    reply = await _tap(viewer, "mute")
    assert not reply.replaces
    assert plain(reply.blocks) == "Ben: muted until 14:00, for you alone."


async def test_in_a_group_the_message_keeps_its_buttons_whoever_taps(watch: Watch) -> None:
    muted = await _tap(replace(await ben(watch.stage, "operator"), direct=False), "mute")
    assert labels(muted) == ["Acknowledge", "Chart", "Stop miners"]


async def test_a_tap_on_what_is_not_kept_any_more_says_so(stage: Stage) -> None:
    assert plain((await _tap(stage, "ack", 77)).blocks) == (
        "That alert is not kept any more. /alerts lists what is open."
    )


async def test_an_alert_of_ones_own_is_added_listed_changed_and_removed(stage: Stage) -> None:
    reply = await stage.say("tell me when solar passes 8 kW")
    assert plain(reply.blocks) == "You are told of solar over 8.00 kW (info).\nIt is number 1 in /rules."
    assert labels(reply) == ["Remove"]
    assert "You already have an alert for solar over 8.00 kW" in await stage.hears(
        "/rules add tell me when solar passes 8 kW"
    )
    assert "battery under 45 % (warning)" in await stage.hears("warn me if the battery drops below 45 %")
    assert "• 2 battery under 45 % (warning)" in await stage.hears("/rules")
    assert "solar over 9.00 kW" in await stage.hears("/rules edit 1 tell me when solar passes 9 kW")
    assert await stage.hears("/rules remove 1") == "Removed: solar over 9.00 kW (info)."
    assert "no alert number 77" in await stage.hears("/rules remove 77")
    assert "28 rules are always watched" in await stage.hears("/rules all")


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("alert me when the miners stop", "Above or below what value of miners"),
        ("warn me if the battery drops below 45", "45 of what?"),
        ("tell me when solar passes 8 kW and load is above 2 kW", "Which one first?"),
        ("notify me when the unicorn is above 3 kW", "Which figure is it"),
    ],
)
async def test_words_that_make_no_sense_get_a_question_and_no_rule(stage: Stage, text: str, question: str) -> None:
    heard = await stage.hears(text)
    assert question in heard
    assert heard.endswith("Answer with the whole of it, as in: /rules add tell me when solar passes 8 kW")
    assert "You have no alerts of your own" in await stage.hears("/rules")


async def test_a_question_about_a_change_says_how_to_answer_it(stage: Stage) -> None:
    await stage.hears("/rules add tell me when solar passes 8 kW")
    heard = await stage.hears("/rules edit 1 tell me when solar passes 9")
    assert heard.endswith("as in: /rules edit 1 tell me when solar passes 8 kW")
    twice = await stage.hears("/rules add warn me when solar passes 8 kW")
    assert "/rules remove 1" in twice
    assert "as in" not in twice


async def test_a_viewer_acknowledges_an_alert_of_their_own(watch: Watch) -> None:
    viewer = await ben(watch.stage, "viewer")
    await viewer.hears("/rules add tell me when battery is below 60 %")
    scope = viewer.scope
    (own,) = await custom_alerts.all_of(scope.database, ORG, viewer.site.id)
    rule = replace(own.rule.rule, for_s=0.0, keep_firing_s=0.0, cooldown_s=0.0)
    seen = Signal(rule_id=rule.id, active=True, devices=("solark",), taken_at=ONE_PM, **LOW)
    await Watching(scope.database, ORG, viewer.site).carry_on([(rule, seen)], ONE_PM)
    content = await content_of(scope, 4)
    assert content is not None
    assert "under its minimum of 30 %. It was so already." in content.text
    assert content.actions[0] == "ack"
    assert "ack" not in getattr(await content_of(scope, 1), "actions", ())
    listed = await viewer.say("/alerts")
    assert "It was so already." in await viewer.hears("/alerts all")
    assert labels(listed) == ["Acknowledge", "History", "Refresh"]
    assert "Acknowledged by Ben" in plain((await _tap(viewer, "ack", 4)).blocks)


async def test_a_contact_is_added_listed_tried_and_removed(stage: Stage) -> None:
    assert "You have no ways beside our chats" in await stage.hears("/contacts")
    added = await stage.hears("/contacts add https://hooks.example.org/a/secret")
    assert added.startswith("Added: 1, webhook at hooks")
    assert "shown only now: whsec_" in added
    listed = await stage.hears("/contacts")
    assert "1 way beside our chats" in listed
    assert "secret" not in listed
    stage.patience_s = 0.1
    assert "A test message is still on its way" in await stage.hears("/contacts test 1")
    scope = stage.scope
    await stored_contacts.mark_dead(scope.database, ORG, 1, "it is gone (410)")
    assert "could not be delivered there: it is gone (410)." in await stage.hears("/contacts test 1")
    assert "Removed" in await stage.hears("/contacts remove 1")
    assert "no contact number 1" in await stage.hears("/contacts test 1")
    refused = await stage.hears("/contacts add foo")
    assert "https://" in refused
    assert "[link removed]" not in refused


async def test_an_owner_sees_what_was_given_up_and_has_it_tried_again(watch: Watch) -> None:
    stage, database = watch.stage, watch.stage.scope.database
    assert (await stage.hears("/deliveries")).startswith("Nothing was given up")
    for entry in await outbox.claim_due(database, ORG, ONE_PM):
        await outbox.failed(database, ORG, entry.outbox_id, "telegram: blocked", now=ONE_PM, next_try_at=None)
    reply = await stage.say("/deliveries")
    assert plain(reply.blocks).startswith("3 could not be delivered:")
    assert "13:00, CRITICAL: Battery at 28 %" in plain(reply.blocks)
    assert "(1 try): telegram: blocked" in plain(reply.blocks)
    assert "needs the role owner" in await (await ben(stage, "operator")).hears("/deliveries")
    assert await stage.hears("/deliveries replay 1") == "1 goes out again now."
    assert await stage.hears("/deliveries replay all") == "2 go out again now."
    assert (await stage.hears("/deliveries replay")).startswith("There is nothing to try again.")
    assert '"foo" is no number in the list' in await stage.hears("/deliveries replay foo")


async def test_open_alerts_and_rules_are_completed(watch: Watch) -> None:
    stage = watch.stage
    assert await stage.commands.complete("alerts", "", stage.scope) == ["all", "1", "2", "3"]
    assert await stage.commands.complete("rules", "solar", stage.scope) == ["solar_low"]


async def test_a_message_reads_the_same_by_its_number(watch: Watch) -> None:
    content = await content_of(watch.stage.scope, 1)
    assert content is not None
    reply = await alert_reply(watch.stage.scope, content, "wall:7")
    assert "Battery at 28 %" in plain(reply.blocks)
