"""Payloads of the SolArk cloud, shaped as the real ones: magnitudes with flags, numbers of mixed types, W and %.

Everything is what the dongle uploaded last; only `updateAt` and the gateway say when that was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from energy.site import Site
from simulator.physics import EnergyTotals, PhysicalState, VirtualSite

SERIAL = "2207079904"
GATEWAY_SERIAL = "E4701B22C0A1"
_LIFETIME_PV_KWH = 21_480.0  # the plant was there before the simulation
_SMALL_W = 1.0
_SERIES: tuple[tuple[str, str, Callable[[PhysicalState], float]], ...] = (
    ("PV", "W", lambda s: s.solar_w_solark),
    ("Load", "W", lambda s: s.load_w),
    ("Battery", "W", lambda s: -s.solark_battery_charge_w),  # in the series + = discharging
    ("Grid", "W", lambda s: s.grid_import_w),
    ("SOC", "%", lambda s: s.solark_soc_pct),
)
_SUMS: tuple[tuple[str, Callable[[EnergyTotals], float]], ...] = (
    ("Load", lambda t: t.load_kwh),
    ("PV", lambda t: t.solar_solark_kwh),
    ("Export", lambda t: t.export_kwh),
    ("Import", lambda t: t.import_kwh),
    ("Charge", lambda t: t.solark_charge_kwh),
    ("Discharge", lambda t: t.solark_discharge_kwh),
)


class SolArkPayloads:
    """The payloads of one virtual site; every method takes the time `at` of the last upload."""

    def __init__(self, world: VirtualSite, plant_id: int, upload_interval_s: float) -> None:
        self.world = world
        self.plant_id = plant_id
        self.upload_interval_s = upload_interval_s

    @property
    def site(self) -> Site:
        """The site behind the plant."""
        return self.world.site

    def uploaded_at(self, now: datetime) -> datetime:
        """When the dongle uploaded last (UTC): multiples of its interval, or the birth of the site."""
        upload_s = now.timestamp() // self.upload_interval_s * self.upload_interval_s
        return max(datetime.fromtimestamp(upload_s, UTC), self.world.start)

    def flow(self, at: datetime) -> dict[str, Any]:
        """`plant/energy/{id}/flow`: magnitudes, directions in flags, no time."""
        state = self.world.state_at(at)
        battery_w, grid_w = state.solark_battery_charge_w, state.grid_import_w
        return {
            "custCode": 29,
            "meterCode": 0,
            "pvPower": round(state.solar_w_solark),
            "battPower": float(abs(round(battery_w))),
            "gridOrMeterPower": abs(round(grid_w)),
            "loadOrEpsPower": str(round(state.load_w)),
            "genPower": round(state.generator_w),
            "minPower": 0,
            "smartLoadPower": 0,
            "soc": float(round(state.solark_soc_pct)),
            "pvTo": state.solar_w_solark > _SMALL_W,
            "toLoad": state.load_w > _SMALL_W,
            "toBat": battery_w > _SMALL_W,
            "batTo": battery_w < -_SMALL_W,
            "gridTo": grid_w > _SMALL_W,
            "toGrid": grid_w < -_SMALL_W,
            "genTo": state.generator_w > _SMALL_W,
            "minTo": False,
            "existsGen": self.world.plant.generator_w > 0 or state.generator_w > 0,
            "existsMin": False,
            "existsMeter": True,
            "existsGrid": self.world.has_grid,
            "genOn": state.generator_w > _SMALL_W,
            "microOn": False,
            "bmsCommFaultFlag": False,
            "pv": [{"power": round(state.solar_w_solark), "toInv": state.solar_w_solark > _SMALL_W}],
            "time": None,
        }

    def realtime(self, at: datetime) -> dict[str, Any]:
        """`plant/{id}/realtime`."""
        local = at.astimezone(self.site.zone)
        return {
            "pac": round(self.world.state_at(at).solar_w_solark),
            "etoday": round(self._since(at, local.date(), _pv), 1),
            "emonth": f"{self._since(at, local.date().replace(day=1), _pv):.1f}",
            "eyear": round(self._since(at, date(local.year, 1, 1), _pv), 1),
            "etotal": round(_LIFETIME_PV_KWH + _pv(self.world.totals_at(at)), 1),
            "income": None,
            "efficiency": "0.0",
            "updateAt": stamp(at),
            "currency": {"id": 1, "code": "USD", "text": "$"},
            "totalPower": self.site.solar_kwp,
        }

    def plant(self, at: datetime) -> dict[str, Any]:
        """`plant/{id}`; the real one carries the owner's personal data, so this one does too."""
        return {
            "id": self.plant_id,
            "name": self.site.name,
            "totalPower": self.site.solar_kwp,
            "thumbUrl": "",
            "joinDate": "2022-03-14T19:05:11Z",
            "type": 2,
            "status": 1,
            "lon": self.site.longitude,
            "lat": self.site.latitude,
            "address": "1 Example Road",
            "email": "owner@example.com",
            "phone": "5550100",
            "currency": {"id": 1, "code": "USD", "text": "$"},
            "timezone": {"id": 1, "code": self.site.timezone, "text": self.site.timezone},
            "charges": [],
            "realtime": self.realtime(at),
        }

    def plants(self, at: datetime) -> dict[str, Any]:
        """`plants`: one page with one plant."""
        realtime = self.realtime(at)
        info = {
            "id": self.plant_id,
            "name": self.site.name,
            "status": 1,
            "pac": realtime["pac"],
            "etoday": realtime["etoday"],
            "etotal": realtime["etotal"],
            "updateAt": realtime["updateAt"],
            "createAt": "2022-03-14T19:05:11Z",
        }
        return page([info])

    def inverters(self, at: datetime) -> dict[str, Any]:
        """`plant/{id}/inverters`."""
        realtime = self.realtime(at)
        info = {
            "sn": SERIAL,
            "gsn": GATEWAY_SERIAL,
            "status": 1,
            "model": self.site.inverter_model or "SolArk 15K",
            "version": {"masterVer": "7.4.2.2", "softVer": "1.4.8.4"},
            "pac": realtime["pac"],
            "etoday": realtime["etoday"],
            "etotal": realtime["etotal"],
            "updateAt": realtime["updateAt"],
        }
        return page([info])

    def gateways(self, at: datetime) -> dict[str, Any]:
        """`gateways`: when the dongle last came by, and how often it does."""
        info = {"gsn": GATEWAY_SERIAL, "status": 1, "updateAt": stamp(at), "uploadInterval": self.upload_interval_s}
        return page([info])

    def battery(self, at: datetime) -> dict[str, Any]:
        """`inverter/battery/{sn}/realtime`; its power has the other sign: + = discharging."""
        state = self.world.state_at(at)
        watts = state.solark_battery_charge_w
        today = at.astimezone(self.site.zone).date()
        return {
            "time": None,
            "power": -round(watts),
            "voltage": f"{state.battery_voltage_v:.1f}",
            "current": round(-watts / state.battery_voltage_v, 1),
            "temp": f"{state.battery_temperature_c:.1f}",
            "soc": str(round(state.solark_soc_pct)),
            "bmsSoc": -100,
            "status": 1 if watts > 0 else 2,
            "etodayChg": f"{self._since(at, today, lambda t: t.solark_charge_kwh):.1f}",
            "etodayDischg": f"{self._since(at, today, lambda t: t.solark_discharge_kwh):.1f}",
        }

    def grid(self, at: datetime) -> dict[str, Any]:
        """`inverter/grid/{sn}/realtime`."""
        state = self.world.state_at(at)
        today = at.astimezone(self.site.zone).date()
        volt = "121.4" if state.grid_present else "0.0"
        leg = {
            "volt": volt,
            "current": f"{abs(state.grid_import_w) / 242.8:.1f}",
            "power": round(state.grid_import_w / 2),
        }
        return {
            "vip": [leg, dict(leg)],
            "pac": round(state.grid_import_w),
            "fac": 59.98 if state.grid_present else 0,
            "pf": 1.0,
            "acRealyStatus": 1 if state.grid_present else 0,  # the vendor's spelling
            "status": 1,
            "etodayFrom": f"{self._since(at, today, lambda t: t.import_kwh):.1f}",
            "etodayTo": f"{self._since(at, today, lambda t: t.export_kwh):.1f}",
        }

    def load(self, at: datetime) -> dict[str, Any]:
        """`inverter/load/{sn}/realtime`."""
        state = self.world.state_at(at)
        today = at.astimezone(self.site.zone).date()
        return {
            "totalPower": round(state.load_w),
            "dailyUsed": round(self._since(at, today, lambda t: t.load_kwh), 1),
            "totalUsed": f"{18_200 + self.world.totals_at(at).load_kwh:.1f}",
            "upsPowerTotal": round(state.load_w),
        }

    def panels(self, at: datetime) -> dict[str, Any]:
        """`inverter/{sn}/realtime/input`: two strings; their `time` is local and without a zone."""
        watts = self.world.state_at(at).solar_w_solark
        local = at.astimezone(self.site.zone).strftime("%Y-%m-%d %H:%M:%S")
        strings = []
        for number, share in ((1, 0.52), (2, 0.48)):
            volts = 365.0 + 10.0 * number if watts > _SMALL_W else 0.0
            amps = watts * share / volts if volts else 0.0
            strings.append(
                {
                    "pvNo": number,
                    "vpv": f"{volts:.1f}",
                    "ipv": f"{amps:.1f}",
                    "ppv": f"{watts * share:.1f}",
                    "time": local,
                }
            )
        return {"pac": round(watts), "pvIV": strings, "mpptIV": []}

    def day(self, day: date, at: datetime) -> dict[str, Any]:
        """`plant/energy/{id}/day`: 5-minute series of the plant-local `day`, as far as it was uploaded by `at`."""
        instants = [moment for moment in self._five_minutes(day) if self.world.start <= moment <= at]
        states = [self.world.state_at(moment) for moment in instants]
        infos = []
        for label, unit, pick in _SERIES:
            records = [
                {"time": moment.astimezone(self.site.zone).strftime("%H:%M"), "value": f"{pick(state):.1f}"}
                | {"updateTime": None}
                for moment, state in zip(instants, states, strict=True)
            ]
            infos.append({"label": label, "unit": unit, "records": records})
        return {"infos": infos}

    def day_power(self, day: date, at: datetime) -> dict[str, Any]:
        """`plant/{id}/power/day`: the panels alone."""
        return {"unit": "W", "records": self.day(day, at)["infos"][0]["records"]}

    def sums(self, begins: list[tuple[str, date]], end: date, at: datetime) -> dict[str, Any]:
        """`plant/energy/{id}/month|year|total`: kWh between the local midnights of `begins` and of `end`."""
        marks = [day for _, day in begins] + [end]
        totals = [self.world.totals_at(self._clamped(self._midnight(day), at)) for day in marks]
        infos = []
        for label, pick in _SUMS:
            records = [
                {"time": name, "value": f"{pick(totals[i + 1]) - pick(totals[i]):.1f}", "updateTime": None}
                for i, (name, day) in enumerate(begins)
                if self._midnight(day) <= at and self._midnight(marks[i + 1]) > self.world.start
            ]
            infos.append({"label": label, "unit": "kWh", "records": records})
        return {"infos": infos}

    def generation_use(self, at: datetime) -> dict[str, Any]:
        """`plant/energy/{id}/generation/use`: kWh of today."""
        today = at.astimezone(self.site.zone).date()
        return {
            "load": round(self._since(at, today, lambda t: t.load_kwh), 1),
            "pv": round(self._since(at, today, _pv), 1),
            "batteryCharge": round(self._since(at, today, lambda t: t.solark_charge_kwh), 1),
            "gridSell": round(self._since(at, today, lambda t: t.export_kwh), 1),
        }

    def _five_minutes(self, day: date) -> Iterator[datetime]:
        moment, end = self._midnight(day), self._midnight(day + timedelta(days=1))
        while moment < end:
            yield moment
            moment += timedelta(minutes=5)

    def _midnight(self, day: date) -> datetime:
        return datetime(day.year, day.month, day.day, tzinfo=self.site.zone).astimezone(UTC)

    def _clamped(self, moment: datetime, at: datetime) -> datetime:
        return min(max(moment, self.world.start), at)

    def _since(self, at: datetime, day: date, pick: Callable[[EnergyTotals], float]) -> float:
        begin = self._clamped(self._midnight(day), at)
        return pick(self.world.totals_at(at)) - pick(self.world.totals_at(begin))


def _pv(totals: EnergyTotals) -> float:
    return totals.solar_solark_kwh


def stamp(at: datetime) -> str:
    """A UTC stamp as the cloud writes it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def page(infos: list[dict[str, Any]]) -> dict[str, Any]:
    """A page of a list."""
    return {"pageSize": 10, "pageNumber": 1, "total": len(infos), "infos": infos}
