"""The tables of what is foreseen and planned: forecasts, plans, their scores, trained models, the modes of plans."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Date, Double, Index, String, Table, Text

from store.columns import AutoKey, UtcMs, json_column
from store.schema import key as _key
from store.schema import metadata

forecasts = Table(
    "forecasts",
    metadata,
    _key("org_id"),
    _key("site_id"),
    _key("target"),
    Column("issued_at", UtcMs, primary_key=True),
    Column("model", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("hours", json_column(), nullable=False),
    Column("notes", json_column(), nullable=False),
    Column("weights", json_column(), nullable=False),
    Column("weather_source", Text),
    Column("weather_issued_at", UtcMs),
)

plans = Table(
    "plans",
    metadata,
    Column("plan_id", AutoKey, primary_key=True, autoincrement=True),
    Column("org_id", String, nullable=False),
    Column("site_id", String, nullable=False),
    Column("planned_at", UtcMs, nullable=False),
    Column("because", Text, nullable=False),
    Column("mode", String, nullable=False),
    Column("plan", json_column(), nullable=False),
    Column("forecast_issued_at", UtcMs),
    Index(None, "org_id", "site_id", "planned_at"),
)

forecast_scores = Table(
    "forecast_scores",
    metadata,
    _key("org_id"),
    _key("site_id"),
    _key("target"),
    Column("day", Date, primary_key=True),
    Column("figures", json_column(), nullable=False),
)

model_files = Table(
    "model_files",
    metadata,
    _key("org_id"),
    _key("site_id"),
    _key("target"),
    _key("version"),
    Column("trained_at", UtcMs, nullable=False),
    Column("path", Text, nullable=False),  # below data_dir/models
    Column("sha256", String, nullable=False),
    Column("error", Double),  # mean absolute error of its rehearsal (W)
    Column("state", String, nullable=False),
    Column("note", Text, nullable=False),
    CheckConstraint("state IN ('active', 'retired', 'rejected')", name="state"),
)

plan_modes = Table(
    "plan_modes",
    metadata,
    _key("org_id"),
    _key("site_id"),
    Column("mode", String, nullable=False),
    Column("set_by", String, nullable=False),
    Column("set_at", UtcMs, nullable=False),
    CheckConstraint("mode IN ('advise', 'ask', 'automatic')", name="mode"),
)
