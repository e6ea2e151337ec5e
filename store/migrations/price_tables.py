"""The part of the first revision that makes the tables of prices."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


def create_price_tables() -> None:
    """Both of them."""
    op.create_table(
        "prices",
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("site_id", sa.String(), nullable=False),
        sa.Column("starts_at", sa.BigInteger(), nullable=False),
        sa.Column("import_per_kwh", sa.Double(), nullable=False),
        sa.Column("export_per_kwh", sa.Double()),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "site_id", "starts_at", name=op.f("pk_prices")),
    )
    op.create_table(
        "hash_prices",
        sa.Column("org_id", sa.String(), nullable=False),
        sa.Column("site_id", sa.String(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("per_phs_day", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "site_id", "seen_at", name=op.f("pk_hash_prices")),
    )
