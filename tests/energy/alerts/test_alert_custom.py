"""A person's own alerts in plain words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from energy.alerts.custom import (
    CustomRule,
    Question,
    added,
    custom_signal,
    from_preferences,
    parse_custom,
    rule_from_id,
)
from energy.alerts.episode import step
from energy.alerts.rule import Level
from energy.preferences import Preferences
from tests.energy.alerts.scene import NOON, scene, site


def understood(text: str) -> CustomRule:
    found = parse_custom(text)
    assert isinstance(found, CustomRule), found
    return found


@pytest.mark.parametrize(
    ("text", "words", "level"),
    [
        ("tell me when solar passes 8 kW", "solar over 8.00 kW", Level.INFO),
        ("solar > 8000 W", "solar over 8.00 kW", Level.INFO),
        ("solar>=8000W", "solar at 8.00 kW or over", Level.INFO),
        ("Solar over 8,5 kW!", "solar over 8.50 kW", Level.INFO),
        ("solar over 8,000 W", "solar over 8.00 kW", Level.INFO),
        ("warn me if the battery drops below 45 %", "battery under 45 %", Level.WARNING),
        ("urgent: battery under 45 percent", "battery under 45 %", Level.CRITICAL),
        ("tell me when the battery charge falls below 50%", "battery under 50 %", Level.INFO),
        ("battery under 50.5 V", "battery voltage under 50.5 V", Level.INFO),
        ("battery temp over 104 °F", "battery temperature over 40.0 °C", Level.INFO),
        ("tell me when export is over 500 w for 10 min", "grid export over 500 W for 10 min", Level.INFO),
        ("when the battery discharges over 4 kW", "battery discharge over 4.00 kW", Level.INFO),
        ("tell me when we use more than 5kW", "load over 5.00 kW", Level.INFO),
        ("tell me when miners draw less than 1 kW", "miners under 1.00 kW", Level.INFO),
        ("let me know when soc hits 100 %", "battery at 100 % or over", Level.INFO),
        ("let me know when the battery gets to 90%", "battery at 90 % or over", Level.INFO),
        ("tell me when the battery rises to 80 %", "battery at 80 % or over", Level.INFO),
        ("tell me when soc climbs to 80 %", "battery at 80 % or over", Level.INFO),
        ("tell me when the battery drops to 40 %", "battery at 40 % or under", Level.INFO),
        ("tell me when the battery is at least 90 %", "battery at 90 % or over", Level.INFO),
        ("tell me when load stays above 5 kW for half an hour", "load over 5.00 kW for 30 min", Level.INFO),
        ("load over 5 kW for an hour", "load over 5.00 kW for 60 min", Level.INFO),
        ("wake me when the battery is below 35 %", "battery under 35 %", Level.CRITICAL),
        ("please send me an alert if the house uses more than 5 kW", "load over 5.00 kW", Level.WARNING),
        ("I'd like to know as soon as the state of charge is under 40 %", "battery under 40 %", Level.INFO),
        ("load over 5.250 kW", "load over 5.25 kW", Level.INFO),
    ],
)
def test_plain_words_become_a_rule(text: str, words: str, level: Level) -> None:
    rule = understood(text)
    assert (rule.words, rule.level, rule.said) == (words, level, text)


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("tell me when", "Which figure should I watch"),
        ("make me a sandwich", "Which figure should I watch"),
        ("tell me when the moon is over 8 kW", "Which figure is it"),
        ("tell me when the battery is full", "Above or below what value of battery (in %)"),
        ("tell me when solar passes 8", "8 of what?"),
        ("tell me when solar passes 8 %", "Solar is measured in W or kW"),
        ("battery over 120 %", "never gets there"),
        ("solar under -3 kW", "never gets there"),
        ("solar passes 8.5.5 kW", "as a number"),
        ("temperature over 90 degrees", "Celsius or Fahrenheit"),
        ("tell me when battery reaches 20 %", "falls to 20 %, or when it rises"),
        ("tell me when solar passes 8 kWh", "8 of what?"),
        ("solar over 8 kW and battery over 50 %", "one figure against one limit"),
        ("load over 4 kW at night", "at all hours"),
        ("don't tell me when solar passes 8 kW", "at all hours"),
        ("grid voltage under 200 V", "the battery's"),
        ("tell me when the grid goes down", "Outages are told anyway"),
        ("generator over 1 kW for 48 hours", "a day at the most"),
        ("solar over 8 kW " + "please " * 40, "one sentence"),
        ("", "Which figure should I watch"),
        ("tell me when battery isn't above 30 %", "without a not"),
        ("warn me when solar is not above 2 kW", "without a not"),
        ("tell me when battery is no longer below 30 %", "without a not"),
        ("tell me when the battery stops being under 30 %", "without a not"),
        ("tell me when load isn’t over 2 kW any more", "without a not"),
        ("tell me when the battery gets to 30 %", "falls to 30 %, or when it rises"),
        ("tell me when the battery reaches 48 V", "falls to 48 V, or when it rises"),
        ("tell me when the temperature hits 0 °C", "falls to 0 °C, or when it rises"),
        ("tell me when the battery is between 20 and 30 %", "one limit at a time"),
        ("warn me when solar drops by more than 2 kW", '"drops by"'),
        ("tell me when solar surplus is over 2 kW", '"surplus"'),
        ("tell me when solar minus load is over 2 kW", '"minus load"'),
        ("tell me when excess solar is above 3 kW", '"excess"'),
        ("tell me when the solar forecast is below 20 kW", '"forecast"'),
        ("tell me when load without miners is over 3 kW", "?"),
        ("tell me when my neighbour uses more than 5 kW", '"neighbour"'),
        ("tell me when battery is under 30 % in the evening", '"in evening"'),
        ("tell me when battery is under 30 % at 6pm", '"6pm"'),
        ("tell me when battery is under 30 % this week", '"this week"'),
        ("tell me when solar passes 8 kW only if I am home", '"only am home"'),
        ("tell me when solar passes 8 kW but battery is full", '"but'),
        ("tell Anna when solar passes 8 kW", '"anna"'),
        ("tell me when the car charges at more than 3 kW", "?"),
        ("tell me when inverter load is above 5 kW", '"inverter"'),
        ("warn me when load is above 5 kW for 2 days", "a day at the most"),
        ("warn me when load is above 5 kW for ten minutes", "how long it should hold"),
        ("warn me when load is above 5 kW 3 times", '"3 times"'),
        ("tell me when load is over 5.000 W", "Is 5.000 W 5 W, or 5000 W?"),
        ("tell me when the battery is over 100 %", "never gets beyond"),
        ("tell me when solar is under 0 W", "never gets beyond"),
        ("tell me when the battery is at least 0 %", "always so"),
        ("tell me when cell voltage is under 3.1 V", "the battery's"),
        ("tell me when outdoor temperature is above 30 C", "the battery's"),
        ("tell me when the temperature drops below 0 C outside", "the battery's"),
        ("tell me when miner A draws less than 1 kW", "all miners draw together"),
        ("tell me when one miner is below 500 W", "all miners draw together"),
    ],
)
def test_what_is_not_clear_gets_a_question_and_no_rule(text: str, asked: str) -> None:
    found = parse_custom(text)
    assert isinstance(found, Question), found
    assert asked in found.says
    assert "?" in found.says


def test_a_person_has_twenty_at_the_most_and_none_twice() -> None:
    rules: tuple[CustomRule, ...] = ()
    for kw in range(1, 21):
        more = added(rules, understood(f"solar over {kw} kW"))
        assert isinstance(more, tuple)
        rules = more
    assert isinstance(added(rules, understood("solar over 99 kW")), Question)
    again = added(rules[:3], understood("tell me when the sun passes 2000 W"))
    assert isinstance(again, Question)
    assert "already" in again.says


def test_who_asks_for_another_level_or_time_has_another_alert_but_nobody_one_condition_twice() -> None:
    told, warned = understood("solar over 8 kW"), understood("warn me when solar is over 8 kW for 5 min")
    assert (told.id, warned.id) == ("custom:solar_w:over:8000", "custom:solar_w:over:8000:300s:warning")
    assert isinstance(added((told,), warned), Question)


@pytest.mark.parametrize(
    "text",
    [
        "solar over 8 kW",
        "warn me: export over 500 W for 10 min",
        "urgent: battery temperature under -5.5 °C",
        "soc < 1 %",
        "battery hits 100 %",
        "battery falls to 20 %",
    ],
)
@pytest.mark.parametrize("owner", ["", "7f3a"])
def test_a_rule_that_nobody_has_any_more_is_read_from_its_id(text: str, owner: str) -> None:
    rule = replace(understood(text), owner=owner)
    assert rule_from_id(rule.id, rule.level) == rule.rule


def test_a_limit_that_is_to_be_reached_fires_there_and_not_only_beyond() -> None:
    full, low = understood("tell me when the battery hits 100 %"), understood("tell me when the battery drops to 20 %")
    assert custom_signal(full, scene(soc_pct=100.0)).active is True
    assert custom_signal(full, scene(soc_pct=99.9)).active is False
    assert custom_signal(full, scene(soc_pct=98.0, firing={(full.id, "")})).active is False
    assert custom_signal(low, scene(soc_pct=20.0)).active is True
    assert custom_signal(low, scene(soc_pct=20.1)).active is False


def test_the_same_words_of_two_people_are_two_rules() -> None:
    rule = understood("solar over 8 kW")
    ann, ben = replace(rule, owner="ann"), replace(rule, owner="ben")
    assert ann.id != ben.id
    assert (ann.condition, ann.words) == (ben.condition, ben.words)
    (limit,) = from_preferences(Preferences(safe_min_soc_pct=55), site(), "ann")
    assert limit.id.endswith(":@ann")


@pytest.mark.parametrize("rule_id", ["battery_low", "custom:moon_w:over:8", "custom:solar_w:over:x", "custom:"])
def test_what_is_no_id_of_an_own_rule_is_none(rule_id: str) -> None:
    assert rule_from_id(rule_id, Level.INFO) is None


@pytest.mark.parametrize(
    ("firing", "solar_w", "active"),
    [(False, 8_000, False), (False, 8_001, True), (True, 7_601, True), (True, 7_600, False)],
)
def test_it_sets_above_its_threshold_and_clears_a_little_below(firing: bool, solar_w: float, active: bool) -> None:
    rule = understood("tell me when solar passes 8 kW")
    s = scene(solar_w=solar_w, firing={(rule.id, "")} if firing else set())
    assert custom_signal(rule, s).active is active


def test_export_is_import_with_the_other_sign() -> None:
    rule = understood("tell me when export is over 500 W")
    assert custom_signal(rule, scene(grid_import_w=-600.0)).active is True
    assert custom_signal(rule, scene(grid_import_w=600.0)).active is False


def test_unknown_is_unknown_for_a_person_s_own_alert_too() -> None:
    rule = understood("tell me when solar passes 8 kW")
    assert custom_signal(rule, scene(solar_w=None)).active is None
    assert custom_signal(rule, scene(age_s=1_000, solar_w=9_000)).active is None


def test_it_lives_in_the_same_episodes() -> None:
    rule = understood("warn me when solar passes 8 kW for 0 min")
    episode, events = step(rule.rule, None, custom_signal(rule, scene(solar_w=9_000.0)), NOON)
    assert episode is not None
    assert (episode.level, [e.kind for e in events]) == (Level.WARNING, ["fired"])


def test_own_battery_limits_alert_only_where_they_are_stricter_than_the_site_s() -> None:
    where = site()
    assert from_preferences(Preferences(), where) == ()
    (own,) = from_preferences(Preferences(safe_min_soc_pct=55), where)
    assert (own.words, own.level) == ("battery under 55 % for 5 min", Level.WARNING)
