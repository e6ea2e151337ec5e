"""The brief of a day, a week and a month from rows whose sums can be worked out by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from energy.alert_settings import MaintenanceTask
from energy.alerts.episode import Episode, Event, State
from energy.alerts.rule import Signal
from energy.alerts.table import BY_ID
from energy.brief import DayFigures, SpanFigures
from energy.periods import Period
from energy.reading import Reading
from energy.site import Array, Battery, Device, Grid, Miner, Site
from energy.weather import IssuedForecast, WeatherHour
from services.brief import NoSuchDay, brief, days_of
from services.miner_time import miner_hours
from services.scope import Actor, Scope
from store import alerts, outbox, relays, weather
from store.alerts import Change
from store.relays import RelayState
from tests.services.stage import stocked

SITE = Site(
    id="ranch",
    name="Solar Shack",
    timezone="America/Los_Angeles",
    latitude=37.3,
    longitude=-121.9,
    battery=Battery(usable_kwh=30),
    grid=Grid(present=True, import_allowed=True),
    array=(Array(name="roof", kwp=12),),
    device=(
        Device(id="solark", kind="solark_cloud", plant_id=1),
        Device(id="garage", kind="shelly", host="192.168.1.50"),
    ),
    miner=(Miner(id="s21", name="S21", power_w=3500, hashrate_ths=200, device="garage"),),
)
ZONE = ZoneInfo("America/Los_Angeles")
TODAY = date(2026, 11, 24)  # a Tuesday
YESTERDAY = TODAY - timedelta(days=1)
STEP = timedelta(minutes=5)


def at(day: date, hour: float = 0.0) -> datetime:
    return (datetime(day.year, day.month, day.day, tzinfo=ZONE) + timedelta(hours=hour)).astimezone(UTC)


NOW = at(TODAY, 7.5)
USUAL: dict[str, Any] = {
    "solar_w": 1_000.0,
    "load_w": 800.0,
    "battery_charge_w": 100.0,
    "grid_import_w": -100.0,
    "soc_pct": 60.0,
}


def day_of(day: date, *, first: float = 0.0, until: float = 24.0, **values: Any) -> Iterable[Reading]:
    """A row every five minutes of a local day, with the same values all day."""
    moment, end = at(day, first), min(at(day, until), NOW)
    while moment < end:
        yield Reading(site_id="ranch", source="test", device_id="solark", taken_at=moment, **(USUAL | values))
        moment += STEP


@pytest.fixture
async def scope(tmp_path: Path) -> AsyncIterator[Scope]:
    """Two weeks of 24 kWh of sun a day, then yesterday with 36 kWh."""
    rows = [row for back in range(2, 18) for row in day_of(TODAY - timedelta(days=back))]
    rows += day_of(YESTERDAY, solar_w=1_500.0, soc_pct=70.0)
    rows += [
        Reading(site_id="ranch", source="test", device_id="garage", taken_at=at(YESTERDAY, m / 12), miner_w=2_000.0)
        for m in range(288)
    ]
    rows.append(
        Reading(
            site_id="ranch", source="test", device_id="solark", taken_at=at(YESTERDAY, 6.5) + STEP / 2, soc_pct=41.0
        )
    )
    made = await stocked(tmp_path, rows, site=SITE, as_of=NOW)
    yield made
    await made.database.close()


async def test_yesterday_has_its_energies_extremes_and_what_is_usual(scope: Scope) -> None:
    found = await brief(scope, "daily", YESTERDAY)
    assert isinstance(found.figures, DayFigures)
    flows = found.figures.flows
    assert (round(flows.solar.kwh or 0, 2), round(flows.solar.before_kwh or 0, 2)) == (36.0, 24.0)
    assert round(flows.miners_kwh or 0, 1) == 48.0
    assert flows.lowest is not None
    assert (flows.lowest.pct, flows.lowest.at) == (41.0, at(YESTERDAY, 6.5) + STEP / 2)
    assert found.text.splitlines()[0] == "36.0 kWh solar on Mon 23 Nov, 50 % above the usual 24.0 kWh."
    assert found.text.splitlines()[1].startswith("19.2 kWh load, of it miners 48.0 kWh in 24.0 h, as usual (19.2 kWh)")
    assert found.source == "Shelly + SolArk"


async def test_the_morning_after_says_what_is_unknown_of_today(scope: Scope) -> None:
    found = await brief(scope, "daily", YESTERDAY)
    assert "Today's solar is unknown: no weather forecast is stored yet." in found.text
    assert len(found.lines) <= 8


async def test_an_older_day_says_nothing_of_today(scope: Scope) -> None:
    found = await brief(scope, "daily", YESTERDAY - timedelta(days=1))
    assert "Today" not in found.text
    assert "solar on Sun 22 Nov" in found.text


async def test_a_day_that_runs_is_not_compared(scope: Scope) -> None:
    found = await brief(scope, "daily", TODAY)
    assert "Nothing is known of Tue 24 Nov so far" in found.text
    with pytest.raises(NoSuchDay, match="not begun"):
        await brief(scope, "daily", TODAY + timedelta(days=1))


async def forecast(scope: Scope, *, hours: range = range(24), age: timedelta = timedelta(hours=2)) -> None:
    clear = tuple(
        WeatherHour(at(TODAY, hour), tilted_w_m2={"roof": 500.0 if 8 <= hour < 16 else 0.0}) for hour in hours
    )
    await weather.insert(scope.database, "home", "ranch", IssuedForecast(NOW - age, "open-meteo", clear))


async def test_the_stored_forecast_tells_todays_sun_with_its_age(scope: Scope) -> None:
    await forecast(scope)
    (line,) = [line for line in (await brief(scope, "daily", YESTERDAY)).lines if "expected today" in line.text]
    kwh = float(line.figure.split()[1])
    assert 12 * 0.85 * 0.5 * 8 * 0.75 < kwh < 12 * 0.85 * 0.5 * 8 * 1.1
    assert line.text.startswith("About")
    assert line.text.endswith("(forecast 2 h old).")


async def test_a_forecast_that_ends_at_noon_says_how_much_it_knows(scope: Scope) -> None:
    await forecast(scope, hours=range(12), age=timedelta(hours=20))
    text = (await brief(scope, "daily", YESTERDAY)).text
    assert "At least" in text
    assert "forecast 20 h old, which knows" in text


async def test_a_forecast_of_another_day_is_none(scope: Scope) -> None:
    await forecast(scope, hours=range(-24, 0), age=timedelta(hours=30))
    assert "the stored forecast does not reach today" in (await brief(scope, "daily", YESTERDAY)).text


async def test_a_site_without_panels_says_what_to_describe(scope: Scope) -> None:
    bare = replace(scope, site=SITE.model_copy(update={"array": ()}))
    assert "[[array]]" in (await brief(bare, "daily", YESTERDAY)).text


async def fired(
    scope: Scope, rule_id: str, since: datetime, over_at: datetime | None = None, subject: str = "", **more: Any
) -> None:
    state = State.FIRING if over_at is None else State.RESOLVED
    rule = BY_ID[rule_id]
    found = Episode(
        rule_id=rule_id,
        subject=subject,
        level=rule.level,
        state=state,
        number=1,
        since=since,
        signal=Signal(rule_id=rule_id, active=True, subject=subject),
        fired_at=since,
        told_at=since,
        resolved_at=over_at,
        **more,
    )
    async with scope.database.begin() as connection:
        change = Change(None, found, (Event("fired", found, since, tell=True),))
        await alerts.apply_in(connection, "home", "ranch", [change], now=since)


async def test_open_alerts_and_those_of_the_night_are_told(scope: Scope) -> None:
    await fired(scope, "battery_low", at(TODAY, 5))
    await fired(scope, "device_silent", at(TODAY, 6), subject="solark")
    await fired(scope, "rapid_discharge", at(TODAY, 6), muted_until=at(TODAY, 12))
    await fired(scope, "grid_outage", at(TODAY, 2), at(TODAY, 2.5))
    await fired(scope, "generator_long", at(YESTERDAY, -20), at(YESTERDAY, -18))
    text = (await brief(scope, "daily", YESTERDAY)).text
    assert "open: Battery low since 05:00, Device silent, SolArk since 06:00." in text
    assert "1 alert came and went: Grid outage (02:00 to 02:30)." in text
    assert "Rapid" not in text
    older = (await brief(scope, "daily", YESTERDAY - timedelta(days=1))).text
    assert "1 alert came and went: Generator runs long" in older


async def test_maintenance_of_the_next_days_is_named(scope: Scope) -> None:
    tasks = (
        MaintenanceTask(id="panels", title="clean the panels", every_days=90, first_due=TODAY + timedelta(days=2)),
        MaintenanceTask(id="fan", title="check the fan", every_days=90, first_due=TODAY + timedelta(days=20)),
    )
    described = replace(scope, site=SITE.model_copy(update={"maintenance": tasks}))
    text = (await brief(described, "daily", YESTERDAY)).text
    assert "to do: clean the panels (due Thu 26 Nov)" in text
    assert "fan" not in text


async def test_owners_hear_of_what_was_not_delivered_and_others_do_not(scope: Scope) -> None:
    entry = outbox.NewEntry(site_id="ranch", level="info", text="hello", person_id="ben")
    await outbox.add(scope.database, "home", entry, now=NOW)
    (claimed,) = await outbox.claim_due(scope.database, "home", NOW)
    await outbox.failed(scope.database, "home", claimed.outbox_id, "closed", now=NOW, next_try_at=None)
    owner = replace(scope, actor=Actor("ann", "Ann", "owner"))
    assert "1 message could not be delivered, see /deliveries" in (await brief(owner, "daily", YESTERDAY)).text
    viewer = replace(scope, actor=Actor("vic", "Vic", "viewer"))
    assert "deliver" not in (await brief(viewer, "daily", YESTERDAY)).text
    assert "deliver" not in (await brief(scope, "daily", YESTERDAY)).text  # nobody's own, as in a group


async def test_a_day_with_holes_says_how_much_is_known(tmp_path: Path) -> None:
    rows = list(day_of(YESTERDAY, until=18))
    made = await stocked(tmp_path, rows, site=SITE, as_of=NOW)
    text = (await brief(made, "daily", YESTERDAY)).text
    await made.database.close()
    assert "18.0 of 24 hours have data; the sums miss the rest." in text
    assert "usual" not in text


async def test_a_week_has_its_totals_best_day_and_the_week_before(scope: Scope) -> None:
    await fired(scope, "grid_outage", at(TODAY - timedelta(days=4)), at(TODAY - timedelta(days=4), 1))
    found = await brief(scope, "weekly", YESTERDAY - timedelta(days=1))
    assert (found.first, found.last) == (date(2026, 11, 16), date(2026, 11, 22))
    assert found.text.splitlines()[0] == "168.0 kWh solar, 16 to 22 Nov, as in the week before."
    assert "1 alert, 1 of them critical." in found.text
    assert isinstance(found.figures, SpanFigures)
    assert (found.figures.days, found.figures.known_days, found.figures.by_day) == (7, 7, False)


async def test_a_week_with_missing_days_says_so_and_compares_by_the_day(tmp_path: Path) -> None:
    rows = [row for back in range(9, 16) for row in day_of(TODAY - timedelta(days=back))]
    rows += [row for back in (2, 3, 4, 5, 6) for row in day_of(TODAY - timedelta(days=back), solar_w=1_200.0)]
    made = await stocked(tmp_path, rows, site=SITE, as_of=NOW)
    found = await brief(made, "weekly", TODAY - timedelta(days=3))
    await made.database.close()
    assert found.text.splitlines()[0] == "144.0 kWh solar, 16 to 22 Nov, by the day 20 % more than the week before."
    assert found.text.splitlines()[-1] == "5 of 7 days have data."


async def test_a_month_that_runs_knows_its_days_so_far(scope: Scope) -> None:
    found = await brief(scope, "monthly", TODAY)
    assert isinstance(found.figures, SpanFigures)
    assert (found.figures.days, found.figures.known_days) == (24, 17)
    assert "Nov 2026 so far" in found.lines[0].text
    assert "Best solar day Mon 23 Nov with 36.0 kWh" in found.text


async def test_days_are_the_persons_own(scope: Scope) -> None:
    berlin = replace(scope, own_zone=ZoneInfo("Europe/Berlin"))
    found = await brief(berlin, "daily", YESTERDAY)
    assert found.period.start == datetime(2026, 11, 22, 23, tzinfo=UTC)


async def test_days_of_23_and_25_hours_are_whole(tmp_path: Path) -> None:
    for day, hours in ((date(2026, 3, 8), 23), (date(2026, 11, 1), 25)):
        moment = datetime(day.year, day.month, day.day, tzinfo=ZONE).astimezone(UTC)
        times = [moment + STEP * number for number in range(hours * 12)]
        rows = [Reading(site_id="ranch", source="t", device_id="solark", taken_at=t, **USUAL) for t in times]
        made = await stocked(tmp_path / str(hours), rows, site=SITE, as_of=NOW)
        found = await brief(made, "daily", day)
        await made.database.close()
        assert f"{hours}.0 kWh solar" in found.text
        assert "hours have data" not in found.text


def test_weeks_begin_on_mondays_and_months_on_the_first() -> None:
    assert days_of("weekly", date(2026, 11, 22)) == (date(2026, 11, 16), date(2026, 11, 22))
    assert days_of("monthly", date(2028, 2, 11)) == (date(2028, 2, 1), date(2028, 2, 29))


async def half_a_day(tmp_path: Path) -> Scope:
    """The miner draws 2 kW until noon, and 8 W of standby after it; its relay is on, with no switching on record."""
    rows = [
        Reading(
            site_id="ranch",
            source="test",
            device_id="garage",
            taken_at=at(YESTERDAY, m / 12),
            miner_w=2_000.0 if m < 144 else 8.0,
        )
        for m in range(288)
    ]
    return await stocked(tmp_path, [*day_of(YESTERDAY), *rows], site=SITE, as_of=NOW)


async def test_miner_hours_are_those_in_which_miners_drew_power(tmp_path: Path) -> None:
    scope = await half_a_day(tmp_path)
    state = RelayState(miner_id="s21", on=True, changed_at=at(YESTERDAY, -48))
    async with scope.database.begin() as connection:
        await relays.put_in(connection, "home", "ranch", state)
    assert "of it miners 24.1 kWh in 12.0 h" in (await brief(scope, "daily", YESTERDAY)).text
    assert "of it miners 24.1 kWh in 12.0 h" in (await brief(scope, "monthly", YESTERDAY)).text
    await scope.database.close()


async def test_miner_hours_are_unknown_where_rows_are_not_kept_any_more(tmp_path: Path) -> None:
    scope = await half_a_day(tmp_path)
    period = Period(at(YESTERDAY), at(TODAY), "")
    assert await miner_hours(scope, period, 24 * 3_600.0) == 12.0
    assert await miner_hours(scope, period, 48 * 3_600.0) is None  # the hourly sums know more
    assert await miner_hours(scope, period, 0.0) is None
    await scope.database.close()
