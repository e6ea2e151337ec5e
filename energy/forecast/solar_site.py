"""What the solar forecast starts from: the place, its panels and its past, and what is put right in them first."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from energy.forecast.hours import DAY_S, HOUR_S, NO_HOURS, Floats, Hours, Ints, hour_range
from energy.forecast.sky import CLEAREST, Panel
from energy.forecast.solar_rows import Grid, grid_over

MOST_OF_RATING = 1.5  # more is a fault of the meter, not of the sun
MANY_HOURS = 12  # of such a power: then it is the rating that is wrong, or the meter's unit
KEPT_DAYS = 730


@dataclass(frozen=True)
class SolarSite:
    """Latitude north and longitude east (degrees), and the arrays; tilt and azimuth may be unknown."""

    latitude: float
    longitude: float
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class SolarPast:
    """What is known: power (W), clearness as it was forecast for each hour, past and to come, and curtailed hours.

    Clearness is global irradiance over that of a clear sky. `curtailed_s` are the starts of hours in which the
    inverter held the panels back (a full battery without export): nothing is learned from them. `seen` is the clearness
    that came, where that is known (the newest look at an hour that is over): what the panels give is measured by it.
    """

    power: Hours = NO_HOURS
    clearness: Hours = NO_HOURS
    curtailed_s: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    seen: Hours = NO_HOURS


class NoSolar(ValueError):
    """There is nothing to forecast from; the text says what to set."""


def checked_site(site: SolarSite) -> tuple[SolarSite, tuple[str, ...]]:
    """The site with impossible angles taken as unknown, and a note for each. Raises NoSolar without place or rating."""
    if not (-90 <= site.latitude <= 90 and -180 <= site.longitude <= 180):
        raise NoSolar("solar forecast: latitude must be -90 to 90 and longitude -180 to 180; set them in [site]")
    panels = [panel for panel in site.panels if panel.kwp > 0 and np.isfinite(panel.kwp)]
    if not panels:
        raise NoSolar("solar forecast: no array has a rating; set kwp of at least one [[array]]")
    notes = []
    for number, panel in enumerate(panels):
        if panel.tilt_deg is not None and not 0 <= panel.tilt_deg <= 90:
            notes.append(f"{panel.name}: a tilt of {panel.tilt_deg:g}° is not between 0 and 90: it counts as unknown")
            panels[number] = replace(panel, tilt_deg=None)
        if panel.azimuth_deg is not None and not 0 <= panel.azimuth_deg <= 360:
            notes.append(f"{panel.name}: an azimuth of {panel.azimuth_deg:g}° is not a compass bearing: unknown")
            panels[number] = replace(panels[number], azimuth_deg=None)
    return replace(site, panels=tuple(panels)), tuple(notes)


def checked_past(past: SolarPast, peak_w: float) -> tuple[SolarPast, tuple[str, ...]]:
    """The past without curtailed hours, and (noted) without what cannot be: power below 0 or far above the rating."""
    notes = []
    watts = past.power.values.copy()
    with np.errstate(invalid="ignore"):
        negative, too_much = watts < 0, watts > MOST_OF_RATING * peak_w
    if np.any(watts[negative] < -0.02 * peak_w):
        notes.append(f"{int(negative.sum())} hours of solar power below 0 W count as 0")
    watts[negative] = 0.0
    many = int(too_much.sum())
    if many > MANY_HOURS:
        most_kw, rated_kw = float(np.quantile(watts[too_much], 0.95)) / 1_000.0, peak_w / 1_000.0
        notes.append(
            f"the panels gave up to {most_kw:.1f} kW, and by [[array]] have {rated_kw:.1f} kW in all: correct kwp, "
            f"or the meter; {many} hours above {MOST_OF_RATING:g} times that are left out until then"
        )
    elif many:
        notes.append(f"{many} hours above {MOST_OF_RATING:g} times the rating are left out")
    watts[too_much] = np.nan
    held = np.isin(past.power.starts_s, past.curtailed_s)
    watts[held] = np.nan
    return SolarPast(
        Hours(past.power.starts_s, watts),
        Hours(past.clearness.starts_s, _possible(past.clearness.values)),
        past.curtailed_s,
        Hours(past.seen.starts_s, _possible(past.seen.values)),
    ), tuple(notes)


def _possible(clearness: Floats) -> Floats:
    found: Floats = np.where(clearness >= 0, np.clip(clearness, 0.0, CLEAREST), np.nan)
    return found


def grid_for(
    site: SolarSite, past: SolarPast, end_s: int, *, issued_s: int | None = None, days: int = KEPT_DAYS
) -> Grid:
    """The grid of a checked site and past: from its first hour, at most `days` before `end_s`, up to `end_s`.

    It begins some days before `issued_s` (`end_s` where it is not given) also where nothing is known.
    """
    latest = (end_s if issued_s is None else issued_s) - 4 * DAY_S
    known = past.power.starts_s[np.isfinite(past.power.values)]
    first = int(known[0]) if known.size else latest
    first = min(max(first, end_s - days * DAY_S), latest)
    starts_s = hour_range(first, max((end_s - first) // HOUR_S, 1))
    place = (site.latitude, site.longitude)
    return grid_over(
        starts_s,
        place,
        site.panels,
        past.clearness.at(starts_s),
        past.power.at(starts_s),
        past.seen.at(starts_s) if past.seen.starts_s.size else None,
    )
