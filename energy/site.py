"""The site's description: what stands in `commandcenter.toml`, validated, frozen, without secrets.

Every message of a refused value names the key and what is allowed. Angles are compass degrees (180 = south).
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, Discriminator, Field, Tag, field_validator, model_validator

from energy.alert_settings import Alerts, MaintenanceTask
from energy.reading import FIELDS, Kind
from energy.site_plan import PlannedMiner, PlanSettings, check_modes
from energy.site_rules import check_ids, check_starts
from energy.site_values import Celsius, Identifier, Part, Percent, Seconds, Volts, Watts, Whole

if TYPE_CHECKING:
    from energy.alerts.situation import Maintenance

DeviceKind = Literal["solark_cloud", "victron_mqtt", "victron_vrm", "shelly", "csv"]

_NEEDED = {"solark_cloud": "plant_id", "victron_mqtt": "host", "victron_vrm": "plant_id", "shelly": "host"}
_USUAL_INTERVAL_S = {"victron_mqtt": 30.0, "victron_vrm": 900.0, "shelly": 30.0}
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CGMINER_PORT = 4028


class Limits(Part):
    """The owner's limits (SOC in %). They bind interlocks, plans and critical alerts."""

    min_soc_pct: Percent = 30
    safe_min_soc_pct: Percent = 40
    safe_max_soc_pct: Percent = 80
    miner_min_soc_pct: Percent = 50

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.min_soc_pct <= self.safe_min_soc_pct < self.safe_max_soc_pct:
            raise ValueError("min_soc_pct <= safe_min_soc_pct < safe_max_soc_pct must hold")
        if self.miner_min_soc_pct < self.min_soc_pct:
            raise ValueError("miner_min_soc_pct must be at least min_soc_pct")
        return self


