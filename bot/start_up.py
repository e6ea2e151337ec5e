"""What a bot does once, before its first question, so that no question pays for it."""

from __future__ import annotations

import gc
import importlib

import structlog

log = structlog.get_logger()

# A full collection walks through everything that the crew's library has loaded: 40 ms in the middle of an answer. What
# is loaded at start-up stays, so it is taken out of the collector's sight, and young objects are collected less often.
_THRESHOLDS = (20_000, 20, 20)


def make_ready() -> None:
    """Load the crew and the charts, and freeze what is loaded. Takes two seconds; meant for a thread of its own."""
    for name in ("agents.crew", "charts.draw_power", "charts.draw_alert", "bot.alert_chart"):
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
    log.info("ready_for_questions", frozen_objects=gc.get_freeze_count())
