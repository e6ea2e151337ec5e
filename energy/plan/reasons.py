"""Why a step is as it is: the rule or price that binds it, in words with figures."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from energy.plan.limits import MinerBounds, miner_bounds, start_days
from energy.plan.milp import Course
from energy.plan.plan import BatteryMode, Reason
from energy.plan.prices import stored_value_per_kwh
from energy.plan.problem import MIDDLE, MinerState, Problem

_SMALL_KW = 0.05


class Reasons:
    """The reasons of one decided plan. Prices must be known."""

    def __init__(self, problem: Problem, on: Mapping[str, NDArray[np.bool_]], courses: Mapping[str, Course]) -> None:
        self._p, self._on, self._courses = problem, on, courses
        self._middle = courses[MIDDLE]
        self._low = courses[problem.low.name]
        self._zone = ZoneInfo(problem.zone)
        self._bounds: dict[str, MinerBounds] = {m.id: miner_bounds(problem, m) for m in problem.miners}
        self._stored = stored_value_per_kwh(problem)

    def miner(self, m: MinerState, t: int) -> Reason:
        """Why this miner is on or off in step `t`."""
        rule = self._rule(m, t)
        if rule is not None:
            return rule
        return self._why_on(m, t) if self._on[m.id][t] else self._why_off(m, t)

    def battery(self, t: int, mode: BatteryMode) -> Reason:
        """Why the battery charges, gives or rests in step `t`."""
        p, c = self._p, self._middle
        if p.battery is None:
            return Reason("no_battery", "There is no battery.")
        price = float(p.prices.import_per_kwh[t])
        soc_pct = self._soc_pct(t)
        figures = {"soc_pct": soc_pct, "price": price}
        if mode == "grid_charge":
            later = float(np.max(p.prices.import_per_kwh[t:]))
            text = f"Charges {c.charge[t]:.1f} kW from the grid at {self._money(price)}; later it costs {later:.2f}."
            return Reason("grid_charge", text, figures | {"charge_w": 1_000 * float(c.charge[t]), "later": later})
        if mode == "hold":
            later = float(np.max(p.prices.import_per_kwh[t:]))
            text = f"Keeps {soc_pct:.0f} %: a kWh costs {self._money(price)} now and up to {later:.2f} later."
            return Reason("hold", text, figures | {"later": later})
        if c.charge[t] > _SMALL_KW:
            text = f"Charges {c.charge[t]:.1f} kW from the sun, to {soc_pct:.0f} %."
            return Reason("solar_charge", text, figures | {"charge_w": 1_000 * float(c.charge[t])})
        if c.discharge[t] > _SMALL_KW:
            instead = f" instead of import at {self._money(price)}" if self._may_import(t) else ""
            text = f"Gives {c.discharge[t]:.1f} kW to the loads{instead}, down to {soc_pct:.0f} %."
            return Reason("discharge", text, figures | {"discharge_w": 1_000 * float(c.discharge[t])})
        if soc_pct >= p.battery.max_soc_pct - 0.5:
            return Reason("full", f"Full at {soc_pct:.0f} %.", figures)
        return Reason("rest", f"Rests at {soc_pct:.0f} %.", figures)

    def _rule(self, m: MinerState, t: int) -> Reason | None:
        b, p, on = self._bounds[m.id], self._p, bool(self._on[m.id][t])
        code = b.why[t]
        if on and b.must[t]:
            text = f"Runs on: it must run at least {m.min_on_min:.0f} minutes at a time."
            return Reason("min_on", text, {"min_on_min": m.min_on_min})
        if on and b.wanted[t]:
            until = m.run_until_s is not None and p.steps.starts_s[t] < m.run_until_s
            words = f"it is to run until {self._time(m.run_until_s or 0)}" if until else "it is set to always run"
            return Reason("run_until" if until else "always", f"Runs because {words}.")
        if on or b.may[t]:
            return None
        level = 0.0 if p.battery is None else p.battery.soc_pct
        texts = {
            "hours": "Off: outside its allowed hours.",
            "never": "Off: it is set to never run.",
            "min_off": f"Off: it rests at least {m.min_off_min:.0f} minutes between runs.",
            "low_soc": f"Off: the battery is at {level:.0f} %, below its limit of {m.stop_soc_pct:.0f} %.",
            "start_soc": f"Off: the battery is at {level:.0f} %, and it starts from {m.start_soc_pct:.0f} %.",
        }
        if code == "hot":
            warm = float(p.temperature_c[t]) if p.temperature_c is not None else 0.0
            text = f"Off: {warm:.0f} °C is above its limit of {m.max_temperature_c:.0f} °C."
            return Reason(code, text, {"temperature_c": warm})
        return Reason(code, texts[code], {"soc_pct": level} if "soc" in code else {})

    def _why_on(self, m: MinerState, t: int) -> Reason:
        p, c = self._p, self._middle
        surplus_w = self._surplus_w(t)
        earns, sells = m.hash_value_per_kwh, float(p.prices.export_per_kwh[t])
        figures = {"surplus_w": surplus_w, "earns": earns, "soc_pct": self._soc_pct(t)}
        if surplus_w >= 0.95 * m.power_w:
            full = self._full_at(t)
            if full is not None:
                other = (
                    f"the battery is full at {self._time(full)}, and what is left would bring {sells:.2f} or be lost"
                )
            elif self._may_export(t) and sells > 0:
                other = f"exporting it would bring {sells:.2f}"
            else:
                other = f"keeping it would be worth {self._stored:.2f}"
            text = f"Runs on {surplus_w / 1_000:.1f} kW of surplus: a kWh earns {self._money(earns)}; {other}."
            return Reason("surplus", text, figures | {"sells": sells})
        if c.imported[t] > _SMALL_KW:
            price = float(p.prices.import_per_kwh[t])
            if price < earns:
                text = f"Runs on the grid: a kWh costs {self._money(price)} and earns {earns:.2f}."
                return Reason("cheap_import", text, figures | {"price": price})
            between = (
                f"takes {c.imported[t]:.1f} kW from the grid at {price:.2f}, less than another stop and start costs"
            )
            return Reason("keeps_running", f"Runs on: it {between}.", figures | {"price": price})
        if c.discharge[t] > _SMALL_KW:
            full = self._full_at(t)
            if full is not None:
                why = f"the battery is full again at {self._time(full)}"
            else:
                why = f"a stored kWh is worth {self._stored:.2f} at the end of the plan"
            text = f"Runs on the battery ({self._soc_pct(t):.0f} %): a kWh earns {self._money(earns)}, and {why}."
            return Reason("battery", text, figures | {"stored": self._stored})
        text = f"Runs on {max(surplus_w, 0) / 1_000:.1f} kW of surplus: a kWh earns {self._money(earns)}."
        return Reason("surplus", text, figures)

    def _why_off(self, m: MinerState, t: int) -> Reason:
        p, kw = self._p, m.power_w / 1_000.0
        earns = m.hash_value_per_kwh
        surplus_w = self._surplus_w(t) - self._miner_w(t)  # what those that run leave
        figures = {"surplus_w": surplus_w, "earns": earns, "soc_pct": self._soc_pct(t)}
        day, today = next((d, now) for d, now in start_days(p) if d[t])
        moves = np.diff(self._on[m.id].astype(int), prepend=int(m.on))
        left = (m.starts_left_today if today else m.max_starts_per_day) - int(np.sum(moves[: t + 1][day[: t + 1]] > 0))
        if left <= 0:
            return Reason("starts", f"Off: none of its {m.max_starts_per_day} starts a day is left.", figures)
        others_w = self._miner_w(t)
        limit_w = p.inverter.limit_w(bool(p.grid_there()[t]))
        load_w = float(p.middle.base_load_w[t]) + others_w
        if not self._may_import(t) and load_w + m.power_w > limit_w:
            text = f"Off: {load_w / 1_000:.1f} kW run already, and the inverter gives {limit_w / 1_000:.1f} kW."
            return Reason("inverter", text, figures | {"limit_w": limit_w, "load_w": load_w})
        if m.preference == "excess_solar" and surplus_w < m.power_w:
            text = f"Off: it runs on surplus only, and {max(surplus_w, 0) / 1_000:.1f} of its {kw:.1f} kW are there."
            return Reason("excess_solar", text, figures)
        if p.battery is not None:
            level = p.battery.soc_pct if t == 0 else self._soc_pct(t - 1)
            if level < m.start_soc_pct and surplus_w < m.power_w + 1_000 * p.battery.charge_w:
                text = f"Off: the battery is at {level:.0f} %, and it starts from {m.start_soc_pct:.0f} %."
                return Reason("start_soc", text, figures)
            lowest = p.battery.pct(float(np.min(self._low.soc_kwh[t:])))
            if lowest <= p.battery.reserve_pct + 1.0 and surplus_w < m.power_w:
                at = self._time(self._end_s(t + int(np.argmin(self._low.soc_kwh[t:]))))
                text = (
                    f"Off: in the cautious case the battery is at {lowest:.0f} % at {at}; "
                    f"the reserve is {p.battery.reserve_pct:.0f} %."
                )
                return Reason("reserve", text, figures | {"lowest_pct": lowest})
        if surplus_w >= m.power_w and self._may_export(t) and float(p.prices.export_per_kwh[t]) >= earns:
            sells = float(p.prices.export_per_kwh[t])
            return Reason("export", f"Off: export brings {self._money(sells)}, mining {earns:.2f}.", figures)
        if surplus_w >= m.power_w:
            takes = "the battery takes them" if self._middle.charge[t] > _SMALL_KW else "they go to the grid"
            text = (
                f"Off: {surplus_w / 1_000:.1f} kW are left, but {takes}: mining earns only {self._money(earns)}, and "
                f"with less sun than expected the battery would have to be filled from what costs more."
            )
            return Reason("battery_first", text, figures)
        price = float(p.prices.import_per_kwh[t])
        missing = f"{max(surplus_w, 0) / 1_000:.1f} of its {kw:.1f} kW are left over"
        if self._may_import(t) and price >= earns:
            text = f"Off: {missing}; the rest, now or later, costs {self._money(price)} and mining earns {earns:.2f}."
            return Reason("too_dear", text, figures | {"price": price})
        if any(self._started(other, t) for other in p.miners if other.id != m.id):
            return Reason("one_at_a_time", "Off: another miner starts now; they start one at a time.", figures)
        text = f"Off: {missing}; a stored kWh is worth {self._money(self._stored)} later, mining earns {earns:.2f}."
        return Reason("stored", text, figures | {"stored": self._stored})

    def _surplus_w(self, t: int) -> float:
        """Sun that house and those miners that are not asked about leave, as the middle scenario sees it."""
        return float(self._p.middle.solar_w[t] - self._p.middle.base_load_w[t])

    def _miner_w(self, t: int) -> float:
        return sum(m.power_w for m in self._p.miners if self._on[m.id][t])

    def _started(self, m: MinerState, t: int) -> bool:
        before = m.on if t == 0 else bool(self._on[m.id][t - 1])
        return bool(self._on[m.id][t]) and not before

    def _soc_pct(self, t: int) -> float:
        return 0.0 if self._p.battery is None else self._p.battery.pct(float(self._middle.soc_kwh[t]))

    def _full_at(self, t: int) -> int | None:
        """When the battery is full within 12 hours, in the middle scenario."""
        b = self._p.battery
        if b is None:
            return None
        full = np.flatnonzero(self._middle.soc_kwh[t:] >= b.kwh(b.max_soc_pct) * 0.995)
        if not full.size or self._end_s(t + int(full[0])) - self._p.steps.starts_s[t] > 12 * 3_600:
            return None
        return self._end_s(t + int(full[0]))

    def _end_s(self, t: int) -> int:
        return int(self._p.steps.starts_s[t] + self._p.steps.minutes[t] * 60)

    def _may_import(self, t: int) -> bool:
        return bool(self._p.grid_there()[t]) and self._p.grid.import_allowed

    def _may_export(self, t: int) -> bool:
        return bool(self._p.grid_there()[t]) and self._p.grid.export_allowed

    def _time(self, moment_s: int) -> str:
        return datetime.fromtimestamp(moment_s, UTC).astimezone(self._zone).strftime("%a %H:%M")

    def _money(self, per_kwh: float) -> str:
        return f"{per_kwh:.2f} {self._p.currency}"