class Battery(Part):
    """The bank. `voltage_curve` is a list of (volts, SOC %) at rest, rising in both."""

    usable_kwh: Annotated[float, Field(gt=0)]
    chemistry: str = "LiFePO4"
    max_charge_w: Watts | None = None
    max_discharge_w: Watts | None = None
    voltage_curve: tuple[tuple[float, Percent], ...] = ()

    @field_validator("voltage_curve")
    @classmethod
    def _rising(cls, curve: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
        if any(b[0] <= a[0] or b[1] < a[1] for a, b in itertools.pairwise(curve)):
            raise ValueError("must rise: each point has more volts than the one before it, and no less SOC")
        return curve


class Grid(Part):
    """The grid connection. `present = false` is an off-grid site: no grid, so no outages."""

    present: bool = False
    import_allowed: bool = False
    export_allowed: bool = False
    max_import_w: Watts | None = None
    max_export_w: Watts | None = None


def _checked_hours(text: str) -> str:
    match = re.fullmatch(r"(\d{1,2})-(\d{1,2})", text)
    if not match or not (0 <= int(match[1]) <= 23 and 1 <= int(match[2]) <= 24):
        raise ValueError('must be "FROM-TO" in whole local hours, such as "16-21" or "22-6"')
    return text


def in_hours(hours: str, hour: float) -> bool:
    """Whether a local `hour` (0 <= hour < 24) lies in "FROM-TO", which may pass midnight ("22-6")."""
    start, end = (int(part) for part in hours.split("-"))
    return start <= hour < end if start < end else hour >= start or hour < end


class TariffPeriod(Part):
    """A price per kWh in the site's currency during local `hours` ("16-21") on `days` ("mon-fri", "sat,sun")."""

    name: str
    import_per_kwh: float
    export_per_kwh: float = 0.0
    hours: str = "0-24"
    days: str = "mon-sun"

    @field_validator("hours")
    @classmethod
    def _hours(cls, text: str) -> str:
        return _checked_hours(text)

    @field_validator("days")
    @classmethod
    def _days(cls, text: str) -> str:
        if not all(name in _DAYS for part in text.split(",") for name in part.strip().split("-")):
            raise ValueError('must be days such as "mon-fri" or "sat,sun", from ' + ", ".join(_DAYS))
        return text


class Tariff(Part):
    """What energy costs and earns."""

    period: tuple[TariffPeriod, ...] = ()


class Array(Part):
    """A string or roof of panels: kWp at standard conditions, tilt from level, compass azimuth."""

    name: str
    kwp: Annotated[float, Field(gt=0)]
    tilt_deg: Annotated[float, Field(ge=0, le=90)] = 25
    azimuth_deg: Annotated[float, Field(ge=0, lt=360)] = 180
    device: str | None = None  # the device that the panels hang on, where there are several


class Device(Part):
    """Something that is read. Its secrets come from the environment: `<ID>_USERNAME`, `_PASSWORD`, `_TOKEN`."""

    id: Identifier
    kind: DeviceKind
    plant_id: int | None = None
    portal_id: str | None = None
    host: str | None = None
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    tls: bool = False
    ca_file: str | None = None
    base_url: Annotated[str, Field(pattern=r"^https?://\S+$")] | None = None
    poll_interval_s: Annotated[float, Field(ge=0.05)] | None = None
    upload_interval_s: Annotated[float, Field(gt=0)] | None = None
    rated_w: Watts | None = None  # what each channel of a relay, or its contactor, may carry

    @model_validator(mode="after")
    def _complete(self) -> Self:
        needed = _NEEDED.get(self.kind)
        if needed and getattr(self, needed) is None:
            raise ValueError(f'a device of kind "{self.kind}" needs {needed}')
        if self.rated_w is not None and self.kind != "shelly":
            raise ValueError(f'rated_w is what a relay may carry; a device of kind "{self.kind}" is no relay')
        return self

    @property
    def interval_s(self) -> float:
        """How often new values can be expected (s): the stated upload interval, else the kind's usual one."""
        if self.upload_interval_s is not None:
            return self.upload_interval_s
        return _USUAL_INTERVAL_S.get(self.kind, 300.0)


class Prefer(Part):
    """Take the first device of the list that knows the field."""

    prefer: Annotated[tuple[str, ...], Field(min_length=1)]


class Sum(Part):
    """Add the devices; unknown while one of them is."""

    sum: Annotated[tuple[str, ...], Field(min_length=1)]


class Miner(PlannedMiner):
    """A bitcoin miner behind a relay channel, and its profile.

    With volts instead of SOC (`start_voltage_v`, `stop_voltage_v`) the battery's voltage decides: for sites whose SOC
    drifts. `cool_down_s` is how long the relay waits at the most for a miner that was asked to stop by its `api`.
    """

    id: Identifier
    name: str
    model: str | None = None
    power_w: Annotated[float, Field(gt=0)]
    hashrate_ths: Annotated[float, Field(gt=0)]
    device: str
    channel: Annotated[int, Field(ge=0, le=15)] = 0
    priority: Annotated[int, Field(ge=1, le=10)] = 1
    start_soc_pct: Percent = 60
    stop_soc_pct: Percent = 50
    start_voltage_v: Volts | None = None
    stop_voltage_v: Volts | None = None
    min_on_minutes: Annotated[float, Field(ge=0)] = 15
    min_off_minutes: Annotated[float, Field(ge=0)] = 10
    max_starts_per_day: Annotated[Whole, Field(ge=1, le=48)] = 8
    allowed_hours: str | None = None
    needs_excess_w: Watts = 0
    cool_down_s: Annotated[Seconds, Field(ge=0, le=600)] = 60
    api: Literal["pyasic", "cgminer"] | None = None
    api_host: str | None = None
    api_port: Annotated[int, Field(ge=1, le=65535)] | None = None

    @field_validator("allowed_hours")
    @classmethod
    def _hours(cls, text: str | None) -> str | None:
        if text is None:
            return None
        start, end = _checked_hours(text).split("-")
        if int(start) == int(end):
            raise ValueError("must not begin and end at the same hour; leave the key out for the whole day")
        return text

    @model_validator(mode="after")
    def _hysteresis(self) -> Self:
        if self.stop_soc_pct >= self.start_soc_pct:
            raise ValueError("stop_soc_pct must be below start_soc_pct, or the miner would switch without end")
        if (self.start_voltage_v is None) != (self.stop_voltage_v is None):
            raise ValueError("start_voltage_v and stop_voltage_v go together: give both, or neither")
        if self.start_voltage_v and self.stop_voltage_v and self.stop_voltage_v >= self.start_voltage_v:
            raise ValueError("stop_voltage_v must be below start_voltage_v, or the miner would switch without end")
        if self.api is not None and self.api_host is None:
            raise ValueError(f'api = "{self.api}" needs api_host, the address of the miner itself')
        if self.api is None and (self.api_host is not None or self.api_port is not None):
            raise ValueError('api_host and api_port need api = "cgminer" or api = "pyasic"')
        check_modes(self.modes, self.power_w, self.hashrate_ths)
        if self.ramp_minutes > self.min_on_minutes:
            raise ValueError("ramp_minutes must be at most min_on_minutes, or a run could end before it hashes")
        return self

    @property
    def port_of_api(self) -> int | None:
        """The port of the miner's own interface: the stated one, else 4028 for cgminer, else None."""
        return self.api_port or (CGMINER_PORT if self.api == "cgminer" else None)

    @property
    def by_voltage(self) -> bool:
        """Whether the battery's voltage decides instead of its SOC."""
        return self.start_voltage_v is not None


class Inverter(Part):
    """What the inverter can give (W) beside the grid, and without it; and whether we may change its settings."""

    max_output_w: Watts | None = None
    islanded_max_w: Watts | None = None
    allow_settings_writes: bool = False

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        always_w, alone_w = self.max_output_w, self.islanded_max_w
        if always_w is not None and alone_w is not None and alone_w > always_w:
            raise ValueError("islanded_max_w must be at most max_output_w")
        return self


class Control(Part):
    """How loads are switched: `timer_s` is after how many seconds a relay opens by itself unless we renew it."""

    timer_s: Annotated[Seconds, Field(ge=5, le=3_600)] = 900
    stagger_s: Annotated[Seconds, Field(ge=0, le=600)] = 30
    max_battery_temperature_c: Annotated[Celsius, Field(ge=0, le=70)] = 50
    min_battery_temperature_c: Annotated[Celsius, Field(ge=-40, le=25)] = -10

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.min_battery_temperature_c >= self.max_battery_temperature_c:
            raise ValueError("min_battery_temperature_c must be below max_battery_temperature_c")
        return self


class Economics(Part):
    """What a hash earns: hash price per PH/s and day, the pool's fee in %."""

    hashprice_per_phs_day: Annotated[float, Field(ge=0)] = 45.0
    pool_fee_pct: Percent = 2.0
    currency: str = "USD"


def _strict_rules(value: object) -> object:
    if isinstance(value, dict):
        for field, rule in value.items():
            if isinstance(rule, dict) and set(rule) not in ({"prefer"}, {"sum"}):
                raise ValueError(f'{field}: must be {{ prefer = ["…"] }} or {{ sum = ["…"] }}')
    return value


def _kind_of_rule(value: object) -> str:
    return "sum" if isinstance(value, Sum) or (isinstance(value, dict) and "sum" in value) else "prefer"


Rule = Annotated[Annotated[Prefer, Tag("prefer")] | Annotated[Sum, Tag("sum")], Discriminator(_kind_of_rule)]
MergeRules = Annotated[dict[str, Rule], BeforeValidator(_strict_rules)]


class Site(Part):
    """Everything that describes one site, in one value; `site_from_toml` in app reads it from a file."""

    id: Identifier
    name: str = "My site"
    timezone: str = "UTC"
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None
    inverter_model: str | None = None
    limits: Limits = Limits()
    battery: Battery | None = None
    grid: Grid = Grid()
    tariff: Tariff = Tariff()
    array: tuple[Array, ...] = ()
    device: tuple[Device, ...] = ()
    merge: MergeRules = Field(default_factory=dict)
    miner: tuple[Miner, ...] = ()
    inverter: Inverter = Inverter()
    control: Control = Control()
    economics: Economics = Economics()
    plan: PlanSettings = PlanSettings()
    alerts: Alerts = Alerts()
    maintenance: tuple[MaintenanceTask, ...] = ()

    @field_validator("timezone")
    @classmethod
    def _real_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # a folder of zones is an OSError
            raise ValueError(f'"{name}" is not a time zone; use an IANA name such as "America/Los_Angeles"') from error
        return name

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        ids = [device.id for device in self.device]
        _no_doubles("device", ids)
        _no_doubles("array", [array.name for array in self.array])
        _no_doubles("miner", [miner.id for miner in self.miner])
        _no_doubles("maintenance task", [task.id for task in self.maintenance])
        _no_doubles("miner", [f"{miner.device}, channel {miner.channel}" for miner in self.miner])
        if (self.latitude is None) != (self.longitude is None):
            raise ValueError("latitude and longitude go together: give both, or neither")
        for miner in self.miner:
            if miner.device not in ids:
                raise ValueError(f'miner "{miner.id}": no device "{miner.device}"; the devices are {_names(ids)}')
        relays = [device.id for device in self.device if device.kind == "shelly"]
        for miner in self.miner:
            if miner.device not in relays:
                raise ValueError(f'miner "{miner.id}": "{miner.device}" is no relay; the relays are {_names(relays)}')
        check_ids(self.miner)
        check_starts(self.miner, self.limits, self.battery.voltage_curve if self.battery is not None else ())
        for field, rule in self.merge.items():
            if field not in FIELDS:
                raise ValueError(f'merge: "{field}" is not a field of a reading; the fields are {_names(FIELDS)}')
            named = rule.prefer if isinstance(rule, Prefer) else rule.sum
            for device_id in named:
                if device_id not in ids:
                    raise ValueError(f'merge.{field}: device "{device_id}" is not among the devices ({_names(ids)})')
            _no_doubles("device", list(named), f"merge.{field}: ")
            if isinstance(rule, Sum) and FIELDS[field].kind is not Kind.POWER:
                raise ValueError(f'merge.{field}: only powers add up; use {{ prefer = ["…"] }}')
        return self

    @property
    def zone(self) -> ZoneInfo:
        """The site's time zone."""
        return ZoneInfo(self.timezone)

    @property
    def solar_kwp(self) -> float | None:
        """Installed panels (kWp), or None when no array is described."""
        return sum(a.kwp for a in self.array) if self.array else None

    def maintenance_due(self) -> tuple[Maintenance, ...]:
        """What is to be done and when, for `Situation`; its rule tells once the moment has come."""
        from energy.alerts.situation import Maintenance  # it looks at whole sites, so it imports this module

        return tuple(Maintenance(id=t.id, title=t.title, due_at=t.due_at(self.zone)) for t in self.maintenance)

    def device_by_id(self, device_id: str) -> Device | None:
        """The device with this id, or None."""
        return next((device for device in self.device if device.id == device_id), None)


def _no_doubles(what: str, names: list[str], where: str = "") -> None:
    doubles = sorted({name for name in names if names.count(name) > 1})
    if doubles:
        raise ValueError(f"{where}two {what}s are called {_names(doubles)}; each must stand once")


def _names(items: object) -> str:
    listed = ", ".join(str(i) for i in items)  # type: ignore[attr-defined]
    return listed or "none"
