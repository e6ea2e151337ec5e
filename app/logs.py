"""Logging: events with fields, on stderr; for people at a terminal, as JSON lines elsewhere."""

from __future__ import annotations

import logging
import sys

import structlog


def set_up_logs(*, verbose: bool, quiet: bool) -> None:
    """Log to stderr from INFO up (DEBUG when verbose, WARNING when quiet); other libraries from WARNING up."""
    level = logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO
    at_terminal = sys.stderr.isatty()
    renderer = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if at_terminal
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.StackInfoRenderer(),
            *([] if at_terminal else [structlog.processors.format_exc_info]),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
