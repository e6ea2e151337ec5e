"""The forecast of the base load: a shipped model from the first day, then the home's own, blended, with a band.

    model = train(site, past, until_s)                       # nightly; in a process of its own
    said = forecast(site, past, issued_s, model, log)        # hourly
    log = said.log                                           # kept for the next one (one issue a day is enough)

Nothing later than `issued_s` is used but the temperature forecast, so a caller may hand over whole files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from energy.forecast.hours import Band, Floats
from energy.forecast.load_site import LoadPast, LoadSite
from energy.forecast.member_log import MemberLog

__all__ = ["LoadForecast", "LoadModel", "LoadPast", "LoadSite", "forecast", "rehearse", "train"]

VERSION = "load-1"
HORIZON_HOURS = 48
REHEARSED_DAYS = 28


@dataclass(frozen=True)
class LoadModel:
    """What a night's training leaves; it can be pickled. `notes` say what was missing."""

    until_s: int
    notes: tuple[str, ...] = ()
    version: str = VERSION


@dataclass(frozen=True)
class LoadForecast:
    """A band with what is behind it: the members and their weights, notes for people, and the log to keep."""

    band: Band
    members: Mapping[str, Floats]
    weights: Mapping[str, float]
    notes: tuple[str, ...]
    log: MemberLog


def train(site: LoadSite, past: LoadPast, until_s: int) -> LoadModel:
    """The model of what was known at `until_s`. With little or no history it holds what can be had, and says so."""
    raise NotImplementedError


def rehearse(site: LoadSite, past: LoadPast, until_s: int, *, days: int = REHEARSED_DAYS) -> MemberLog:
    """What a model trained that many days ago would have said since, a day at a time: the first log of a site."""
    raise NotImplementedError


def forecast(
    site: LoadSite,
    past: LoadPast,
    issued_s: int,
    model: LoadModel | None = None,
    log: MemberLog | None = None,
    *,
    hours: int = HORIZON_HOURS,
    away: Sequence[tuple[int, int]] = (),
) -> LoadForecast:
    """The forecast of the hours from `issued_s` on; works without any history. `away` are absences (from, to; epoch
    s), in which the load falls to the home's own lowest days."""
    raise NotImplementedError
