"""What the tools returned, as the composing functions look at it: JSON facts by tool and metric, problems apart."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Result:
    """One tool result: the tool, the arguments it got, its facts and its own sentence."""

    name: str
    arguments: Mapping[str, Any]
    facts: Mapping[str, Any]
    text: str
    is_problem: bool = False

    @classmethod
    def of_json(cls, name: str, arguments: Mapping[str, Any], content: str, *, is_error: bool = False) -> Result:
        """From a tool's JSON text. What is no such JSON is a problem whose text is not shown: it may be anything."""
        try:
            decoded = json.loads(content)
            facts, text = dict(decoded["facts"]), str(decoded["text"])
        except (ValueError, TypeError, KeyError):
            return cls(name, arguments, {}, "", is_problem=True)
        return cls(name, arguments, facts, text, is_problem=is_error or "problem" in facts)


@dataclass(frozen=True, slots=True)
class Found:
    """All results of one question, in the order of the calls."""

    results: Sequence[Result] = field(default=())

    @property
    def problem(self) -> str | None:
        """The first problem in a tool's own words, or None when there is none."""
        texts = [r.text for r in self.results if r.is_problem]
        return next((t for t in texts if t), "That could not be looked up just now.") if texts else None

    @property
    def state(self) -> Mapping[str, Any] | None:
        """The facts of current_state."""
        return self.of("current_state")

    @property
    def settings(self) -> Mapping[str, Any] | None:
        """The facts of site_settings."""
        return self.of("site_settings")

    @property
    def devices(self) -> list[Mapping[str, Any]] | None:
        """The rows of device_details, or None when it was not asked."""
        facts = self.of("device_details")
        return None if facts is None else list(facts.get("devices", []))

    def of(self, name: str) -> Mapping[str, Any] | None:
        """The facts of the first good result of a tool."""
        return next((r.facts for r in self.results if r.name == name and not r.is_problem), None)

    def statistics(self, metric: str, period: str | None = None) -> Mapping[str, Any] | None:
        """The facts of history_statistics for a metric (and a period as it was asked for)."""
        return self._asked("history_statistics", metric, period)

    def crossings(self, metric: str) -> Mapping[str, Any] | None:
        """The facts of when_crossed for a metric."""
        return self._asked("when_crossed", metric, None)

    def comparison(self, metric: str) -> Mapping[str, Any] | None:
        """The facts of compare_periods for a metric."""
        return self._asked("compare_periods", metric, None)

    def _asked(self, name: str, metric: str, period: str | None) -> Mapping[str, Any] | None:
        for r in self.results:
            if r.name != name or r.is_problem or r.arguments.get("metric", metric) != metric:
                continue
            if period is None or r.arguments.get("period", period) == period:
                return r.facts
        return None


def known(facts: Mapping[str, Any] | None) -> bool:
    """Whether statistics have data."""
    return facts is not None and not facts.get("no_data")


def number(facts: Mapping[str, Any] | None, name: str) -> float | None:
    """The value of a metric in current_state's facts, or None when it is unknown."""
    value = ((facts or {}).get(name) or {}).get("value")
    return float(value) if isinstance(value, int | float) else None


def said(facts: Mapping[str, Any] | None, name: str) -> str:
    """A metric or statistic as the tool says it, "unknown" without one."""
    return str(((facts or {}).get(name) or {}).get("said", "unknown"))
