"""What people read of an alert, when the next person is told, and what quiet hours hold back."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from energy.alerts.battery import CRITICAL
from energy.alerts.episode import Episode, State, acknowledge, mute, step
from energy.alerts.message import (
    alert_text,
    digest_line,
    digest_text,
    filled,
    message_text,
    over_already_text,
    rule_of,
)
from energy.alerts.rule import Signal
from energy.alerts.stored import episode_from_mapping, episode_to_mapping
from energy.quiet_hours import quiet_until
from energy.units import UnitPreferences
from tests.energy.alerts.scene import NOON, relay, scene, signals

ZONE = ZoneInfo("America/Los_Angeles")
OVERNIGHT = (time(22), time(7))


def firing(soc_pct: float = 28.0) -> Episode:
    episode: Episode | None = None
    for minute in range(3):
        now = NOON + timedelta(minutes=minute)
        s = scene(now=now, soc_pct=soc_pct - minute / 10, relays={"s21": relay(True, now=now), "s19": relay(now=now)})
        episode, _ = step(CRITICAL, episode, signals(s, CRITICAL.id)[""], now)
    assert episode is not None
    assert episode.is_firing
    return episode


def test_an_alert_says_what_how_much_since_when_why_and_what_to_do() -> None:
    assert alert_text(firing(), CRITICAL, ZONE, NOON + timedelta(minutes=3)).splitlines() == [
        "CRITICAL: The battery is at 27.8 %, under the critical minimum of 30 %, charging at 2.50 kW. Since 11:59.",
        "Below this the bank wears and the inverter may shut the site down.",
        "What to do: Stop s21.",
    ]


def test_an_acknowledged_alert_says_who_has_it() -> None:
    taken, _ = acknowledge(firing(), "Ann", NOON + timedelta(minutes=5))
    assert alert_text(taken, CRITICAL, ZONE, NOON + timedelta(minutes=6)).endswith("\nAcknowledged by Ann at 12:05.")


def test_what_is_over_says_how_long_it_lasted_and_how_bad_it_was() -> None:
    episode: Episode | None = firing()
    for minute in (63, 74):
        now = NOON + timedelta(minutes=minute)
        signal = signals(scene(now=now, soc_pct=40.0, firing={("battery_critical", "")}), CRITICAL.id)[""]
        episode, _ = step(CRITICAL, episode, signal, now)
    assert episode is not None
    assert message_text([episode], ZONE, NOON) == (
        "Over: The battery is back above its minimum. It lasted 1 h 3 min. At its worst: 27.8 %."
    )


def over(episode: Episode, minutes: float = 4) -> Episode:
    at = NOON + timedelta(minutes=minutes)
    return replace(episode, state=State.RESOLVED, clear_since=at, resolved_at=at)


def test_what_was_over_before_it_could_be_told_says_what_it_was() -> None:
    text = over_already_text(over(firing()), CRITICAL, ZONE, NOON + timedelta(minutes=5))
    assert text.splitlines() == [
        "CRITICAL, and over already: The battery is at 27.8 %, under the critical minimum of 30 %, "
        "charging at 2.50 kW. Since 11:59.",
        "Over: The battery is back above its minimum. It lasted 4 min. At its worst: 27.8 %.",
    ]


def several(count: int) -> list[Episode]:
    return [
        replace(
            firing(), rule_id="inverter_fault", subject=f"F{n}", signal=Signal(rule_id="x", active=True, what=f"F{n}.")
        )
        for n in range(count)
    ]


def test_a_message_of_several_says_which_are_over_and_who_has_which() -> None:
    first, second, third = several(3)
    taken, _ = acknowledge(second, "Ann", NOON + timedelta(minutes=5))
    text = message_text([over(first), taken, third], ZONE, NOON + timedelta(minutes=6))
    assert text.splitlines() == [
        "CRITICAL: 2 alerts at once; 1 is over.",
        "- F1. Ann has it.",
        "- F2.",
        "- Over: The fault has gone (F0).",
    ]


def test_a_message_of_several_that_somebody_has_in_hand_says_so_once() -> None:
    taken = [acknowledge(each, "Ann", NOON + timedelta(minutes=5))[0] for each in several(9)]
    lines = message_text(taken, ZONE, NOON + timedelta(minutes=6)).splitlines()
    assert lines[-1] == "Acknowledged by Ann at 12:05."
    assert (len(lines), lines[-2]) == (6, "- and 6 more")


def test_a_muted_alert_says_until_when() -> None:
    muted, _ = mute(firing(), NOON + timedelta(hours=1), NOON)
    assert alert_text(muted, CRITICAL, ZONE, NOON).endswith("\nMuted until 13:00.")
    assert "Muted" not in alert_text(muted, CRITICAL, ZONE, NOON + timedelta(hours=1))


def test_a_digest_has_a_line_for_each_and_says_how_many_more_there_are() -> None:
    lines = [digest_line(over(firing()), ZONE, NOON), digest_line(firing(), ZONE, NOON)]
    assert lines == [
        "Battery critical: 11:59 to 12:04, at its worst 27.8 %.",
        "Still, since 11:59: The battery is at 27.8 %, under the critical minimum of 30 %, charging at 2.50 kW.",
    ]
    text = digest_text("Last night:", lines * 10)
    assert (len(text.splitlines()), text.splitlines()[-1]) == (12, "- and 10 more; /alerts history has them")
    assert digest_text("Last night:", lines).splitlines() == ["Last night:", *(f"- {line}" for line in lines)]


def test_an_alert_whose_rule_is_gone_is_still_readable() -> None:
    custom = replace(firing(), rule_id="custom:minus-grid_import_w:over:500:600s:warning")
    assert rule_of(custom).title == "Grid export over 500 W for 10 min"
    assert rule_of(replace(custom, rule_id="solar_eclipse")).cleared == "Solar eclipse is over"


def test_figures_are_in_the_reader_s_units() -> None:
    hot = signals(scene(battery_temperature_c=55.0), "battery_hot")[""]
    assert filled(hot, UnitPreferences(temperature="F")).startswith("The battery is at 131.0 °F and may have")


def test_a_value_just_past_its_limit_is_not_shown_as_the_limit() -> None:
    low = signals(scene(soc_pct=29.99), "battery_critical")[""]
    assert filled(low).startswith("The battery is at just under 30 %, under the critical minimum of 30 %")


def test_braces_in_a_device_s_words_do_no_harm() -> None:
    odd = Signal(rule_id="x", active=True, what="The relay says {0.__class__} at {value}.", value=1.0, unit="W")
    assert filled(odd) == "The relay says {0.__class__} at 1 W."


def local(year: int, month: int, day: int, hour: int, minute: int = 0, fold: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=ZONE, fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("hour", "minute", "quiet"), [(21, 59, False), (22, 0, True), (0, 0, True), (6, 59, True), (7, 0, False)]
)
def test_quiet_hours_pass_midnight(hour: int, minute: int, quiet: bool) -> None:
    day = 25 if hour < 12 else 24
    ends = quiet_until(OVERNIGHT, ZONE, local(2026, 11, day, hour, minute))
    assert ends == (local(2026, 11, 25, 7) if quiet else None)


def test_the_night_of_23_and_the_night_of_25_hours_end_at_seven_by_the_clock() -> None:
    spring, autumn = local(2026, 3, 7, 23), local(2026, 10, 31, 23)
    assert quiet_until(OVERNIGHT, ZONE, spring) == local(2026, 3, 8, 7) == spring + timedelta(hours=7)
    assert quiet_until(OVERNIGHT, ZONE, autumn) == local(2026, 11, 1, 7) == autumn + timedelta(hours=9)


def test_quiet_hours_that_end_in_the_hour_that_comes_twice_are_one_span_to_its_second_time() -> None:
    hours = (time(22), time(1, 30))
    second_end = datetime(2026, 11, 1, 9, 30, tzinfo=UTC)
    assert quiet_until(hours, ZONE, local(2026, 11, 1, 1, 29)) == second_end
    assert quiet_until(hours, ZONE, local(2026, 11, 1, 1, 45)) == second_end
    assert quiet_until(hours, ZONE, second_end) is None


def test_quiet_hours_that_begin_in_the_hour_that_is_left_out_still_hold() -> None:
    hours = (time(2, 30), time(6))
    assert quiet_until(hours, ZONE, local(2026, 3, 8, 4)) == local(2026, 3, 8, 6)
    assert quiet_until(hours, ZONE, local(2026, 3, 8, 1, 59)) is None


def test_an_episode_survives_being_stored() -> None:
    muted, _ = mute(acknowledge(firing(), "Ann", NOON)[0], NOON + timedelta(hours=1), NOON)
    stored = json.loads(json.dumps(episode_to_mapping(muted)))
    assert episode_from_mapping(stored) == muted
    assert episode_from_mapping(stored | {"of_a_later_version": 1}) == muted
