"""The weather now and official alerts of OpenWeatherMap's One Call: a key with a "One Call by Call" subscription.

Version 3.0 answers all at once; 4.0, which the vendor recommends for new accounts, gives the alerts as ids whose texts
are calls of their own. Both are billed per call above 1,000 a day, so our own cap is kept before theirs. There is no
irradiance in either: the forecasts of the sun come from `connectors.open_meteo`. Units are asked for as metric, since
the service's own default is Kelvin; optional keys are left out of its answers, never null.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal, get_args
from urllib.parse import quote

from pydantic import SecretStr

from connectors.allowance import DAY_S, Allowance
from connectors.device import Clock, utc_now
from connectors.errors import ConnectorError, CredentialsRefused, Malformed, TryLater
from connectors.http import Answer, HttpClient, Params, Remedies
from connectors.numbers import mapping, number, objects, text
from connectors.refusals import Refusals
from energy.site import Site
from energy.weather import WeatherAlert, WeatherNow

BASE_URL = "https://api.openweathermap.org"
SOURCE = "openweathermap"
ATTRIBUTION = "Weather data provided by OpenWeather (openweathermap.org)"
DAILY_CAP = 1_000  # what is free
FRESH_S = 600.0  # the service's model runs every 10 minutes
LONGEST_DESCRIPTION = 4_000

Version = Literal["3.0", "4.0"]


class OpenWeatherMap:
    """Asks for the weather now. An answer is kept for `fresh_s`; `allowance` counts the calls of a UTC day.

    The count begins anew with the process: set the cap in the vendor's account as well (Billing plans, calls per day).
    """

    def __init__(
        self,
        api_key: SecretStr | None,
        base_url: str | None = None,
        *,
        version: Version = "3.0",
        daily_cap: int = DAILY_CAP,
        allowance: Allowance | None = None,
        fresh_s: float = FRESH_S,
        timeout_s: float = 15.0,
        clock: Clock = utc_now,
    ) -> None:
        if version not in get_args(Version):
            raise ValueError(f'version "{version}" of One Call is not known; there are {", ".join(get_args(Version))}')
        self._key, self._version, self._clock, self._fresh_s = api_key, version, clock, fresh_s
        self._allowance = allowance or Allowance("OpenWeatherMap", {DAY_S: daily_cap}, clock=clock)
        self._refusals = Refusals()
        self._kept: tuple[object, datetime, WeatherNow] | None = None
        self._alerts: dict[str, WeatherAlert] = {}
        self._one_at_a_time = asyncio.Lock()
        self._http = HttpClient(
            "OpenWeatherMap",
            base_url or BASE_URL,
            Remedies(
                unreachable="check this machine's internet connection",
                credentials=f"check OPENWEATHERMAP_API_KEY: it needs the subscription One Call by Call (One Call "
                f"{version}), and a new key works after some hours only",
            ),
            timeout_s=timeout_s,
            clock=clock,
        )

    async def current(self, site: Site) -> WeatherNow:
        """The weather at the site and its alerts, at most `fresh_s` old. Raises a ConnectorError.

        Malformed when the site has no coordinates, CredentialsRefused without a key, TryLater when the day's calls are
        used up.
        """
        if site.latitude is None or site.longitude is None:
            raise Malformed("the site has no latitude and longitude; set both in commandcenter.toml for the weather")
        place = (site.latitude, site.longitude)
        async with self._one_at_a_time:
            now = self._clock()
            kept = self._kept
            if kept is not None and kept[0] == place and 0 <= (now - kept[1]).total_seconds() < self._fresh_s:
                return kept[2]
            self._refusals.check()
            try:
                seen = await (self._seen_by_3(*place) if self._version == "3.0" else self._seen_by_4(*place))
            except CredentialsRefused as error:
                self._refusals.refused(error)
                raise
            self._refusals.accepted()
            self._kept = (place, now, seen)
            return seen

    async def close(self) -> None:
        """Close the connection."""
        await self._http.close()

    async def _seen_by_3(self, latitude: float, longitude: float) -> WeatherNow:
        asked = _place(latitude, longitude) | {"exclude": "minutely,hourly,daily"}
        body = mapping(await self._get("/data/3.0/onecall", asked))
        return _weather(mapping(body.get("current")), _alerts(body.get("alerts")))

    async def _seen_by_4(self, latitude: float, longitude: float) -> WeatherNow:
        body = mapping(await self._get("/data/4.0/onecall/current", _place(latitude, longitude)))
        current = next(iter(objects(body.get("data"))), {})
        ids = current.get("alerts", body.get("alerts"))
        known = [str(each) for each in ids if isinstance(each, str | int)] if isinstance(ids, list) else []
        self._alerts = {name: alert for name, alert in self._alerts.items() if name in known}
        for name in known:
            if name not in self._alerts:  # each costs a call, so each is asked for once
                told = mapping(await self._get(f"/data/4.0/onecall/alert/{quote(name, safe='')}", {}))
                found = _alerts(objects(told.get("data")) or [told])
                if found:
                    self._alerts[name] = found[0]
        return _weather(current, tuple(self._alerts[name] for name in known if name in self._alerts))

    async def _get(self, path: str, parameters: Params) -> Any:
        if self._key is None:
            raise CredentialsRefused(f"OpenWeatherMap needs a key; {self._http.remedies.credentials}")
        self._allowance.spend()
        answer = await self._http.exchange("GET", path, params={**parameters, "appid": self._key.get_secret_value()})
        refusal = self._refusal(answer)
        if refusal is not None:
            raise refusal
        body = self._http.json(answer)
        if str(mapping(body).get("cod", "200")) != "200":
            raise Malformed(f"OpenWeatherMap answered with error {mapping(body)['cod']}; it is tried again later")
        return body

    def _refusal(self, answer: Answer) -> ConnectorError | None:
        refusal = self._http.refusal(answer)
        if answer.status in (400, 404):
            return Malformed(
                f"OpenWeatherMap refused the request ({self._reason(answer)}); check the site's latitude and longitude"
            )
        if answer.status == 429 and isinstance(refusal, TryLater) and refusal.after_s is None:
            return TryLater(
                "OpenWeatherMap limits the calls of this key; it is tried again in 10 min. The limit is set in its "
                "account under Billing plans",
                after_s=FRESH_S,
            )
        return refusal

    def _reason(self, answer: Answer) -> str:
        try:
            body = self._http.json(Answer(200, answer.headers, answer.content))
        except Malformed:
            return str(answer.status)
        return str(mapping(body).get("message", answer.status))[:160]


def _place(latitude: float, longitude: float) -> dict[str, str | int | float]:
    return {"lat": latitude, "lon": longitude, "units": "metric"}


def _weather(current: Mapping[str, Any], alerts: tuple[WeatherAlert, ...]) -> WeatherNow:
    taken_at = _moment(current.get("dt"))
    if taken_at is None:
        raise Malformed("OpenWeatherMap sent no current weather; it is asked again later")
    first = next(iter(objects(current.get("weather"))), {})
    return WeatherNow(
        taken_at=taken_at,
        source=SOURCE,
        temperature_c=number(current.get("temp")),
        feels_like_c=number(current.get("feels_like")),
        humidity_pct=number(current.get("humidity")),
        pressure_hpa=number(current.get("pressure")),
        cloud_cover_pct=number(current.get("clouds")),
        wind_m_s=number(current.get("wind_speed")),
        gust_m_s=number(current.get("wind_gust")),
        visibility_m=number(current.get("visibility")),
        rain_mm_h=number(mapping(current.get("rain")).get("1h")),
        snow_mm_h=number(mapping(current.get("snow")).get("1h")),
        description=text(first.get("description")),
        alerts=alerts,
        attribution=ATTRIBUTION,
    )


def _alerts(told: Any) -> tuple[WeatherAlert, ...]:
    """Those with an event and a span; the same warning may come from several offices, and twice from one."""
    found = []
    for each in objects(told):
        start, end, event = _moment(each.get("start")), _moment(each.get("end")), text(each.get("event"))
        if start is None or end is None or event is None or end <= start:
            continue
        tags = each.get("tags")
        found.append(
            WeatherAlert(
                sender=text(each.get("sender_name")) or "the weather service",
                event=event,
                start=start,
                end=end,
                description=(text(each.get("description")) or "")[:LONGEST_DESCRIPTION],
                tags=tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else (),
            )
        )
    return tuple(dict.fromkeys(found))


def _moment(epoch_s: Any) -> datetime | None:
    seconds = number(epoch_s)
    if seconds is None or not 0 < seconds < 1e11:
        return None
    return datetime.fromtimestamp(seconds, UTC)
