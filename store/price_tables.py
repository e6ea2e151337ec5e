"""The tables of prices: of energy by the hour, and of hash."""

from __future__ import annotations

from sqlalchemy import Column, Double, Table

from store.columns import UtcMs
from store.schema import key as _key
from store.schema import metadata

prices = Table(
    "prices",
    metadata,
    _key("org_id"),
    _key("site_id"),
    Column("starts_at", UtcMs, primary_key=True),
    Column("import_per_kwh", Double, nullable=False),
    Column("export_per_kwh", Double),
    Column("seen_at", UtcMs, nullable=False),  # when it was first heard so
)

hash_prices = Table(
    "hash_prices",
    metadata,
    _key("org_id"),
    _key("site_id"),
    Column("seen_at", UtcMs, primary_key=True),
    Column("per_phs_day", Double, nullable=False),
)
