"""Prices behind addresses that the owner names: the hash price, and energy prices by the hour.

Both keep what they heard for a while, and then ask with the answer's ETag whether it has changed. A redirect is
followed on the same host alone, since the address may hold a token.
"""

from __future__ import annotations

import asyncio
import csv
import io
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

import httpx

from connectors.device import Clock, utc_now
from connectors.errors import Malformed
from connectors.http import Answer, HttpClient, Remedies
from connectors.numbers import instant, mapping, number, objects
from energy.prices import PriceHour, hash_price_fault

FRESH_S = 300.0
LARGEST_ANSWER_BYTES = 1_000_000
REDIRECTS = 3
LARGEST_PRICE = 1_000.0  # per kWh, in whatever currency
BACK, AHEAD = timedelta(hours=25), timedelta(hours=73)  # what is kept of an answer: a day back, three ahead

_T = TypeVar("_T")


class _Page(ABC, Generic[_T]):
    """What stands at one address, read anew only when it has changed."""

    def __init__(self, name: str, key: str, url: str, *, fresh_s: float, timeout_s: float, clock: Clock) -> None:
        self.name, self._url, self._fresh_s, self._clock = name, url, fresh_s, clock
        self._kept: tuple[datetime, Mapping[str, str], _T] | None = None
        self._one_at_a_time = asyncio.Lock()
        address = url.split("#")[0]
        self._http = HttpClient(
            name,
            address,
            Remedies(
                unreachable=f"check plan.{key} in commandcenter.toml and this machine's internet connection",
                credentials=f"check the key or password in plan.{key} of commandcenter.toml",
            ),
            headers={"Accept": "application/json, text/csv;q=0.9, */*;q=0.5"},
            timeout_s=timeout_s,
            largest_bytes=LARGEST_ANSWER_BYTES,
            clock=clock,
        )

    @abstractmethod
    def read(self, answer: Answer, url: httpx.URL) -> _T:
        """The answer's meaning; raises Malformed."""

    async def newest(self) -> _T:
        """What the page says, at most `fresh_s` old. Raises a ConnectorError."""
        async with self._one_at_a_time:
            now, kept = self._clock(), self._kept
            if kept is not None and 0 <= (now - kept[0]).total_seconds() < self._fresh_s:
                return kept[2]
            answer, url = await self._asked({} if kept is None else kept[1])
            if answer.status == 304 and kept is not None:
                self._kept = (now, kept[1], kept[2])
                return kept[2]
            refusal = self._http.refusal(answer)
            if refusal is not None:
                raise refusal
            found = self.read(answer, url)
            self._kept = (now, _conditions(answer.headers), found)
            return found

    def json(self, answer: Answer) -> Any:
        return self._http.json(answer)

    async def _asked(self, conditions: Mapping[str, str]) -> tuple[Answer, httpx.URL]:
        url = httpx.URL(self._url)
        for _ in range(REDIRECTS + 1):
            answer = await self._http.exchange("GET", str(url), headers=conditions)
            if answer.status not in (301, 302, 303, 307, 308) or "location" not in answer.headers:
                return answer, url
            url = self._next(url, answer.headers["location"])
        raise Malformed(f"{self.name} sends on and on; set its final address in commandcenter.toml")

    def _next(self, url: httpx.URL, location: str) -> httpx.URL:
        there = url.join(location)  # httpx has refused what is no address
        if (there.scheme, there.host, there.port) != (url.scheme, url.host, url.port):
            raise Malformed(
                f"{self.name} sends on from {url.host} to {there.scheme}://{there.host}, which is not followed; set "
                "its final address in commandcenter.toml"
            )
        return there

    async def close(self) -> None:
        """Close the connection."""
        await self._http.close()


class HashPrice(_Page[float]):
    """The hash price per PH/s and day: a JSON number, or the part of the JSON that `field` names (`data.price`)."""

    def __init__(
        self,
        url: str,
        field: str | None = None,
        *,
        fresh_s: float = FRESH_S,
        timeout_s: float = 15.0,
        clock: Clock = utc_now,
    ) -> None:
        super().__init__("the hash price", "hashprice_url", url, fresh_s=fresh_s, timeout_s=timeout_s, clock=clock)
        self._field = field

    async def current(self, last: float | None = None) -> float:
        """The price now. Raises a ConnectorError: Malformed also for one that cannot be, or is far off from `last`."""
        price = await self.newest()
        fault = hash_price_fault(price, last)
        if fault is not None:
            raise Malformed(
                f"the hash price was refused, since {fault}; check plan.hashprice_url and hashprice_field: it must be "
                "per PH/s and day, in the currency of economics.currency. If it is right, set "
                "economics.hashprice_per_phs_day near it: that counts when the last one is a day old"
            )
        return price

    def read(self, answer: Answer, url: httpx.URL) -> float:  # noqa: ARG002  part of the shape
        value: Any = self.json(answer)
        for part in () if self._field is None else self._field.split("."):
            value = _part(value, part.strip())
        price = number(value)
        if price is not None:
            return price
        if self._field is None:
            raise Malformed(
                "the hash price's answer is not a number; name where in it the price stands: plan.hashprice_field"
            )
        raise Malformed(f'the hash price\'s answer has no number at "{self._field}"; correct plan.hashprice_field')


