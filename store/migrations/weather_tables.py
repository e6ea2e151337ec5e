"""The part of the first revision that makes the tables of the weather now and of vendors' forecasts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

JSON = sa.JSON(none_as_null=True)


def create_weather_tables() -> None:
    """All of them."""
    op.create_table(
        "weather_observations",
        *_words("org_id", "site_id", "source"),
        *_times("taken_at", "seen_at"),
        sa.Column("observed", JSON, nullable=False),
        sa.Column("attribution", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "site_id", "source", "taken_at", name=op.f("pk_weather_observations")),
    )
    op.create_table(
        "weather_alerts",
        *_words("org_id", "site_id", "source", "alert_key"),
        *_times("starts_at", "ends_at"),
        sa.Column("alert", JSON, nullable=False),
        *_times("first_seen_at", "last_seen_at"),
        sa.PrimaryKeyConstraint("org_id", "site_id", "source", "alert_key", name=op.f("pk_weather_alerts")),
    )
    op.create_table(
        "power_forecasts",
        *_words("org_id", "site_id", "source"),
        *_times("issued_at"),
        sa.Column("hours", JSON, nullable=False),
        sa.PrimaryKeyConstraint("org_id", "site_id", "source", "issued_at", name=op.f("pk_power_forecasts")),
    )


def _words(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(), nullable=False) for name in names]


def _times(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger(), nullable=False) for name in names]
