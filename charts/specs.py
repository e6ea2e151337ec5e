"""What a chart shows, as frozen data: asserted in tests, kept as JSON with a reply, drawn by `charts.render`.

Powers are in W and energies in kWh in our signs; SOC in %; instants are aware datetimes (kept in UTC), times of lines
and bars are epoch seconds. Nothing here imports matplotlib.
"""

from __future__ import annotations

import math
import re
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from charts import alert_words, wording
from charts.line import Line
from energy.reading import FIELDS, POWER_FIELDS
from energy.units import DEFAULT_UNITS, UnitPreferences

__all__ = [
    "AlertChart",
    "BarSeries",
    "ChartSpec",
    "EnergyBars",
    "Line",
    "PowerChart",
    "SocChart",
    "Threshold",
    "spec_from_json",
    "spec_to_json",
]

Part = Literal["net", "positive", "negative"]
Severity = Literal["info", "warning", "critical"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What every chart says about itself.

    The period is [start, end); `as_of` is how far the data could be known (the "now" of the chart) and may lie inside
    the period. `site` is the site's name, `period_label` how people call the period ("yesterday"), `source` the
    devices behind the data.
    """

    title: str
    zone: ZoneInfo
    start: datetime
    end: datetime
    as_of: datetime
    site: str = ""
    period_label: str = ""
    source: str = ""
    units: UnitPreferences = DEFAULT_UNITS

    @property
    def start_s(self) -> int:
        """Start of the period, epoch seconds."""
        return round(self.start.timestamp())

    @property
    def end_s(self) -> int:
        """End of the period, epoch seconds."""
        return round(self.end.timestamp())

    @property
    def known_until_s(self) -> int:
        """Where data can end: the end of the period, or `as_of` when the period is still running."""
        return max(self.start_s, min(self.end_s, round(self.as_of.timestamp())))

    @property
    def running(self) -> bool:
        """Whether the period is not over at `as_of` (give or take two minutes)."""
        return self.as_of.timestamp() < self.end_s + 120


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerChart(Frame):
    """Power flows over a period; the state of charge has a panel of its own below."""

    lines: tuple[Line, ...]
    soc: Line | None = None

    def __post_init__(self) -> None:
        _check_frame(self)
        for line in self.lines:
            if line.field not in POWER_FIELDS:
                raise ValueError(f"PowerChart.lines takes powers, {line.field} is none; soc_pct goes in PowerChart.soc")
        _check_soc(self.soc)

    @property
    def alt(self) -> str:
        """The chart in words, for those who do not see it."""
        return wording.power_alt(self)

    @property
    def slug(self) -> str:
        """A file name without its ending: `power-solar-shack-2026-11-23`."""
        return _slug("power", self)


@dataclass(frozen=True, slots=True, kw_only=True)
class SocChart(Frame):
    """State of charge over a period, with the site's limits (%) drawn in and the lowest point marked."""

    soc: Line
    min_soc_pct: float | None = None
    safe_min_soc_pct: float | None = None
    safe_max_soc_pct: float | None = None

    def __post_init__(self) -> None:
        _check_frame(self)
        _check_soc(self.soc)
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
        return _slug("soc", self)


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
        _check_frame(self)
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
        return _slug("energy", self)


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
        _check_frame(self)
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
        return _slug("alert", self)


ChartSpec = PowerChart | EnergyBars | SocChart | AlertChart
_KINDS: dict[str, type[PowerChart] | type[EnergyBars] | type[SocChart] | type[AlertChart]] = {
    "power": PowerChart,
    "energy": EnergyBars,
    "soc": SocChart,
    "alert": AlertChart,
}


_MOMENTS = ("start", "end", "as_of", "began_at", "fired_at", "over_at")


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
        if "units" in values:
            values["units"] = UnitPreferences(**values["units"])
        if values.get("soc") is not None:
            values["soc"] = _line(values["soc"])
        if "lines" in values:
            values["lines"] = tuple(_line(line) for line in values["lines"])
        if "edges" in values:
            values["edges"] = tuple(values["edges"])
        if "series" in values:
            values["series"] = tuple(_bar_series(series) for series in values["series"])
        if "thresholds" in values:
            values["thresholds"] = tuple(Threshold(**threshold) for threshold in values["thresholds"])
        return spec_type(**values)
    except (KeyError, TypeError, ZoneInfoNotFoundError) as problem:
        raise ValueError(f"this is no {data['kind']} chart: {problem}") from problem


def _line(data: dict[str, Any]) -> Line:
    return Line(**(data | {"times": tuple(data["times"]), "values": tuple(data["values"])}))


def _bar_series(data: dict[str, Any]) -> BarSeries:
    return BarSeries(**(data | {"values": tuple(data["values"]), "covered": tuple(data.get("covered", ()))}))


def _check_frame(spec: Frame) -> None:
    name = type(spec).__name__
    if not isinstance(spec.zone, ZoneInfo) or not spec.zone.key:
        raise ValueError(f"{name}.zone needs a named zone such as ZoneInfo('America/Los_Angeles'), got {spec.zone!r}")
    for field in ("start", "end", "as_of"):
        moment: datetime = getattr(spec, field)
        if moment.tzinfo is None:
            raise ValueError(f"{name}.{field} needs a time zone: pass an aware datetime")
        object.__setattr__(spec, field, moment.astimezone(UTC))
    if spec.end <= spec.start:
        raise ValueError(f"{name} needs an end after its start, got {spec.start} to {spec.end}")


def _check_soc(line: Line | None) -> None:
    if line is not None and line.field != "soc_pct":
        raise ValueError(f"the state of charge is the field soc_pct, got {line.field}")


def _slug(kind: str, spec: Frame) -> str:
    site = re.sub(r"[^a-z0-9]+", "-", spec.site.lower()).strip("-")[:40].strip("-")
    return "-".join(part for part in (kind, site, wording.period_slug(spec)) if part)
