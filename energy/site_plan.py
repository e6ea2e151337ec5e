"""What an owner may set about plans: the table `[plan]`, and what a plan must know of a miner, in `commandcenter.toml`.

Everything is optional. Each refused value names its key and the remedy.
"""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, ConfigDict, Field, field_validator, model_validator

from energy.site_values import Celsius, Number, Part, Watts

PlanMode = Literal["advise", "ask", "automatic"]

_URL = r"^https?://[^\s/]+\S*$"


def _moment(value: object) -> object:
    """TOML has moments of its own; a date alone would be midnight, which nobody means."""
    if isinstance(value, datetime):
        return value
    remedy = "must be a moment such as 2026-06-01T13:00 (local time of the site) or 2026-06-01T13:00-07:00"
    if not isinstance(value, str) or "T" not in value:
        raise ValueError(remedy)
    try:
        return datetime.fromisoformat(value)
    except ValueError as error:
        raise ValueError(remedy) from error


Moment = Annotated[datetime, BeforeValidator(_moment)]


class PlannedOutage(Part):
    """An announced time without grid. Local time of the site, or with an offset: 2026-06-01T13:00 or …13:00-07:00."""

    model_config = ConfigDict(populate_by_name=True)

    from_: Annotated[Moment, Field(alias="from")]
    until: Moment
    title: Annotated[str, Field(min_length=1, max_length=80)] = "announced outage"

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if (self.from_.tzinfo is None) != (self.until.tzinfo is None):
            raise ValueError("from and until must both have an offset such as -07:00, or neither")
        if self.until <= self.from_:
            raise ValueError("until must be later than from")
        return self

    def span_s(self, zone: ZoneInfo) -> tuple[int, int]:
        """From and until in epoch seconds."""
        begins, ends = (
            int((m if m.tzinfo is not None else m.replace(tzinfo=zone)).astimezone(UTC).timestamp())
            for m in (self.from_, self.until)
        )
        return begins, ends


class PlanSettings(Part):
    """`[plan]`: what is done with a plan, how far it looks, and the prices that no tariff names.

    `mode`: advise only, ask before each change, or follow the plan. `wear_per_kwh`: what a kWh into or out of the
    battery costs in its life. `demand_per_kw`: for the highest import of the billing period. `grid_charge`: whether
    plans may charge the battery from the grid. The two URLs are fetched, and win over the settings while they answer.
    `hashprice_field` is where in the JSON of `hashprice_url` the price stands, such as data.price; without it the
    answer is the number itself.
    """

    mode: PlanMode = "advise"
    hours: Annotated[Number, Field(ge=12, le=48)] = 36
    hashprice_url: Annotated[str, Field(pattern=_URL)] | None = None
    hashprice_field: Annotated[str, Field(max_length=200)] | None = None
    prices_url: Annotated[str, Field(pattern=_URL)] | None = None
    wear_per_kwh: Annotated[Number, Field(ge=0, le=1)] = 0.02
    demand_per_kw: Annotated[Number, Field(ge=0)] = 0.0
    grid_charge: bool = False
    outage: tuple[PlannedOutage, ...] = ()

    @field_validator("mode", mode="before")
    @classmethod
    def _known_mode(cls, value: object) -> object:
        if value not in ("advise", "ask", "automatic"):
            raise ValueError('must be "advise" (only say), "ask" (before each change) or "automatic" (follow the plan)')
        return value

    @field_validator("hashprice_url", "prices_url", mode="before")
    @classmethod
    def _address(cls, value: object) -> object:
        if value is not None and not str(value).strip().startswith(("http://", "https://")):
            raise ValueError("must be an address that begins with https:// or http://; leave the key out for none")
        return value

    @model_validator(mode="after")
    def _field_of_something(self) -> Self:
        field = self.hashprice_field
        if field is not None and self.hashprice_url is None:
            raise ValueError("hashprice_field names a part of what hashprice_url answers: set hashprice_url as well")
        if field is not None and not all(part.strip() for part in field.split(".")):
            raise ValueError("hashprice_field must be names with dots between, such as data.price or prices.0.usd")
        return self


class MinerMode(Part):
    """A way in which a miner runs with less power than its full one."""

    power_w: Annotated[Number, Field(gt=0)]
    hashrate_ths: Annotated[Number, Field(gt=0)]


class PlannedMiner(Part):
    """What a plan must know of a miner beside its profile.

    `modes` are its lower powers. `ramp_minutes` is how long it takes power after a start until it hashes.
    Above `max_temperature_c` outdoors it stays off. Its heat is worth `heat_value_per_kwh` while it is colder than
    `heat_below_c` outdoors.
    """

    modes: Annotated[tuple[MinerMode, ...], Field(max_length=6)] = ()
    ramp_minutes: Annotated[Number, Field(ge=0, le=60)] = 0
    max_temperature_c: Annotated[Celsius, Field(ge=0, le=70)] | None = None
    heat_value_per_kwh: Annotated[Number, Field(ge=0, le=2)] = 0.0
    heat_below_c: Annotated[Celsius, Field(ge=-30, le=25)] = 15


def check_modes(modes: tuple[MinerMode, ...], power_w: Watts, hashrate_ths: float) -> None:
    """Each mode must draw and hash less than full power, and more power must hash more."""
    rising = sorted(modes, key=lambda mode: mode.power_w)
    if any(m.power_w >= power_w or m.hashrate_ths >= hashrate_ths for m in modes):
        raise ValueError(
            f"modes are the lower powers: each needs less than power_w ({power_w:g}) and less than hashrate_ths "
            f"({hashrate_ths:g}); full power is not listed"
        )
    if any(a.power_w == b.power_w or a.hashrate_ths >= b.hashrate_ths for a, b in itertools.pairwise(rising)):
        raise ValueError("modes: more power must give more hash rate; take out the mode that gives less")
