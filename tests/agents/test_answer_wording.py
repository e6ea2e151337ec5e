"""From a model's words to what people see."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from agents.answer import Figure
from agents.wording import source_line, tidy
from services.scope import Scope
from tests.doubles.ranch import NOW


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("**63 %**, charging", "63 %, charging"),
        ("## Battery\n\n\n63 %", "Battery\n63 %"),
        ("See [this](https://evil.example/?q=63)", "See this"),
        ("![63](http://evil.example/63.png)63 %", "6363 %"),
        ("go to https://evil.example now", "go to (link removed) now"),
        ("63 %\u202e\u200b\x07", "63 %"),
        ("63 %\nAs of 12:00, the moon", "63 %"),
        ("63 %\n(Source: my memory)", "63 %"),
        ("a\nb\nc\nd\ne\nf\ng\nh", "a\nb\nc\nd\ne\nf"),
        ("   \n ", ""),
        ("<think>the user\nwants 91 %</think>63 %", "63 %"),
        ("63 %<think>and never ends", "63 %"),
        ("snake_case and 3 * 4", "snake_case and 3 * 4"),
    ],
)
def test_text_is_made_plain_and_short(said: str, shown: str) -> None:
    assert tidy(said) == shown


def test_a_text_of_one_endless_line_is_cut_at_a_word() -> None:
    assert len(tidy("word " * 2_000)) <= 1_202


def test_the_source_line_names_the_moment_and_each_source_once(scope: Scope) -> None:
    at = NOW - timedelta(minutes=2)
    figures = [
        Figure("soc_pct", 63.0, "%", taken_at=at, source="Victron", age_s=120),
        Figure("solar_w", 3_000.0, "W", taken_at=at, source="SolArk + Victron", age_s=120),
    ]
    assert source_line(scope, figures, basic=False) == "as of 14:00, Victron, SolArk"


def test_the_source_line_of_old_data_says_its_age(scope: Scope) -> None:
    figures = [Figure("soc_pct", 63.0, "%", taken_at=NOW - timedelta(hours=3), source="Victron", age_s=10_800)]
    assert source_line(scope, figures, basic=True) == "as of 11:02 (3 h old), Victron · basic mode"


def test_settings_have_no_moment_and_unknown_figures_no_source(scope: Scope) -> None:
    assert source_line(scope, [Figure("min_soc_pct", 30, "%", source="settings")], basic=False) == "site settings"
    assert source_line(scope, [Figure("soc_pct", None, "%")], basic=False) == ""
    assert source_line(scope, [], basic=True) == "basic mode"


def test_the_clock_follows_the_persons_preference(scope: Scope) -> None:
    american = replace(scope, units=replace(scope.units, hour_24=False))
    figures = [Figure("soc_pct", 63.0, "%", taken_at=NOW, source="Victron", age_s=0)]
    assert source_line(american, figures, basic=False) == "as of 2:02 PM, Victron"
