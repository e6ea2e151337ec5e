"""Many alerts at once: what explains what, one message for a storm, the whole site judged again and again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from energy.alerts.episode import Episode, Event, State, mute, step
from energy.alerts.evaluate import evaluate, judge, open_keys
from energy.alerts.message import message_text
from energy.alerts.rule import Level, Rule, Signal
from energy.alerts.settings import DEFAULTS
from energy.alerts.situation import DeviceNow, Key
from energy.alerts.table import BY_ID, RULES
from energy.alerts.together import grouped, visible
from tests.energy.alerts.scene import NOON, relay, scene, site


class Watch:
    """A site judged every minute."""

    def __init__(self) -> None:
        self.episodes: dict[Key, Episode] = {}
        self.events: list[Event] = []
        self.minute = 0.0

    def look(self, minutes: float = 1, *, more: dict[str, Any] | None = None, **figures: Any) -> list[str]:
        """What is told after so many minutes, by rule."""
        self.minute += minutes
        now = NOON + timedelta(minutes=self.minute)
        firing, pending = open_keys(self.episodes)
        s = replace(scene(now=now, more=more, **figures), firing=firing, pending=pending)
        result = evaluate(judge(s), self.episodes, now)
        self.episodes.update(result.changed)
        self.events += result.events
        assert result.unjudged == ()
        return [f"{e.kind} {e.episode.rule_id}" for e in result.events if e.tell]

    def until(self, minutes: int, **figures: Any) -> list[str]:
        """What is told in so many minutes, looked at once a minute."""
        return [told for _ in range(minutes) for told in self.look(**figures)]


def test_a_quiet_noon_tells_nothing() -> None:
    watch = Watch()
    assert watch.until(120) == []
    assert visible(watch.episodes.values(), NOON) == ()


def test_a_battery_that_falls_through_both_limits_is_told_twice_and_its_end_twice() -> None:
    watch = Watch()
    assert watch.until(10, soc_pct=38.0) == ["fired battery_low"]
    assert watch.until(10, soc_pct=28.0) == ["fired battery_critical"]
    assert watch.until(15, soc_pct=35.0) == ["resolved battery_critical"]
    assert watch.until(15, soc_pct=50.0) == ["resolved battery_low"]


def test_a_battery_that_is_critical_at_once_is_one_message() -> None:
    watch = Watch()
    assert watch.until(20, soc_pct=20.0) == ["fired battery_critical"]
    assert [e.rule_id for group in visible(watch.episodes.values(), NOON) for e in group.episodes] == [
        "battery_critical"
    ]
    # Above the critical floor the safe minimum is what still stands, and is told then.
    assert watch.until(15, soc_pct=36.0) == ["resolved battery_critical", "raised battery_low"]


def test_twenty_faults_in_one_storm_are_one_message() -> None:
    watch = Watch()
    watch.until(2, fault_codes=tuple(f"F{n:02}" for n in range(20)))
    told = grouped(watch.events)
    assert [len(message) for message in told] == [20]
    text = message_text([event.episode for event in told[0]], site().zone, NOON)
    assert text.startswith("CRITICAL: 20 alerts at once.\n- The inverter reports F00.\n")
    assert "- and 17 more" in text
    assert len(text.splitlines()) <= 6


def test_a_new_fault_is_told_while_an_old_one_stands() -> None:
    watch = Watch()
    assert watch.until(3, fault_codes=("F01",)) == ["fired inverter_fault"]
    assert watch.until(3, fault_codes=("F01", "F02")) == ["fired inverter_fault"]
    assert watch.until(3, fault_codes=("F01", "F02")) == []


def test_a_silent_device_explains_what_is_unknown_and_its_own_stuck_sensors() -> None:
    watch = Watch()
    watch.until(3)
    gone = {"devices": {"cerbo": DeviceNow(heard_at=NOON, expected_since=NOON, refused=None)}}
    assert watch.until(30, age_s=7_200, more=gone) == ["fired device_silent", "fired battery_unknown"]


def test_refused_credentials_explain_the_silence_of_the_same_device_alone() -> None:
    watch = Watch()
    old = DeviceNow(heard_at=NOON - timedelta(hours=1), expected_since=NOON, refused=True)
    other = DeviceNow(heard_at=NOON - timedelta(hours=1), expected_since=NOON, refused=False)
    told = watch.until(5, more={"devices": {"solark": old, "garage": other}})
    assert told == ["fired credentials_refused", "fired device_silent"]
    assert [e.episode.subject for e in watch.events if e.tell] == ["solark", "garage"]


PARENT = Rule(id="parent", level=Level.CRITICAL, title="Parent", cleared="Over", of="code")
CHILD = Rule(
    id="child", level=Level.WARNING, title="Child", cleared="Over", of="field", inhibited_by=("parent",), group="other"
)


@pytest.mark.parametrize(
    ("devices", "told"),
    [(("cerbo",), {"parent"}), (("solark", "cerbo"), {"parent"}), (("solark",), {"parent", "child"})],
)
@pytest.mark.parametrize("backwards", [True, False])
def test_an_alert_explains_another_that_comes_with_it_from_a_device_they_share(
    devices: tuple[str, ...], told: set[str], backwards: bool
) -> None:
    judged = [
        (PARENT, Signal(rule_id="parent", active=True, subject="F1", devices=("cerbo",))),
        (CHILD, Signal(rule_id="child", active=True, subject="x", devices=devices)),
    ]
    result = evaluate(reversed(judged) if backwards else judged, {}, NOON)
    assert {event.episode.rule_id for event in result.events if event.tell} == told


def test_what_comes_more_than_a_minute_later_is_a_message_of_its_own() -> None:
    def fired(seconds: float) -> Event:
        now = NOON + timedelta(seconds=seconds)
        _, events = step(PARENT, None, Signal(rule_id="parent", active=True, subject=f"F{seconds}"), now)
        return events[0]

    rules = {"parent": PARENT}
    assert [len(message) for message in grouped([fired(0), fired(30), fired(60)], rules)] == [3]
    assert [len(message) for message in grouped([fired(0), fired(61), fired(90)], rules)] == [1, 2]


def test_one_miner_s_relay_error_does_not_explain_another_miner() -> None:
    watch = Watch()
    relays = {"s21": relay(True, power_w=0.0, errors=("overpower",)), "s19": relay(True, power_w=0.0)}

    def told() -> list[tuple[str, str]]:
        return [(e.episode.rule_id, e.episode.subject) for e in watch.events if e.tell]

    for _ in range(8):
        at = NOON + timedelta(minutes=watch.minute + 1)
        watch.look(relays={name: replace(each, read_at=at) for name, each in relays.items()})
    assert told() == [("relay_fault", "s21"), ("miner_idle", "s19")]


def test_unknown_data_for_a_day_neither_fires_nor_resolves_what_stood() -> None:
    watch = Watch()
    watch.until(10, soc_pct=28.0)
    unknown: dict[str, Any] = dict.fromkeys(
        ("soc_pct", "battery_voltage_v", "solar_w", "load_w", "battery_charge_w", "grid_present", "fault_codes")
    )
    told = watch.until(1_440, **unknown)
    assert set(told) == {"fired battery_unknown", "raised battery_unknown"}
    assert watch.episodes[("battery_critical", "")].state is State.FIRING
    assert told.count("fired battery_unknown") == 1


def test_out_of_order_looks_tell_nothing_again() -> None:
    watch = Watch()
    watch.until(10, soc_pct=28.0)
    assert watch.look(soc_pct=70.0, age_s=65) == []
    assert watch.look(soc_pct=70.0, age_s=70) == []
    assert watch.until(30, soc_pct=28.0) == []


def test_a_muted_alert_is_not_shown() -> None:
    watch = Watch()
    watch.until(10, soc_pct=28.0)
    key = ("battery_critical", "")
    watch.episodes[key], _ = mute(watch.episodes[key], NOON + timedelta(hours=1), NOON)
    assert [group.name for group in visible(watch.episodes.values(), NOON)] == []
    later = NOON + timedelta(hours=1)
    assert [group.name for group in visible(watch.episodes.values(), later)] == ["battery"]


def test_a_rule_can_be_muted_for_all_its_subjects_and_what_still_stands_is_told_afterwards() -> None:
    episodes: dict[Key, Episode] = {}
    told: list[tuple[int, str]] = []
    for minute in range(60):
        now = NOON + timedelta(minutes=minute)
        firing, pending = open_keys(episodes)
        s = replace(scene(now=now, fault_codes=("F1", "F2")[: 1 + minute // 10]), firing=firing, pending=pending)
        muted = {"inverter_fault": NOON + timedelta(minutes=30)}
        result = evaluate(judge(s), episodes, now, muted=muted)
        episodes.update(result.changed)
        told += [(minute, f"{e.kind} {e.episode.subject}") for e in result.events if e.tell]
    assert told == [(30, "raised F1"), (30, "raised F2")]


def test_the_list_shows_what_matters_most_first() -> None:
    watch = Watch()
    watch.until(20, soc_pct=28.0, generator_w=0.0, battery_temperature_c=-20.0, grid_present=False)
    groups = visible(watch.episodes.values(), NOON)
    assert {(group.name, group.level) for group in groups[:2]} == {
        ("grid", Level.CRITICAL),
        ("battery", Level.CRITICAL),
    }
    battery = next(group for group in groups if group.name == "battery")
    assert [e.rule_id for e in battery.episodes] == ["battery_critical", "battery_cold", "battery_cold"]


def test_messages_of_one_group_join_within_a_minute_and_critical_ones_leave_first() -> None:
    watch = Watch()
    watch.until(20, soc_pct=28.0, battery_temperature_c=-20.0, grid_present=False)
    messages = grouped(watch.events, window=timedelta(minutes=10))
    assert {e.episode.rule_id for e in messages[0]} == {"grid_outage"}
    assert all(len({e.episode.rule_id for e in m} & {"grid_outage", "battery_critical"}) < 2 for m in messages)


def test_an_alert_whose_device_left_the_settings_is_named() -> None:
    watch = Watch()
    old = DeviceNow(heard_at=NOON - timedelta(hours=1), expected_since=NOON, refused=False)
    watch.until(5, more={"devices": {"solark": old}})
    result = evaluate(judge(scene(more={"devices": {}})), watch.episodes, NOON)
    assert result.unjudged == (("device_silent", "solark"),)


def test_every_rule_stands_once_and_names_only_rules_that_exist() -> None:
    assert len(BY_ID) == len(RULES)
    for rule, _ in RULES:
        assert set(rule.inhibited_by) <= set(BY_ID)
        assert rule.id not in rule.inhibited_by
        assert rule.title
        assert rule.cleared


def test_nothing_ever_hides_a_critical_alert() -> None:
    assert [rule.id for rule, _ in RULES if rule.level is Level.CRITICAL and rule.inhibited_by] == []


@pytest.mark.parametrize("name", [n for n in DEFAULTS.__dataclass_fields__ if n.endswith("_clear_w")])
def test_every_clear_level_of_power_lies_below_its_set_level(name: str) -> None:
    assert getattr(DEFAULTS, name) < getattr(DEFAULTS, name.replace("_clear_w", "_w"))
