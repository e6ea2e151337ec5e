"""Why a step is as it is: the rule or price that binds it, in one sentence with figures."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np

from energy.plan.limits import MinerBounds, miner_bounds, start_days
from energy.plan.milp import Solution
from energy.plan.plan import BatteryMode, Reason
from energy.plan.prices import stored_value_per_kwh
from energy.plan.problem import MIDDLE, MinerState, Problem
from energy.plan.worth import heat_per_kwh, ramp_cost, worth_per_kwh

_SMALL_KW = 0.05


class Reasons:
    """The reasons of one decided plan. Prices must be known."""

    def __init__(self, problem: Problem, found: Solution) -> None:
        self._p, self._on, self._power_w = problem, found.on, found.power_w
        self._middle = found.courses[MIDDLE]
        self._low = found.courses[problem.low.name]
        self._zone = ZoneInfo(problem.zone)
        self._bounds: dict[str, MinerBounds] = {m.id: miner_bounds(problem, m) for m in problem.miners}
        self._stored = stored_value_per_kwh(problem)
        self._there = problem.grid_there()

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
            later, when = self._dearest(t)
            text = (
                f"Charges {c.charge[t]:.1f} kW from the grid at {self._money(price)} per kWh, to {soc_pct:.0f} %: "
                f"it costs {self._cost_then(later, when, t)}."
            )
            return Reason("grid_charge", text, figures | {"charge_w": 1_000 * float(c.charge[t]), "later": later})
        if mode == "hold":
            later, when = self._dearest(t)
            if later <= price:
                text = f"Keeps its {soc_pct:.0f} %: the reserve is {p.battery.reserve_pct:.0f} %."
            else:
                then = self._cost_then(later, when, t)
                text = f"Keeps its {soc_pct:.0f} %: a kWh costs {self._money(price)} now, and {then}."
            return Reason("hold", text, figures | {"later": later})
        if c.charge[t] > _SMALL_KW:
            text = f"Charges {c.charge[t]:.1f} kW from the sun, to {soc_pct:.0f} %."
            return Reason("solar_charge", text, figures | {"charge_w": 1_000 * float(c.charge[t])})
        if c.discharge[t] > _SMALL_KW:
            instead = f" in place of import at {self._money(price)} per kWh" if self._may_import(t) else ""
            text = f"Gives {c.discharge[t]:.1f} kW{instead}, down to {soc_pct:.0f} %."
            return Reason("discharge", text, figures | {"discharge_w": 1_000 * float(c.discharge[t])})
        if soc_pct >= p.battery.max_soc_pct - 0.5:
            return Reason("full", f"Full at {soc_pct:.0f} %.", figures)
        return Reason("rest", f"Rests at {soc_pct:.0f} %: sun and loads are even.", figures)

    def _rule(self, m: MinerState, t: int) -> Reason | None:
        b, p, on = self._bounds[m.id], self._p, bool(self._on[m.id][t])
        code = b.why[t]
        if on and b.must[t]:
            text = f"Runs on: it must run at least {m.min_on_min:.0f} minutes at a time."
            return Reason("min_on", text, {"min_on_min": m.min_on_min})
        if on and b.wanted[t]:
            until = m.run_until_s is not None and p.steps.starts_s[t] < m.run_until_s
            words = (
                f"somebody wants it on until {self._time(m.run_until_s or 0, t)}" if until else "it is set to always"
            )
            return Reason("run_until" if until else "always", f"Runs because {words}.")
        if on or b.may[t]:
            return None
        level = 0.0 if p.battery is None else p.battery.soc_pct
        texts = {
            "hours": "Off: outside its allowed hours.",
            "never": "Off: it is set to never.",
            "off_until": f"Off: somebody wants it off until {self._time(m.off_until_s or 0, t)}.",
            "min_off": f"Off: it rests at least {m.min_off_min:.0f} minutes between runs.",
            "low_soc": f"Off: the battery is at {level:.0f} %, below the {m.stop_soc_pct:.0f} % at which it stops.",
            "start_soc": f"Off: the battery is at {level:.0f} %, and it starts from {m.start_soc_pct:.0f} %.",
        }
        if code == "hot":
            warm = float(p.temperature_c[t]) if p.temperature_c is not None else 0.0
            text = f"Off: {warm:.0f} °C outdoors are above its limit of {m.max_temperature_c:.0f} °C."
            return Reason(code, text, {"temperature_c": warm})
        return Reason(code, texts[code], {"soc_pct": level} if "soc" in code else {})

    def _why_on(self, m: MinerState, t: int) -> Reason:
        p, c = self._p, self._middle
        power_w = float(self._power_w[m.id][t])
        surplus_w = self._surplus_w(t)
        earns, sells = worth_per_kwh(p, m, t), float(p.prices.export_per_kwh[t])
        figures = {"surplus_w": surplus_w, "earns": earns, "soc_pct": self._soc_pct(t), "power_w": power_w}
        runs = (
            "Runs" if power_w >= m.power_w - 1 else f"Runs at {power_w / 1_000:.1f} of its {m.power_w / 1_000:.1f} kW"
        )
        if surplus_w >= 0.95 * power_w:
            full = self._full_at(t)
            if full is not None and (full <= p.steps.starts_s[t] or self._soc_pct(t) >= 99.5):
                other = f"the battery is full, and selling brings {sells:.2f}"
            elif full is not None:
                other = f"the battery is full at {self._time(full, t)} all the same"
            elif self._may_export(t) and sells > 0:
                other = f"selling brings {sells:.2f}"
            else:
                other = f"a stored one is worth {self._stored:.2f}"
            text = f"{runs} on the sun, {surplus_w / 1_000:.1f} kW to spare: a kWh earns {self._earns(m, t)}; {other}."
            return Reason("surplus", text, figures | {"sells": sells})
        if c.imported[t] > _SMALL_KW:
            price = float(p.prices.import_per_kwh[t])
            if price < earns:
                text = f"{runs} on the grid: a kWh costs {self._money(price)} and earns {self._earns(m, t)}."
                return Reason("cheap_import", text, figures | {"price": price})
            text = (
                f"{runs} on through {c.imported[t]:.1f} kW of import at {self._money(price)} per kWh: "
                "stopping and starting again costs more."
            )
            return Reason("keeps_running", text, figures | {"price": price})
        if c.discharge[t] > _SMALL_KW:
            full = self._full_at(t)
            if full is not None:
                why = f"the battery is full again at {self._time(full, t)}"
            elif surplus_w >= 0.5 * power_w:
                why = f"{surplus_w / 1_000:.1f} kW of it are still sun"
            else:
                why = f"a stored one is worth {self._stored:.2f}"
            text = f"{runs} on the battery, down to {self._soc_pct(t):.0f} %: a kWh earns {self._earns(m, t)}; {why}."
            return Reason("battery", text, figures | {"stored": self._stored})
        text = f"{runs} with {max(surplus_w, 0) / 1_000:.1f} kW of sun to spare: a kWh earns {self._earns(m, t)}."
        return Reason("surplus", text, figures)

    def _why_off(self, m: MinerState, t: int) -> Reason:
        p, kw = self._p, m.least_w / 1_000.0
        earns = worth_per_kwh(p, m, t)
        others_w = sum(float(power[t]) for power in self._power_w.values())
        surplus_w = self._surplus_w(t) - others_w  # what those that run leave
        figures = {"surplus_w": surplus_w, "earns": earns, "soc_pct": self._soc_pct(t)}
        hard = self._hard_off(m, t, surplus_w, others_w)
        if hard is not None:
            return Reason(hard.code, hard.text, figures | dict(hard.figures))
        price, sells = float(p.prices.import_per_kwh[t]), float(p.prices.export_per_kwh[t])
        if surplus_w >= m.least_w and self._may_export(t) and sells >= earns:
            return Reason(
                "export", f"Off: selling brings {self._money(sells)} per kWh, mining {self._earns(m, t)}.", figures
            )
        starts = [other.name for other in p.miners if other.id != m.id and self._started(other, t)]
        if starts and self._on[m.id][t + 1 : t + 2].any():
            follows = self._time(self._end_s(t), t)
            text = f"Off: {starts[0]} starts first, as they start one at a time; it follows at {follows}."
            return Reason("one_at_a_time", text, figures)
        if surplus_w >= m.least_w:
            if self._middle.charge[t] <= _SMALL_KW:
                return self._not_worth_it(m, t, surplus_w, others_w, figures)
            if falls := self._reserve_binds(m, t):
                text = (
                    f"Off: the {surplus_w / 1_000:.1f} kW to spare charge the battery, as with little sun it {falls}."
                )
                return Reason("reserve", text, figures)
            text = (
                f"Off: the {surplus_w / 1_000:.1f} kW to spare charge the battery {self._kept_for(t)}; "
                f"mining earns {self._earns(m, t)}."
            )
            return Reason("battery_first", text, figures)
        some = max(surplus_w, 0.0) / 1_000
        missing = f"only {some:.1f} of its {kw:.1f} kW are to spare" if some >= 0.05 else "no sun is to spare"
        if self._may_import(t) and price >= earns:
            text = f"Off: {missing}, import costs {self._money(price)} per kWh, and mining earns {self._earns(m, t)}."
            return Reason("too_dear", text, figures | {"price": price})
        text = f"Off: {missing}, and the battery is kept {self._kept_for(t)}; mining earns {self._earns(m, t)}."
        return Reason("stored", text, figures | {"stored": self._stored})

    def _not_worth_it(
        self, m: MinerState, t: int, surplus_w: float, others_w: float, figures: dict[str, float]
    ) -> Reason:
        """There is sun that the battery does not take: a start would cost more than it brings, or it is too unsure."""
        p = self._p
        used_w = np.sum(list(self._power_w.values()), axis=0)
        spare = (p.middle.solar_w - p.middle.base_load_w - used_w >= m.least_w) & ~self._on[m.id]
        end = t + int(np.argmin(np.append(spare[t:], False)))
        sells = p.prices.export_per_kwh[t:end] * (self._there[t:end] & p.grid.export_allowed)
        more = float(np.sum((worth_per_kwh(p, m, t) - sells) * p.steps.hours[t:end])) * m.least_w / 1_000.0
        cost = m.start_cost + ramp_cost(m)
        head = f"Off: {surplus_w / 1_000:.1f} kW are to spare until {self._time(self._end_s(end - 1), t)}, but"
        if more <= cost + 0.01:
            most = f"{max(more, 0.0):.2f} {p.currency}"
            text = f"{head} mining then brings only {most} more than selling, and a start costs {cost:.2f}."
            return Reason("start_cost", text, figures | {"more": more, "start_cost": cost})
        low_w = max(float(p.low.solar_w[t] - p.low.base_load_w[t]) - others_w, 0.0)
        text = f"{head} only {low_w / 1_000:.1f} kW with little sun, and a kWh earns no more than {self._earns(m, t)}."
        return Reason("unsure", text, figures | {"low_w": low_w})

    def _hard_off(self, m: MinerState, t: int, surplus_w: float, others_w: float) -> Reason | None:
        """What keeps it off whatever it would earn: starts, inverter, wishes, battery levels."""
        p = self._p
        day, today = next((d, now) for d, now in start_days(p) if d[t])
        moves = np.diff(self._on[m.id].astype(int), prepend=int(m.on))
        left = (m.starts_left_today if today else m.max_starts_per_day) - int(np.sum(moves[: t + 1][day[: t + 1]] > 0))
        if left <= 0:
            return Reason("starts", f"Off: none of its {m.max_starts_per_day} starts of the day is left.")
        limit_w = p.inverter.limit_w(bool(self._there[t]))
        load_w = float(p.middle.base_load_w[t]) + others_w
        if not self._may_import(t) and load_w + m.least_w > limit_w:
            text = f"Off: {load_w / 1_000:.1f} kW run already, and the inverter gives {limit_w / 1_000:.1f} kW"
            text += " without the grid." if not self._there[t] else "."
            return Reason("inverter", text, {"limit_w": limit_w, "load_w": load_w})
        if m.preference == "excess_solar" and surplus_w < m.least_w:
            text = (
                f"Off: it runs on spare sun alone, and {max(surplus_w, 0) / 1_000:.1f} of its {m.least_w / 1_000:.1f}"
            )
            return Reason("excess_solar", f"{text} kW are there.")
        if p.battery is None:
            return None
        level = p.battery.soc_pct if t == 0 else self._soc_pct(t - 1)
        if level < m.start_soc_pct and surplus_w < m.least_w + 1_000 * p.battery.charge_w:
            text = f"Off: the battery is at {level:.0f} %, and it starts from {m.start_soc_pct:.0f} %."
            return Reason("start_soc", text)
        falls = self._reserve_binds(m, t)
        if falls and surplus_w < m.least_w:
            return Reason("reserve", f"Off: with little sun the battery {falls}.")
        return None

    def _reserve_binds(self, m: MinerState, t: int) -> str:
        """How low the battery falls later with little sun, where that keeps the miner off; "" where it does not."""
        p = self._p
        if p.battery is None:
            return ""
        lowest = p.battery.pct(float(np.min(self._low.soc_kwh[t:])))
        pays = worth_per_kwh(p, m, t) >= self._stored or self._full_at(t) is not None  # else money decides, not this
        if not pays or lowest > p.battery.reserve_pct + 1.0:
            return ""
        at = self._time(self._end_s(t + int(np.argmin(self._low.soc_kwh[t:]))), t)
        reserve = f"its reserve of {p.battery.reserve_pct:.0f} %"
        if lowest >= p.battery.reserve_pct - 0.5:
            return f"is down to {reserve} at {at}"
        return f"is at {lowest:.0f} % at {at}, below {reserve}"

    def _kept_for(self, t: int) -> str:
        """What the battery's energy is for: the dearest import that it replaces later, else what it is worth then."""
        later = slice(t + 1, None)
        uses = (self._middle.discharge[later] > _SMALL_KW) | (self._low.discharge[later] > _SMALL_KW)
        uses &= self._there[later] & self._p.grid.import_allowed
        if not uses.any():
            return f"for later ({self._money(self._stored)} per kWh)"
        prices = np.where(uses, self._p.prices.import_per_kwh[later], -np.inf)
        at = t + 1 + int(np.argmax(prices))
        when = self._time(int(self._p.steps.starts_s[at]), t)
        return f"for {when}, when import costs {self._money(float(prices.max()))}"

    def _dearest(self, t: int) -> tuple[float, int]:
        """The highest price from then on, and when."""
        at = t + int(np.argmax(self._p.prices.import_per_kwh[t:]))
        return float(self._p.prices.import_per_kwh[at]), at

    def _cost_then(self, price: float, at: int, t: int) -> str:
        return f"{price:.2f} at {self._time(int(self._p.steps.starts_s[at]), t)}"

    def _surplus_w(self, t: int) -> float:
        """Sun that the house leaves, in the middle scenario."""
        return float(self._p.middle.solar_w[t] - self._p.middle.base_load_w[t])

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
        return bool(self._there[t]) and self._p.grid.import_allowed

    def _may_export(self, t: int) -> bool:
        return bool(self._there[t]) and self._p.grid.export_allowed

    def _time(self, moment_s: int, t: int) -> str:
        """The local time, with the day where it is not the day of step `t`."""
        step, moment = (
            datetime.fromtimestamp(s, UTC).astimezone(self._zone) for s in (int(self._p.steps.starts_s[t]), moment_s)
        )
        return f"{moment:%H:%M}" if moment.date() == step.date() else f"{moment:%a %H:%M}"

    def _earns(self, m: MinerState, t: int) -> str:
        """What a kWh earns in it, with its heat where that is worth something."""
        heat = float(heat_per_kwh(self._p, m)[t])
        earns = self._money(worth_per_kwh(self._p, m, t))
        return f"{earns} ({heat:.2f} of it as heat)" if heat else earns

    def _money(self, per_kwh: float) -> str:
        return f"{per_kwh:.2f} {self._p.currency}"
