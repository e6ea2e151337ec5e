"""A day of the SolArk cloud's 5-minute series: local wall times, clock changes, signs."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from connectors.solark.day import day_readings, instants
from energy.reading import Quality

ZONE = ZoneInfo("America/Los_Angeles")
LATER = datetime(2027, 1, 1, tzinfo=UTC)
SPRING, AUTUMN = date(2026, 3, 8), date(2026, 11, 1)


def series(**labels: list[tuple[str, Any]]) -> dict[str, Any]:
    return {
        "infos": [
            {
                "label": label,
                "unit": "%" if label == "SOC" else "W",
                "records": [{"time": time, "value": value, "updateTime": None} for time, value in records],
            }
            for label, records in labels.items()
        ]
    }


def readings(data: Any, day: date = date(2026, 6, 1), now: datetime = LATER) -> Any:
    return day_readings(data, day, ZONE, site_id="ranch", source="solark", device_id="solark", now=now)


def test_the_series_become_readings_in_our_signs():
    (reading,) = readings(
        series(
            PV=[("12:05", "3000.0")],
            Load=[("12:05", "1200")],
            Battery=[("12:05", "-800")],
            Grid=[("12:05", "-1000")],
            SOC=[("12:05", "64")],
        )
    )
    assert reading.taken_at == datetime(2026, 6, 1, 19, 5, tzinfo=UTC)
    assert (reading.battery_charge_w, reading.grid_import_w) == (800, -1000)
    assert (reading.solar_w, reading.load_w, reading.soc_pct) == (3000, 1200, 64)
    assert reading.balance_w == 0
    assert reading.quality is Quality.BACKFILLED
    assert reading.generator_w is None


def test_a_day_whose_balance_speaks_for_the_other_sign_is_taken_by_its_balance():
    times = [f"{hour:02d}:00" for hour in range(24)]
    (first, *_) = readings(
        series(
            PV=[(t, 3000) for t in times],
            Load=[(t, 1000) for t in times],
            Battery=[(t, 2000) for t in times],  # 3000 in, 1000 used: this can only be charging
            Grid=[(t, 0) for t in times],
        )
    )
    assert first.battery_charge_w == 2000
    assert first.grid_import_w == 0
    assert str(first.grid_import_w) == "0.0"


def test_a_generator_that_the_series_lacks_is_not_taken_for_a_wrong_sign():
    hours = range(24)
    generating = [hour < 12 for hour in hours]  # 4,500 W: 2,000 W for the load, 2,500 W into the battery
    times = [f"{hour:02d}:00" for hour in hours]
    (first, *_, last) = readings(
        series(
            PV=[(t, 0) for t in times],
            Load=[(t, 2000 if on else 500) for t, on in zip(times, generating, strict=True)],
            Battery=[(t, -2500 if on else 500) for t, on in zip(times, generating, strict=True)],
            Grid=[(t, 0) for t in times],
        )
    )
    assert (first.battery_charge_w, last.battery_charge_w) == (2500, -500)


def test_a_value_missing_from_one_series_leaves_its_field_unknown():
    (first, second) = readings(series(PV=[("10:00", "100"), ("10:05", "")], SOC=[("10:00", "50"), ("10:05", "51")]))
    assert (first.solar_w, second.solar_w) == (100, None)


def test_rows_of_zeros_alone_are_gaps():
    kept = readings(series(PV=[("01:00", 0), ("01:05", 0)], SOC=[("01:00", 0), ("01:05", 44)]))
    assert [(r.soc_pct, r.solar_w) for r in kept] == [(44, 0)]


def test_slots_that_have_not_happened_yet_are_left_out():
    data = series(SOC=[("08:00", 50), ("23:55", 50)])
    assert len(readings(data, now=datetime(2026, 6, 1, 20, tzinfo=UTC))) == 1


def test_energy_series_are_not_taken_for_power():
    assert readings({"infos": [{"label": "PV", "unit": "kWh", "records": [{"time": "12:00", "value": "9"}]}]}) == []


def test_every_hour_of_a_25_hour_day_comes_once():
    moments = [datetime(2026, 11, 1, 7, tzinfo=UTC) + i * timedelta(minutes=5) for i in range(25 * 12)]
    texts = [m.astimezone(ZONE).strftime("%H:%M") for m in moments]
    assert texts.count("01:30") == 2
    assert instants(texts, AUTUMN, ZONE) == moments


def test_every_hour_of_a_23_hour_day_comes_once_and_the_missing_hour_is_left_out():
    moments = [datetime(2026, 3, 8, 8, tzinfo=UTC) + i * timedelta(minutes=5) for i in range(23 * 12)]
    texts = [m.astimezone(ZONE).strftime("%H:%M") for m in moments]
    assert instants(texts, SPRING, ZONE) == moments
    assert instants(["01:55", "02:00", "02:55", "03:00"], SPRING, ZONE)[1:3] == [None, None]


def test_the_next_midnight_at_the_end_of_a_series_is_not_taken_for_the_first():
    first = datetime(2026, 6, 1, 7, 5, tzinfo=UTC)
    last = datetime(2026, 6, 2, 6, 55, tzinfo=UTC)
    assert instants(["00:05", "23:55", "00:00"], date(2026, 6, 1), ZONE) == [first, last, None]


def test_times_with_a_date_count_only_on_their_day():
    found = instants(["2026-06-01 00:05:00", "2026-06-02 00:00:00", "noon"], date(2026, 6, 1), ZONE)
    assert found == [datetime(2026, 6, 1, 7, 5, tzinfo=UTC), None, None]
