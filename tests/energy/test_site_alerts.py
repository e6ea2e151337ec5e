"""The tables `[alerts]` and `[[maintenance]]` of a site: what they set, and what they refuse in whose words."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from energy.alert_settings import Alerts, MaintenanceTask
from energy.alerts.escalation import USUAL
from energy.alerts.evaluate import judge
from energy.alerts.settings import DEFAULTS
from energy.alerts.situation import Situation
from energy.merge import merge
from energy.reading import Reading
from energy.site import Device, Site

NOW = datetime(2026, 6, 1, 18, tzinfo=UTC)
PANELS = {"id": "panels", "title": "clean the panels", "every_days": 180}


def site(**parts: Any) -> Site:
    return Site.model_validate({"id": "ranch", "timezone": "America/Los_Angeles", **parts})


def test_a_site_without_settings_of_alerts_has_the_usual_ones() -> None:
    assert site().alerts.levels() == DEFAULTS
    assert site().alerts.escalation() == USUAL


def test_what_an_owner_sets_moves_the_clear_level_with_it() -> None:
    levels = site(alerts={"discharge_w": 8_000, "surplus_w": 1_500, "base_load_factor": 3, "disk_free_pct": 20}).alerts
    level = levels.levels()
    assert (level.discharge_w, level.discharge_clear_w) == (8_000, 6_400)
    assert (level.surplus_w, level.surplus_clear_w) == (1_500, 1_000)
    assert (level.base_load_factor, level.base_load_clear_factor) == (3, pytest.approx(1.8))
    assert (level.disk_free_share, level.disk_free_clear_share) == (pytest.approx(0.2), pytest.approx(0.3))


@pytest.mark.parametrize("share", [10, 50, 80])
def test_every_clear_level_lies_on_the_quiet_side_of_its_set_level(share: float) -> None:
    level = Alerts(solar_share_pct=share, base_load_factor=1.2, disk_free_pct=50).levels()
    assert level.solar_share < level.solar_clear_share < 1
    assert 1 < level.base_load_clear_factor < level.base_load_factor
    assert level.disk_free_share < level.disk_free_clear_share < 1


def test_escalation_is_in_minutes_and_may_be_switched_off() -> None:
    assert Alerts(escalation_after_minutes=(5, 20)).escalation().after_s == (300, 1_200)
    assert Alerts(escalation_after_minutes=()).escalation().after_s == ()


def test_a_generator_may_run_as_long_as_the_owner_says() -> None:
    ranch = site(alerts={"generator_hours": 1.5}, device=[{"id": "cerbo", "kind": "victron_mqtt", "host": "venus"}])
    reading = Reading(site_id="ranch", source="victron", device_id="cerbo", taken_at=NOW, generator_w=3_000.0)
    s = Situation(site=ranch, now=NOW, view=merge(ranch, {"cerbo": reading}, now=NOW), settings=ranch.alerts.levels())
    rule, signal = next((rule, seen) for rule, seen in judge(s) if rule.id == "generator_long")
    assert rule.for_s == 5_400
    assert "more than 1 h 30 min" in signal.what


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"discharge_w": 0}, "alerts.discharge_w: Input should be greater than 0"),
        ({"discharge_w": True}, "alerts.discharge_w: Value error, must be a number, not true or false"),
        ({"surplus_w": float("nan")}, "alerts.surplus_w: Input should be"),
        ({"generator_hours": 0}, "alerts.generator_hours: Input should be greater than 0"),
        ({"solar_share_pct": 95}, "alerts.solar_share_pct: Input should be less than or equal to 80"),
        ({"base_load_factor": 1}, "alerts.base_load_factor: Input should be greater than or equal to 1.2"),
        ({"critical_voltage_v": 51, "safe_min_voltage_v": 50}, "critical_voltage_v must be at most safe_min_voltage_v"),
        ({"escalation_after_minutes": [30, 10]}, "alerts.escalation_after_minutes: Value error, must rise, such as"),
        ({"escalation_after_minutes": [0]}, "alerts.escalation_after_minutes.0: Input should be greater than 0"),
        ({"escalation_after_minutes": 10}, "alerts.escalation_after_minutes: Input should be"),
        ({"discharge": 5}, "alerts.discharge: Extra inputs are not permitted"),
    ],
)
def test_a_refused_value_names_its_key_and_what_is_allowed(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        site(alerts=given)
    lines = [f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in caught.value.errors()]
    assert said in "\n".join(lines)


def test_a_task_is_due_so_many_days_after_it_was_done_at_nine_where_the_site_is() -> None:
    (due,) = site(maintenance=[PANELS | {"last_done": "2026-01-01"}]).maintenance_due()
    assert (due.id, due.title) == ("panels", "clean the panels")
    assert due.due_at == datetime(2026, 6, 30, 16, tzinfo=UTC)  # 2026-06-30 09:00 in Los Angeles


def test_a_task_that_was_never_done_is_due_on_its_first_day() -> None:
    (due,) = site(maintenance=[PANELS | {"first_due": date(2026, 12, 24)}]).maintenance_due()
    assert due.due_at == datetime(2026, 12, 24, 17, tzinfo=UTC)


def test_a_site_without_tasks_has_nothing_due() -> None:
    assert site().maintenance_due() == ()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "give last_done, or first_due"),
        ({"last_done": "2026-01-01", "first_due": "2026-02-01"}, "give last_done, or first_due"),
        ({"last_done": "soon"}, "valid date"),
        ({"last_done": "2026-01-01", "every_days": 0}, "greater than or equal to 1"),
        ({"last_done": "2026-01-01", "title": " "}, "at least 1 character"),
        ({"last_done": "2026-01-01", "id": "Panels!"}, "should match pattern"),
    ],
)
def test_a_task_that_cannot_be_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        MaintenanceTask.model_validate(PANELS | given)


def test_two_tasks_of_one_id_are_refused() -> None:
    task = PANELS | {"last_done": "2026-01-01"}
    with pytest.raises(ValidationError, match="two maintenance tasks are called panels"):
        site(maintenance=[task, task])


def test_a_site_with_tasks_and_levels_survives_being_stored() -> None:
    before = site(
        device=[Device(id="cerbo", kind="victron_mqtt", host="venus").model_dump(mode="json")],
        alerts={"critical_voltage_v": 48, "escalation_after_minutes": [5]},
        maintenance=[PANELS | {"last_done": "2026-01-01"}],
    )
    assert Site.model_validate_json(before.model_dump_json()) == before
