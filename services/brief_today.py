"""What the sun is expected to give today, by the weather forecast that is stored."""

from __future__ import annotations

from datetime import timedelta

from energy.brief import Expected
from energy.clear_sky import MEAN_OVER, clear_sky_w, forecast_solar_w
from energy.periods import local_midnight
from services.scope import Scope
from store import weather


async def expected_today(scope: Scope) -> tuple[Expected | None, str]:
    """The solar energy of the whole local day, or None with the reason and the remedy."""
    site = scope.site
    if site.latitude is None or site.longitude is None or not site.array:
        return None, "the site's place or panels are not described (latitude, longitude, [[array]])"
    issued = await weather.latest_issued(scope.database, scope.org_id, site.id, as_of=scope.as_of)
    if issued is None:
        return None, "no weather forecast is stored yet"
    today = scope.as_of.astimezone(scope.zone).date()
    moment = local_midnight(today, scope.zone)
    end = local_midnight(today + timedelta(days=1), scope.zone)
    kwh = clear_kwh = known_kwh = 0.0
    hours = MEAN_OVER.total_seconds() / 3_600
    while moment < end:
        moment += MEAN_OVER
        clear_w = clear_sky_w(site, moment) or 0.0
        watts = forecast_solar_w(site, issued, moment)
        clear_kwh += clear_w * hours / 1_000
        if watts is not None:
            kwh += watts * hours / 1_000
            known_kwh += clear_w * hours / 1_000
    if clear_kwh <= 0:
        return Expected(0.0, issued.issued_at), ""
    if known_kwh <= 0:
        return None, "the stored forecast does not reach today; the weather service has not answered since"
    return Expected(kwh, issued.issued_at, known_kwh / clear_kwh), ""
