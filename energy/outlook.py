"""The weather to reckon with: the forecast where there is one, the last good one when it is old, then what is typical.

An old forecast is still worth more than a typical day as far as it reaches; that it is old, and where it ends, is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from energy.climatology import SOURCE, SOURCE_WORDS, climatology
from energy.site import Site
from energy.units import format_duration
from energy.weather import HOUR, IssuedForecast, WeatherHour

FRESH = timedelta(hours=3)  # it is fetched every half hour, and the models run every hour


@dataclass(frozen=True, slots=True)
class Outlook:
    """The hours that were asked for, in order. `issued_at` and `source` are the forecast's, None where none is used.

    `typical_from` is the hour where the forecast ends; `holes` is how many hours before it are typical weather too.
    `says` is what a person must hear about it, "" when all is well; `attribution` is owed to the service wherever its
    figures are shown.
    """

    hours: tuple[WeatherHour, ...]
    source: str
    issued_at: datetime | None
    typical_from: datetime | None
    holes: int
    says: str
    attribution: str = ""


def outlook(site: Site, issued: IssuedForecast | None, *, now: datetime, hours: int = 48) -> Outlook:
    """The weather of `hours` full hours from the one that holds `now` (aware UTC), out of the newest forecast.

    A forecast issued after `now` is not looked at. Hours that it does not know are filled with the climatology, which
    needs the site's place: without one they are left out.
    """
    first = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    if issued is not None and issued.issued_at > now:
        issued = None
    known = {hour.start: hour for hour in issued.hours if hour.ghi_w_m2 is not None} if issued else {}
    typical = climatology(site, first, hours)
    usual = {hour.start: hour for hour in typical.hours} if typical is not None else {}
    starts = [first + HOUR * n for n in range(hours)]
    reached = max((n for n, start in enumerate(starts) if start in known), default=-1) + 1
    typical_from = starts[reached] if reached < hours else None
    holes = sum(start not in known for start in starts[:reached])
    used = issued if reached else None
    found = [known.get(start) or usual.get(start) for start in starts]
    return Outlook(
        hours=tuple(hour for hour in found if hour is not None),
        source=used.source if used is not None else SOURCE,
        issued_at=used.issued_at if used is not None else None,
        typical_from=typical_from,
        holes=holes,
        says=_says(site, used, typical_from, holes, now, typical is not None),
        attribution=used.attribution if used is not None else "",
    )


def _says(
    site: Site,
    used: IssuedForecast | None,
    typical_from: datetime | None,
    holes: int,
    now: datetime,
    has_place: bool,
) -> str:
    filling = f"{SOURCE_WORDS} stands in" if has_place else "set latitude and longitude for typical weather instead"
    if used is None:
        return f"No weather forecast reaches these hours; {filling}."
    said = []
    age = now - used.issued_at
    if age > FRESH:
        said.append(
            f"The weather forecast is {format_duration(age)} old: the service has not answered since; "
            "check this machine's internet connection."
        )
    if holes:
        said.append(f"It leaves out {holes} {'hour' if holes == 1 else 'hours'}; {filling}.")
    if typical_from is not None:
        local = typical_from.astimezone(site.zone)
        said.append(f"From {local:%a %H:%M} on no forecast says the weather; {filling}.")
    return " ".join(said)
