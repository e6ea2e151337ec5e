"""A plant in the SolArk cloud as a polled device."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from connectors.device import Clock, DeviceDetails, DeviceSecrets, GridCharge, utc_now
from connectors.errors import ConnectorError, Malformed, Unsupported
from connectors.solark import settings as translate
from connectors.solark.api import HOSTS, SolArkApi
from connectors.solark.day import day_readings
from connectors.solark.day_plan import grid_charge
from connectors.solark.flow import Flow, flow
from connectors.solark.writing import LOOK_EVERY_S, PATIENCE_S, SettingsWriter
from energy.reading import Quality, Reading
from energy.site import Device, Site

SOURCE = "solark"
INVERTERS_GOOD_FOR_S = 3600.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Extras:
    """What other endpoints add to the flow; they change with each upload only."""

    battery_voltage_v: float | None = None
    battery_temperature_c: float | None = None
    grid_present: bool | None = None


class SolArkCloud:
    """Reads one plant, and writes its grid charging. `base_url` in the settings replaces the vendor's hosts."""

    source = SOURCE

    def __init__(
        self,
        site: Site,
        device: Device,
        secrets: DeviceSecrets,
        *,
        timeout_s: float = 15.0,
        clock: Clock = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
        write_patience_s: float = PATIENCE_S,
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        self.device_id = device.id
        self._site = site
        self._plant = device.plant_id
        self._clock = clock
        self._monotonic = monotonic
        self._api = SolArkApi(
            device.id,
            secrets.username,
            secrets.password,
            hosts=(device.base_url,) if device.base_url else HOSTS,
            timeout_s=timeout_s,
            clock=clock,
            monotonic=monotonic,
        )
        self._writer = SettingsWriter(
            self._api, self._master_block, patience_s=write_patience_s, look_every_s=look_every_s
        )
        self._zone: ZoneInfo | None = None
        self._inverters: tuple[translate.Inverter, ...] = ()
        self._inverters_good_until = -math.inf
        self._extras = _Extras()
        self._extras_of: datetime | None = None
        self._last_flow: Mapping[str, Any] | None = None
        self._first_seen: datetime | None = None
        self._missing: set[str] = set()

    async def read(self) -> list[Reading]:
        """The latest upload of the plant; empty while the cloud has a gap.

        `taken_at` is the upload's time (the flow itself has none); the same upload read twice gives the same reading.
        """
        uploaded = await self._uploaded_at()
        data = await self._api.get(f"plant/energy/{self._plant}/flow", {"date": await self._local_day()})
        if not isinstance(data, dict):
            raise Malformed(f"{self._api.name} sent no power flow; check plant_id {self._plant} in commandcenter.toml")
        translated = flow(data)
        if translated is None:
            return []
        if uploaded is None:
            uploaded = self._change_of(data)
            translated = replace(translated, quality=Quality.DEGRADED)
        if uploaded != self._extras_of:
            try:
                self._extras, self._extras_of = await self._read_extras(), uploaded
            except ConnectorError as error:  # the flow is here and good; the rest is asked for again next time
                self._extras, self._extras_of = _Extras(), None
                self._note_missing("extras", error)
        return [self._reading(translated, uploaded)]

    async def day(self, day: date) -> list[Reading]:
        """All 5-minute readings of the plant's local calendar `day`, quality BACKFILLED; empty when there are none."""
        zone = await self._plant_zone()
        parameters: dict[str, str | int | float] = {"date": day.isoformat(), "lan": "en", "id": self._plant or 0}
        data = await self._api.get(f"plant/energy/{self._plant}/day", parameters)
        return day_readings(
            data,
            day,
            zone,
            site_id=self._site.id,
            source=self.source,
            device_id=self.device_id,
            now=self._clock(),
        )

    async def details(self) -> DeviceDetails:
        """Model, firmware and settings of the master inverter: of parallel ones it alone holds the settings."""
        plant = await self._api.get(f"plant/{self._plant}", {"lan": "en"})
        master, common = await self._master()
        gateways = await self._gateways()
        return DeviceDetails(
            device_id=self.device_id,
            kind="solark_cloud",
            model=(master.model if master else None) or self._site.inverter_model,
            firmware=master.firmware if master else None,
            serial_tail=master.serial[-4:] if master else None,
            settings=translate.settings(common, plant, gateways),
            taken_at=self._clock(),
        )

    async def grid_charge(self) -> GridCharge:
        """Whether the master inverter may charge the battery from the grid, and in which slots of its day plan."""
        _, block = await self._master_block()
        return grid_charge(block)

    async def set_grid_charge(self, on: bool) -> GridCharge:
        """Let every slot of the day plan charge from the grid, or none; see `SettingsWriter` for the errors."""
        return await self._writer.set_grid_charge(on)

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()

    def _reading(self, translated: Flow, taken_at: datetime) -> Reading:
        grid_present = self._extras.grid_present
        if not self._site.grid.present:
            grid_present = None  # no grid, so nothing that could be away
        elif translated.grid_flows:
            grid_present = True
        return Reading(
            site_id=self._site.id,
            source=self.source,
            device_id=self.device_id,
            taken_at=taken_at,
            soc_pct=translated.soc_pct,
            battery_charge_w=translated.battery_charge_w,
            solar_w=translated.solar_w,
            load_w=translated.load_w,
            grid_import_w=translated.grid_import_w,
            generator_w=translated.generator_w,
            battery_voltage_v=self._extras.battery_voltage_v,
            battery_temperature_c=self._extras.battery_temperature_c,
            grid_present=grid_present,
            # the flow knows this one fault only: its absence does not mean that there is none
            fault_codes=("bms_communication",) if translated.battery_fault else None,
            quality=translated.quality,
        )

    async def _uploaded_at(self) -> datetime | None:
        realtime = await self._part("realtime", f"plant/{self._plant}/realtime", {"id": self._plant or 0})
        stamp = translate.uploaded_at(realtime)
        return stamp if stamp is not None else translate.uploaded_at(None, await self._gateways())

    def _change_of(self, data: Mapping[str, Any]) -> datetime:
        """When this payload was first seen: the best time there is when the cloud gives none."""
        if self._first_seen is None or data != self._last_flow:
            self._last_flow, self._first_seen = data, self._clock()
        return self._first_seen

    async def _read_extras(self) -> _Extras:
        first = next(iter(await self._known_inverters()), None)
        if first is None:
            return _Extras()
        battery = await self._part("battery", f"inverter/battery/{first.serial}/realtime", {"lan": "en"})
        grid = None
        if self._site.grid.present:
            grid = await self._part("grid", f"inverter/grid/{first.serial}/realtime")
        return _Extras(
            translate.battery_voltage_v(battery),
            translate.battery_temperature_c(battery),
            translate.grid_present(grid),
        )

    async def _known_inverters(self) -> tuple[translate.Inverter, ...]:
        if self._monotonic() >= self._inverters_good_until:
            parameters: dict[str, str | int | float] = {"page": 1, "limit": 50, "status": -1, "type": -2}
            data = await self._part("inverters", f"plant/{self._plant}/inverters", parameters)
            if data is not None:
                self._inverters = translate.inverters(data)
                self._inverters_good_until = self._monotonic() + INVERTERS_GOOD_FOR_S
        return self._inverters

    async def _master(self) -> tuple[translate.Inverter | None, Any]:
        """The inverter that says it is the master, and its settings; else the first one."""
        blocks = [
            (inverter, await self._part("settings", f"common/setting/{inverter.serial}/read"))
            for inverter in await self._known_inverters()
        ]
        master = next((block for block in blocks if translate.is_master(block[1])), None)
        return master or next(iter(blocks), (None, None))

    async def _master_block(self) -> tuple[str, Any]:
        """Serial number and settings of the inverter that says it is the master; no other will do for writing."""
        for inverter in await self._known_inverters():
            block = await self._api.get(f"common/setting/{inverter.serial}/read")
            if translate.is_master(block):
                return inverter.serial, block
        raise Unsupported(
            f"{self._api.name}: no inverter of plant {self._plant} says that it is the master, and only a master's "
            "settings can be changed; set them at the inverter itself"
        )

    async def _gateways(self) -> Any:
        return await self._part("gateways", "gateways", {"page": 1, "limit": 10, "plantId": self._plant or 0})

    async def _local_day(self) -> str:
        return self._clock().astimezone(await self._plant_zone()).date().isoformat()

    async def _plant_zone(self) -> ZoneInfo:
        if self._zone is None:
            plant = await self._part("plant", f"plant/{self._plant}", {"lan": "en"})
            if plant is None:
                return self._site.zone
            self._zone = translate.plant_zone(plant) or self._site.zone
        return self._zone

    async def _part(self, part: str, path: str, parameters: Mapping[str, str | int | float] | None = None) -> Any:
        """An answer that a reading can do without: None, and one log line, where this cloud does not give it."""
        try:
            data = await self._api.get(path, parameters)
        except Malformed as error:
            self._note_missing(part, error)
            return None
        self._missing.discard(part)
        return data

    def _note_missing(self, part: str, error: ConnectorError) -> None:
        if part not in self._missing:
            self._missing.add(part)
            log.warning("device_part_missing", device=self.device_id, part=part, reason=str(error))


def connect(site: Site, device: Device, secrets: DeviceSecrets, clock: Clock = utc_now) -> SolArkCloud:
    """The device as the settings describe it."""
    return SolArkCloud(site, device, secrets, clock=clock)
