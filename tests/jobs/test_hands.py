"""Whose hand moved a relay: ours, a person's, the relay's own timer, or a power cut."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from connectors.device import Channel
from jobs.hands import automatic, moved_by
from store.relays import RelayState
from store.wishes import Wish

NOW = datetime(2026, 6, 1, 19, 0, tzinfo=UTC)
ON = RelayState(miner_id="s21", on=True, timer_until=NOW + timedelta(minutes=10), changed_by="us")
OFF = RelayState(miner_id="s21", on=False, changed_by="us")


def seen(on, *, left_s=None, by="HTTP_in", errors=()):
    return Channel(
        channel=0,
        on=on,
        power_w=None,
        voltage_v=None,
        current_a=None,
        energy_kwh=None,
        temperature_c=None,
        timer_left_s=left_s,
        switched_by=by,
        errors=errors,
    )


def wish(mode):
    return Wish("s21", mode, None, "anna", NOW - timedelta(hours=1))


def test_a_relay_that_stands_as_it_did_was_moved_by_nobody():
    assert moved_by(ON, seen(True, left_s=590), wish("on"), NOW) is None
    assert moved_by(OFF, seen(False), wish("off"), NOW) is None
    assert moved_by(None, seen(True), None, NOW) is None
    assert moved_by(ON, seen(None), wish("on"), NOW) is None


def test_off_before_its_timer_was_due_is_a_hand_and_at_its_time_is_the_timer():
    assert moved_by(ON, seen(False, by="button"), wish("on"), NOW) == "hand"
    assert moved_by(ON, seen(False, by="timer"), wish("auto"), NOW) == "hand"  # whatever the relay says
    later = NOW + timedelta(minutes=10)
    assert moved_by(ON, seen(False, by="timer"), wish("on"), later) == "timer"
    assert moved_by(ON, seen(False), wish("on"), later + timedelta(hours=25)) == "timer"


@pytest.mark.parametrize("word", ["button", "switch", "input", "cloud", "SHC", "MQTT", "mqtt", "WS_in"])
def test_a_button_or_an_app_is_a_hand_however_long_we_were_away_and_whatever_its_timer_says(word):
    late = NOW + timedelta(hours=25)
    for mode in ("on", "auto", "off"):
        assert moved_by(ON, seen(False, by=word), wish(mode), late) == "hand"
        assert moved_by(OFF, seen(True, left_s=600, by=word), wish(mode), NOW) == "hand"  # the relay's own auto_off
    assert moved_by(ON, seen(True, left_s=600, by=word), wish("auto"), late) == "hand"  # off and on again meanwhile
    assert moved_by(ON, seen(True, left_s=600, by=word), wish("auto"), NOW) is None
    for on in (True, False):
        assert moved_by(replace(OFF, on=None), seen(on, left_s=600 if on else None, by=word), wish("on"), NOW) == "hand"


def test_on_without_a_timer_is_a_hand_and_with_one_a_command_whose_answer_was_lost():
    assert moved_by(OFF, seen(True, by="switch"), wish("off"), NOW) == "hand"
    assert moved_by(OFF, seen(True, by="button"), wish("on"), NOW) == "hand"
    assert moved_by(OFF, seen(True, left_s=880), wish("on"), NOW) == "us"
    assert moved_by(OFF, seen(True, left_s=880), wish("off"), NOW) == "hand"  # somebody else's timer
    assert moved_by(OFF, seen(True, left_s=880), None, NOW) == "hand"


def test_on_long_after_its_timer_was_due_is_a_hand_unless_an_off_of_ours_never_worked():
    late = NOW + timedelta(hours=1)
    assert moved_by(ON, seen(True), wish("on"), late) == "hand"
    assert moved_by(ON, seen(True), wish("off"), late) is None
    assert moved_by(ON, seen(True, left_s=100), wish("on"), late) is None
    assert moved_by(ON, seen(True), wish("on"), NOW) is None  # its timer was lost just now


@pytest.mark.parametrize("before", [ON, OFF])
def test_a_power_cut_or_a_protection_of_the_relay_is_nobody_s_hand(before):
    assert moved_by(before, seen(not before.on, by="init"), wish("on"), NOW) == "unknown"
    assert moved_by(ON, seen(False, errors=("overpower",)), wish("on"), NOW) == "unknown"
    assert moved_by(ON, seen(True, by="init"), wish("on"), NOW + timedelta(hours=1)) == "unknown"


def test_off_that_was_told_and_not_confirmed_is_ours():
    assert moved_by(ON, seen(False), wish("off"), NOW) == "us"
    lost = replace(OFF, on=None)
    assert moved_by(lost, seen(True, left_s=500), None, NOW) == "us"
    assert moved_by(lost, seen(False), None, NOW) == "unknown"


def test_a_schedule_on_the_device_is_its_own_automation():
    assert automatic(seen(True, by="loopback"))
    assert not automatic(seen(True, by="button"))
