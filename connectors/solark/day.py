"""One day of the cloud's 5-minute series as readings. Pure.

The records carry local wall-clock times without an offset, so days with a clock change need care: an hour that does
not exist is left out, and of the hour that comes twice the second pass is told by the times going back.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from connectors.numbers import mapping, number, objects
from connectors.solark.flow import ABSENT_SOC_PCT
from energy.reading import Quality, Reading

_FIELDS = {
    "pv": "solar_w",
    "load": "load_w",
    "battery": "battery_charge_w",
    "grid": "grid_import_w",
    "gen": "generator_w",
    "soc": "soc_pct",
}
_FACTORS = {"w": 1.0, "kw": 1000.0, "%": 1.0}
UNEXPLAINED_SHARE = 0.1
_DIRECTED = ("battery_charge_w", "grid_import_w")

Row = dict[str, float]


def day_readings(
    data: Any, day: date, zone: ZoneInfo, *, site_id: str, source: str, device_id: str, now: datetime
) -> list[Reading]:
    """The readings of local `day` out of the `data` of `plant/energy/{id}/day`, ascending, none later than `now`.

    Rows of zeros alone, the SOC included, are gaps of the cloud and left out.
    """
    rows: dict[datetime, Row] = {}
    for info in objects(mapping(data).get("infos")):
        field = _FIELDS.get(str(info.get("label")).strip().lower())
        factor = _FACTORS.get(str(info.get("unit")).strip().lower())
        if field is None or factor is None:
            continue
        records = objects(info.get("records"))
        moments = instants([str(record.get("time")) for record in records], day, zone)
        for record, moment in zip(records, moments, strict=True):
            value = number(record.get("value"))
            if field == "soc_pct" and value == ABSENT_SOC_PCT:
                continue
            if value is not None and moment is not None and moment <= now:
                rows.setdefault(moment, {})[field] = factor * value
    kept = {moment: row for moment, row in sorted(rows.items()) if any(row.values())}
    charge_sign, import_sign = signs(kept.values())
    factors = {"battery_charge_w": charge_sign, "grid_import_w": import_sign}
    readings = []
    for moment, row in kept.items():
        # + 0.0 because -1 * 0.0 is a zero with a minus sign
        values: dict[str, Any] = {field: factors.get(field, 1) * value + 0.0 for field, value in row.items()}
        readings.append(
            Reading(
                site_id=site_id,
                source=source,
                device_id=device_id,
                taken_at=moment,
                quality=Quality.BACKFILLED,
                **values,
            )
        )
    return readings


def instants(times: Sequence[str], day: date, zone: ZoneInfo) -> list[datetime | None]:
    """The UTC moments of wall-clock texts ("00:05", with or without date and seconds) in the order of the series.

    None where a text is no time, belongs to another day, is out of order, or names an hour that the clock change
    leaves out.
    """
    moments: list[datetime | None] = []
    previous: datetime | None = None
    went_back = False
    for text in times:
        wall = _wall_time(text, day)
        goes_back = wall is not None and previous is not None and wall <= previous
        if wall is None or (goes_back and not _comes_twice(wall, zone)):  # such as the next midnight, as "00:00"
            moments.append(None)
            continue
        went_back = went_back or goes_back
        previous = wall
        local = wall.replace(tzinfo=zone, fold=int(went_back))
        moment = local.astimezone(UTC)
        exists = moment.astimezone(zone).replace(tzinfo=None) == wall
        moments.append(moment if exists else None)
    return moments


def _comes_twice(wall: datetime, zone: ZoneInfo) -> bool:
    return wall.replace(tzinfo=zone).utcoffset() != wall.replace(tzinfo=zone, fold=1).utcoffset()


def signs(rows: Iterable[Row]) -> tuple[int, int]:
    """What to multiply the series' battery and grid values with to get charge and import: -1 and 1 as a rule.

    The series has no direction flags, and captures of this family of clouds disagree. The day's own energy balance
    decides against the rule only when another pair of signs explains the flows more than twice as well and leaves
    less than a tenth of the load unexplained (a generator that the series lacks could else look like a wrong sign).
    """
    usual = (-1, 1)
    complete = [row for row in rows if {"solar_w", "load_w", *_DIRECTED} <= row.keys()]
    errors = {pair: _imbalance(complete, *pair) for pair in itertools.product((-1, 1), (1, -1))}
    best = min(errors, key=lambda pair: errors[pair])
    fits = errors[best] < UNEXPLAINED_SHARE * sum(row["load_w"] for row in complete)
    return best if fits and 2 * errors[best] < errors[usual] else usual


def _imbalance(rows: Sequence[Mapping[str, float]], charge_sign: int, import_sign: int) -> float:
    return sum(
        abs(
            row["solar_w"]
            + import_sign * row["grid_import_w"]
            + row.get("generator_w", 0.0)
            - row["load_w"]
            - charge_sign * row["battery_charge_w"]
        )
        for row in rows
    )


def _wall_time(text: str, day: date) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text if "-" in text else f"{day.isoformat()}T{text.strip()}")
    except ValueError:
        return None
    return moment.replace(tzinfo=None) if moment.tzinfo is None and moment.date() == day else None
