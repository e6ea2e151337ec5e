"""What every chart says about itself: its title, site, zone, period, and how far its data could be known."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from charts import wording
from charts.line import Line
from energy.units import DEFAULT_UNITS, UnitPreferences


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


def check_frame(spec: Frame) -> None:
    """Raises ValueError where the frame of a chart cannot be drawn; keeps its instants in UTC."""
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


def check_soc(line: Line | None) -> None:
    """Raises ValueError where a line is no state of charge."""
    if line is not None and line.field != "soc_pct":
        raise ValueError(f"the state of charge is the field soc_pct, got {line.field}")


def slug_of(kind: str, spec: Frame) -> str:
    """A file name without its ending: the kind, the site, the period."""
    site = re.sub(r"[^a-z0-9]+", "-", spec.site.lower()).strip("-")[:40].strip("-")
    return "-".join(part for part in (kind, site, wording.period_slug(spec)) if part)
