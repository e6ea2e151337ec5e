"""The tables of the weather now, of its alerts, and of the forecasts that vendors make of a site's powers.

Those of the weather's forecasts are in `store.tables`.
"""

from __future__ import annotations

from sqlalchemy import Column, Table, Text

from store.columns import UtcMs, json_column
from store.schema import key as _key
from store.schema import metadata

weather_observations = Table(
    "weather_observations",
    metadata,
    _key("org_id"),
    _key("site_id"),
    _key("source"),
    Column("taken_at", UtcMs, primary_key=True),
    Column("seen_at", UtcMs, nullable=False),  # when the answer came
    Column("observed", json_column(), nullable=False),
    Column("attribution", Text, nullable=False),
)

weather_alerts = Table(
    "weather_alerts",
    metadata,
    _key("org_id"),
    _key("site_id"),
    _key("source"),
    _key("alert_key"),  # of sender, event and span: the services give no number that lasts
    Column("starts_at", UtcMs, nullable=False),
    Column("ends_at", UtcMs, nullable=False),
    Column("alert", json_column(), nullable=False),
    Column("first_seen_at", UtcMs, nullable=False),
    Column("last_seen_at", UtcMs, nullable=False),
)

power_forecasts = Table(
    "power_forecasts",
    metadata,
    _key("org_id"),
    _key("site_id"),
    _key("source"),
    Column("issued_at", UtcMs, primary_key=True),
    Column("hours", json_column(), nullable=False),
)
