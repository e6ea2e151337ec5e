"""What a chart shows, as frozen data: asserted in tests, kept as JSON with a reply, drawn by `charts.render`.

Powers are in W and energies in kWh in our signs; SOC in %; instants are aware datetimes (kept in UTC), times of lines
and bars are epoch seconds. Nothing here imports matplotlib.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from charts import alert_words, wording
from charts.frame import Frame, check_frame, check_soc, slug_of
from charts.line import Line
from charts.outlook_specs import (
    CellPoint,
    CellsChart,
    Curve,
    OutlookSpec,
    PlanBar,
    PlanChart,
    ScorecardChart,
    ScoreRow,
    SocFanChart,
    SolarForecastChart,
)
from energy.reading import FIELDS, POWER_FIELDS
from energy.units import UnitPreferences

__all__ = [
    "AlertChart",
    "BarSeries",
    "CellPoint",
    "CellsChart",
    "ChartSpec",
    "Curve",
    "EnergyBars",
    "Frame",
    "Line",
    "PlanBar",
    "PlanChart",
    "PowerChart",
    "ScoreRow",
    "ScorecardChart",
    "SocChart",
    "SocFanChart",
    "SolarForecastChart",
    "Threshold",
    "spec_from_json",
    "spec_to_json",
]

Part = Literal["net", "positive", "negative"]
Severity = Literal["info", "warning", "critical"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerChart(Frame):
    """Power flows over a period; the state of charge has a panel of its own below."""

    lines: tuple[Line, ...]
    soc: Line | None = None

    def __post_init__(self) -> None:
        check_frame(self)
        for line in self.lines:
            if line.field not in POWER_FIELDS:
                raise ValueError(f"PowerChart.lines takes powers, {line.field} is none; soc_pct goes in PowerChart.soc")
        check_soc(self.soc)

    @property
    def alt(self) -> str:
        """The chart in words, for those who do not see it."""
        return wording.power_alt(self)

    @property
    def slug(self) -> str:
        """A file name without its ending: `power-solar-shack-2026-11-23`."""
        return slug_of("power", self)


@dataclass(frozen=True, slots=True, kw_only=True)
class SocChart(Frame):
    """State of charge over a period, with the site's limits (%) drawn in and the lowest point marked."""

    soc: Line
    min_soc_pct: float | None = None
    safe_min_soc_pct: float | None = None
    safe_max_soc_pct: float | None = None

    def __post_init__(self) -> None:
        check_frame(self)
        check_soc(self.soc)
        for name in ("min_soc_pct", "safe_min_soc_pct", "safe_max_soc_pct"):
            limit = getattr(self, name)
            if limit is not None and not 0 <= limit <= 100:
                raise ValueError(f"SocChart.{name} lies between 0 and 100 %, got {limit}")

    @property
    def alt(self) -> str:
        """The chart in words, for those who do not see it."""
        return wording.soc_alt(self)

    @property
    def slug(self) -> str:
        """A file name without its ending: `soc-solar-shack-2026-11-23`."""
        return slug_of("soc", self)


_PART_LABELS = {
    ("battery_charge_w", "positive"): "Charged",
    ("battery_charge_w", "negative"): "Discharged",
    ("grid_import_w", "positive"): "Imported",
    ("grid_import_w", "negative"): "Exported",
}


@dataclass(frozen=True, slots=True)
class BarSeries:
    """Energy (kWh) of one power field per bar, None = unknown.

    `part` says which of the field's directions: charge or import are `positive`, discharge or export `negative`; both
    are counted upwards from 0 and drawn to either side of the zero line. `covered` is the share (0 to 1) of each bar's
    time that has data; left empty it counts as complete.
    """

    field: str
    values: tuple[float | None, ...]
    part: Part = "net"
    label: str = ""
    covered: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.field not in POWER_FIELDS:
            raise ValueError(f"BarSeries.field {self.field!r} is no power; use one of {', '.join(POWER_FIELDS)}")
        if not self.label:
            object.__setattr__(self, "label", _PART_LABELS.get((self.field, self.part), FIELDS[self.field].label))
        if self.covered and len(self.covered) != len(self.values):
            raise ValueError(f"BarSeries {self.label!r} has {len(self.values)} values but {len(self.covered)} covered")
        if any(value is not None and not math.isfinite(value) for value in self.values):
            raise ValueError(f"BarSeries {self.label!r} holds a value that is not finite; None is unknown")
        if self.part != "net" and any(value is not None and value < 0 for value in self.values):
            raise ValueError(f"BarSeries {self.label!r}: the {self.part} part is counted upwards from 0 kWh")


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyBars(Frame):
    """Energy per local hour or day: bar i stands for [edges[i], edges[i + 1]) epoch seconds, right on 23 h days."""

    by: Literal["hour", "day"]
    edges: tuple[int, ...]
    series: tuple[BarSeries, ...]

    def __post_init__(self) -> None:
        check_frame(self)
        if self.by not in ("hour", "day"):
            raise ValueError(f"EnergyBars.by is 'hour' or 'day', got {self.by!r}")
        if any(later <= earlier for earlier, later in pairwise(self.edges)):
            raise ValueError("EnergyBars.edges needs strictly ascending times")
        bars = max(len(self.edges) - 1, 0)
        for series in self.series:
            if len(series.values) != bars:
                raise ValueError(f"BarSeries {series.label!r} has {len(series.values)} values for {bars} bars")

    @property
    def alt(self) -> str:
        """The chart in words, for those who do not see it."""
        return wording.energy_alt(self)

    @property
    def slug(self) -> str:
        """A file name without its ending: `energy-solar-shack-2026-11-01-to-2026-11-30`."""
        return slug_of("energy", self)