class HourlyPrices(_Page[tuple[PriceHour, ...]]):
    """Energy prices by the hour: a JSON list, {"prices": [...]} or CSV of start, import_per_kwh and export_per_kwh.

    `start` is ISO-8601 with an offset, so that an hour that the clock repeats is two. `export_per_kwh` may be left out.
    Of two prices for one start the later one counts; rows without a number are left out, and stay unknown.
    """

    def __init__(self, url: str, *, fresh_s: float = FRESH_S, timeout_s: float = 15.0, clock: Clock = utc_now) -> None:
        super().__init__("the energy prices", "prices_url", url, fresh_s=fresh_s, timeout_s=timeout_s, clock=clock)

    async def current(self) -> tuple[PriceHour, ...]:
        """The prices from yesterday until what is known of tomorrow, in order. Raises a ConnectorError.

        Malformed also when none is of now or later.
        """
        told, now = await self.newest(), self._clock()
        if told[-1].start + timedelta(hours=1) <= now:
            raise Malformed(
                f"the energy prices end on {told[-1].start:%Y-%m-%d at %H:%M} UTC; check whether plan.prices_url still "
                "gives those of today"
            )
        return tuple(hour for hour in told if now - BACK <= hour.start < now + AHEAD)

    def read(self, answer: Answer, url: httpx.URL) -> tuple[PriceHour, ...]:
        kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        csv_said = kind in ("text/csv", "application/csv") or (
            kind != "application/json" and url.path.lower().endswith(".csv")
        )
        rows = _csv_rows(answer.content) if csv_said else self._json_rows(answer)
        return _hours(rows)

    def _json_rows(self, answer: Answer) -> Sequence[Mapping[str, Any]]:
        body = self.json(answer)
        rows = body if isinstance(body, list) else mapping(body).get("prices")
        if not isinstance(rows, list):
            raise Malformed(
                'the energy prices are neither a list nor an object with a list "prices"; check plan.prices_url'
            )
        return objects(rows)


def _conditions(headers: httpx.Headers) -> dict[str, str]:
    """The headers that ask whether the answer has changed since."""
    named = {"If-None-Match": "etag", "If-Modified-Since": "last-modified"}
    return {asks: headers[told] for asks, told in named.items() if told in headers}


def _part(value: Any, name: str) -> Any:
    if isinstance(value, list):
        return value[int(name)] if name.isdecimal() and len(name) < 7 and int(name) < len(value) else None
    return mapping(value).get(name)


def _csv_rows(content: bytes) -> Sequence[Mapping[str, Any]]:
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise Malformed("the energy prices are CSV, but not in UTF-8; check plan.prices_url") from error
    header = next((line for line in lines if line.strip()), "")
    try:
        table = csv.DictReader(io.StringIO("\n".join(lines)), delimiter=";" if ";" in header else ",")
        table.fieldnames = [name.strip().lower() for name in table.fieldnames or ()]
        missing = [name for name in ("start", "import_per_kwh") if name not in table.fieldnames]
        if missing:
            raise Malformed(
                f"the energy prices are CSV without the column {' and '.join(missing)}; its first line must name "
                "start, import_per_kwh and, where there is one, export_per_kwh"
            )
        return list(table)
    except csv.Error as error:
        raise Malformed(f"the energy prices are CSV that cannot be read ({error}); check plan.prices_url") from error


def _hours(rows: Iterable[Mapping[str, Any]]) -> tuple[PriceHour, ...]:
    found: dict[datetime, PriceHour] = {}
    fault: str | None = None
    for row in rows:
        start, price, sold = _start(row.get("start")), number(row.get("import_per_kwh")), row.get("export_per_kwh")
        if start is None:
            fault = fault or f"{str(row.get('start'))[:40]} is no start with an offset such as 2026-06-01T13:00-07:00"
        elif price is None:
            fault = fault or f"import_per_kwh at {start:%Y-%m-%d %H:%M} UTC is no number"
        elif max(abs(price), abs(number(sold) or 0.0)) > LARGEST_PRICE:
            fault = fault or f"{price:g} at {start:%Y-%m-%d %H:%M} UTC is no price of a kWh: is it per MWh?"
        else:
            found[start] = PriceHour(start, price, number(sold))
    if not found:
        raise Malformed(f"the energy prices hold no price ({fault or 'they are empty'}); check plan.prices_url")
    return tuple(found[start] for start in sorted(found))


def _start(value: Any) -> datetime | None:
    try:
        return instant(value.strip() if isinstance(value, str) else value)
    except OverflowError:  # year 1 or 9999, beyond UTC
        return None
