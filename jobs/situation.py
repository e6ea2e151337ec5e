"""What the alert rules look at, from the database and from what the worker remembers: energy.alerts.Situation."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from datetime import datetime
from typing import Literal, TypeVar

from energy.alerts.situation import DeviceNow, HostNow, Key, RelayNow, Situation
from energy.merge import merge, merge_for_alerts, merge_series
from energy.series import Series
from energy.site import Miner
from jobs.ahead import NOTHING_AHEAD, AheadLook
from jobs.decisions import next_step
from jobs.expected import Expected
from jobs.following import Following
from jobs.hands import OFF_NOT_CONFIRMED
from jobs.host import host_now
from jobs.recent import KEPT, Recent
from jobs.work import Work
from services.conditions import from_parts
from store import relays, wishes
from store.relays import RelayState
from store.wishes import Wish

T = TypeVar("T")
NOTHING: frozenset[Key] = frozenset()
MERGED = ("solar_w", "soc_pct", "battery_charge_w")
HOST_EVERY_S = 60.0
OBEYED_WITHIN_S = 15.0  # an OFF has been sent and read back by then, or it has failed


class SituationBuilder:
    """Keeps what does not change between two looks, and asks the database for the rest.

    `silent_codes` are the last fault codes of devices that have fallen silent: nothing is known of them.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self._recent = Recent(work)
        self._expected = Expected(work)
        self._following = Following(work)
        self._ahead = AheadLook(work)
        self._levels = work.site.alerts.levels()
        self._maintenance = work.site.maintenance_due()
        self._expected_since: datetime | None = None
        self._host: tuple[float, HostNow] | None = None
        self._to_be_off_since_s: dict[str, float] = {}
        self._history: tuple[int, Mapping[str, Series], Mapping[str, Mapping[str, Series]]] | None = None
        self.silent_codes: frozenset[str] = frozenset()

    async def at(
        self, now: datetime, *, firing: frozenset[Key] = NOTHING, pending: frozenset[Key] = NOTHING
    ) -> Situation:
        """The site as the rules see it at `now` (aware UTC); `firing` and `pending` are the open episodes' keys."""
        work = self._work
        await self._recent.top_up(now)
        clear_w, forecast_w = await self._or(self._expected.solar_w(now), "expected_sun", (None, None))
        view, self.silent_codes = merge_for_alerts(work.site, self._recent.latest, now=now)
        history, device_history = self._series()
        ahead = await self._or(self._ahead.at(now), "forecasts", NOTHING_AHEAD)
        return Situation(
            site=work.site,
            now=now,
            view=view,
            relays=await self._relays(now) if work.site.miner else {},
            devices=self._devices(now),
            history=history,
            device_history=device_history,
            usual_base_load_w=await self._or(self._expected.usual_base_load_w(now), "usual_load", None),
            clear_sky_w=clear_w,
            forecast_solar_w=forecast_w,
            forecast=ahead.reserve,
            days_ahead=ahead.days,
            maintenance=self._maintenance,
            host=await self._or(self._host_now(), "host", None),
            firing=firing,
            pending=pending,
            settings=self._levels,
        )

    async def _or(self, asked: Awaitable[T], name: str, unknown: T) -> T:
        """What only some rules need: where it cannot be had, it is unknown to those, and the others are judged."""
        try:
            return await asked
        except Exception as error:  # noqa: BLE001  whatever it is, and it is logged
            self._work.surprises.failed("alert_input_missing", name, error)
            return unknown

    def _series(self) -> tuple[Mapping[str, Series], Mapping[str, Mapping[str, Series]]]:
        """The merged series and each device's own, worked out anew only when something came in."""
        recent, site = self._recent, self._work.site
        if self._history is None or self._history[0] != recent.version:
            listening = [device.id for device in site.device if device.kind not in ("csv", "shelly")]
            own = {name: {field: recent.series(name, field) for field in KEPT} for name in listening}
            known = {
                name: {f: rows for f, rows in by_field.items() if rows.times.size} for name, by_field in own.items()
            }
            spoken = {name: by_field for name, by_field in known.items() if by_field}
            others = [name for name in recent.latest if name not in own]
            merged = {}
            for field in MERGED:
                by_device = {name: rows for name, by_field in spoken.items() if (rows := by_field.get(field))}
                by_device |= {name: rows for name in others if (rows := recent.series(name, field)).times.size}
                merged[field] = merge_series(site, field, by_device)
            self._history = recent.version, merged, spoken
        return self._history[1:]

    def _devices(self, now: datetime) -> dict[str, DeviceNow]:
        self._expected_since = min(self._expected_since or now, now)
        return {device.id: self._device(device.id, self._expected_since) for device in self._work.site.device}

    def _device(self, device_id: str, since: datetime) -> DeviceNow:
        reading = self._recent.latest.get(device_id)
        heard_at = None if reading is None else reading.taken_at
        return DeviceNow(heard_at=heard_at, expected_since=since, refused=self._refused(device_id, heard_at))

    def _refused(self, device_id: str, heard_at: datetime | None) -> bool | None:
        """Each worker knows its own refusals; that the other one was let in shows by what it stored since."""
        refused_at = self._work.refused_at.get(device_id)
        if refused_at is not None:
            return not (heard_at is not None and heard_at > refused_at)
        return False if device_id in self._work.answered_at else None

    async def _relays(self, now: datetime) -> dict[str, RelayNow]:
        work = self._work
        states = await relays.all_of(work.database, work.org_id, work.site.id)
        wanted = await wishes.all_of(work.database, work.org_id, work.site.id)
        view = merge(work.site, self._recent.latest, now=now)
        conditions = from_parts(work.site, view, states, wanted, (), now)
        plan = await self._following.wanted(now)
        found = {}
        for miner in work.site.miner:
            state, wish = states.get(miner.id), wanted.get(miner.id)
            if state is None:
                continue
            step = next_step(work.site, miner, wish, state, conditions, plan)
            must_be_off = step.do in ("stop", "give_up") or (wish is not None and wish.mode == "off")
            found[miner.id] = RelayNow(
                on=state.on,
                power_w=state.power_w,
                read_at=state.read_at,
                changed_at=state.changed_at,
                reachable=state.reachable,
                wanted=self._wanted(miner, wish, state, must_be_off),
                hand=_hand(wish),
                errors=state.errors,
                # A wish whose time is over is "off" too, but no request is behind it.
                kept_off=wish is not None and wish.mode == "off" and wish.request_id is not None,
            )
        return found

    def _wanted(
        self, miner: Miner, wish: Wish | None, state: RelayState, must_be_off: bool
    ) -> Literal["on", "off"] | None:
        """OFF counts once it has failed, or once there was time enough for it: a miner may cool down before."""
        if not must_be_off:
            self._to_be_off_since_s.pop(miner.id, None)
            return "on" if wish is not None and wish.mode == "on" else None
        now_s = self._work.monotonic()
        since_s = self._to_be_off_since_s.setdefault(miner.id, now_s)
        cools_s = miner.cool_down_s if miner.api is not None else 0.0
        late = now_s - since_s >= cools_s + OBEYED_WITHIN_S * self._work.speed  # a relay answers in real time
        return "off" if late or state.on is False or state.problem == OFF_NOT_CONFIRMED else None

    async def _host_now(self) -> HostNow:
        now_s = self._work.monotonic()
        if self._host is None or now_s - self._host[0] >= HOST_EVERY_S:
            self._host = now_s, await host_now(self._work)
        return self._host[1]


def _hand(wish: Wish | None) -> Literal["on", "off"] | None:
    if wish is None or wish.mode not in ("hand_on", "hand_off"):
        return None
    return "on" if wish.mode == "hand_on" else "off"
