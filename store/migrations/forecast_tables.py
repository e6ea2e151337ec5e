"""The part of the first revision that makes the tables of forecasts, plans, scores, models and plan modes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

AUTO_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON(none_as_null=True)


def create_forecast_tables() -> None:
    """All of them."""
    op.create_table(
        "forecasts",
        *_words("org_id", "site_id", "target"),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        *_texts("model", "version"),
        *_jsons("hours", "notes", "weights"),
        sa.Column("weather_source", sa.Text()),
        sa.Column("weather_issued_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("org_id", "site_id", "target", "issued_at", name=op.f("pk_forecasts")),
    )
    op.create_table(
        "plans",
        sa.Column("plan_id", AUTO_KEY, autoincrement=True, nullable=False),
        *_words("org_id", "site_id"),
        sa.Column("planned_at", sa.BigInteger(), nullable=False),
        *_texts("because"),
        *_words("mode"),
        *_jsons("plan"),
        sa.Column("forecast_issued_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("plan_id", name=op.f("pk_plans")),
    )
    op.create_index(op.f("ix_plans_org_id_site_id_planned_at"), "plans", ["org_id", "site_id", "planned_at"])
    op.create_table(
        "forecast_scores",
        *_words("org_id", "site_id", "target"),
        sa.Column("day", sa.Date(), nullable=False),
        *_jsons("figures"),
        sa.PrimaryKeyConstraint("org_id", "site_id", "target", "day", name=op.f("pk_forecast_scores")),
    )
    op.create_table(
        "model_files",
        *_words("org_id", "site_id", "target", "version"),
        sa.Column("trained_at", sa.BigInteger(), nullable=False),
        *_texts("path"),
        *_words("sha256"),
        sa.Column("error", sa.Double()),
        *_words("state"),
        *_texts("note"),
        sa.PrimaryKeyConstraint("org_id", "site_id", "target", "version", name=op.f("pk_model_files")),
        sa.CheckConstraint("state IN ('active', 'retired', 'rejected')", name=op.f("ck_model_files_state")),
    )
    op.create_table(
        "plan_modes",
        *_words("org_id", "site_id", "mode", "set_by"),
        sa.Column("set_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "site_id", name=op.f("pk_plan_modes")),
        sa.CheckConstraint("mode IN ('advise', 'ask', 'automatic')", name=op.f("ck_plan_modes_mode")),
    )


def _words(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(), nullable=False) for name in names]


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _jsons(*names: str) -> list[sa.Column[object]]:
    return [sa.Column(name, JSON, nullable=False) for name in names]