@dataclass(frozen=True, slots=True)
class Threshold:
    """A level (the lines' unit) at which an alert fires, drawn with `label` ("minimum"); its value is written by us."""

    value: float
    label: str
    severity: Severity = "warning"

    def __post_init__(self) -> None:
        if not math.isfinite(self.value):
            raise ValueError(f"Threshold {self.label!r} needs a finite value")


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertChart(Frame):
    """What led to an alert: its figure (or the flows, where it has none) with the thresholds, and the moment it fired.

    All lines have one unit. `began_at` to `over_at` (None: it lasts) is shaded; `fired_at` is when people were told.
    """

    lines: tuple[Line, ...]
    began_at: datetime
    fired_at: datetime
    over_at: datetime | None = None
    severity: Severity = "warning"
    thresholds: tuple[Threshold, ...] = ()

    def __post_init__(self) -> None:
        check_frame(self)
        kinds = {FIELDS[line.field].kind for line in self.lines}
        if len(kinds) != 1:
            raise ValueError(f"AlertChart.lines needs lines of one unit, got {', '.join(sorted(kinds)) or 'none'}")
        for name in ("began_at", "fired_at", "over_at"):
            moment: datetime | None = getattr(self, name)
            if moment is not None and moment.tzinfo is None:
                raise ValueError(f"AlertChart.{name} needs a time zone: pass an aware datetime")
            object.__setattr__(self, name, None if moment is None else moment.astimezone(UTC))

    @property
    def alt(self) -> str:
        """The chart in words, for those who do not see it."""
        return alert_words.alert_alt(self)

    @property
    def slug(self) -> str:
        """A file name without its ending: `alert-solar-shack-2026-11-23-1200-to-1405`."""
        return slug_of("alert", self)


ChartSpec = PowerChart | EnergyBars | SocChart | AlertChart | OutlookSpec
_KINDS: Mapping[str, type[ChartSpec]] = {
    "power": PowerChart,
    "energy": EnergyBars,
    "soc": SocChart,
    "alert": AlertChart,
    "solar_forecast": SolarForecastChart,
    "soc_fan": SocFanChart,
    "plan": PlanChart,
    "scorecard": ScorecardChart,
    "cells": CellsChart,
}
_MOMENTS = ("start", "end", "as_of", "began_at", "fired_at", "over_at", "issued_at", "planned_at")


def spec_to_json(spec: ChartSpec) -> dict[str, Any]:
    """The spec as plain JSON values; `spec_from_json` gives back an equal spec."""
    kind = next(kind for kind, spec_type in _KINDS.items() if isinstance(spec, spec_type))
    out = {"kind": kind} | asdict(spec)
    out |= {name: at.isoformat() for name in _MOMENTS if (at := out.get(name)) is not None}
    return out | {"zone": spec.zone.key}


def spec_from_json(data: dict[str, Any]) -> ChartSpec:
    """The spec that `spec_to_json` wrote. Raises ValueError on anything else."""
    spec_type = _KINDS.get(str(data.get("kind")))
    if spec_type is None:
        raise ValueError(f"unknown chart kind {data.get('kind')!r}; known are {', '.join(_KINDS)}")
    known = {field.name for field in fields(spec_type)}
    values = {name: value for name, value in data.items() if name in known}
    try:
        values |= {name: datetime.fromisoformat(at) for name in _MOMENTS if (at := values.get(name)) is not None}
        values["zone"] = ZoneInfo(values["zone"])
        values |= {name: _PARTS[name](part) for name, part in values.items() if name in _PARTS and part is not None}
        return spec_type(**values)
    except (KeyError, TypeError, ZoneInfoNotFoundError) as problem:
        raise ValueError(f"this is no {data['kind']} chart: {problem}") from problem


def _tuples(data: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list | tuple) else value for name, value in data.items()}


def _one(part: Callable[..., Any]) -> Callable[[Any], Any]:
    return lambda data: part(**_tuples(data))


def _each(part: Callable[..., Any]) -> Callable[[Any], tuple[Any, ...]]:
    return lambda rows: tuple(part(**_tuples(row)) for row in rows)


# How each field that is no plain value is read back, whichever chart it belongs to.
_PARTS: Mapping[str, Callable[[Any], Any]] = {
    "units": _one(UnitPreferences),
    "soc": _one(Line),
    "actual": _one(Line),
    "lines": _each(Line),
    "edges": tuple,
    "series": _each(BarSeries),
    "thresholds": _each(Threshold),
    **dict.fromkeys(("starts_s", "p10_w", "p50_w", "p90_w", "clear_w"), tuple),
    **dict.fromkeys(("ends_s", "p10", "p50", "p90", "as_is_p50"), tuple),
    **dict.fromkeys(("notes", "miners", "days", "sky"), tuple),
    "steps": _each(PlanBar),
    "rows": _each(ScoreRow),
    "points": _each(CellPoint),
    "remaining": _one(CellPoint),
    "own": _one(Curve),
    "fleet": _one(Curve),
}
