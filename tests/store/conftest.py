"""Each test of the store runs on SQLite and on a real Postgres."""

import pytest

from tests.postgres import NEEDS_POSTGRES
from tests.postgres import database as database
from tests.postgres import postgres_server as postgres_server
from tests.postgres import postgres_url as postgres_url
from tests.postgres import sqlite_template as sqlite_template
from tests.postgres import url as url


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reasons = [str(report.longrepr[-1]) for report in terminalreporter.stats.get("skipped", [])]
    missed = [reason for reason in reasons if NEEDS_POSTGRES in reason]
    if missed:
        terminalreporter.write_line(f"{len(missed)} tests did not run on Postgres. {missed[0]}", red=True, bold=True)
