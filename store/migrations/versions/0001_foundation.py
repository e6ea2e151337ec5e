"""The first tables: readings and their rollups, people and their chats, what is asked of relays, alerts, the audit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from store.migrations.alert_tables import create_alert_tables
from store.migrations.forecast_tables import create_forecast_tables
from store.migrations.price_tables import create_price_tables
from store.migrations.weather_tables import create_weather_tables

revision = "0001"
down_revision = None

AUTO_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON(none_as_null=True)


def upgrade() -> None:
    _create_tables()
    create_alert_tables()
    create_weather_tables()
    create_forecast_tables()
    create_price_tables()
    if op.get_bind().dialect.name == "postgresql":
        _protect_audit_on_postgres()
    else:
        _protect_audit_on_sqlite()


def _protect_audit_on_sqlite() -> None:
    # The third one: INSERT OR REPLACE deletes a row without calling its delete trigger.
    for name, moment in {
        "audit_no_update": "BEFORE UPDATE ON audit",
        "audit_no_delete": "BEFORE DELETE ON audit",
        "audit_no_replace": "BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE audit_id = NEW.audit_id)",
    }.items():
        op.execute(f"CREATE TRIGGER {name} {moment} BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END")


def _protect_audit_on_postgres() -> None:
    op.execute(
        "CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the audit is append-only'; END $$"
    )
    for name, moment in {
        "audit_no_change": "BEFORE UPDATE OR DELETE ON audit FOR EACH ROW",
        "audit_no_truncate": "BEFORE TRUNCATE ON audit FOR EACH STATEMENT",
    }.items():
        op.execute(f"CREATE TRIGGER {name} {moment} EXECUTE FUNCTION audit_is_append_only()")


def _words(*names: str, nullable: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(), nullable=nullable) for name in names]


def _times(*names: str, nullable: bool = False) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger(), nullable=nullable) for name in names]


def _create_tables() -> None:
    op.create_table(
        "absences",
        sa.Column("absence_id", AUTO_KEY, autoincrement=True, nullable=False),
        *_words("org_id", "person_id"),
        *_times("from_at", "until_at"),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("absence_id", name=op.f("pk_absences")),
    )
    op.create_index(op.f("ix_absences_org_id_person_id_until_at"), "absences", ["org_id", "person_id", "until_at"])
    op.create_table(
        "audit",
        sa.Column("audit_id", AUTO_KEY, autoincrement=True, nullable=False),
        *_words("org_id"),
        sa.Column("site_id", sa.String()),
        sa.Column("happened_at", sa.BigInteger(), nullable=False),
        *_words("actor", "action"),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("details", JSON, nullable=False),
        sa.PrimaryKeyConstraint("audit_id", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_org_id_happened_at"), "audit", ["org_id", "happened_at"])
    op.create_table(
        "backfill_progress",
        *_words("org_id", "site_id", "device_id"),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("readings", sa.Integer(), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "site_id", "device_id", "day", name=op.f("pk_backfill_progress")),
    )
    op.create_table(
        "buttons",
        *_words("org_id", "token_hash"),
        sa.Column("action", JSON, nullable=False),
        *_words("person_id", "place", "site_id", nullable=True),
        sa.Column("single_use", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        *_times("expires_at", "used_at", nullable=True),
        *_words("used_by", "used_key", nullable=True),
        sa.PrimaryKeyConstraint("org_id", "token_hash", name=op.f("pk_buttons")),
    )
    op.create_index(op.f("ix_buttons_org_id_created_at"), "buttons", ["org_id", "created_at"])
    op.create_index(op.f("ix_buttons_org_id_person_id"), "buttons", ["org_id", "person_id"])
    op.create_table(
        "control_requests",
        *_words("request_id", "org_id", "site_id", "action"),
        sa.Column("arguments", JSON, nullable=False),
        *_words("digest", "origin", "state"),
        sa.Column("person_id", sa.String()),
        sa.Column("person_name", sa.Text(), nullable=False),
        *_words("place"),
        sa.Column("address", JSON),
        sa.Column("idempotency_key", sa.String()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.BigInteger()) for name in ("expires_at", "decided_at", "lease_until")),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("finished_at", sa.BigInteger()),
        sa.Column("results", JSON, nullable=False),
        *_times("reported_at", "queue_no", nullable=True),
        sa.CheckConstraint("origin IN ('typed', 'tapped', 'model', 'plan')", name=op.f("ck_control_requests_origin")),
        sa.CheckConstraint(
            "state IN ('proposed', 'queued', 'executing', 'done', 'refused', 'failed', 'cancelled', 'expired')",
            name=op.f("ck_control_requests_state"),
        ),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_control_requests")),
        sa.UniqueConstraint("org_id", "idempotency_key", name=op.f("uq_control_requests_org_id_idempotency_key")),
    )
    op.create_index(
        op.f("ix_control_requests_org_id_site_id_state_decided_at"),
        "control_requests",
        ["org_id", "site_id", "state", "decided_at"],
    )
    op.create_table(
        "conversations",
        *_words("conversation_id", "org_id", "site_id", "platform", "chat_id", "thread"),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("conversation_id", name=op.f("pk_conversations")),
        sa.UniqueConstraint(
            "org_id", "platform", "chat_id", "thread", name=op.f("uq_conversations_org_id_platform_chat_id_thread")
        ),
    )
    op.create_table(
        "device_facts",
        *_words("org_id", "site_id", "device_id"),
        *_times("taken_at", "confirmed_at"),
        sa.Column("facts", JSON, nullable=False),
        sa.PrimaryKeyConstraint("org_id", "site_id", "device_id", "taken_at", name=op.f("pk_device_facts")),
    )
    op.create_table(
        "inbox",
        *_words("org_id", "platform", "key", "state"),
        sa.Column("message", JSON),
        sa.Column("reply", JSON),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("settled_at", sa.BigInteger()),
        sa.CheckConstraint("state IN ('received', 'answered', 'settled')", name=op.f("ck_inbox_state")),
        sa.PrimaryKeyConstraint("org_id", "platform", "key", name=op.f("pk_inbox")),
    )
    op.create_index(
        op.f("ix_inbox_org_id_platform_state_received_at"), "inbox", ["org_id", "platform", "state", "received_at"]
    )
    op.create_table(
        "job_slots",
        *_words("org_id", "name"),
        *_times("slot", "claimed_at"),
        sa.Column("finished_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("org_id", "name", "slot", name=op.f("pk_job_slots")),
    )
    op.create_table(
        "live_messages",
        *_words("org_id", "site_id", "platform", "chat_id"),
        sa.Column("thread", sa.String()),
        *_words("ref", "external_id"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "site_id", "platform", "chat_id", name=op.f("pk_live_messages")),
    )
    op.create_table(
        "open_groups",
        *_words("org_id", "site_id", "platform", "chat_id", "opened_by"),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("alerts", sa.Boolean(), nullable=False),
        sa.Column("brief_at", sa.String()),
        sa.PrimaryKeyConstraint("org_id", "site_id", "platform", "chat_id", name=op.f("pk_open_groups")),
    )
    op.create_table(
        "pairing_attempts",
        sa.Column("attempt_id", AUTO_KEY, autoincrement=True, nullable=False),
        *_words("org_id", "platform", "external_id"),
        sa.Column("attempted_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("attempt_id", name=op.f("pk_pairing_attempts")),
    )
    op.create_index(op.f("ix_pairing_attempts_org_id_attempted_at"), "pairing_attempts", ["org_id", "attempted_at"])
    op.create_table(
        "people",
        *_words("person_id", "org_id"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("preferences", JSON, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_people")),
    )
    op.create_index(op.f("ix_people_org_id"), "people", ["org_id"])
    op.create_table(
        "progress_lines",
        *_words("org_id", "platform", "chat_id", "ref"),
        sa.Column("thread", sa.String()),
        sa.PrimaryKeyConstraint("org_id", "platform", "chat_id", "ref", name=op.f("pk_progress_lines")),
    )
    op.create_table(
        "platform_offsets",
        *_words("org_id", "platform", "name"),
        *_times("value", "updated_at"),
        sa.PrimaryKeyConstraint("org_id", "platform", "name", name=op.f("pk_platform_offsets")),
    )
    op.create_table(
        "readings",
        *_words("org_id", "site_id", "device_id"),
        sa.Column("taken_at", sa.BigInteger(), nullable=False),
        *_words("source", "quality"),
        sa.Column("soc_pct", sa.Double()),
        sa.Column("battery_charge_w", sa.Double()),
        sa.Column("solar_w", sa.Double()),
        sa.Column("load_w", sa.Double()),
        sa.Column("grid_import_w", sa.Double()),
        sa.Column("generator_w", sa.Double()),
        sa.Column("battery_voltage_v", sa.Double()),
        sa.Column("battery_temperature_c", sa.Double()),
        sa.Column("miner_w", sa.Double()),
        sa.Column("grid_present", sa.Boolean()),
        sa.Column("inverter_state", sa.Text()),
        sa.Column("fault_codes", JSON),
        sa.PrimaryKeyConstraint("org_id", "site_id", "device_id", "taken_at", name=op.f("pk_readings")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "registrations",
        *_words("org_id", "platform", "name", "hash"),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "platform", "name", name=op.f("pk_registrations")),
    )
    op.create_table(
        "rejected_readings",
        *_words("org_id", "site_id", "device_id", "field"),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("last_reason", sa.Text(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "site_id", "device_id", "field", "day", name=op.f("pk_rejected_readings")),
    )
    op.create_table(
        "relay_states",
        *_words("org_id", "site_id", "miner_id"),
        sa.Column("device", sa.String()),
        sa.Column("channel", sa.Integer()),
        sa.Column("on", sa.Boolean()),
        sa.Column("power_w", sa.Double()),
        sa.Column("energy_kwh", sa.Double()),
        *_times("timer_until", "read_at", "changed_at", nullable=True),
        sa.Column("changed_by", sa.String()),
        sa.Column("reachable", sa.Boolean(), nullable=False),
        sa.Column("problem", sa.Text()),
        sa.Column("errors", JSON, nullable=False),
        sa.CheckConstraint("changed_by IN ('us', 'hand', 'timer', 'unknown')", name=op.f("ck_relay_states_changed_by")),
        sa.PrimaryKeyConstraint("org_id", "site_id", "miner_id", name=op.f("pk_relay_states")),
    )
    op.create_table(
        "rollups",
        *_words("org_id", "site_id", "field", "device_id"),
        sa.Column("hour_start", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("mean", sa.Double(), nullable=False),
        sa.Column("minimum", sa.Double(), nullable=False),
        sa.Column("minimum_at", sa.BigInteger(), nullable=False),
        sa.Column("maximum", sa.Double(), nullable=False),
        sa.Column("maximum_at", sa.BigInteger(), nullable=False),
        sa.Column("covered_s", sa.Double(), nullable=False),
        sa.Column("positive_mean", sa.Double(), nullable=False),
        sa.Column("negative_mean", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "site_id", "field", "device_id", "hour_start", name=op.f("pk_rollups")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "routes",
        *_words("org_id", "platform", "chat_id", "person_id"),
        sa.Column("last_used_at", sa.BigInteger(), nullable=False),
        sa.Column("dead_reason", sa.Text()),
        sa.PrimaryKeyConstraint("org_id", "platform", "chat_id", name=op.f("pk_routes")),
    )
    op.create_index(op.f("ix_routes_org_id_person_id"), "routes", ["org_id", "person_id"])
    op.create_table(
        "sites",
        *_words("org_id", "site_id"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("settings", JSON, nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "site_id", name=op.f("pk_sites")),
    )
    op.create_table(
        "switchings",
        sa.Column("switching_id", AUTO_KEY, autoincrement=True, nullable=False),
        *_words("org_id", "site_id", "miner_id"),
        sa.Column("happened_at", sa.BigInteger(), nullable=False),
        sa.Column("on", sa.Boolean(), nullable=False),
        *_words("changed_by"),
        sa.Column("request_id", sa.String()),
        sa.CheckConstraint("changed_by IN ('us', 'hand', 'timer', 'unknown')", name=op.f("ck_switchings_changed_by")),
        sa.PrimaryKeyConstraint("switching_id", name=op.f("pk_switchings")),
    )
    op.create_index(
        op.f("ix_switchings_org_id_site_id_happened_at"), "switchings", ["org_id", "site_id", "happened_at"]
    )
    op.create_table(
        "weather_forecasts",
        *_words("org_id", "site_id", "source"),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        sa.Column("hours", JSON, nullable=False),
        sa.Column("attribution", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", "site_id", "source", "issued_at", name=op.f("pk_weather_forecasts")),
    )
    op.create_table(
        "wishes",
        *_words("org_id", "site_id", "miner_id", "mode"),
        sa.Column("until", sa.BigInteger()),
        *_words("set_by"),
        sa.Column("set_at", sa.BigInteger(), nullable=False),
        sa.Column("request_id", sa.String()),
        sa.Column("queue_no", sa.BigInteger()),
        sa.Column("before", JSON, nullable=False),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.CheckConstraint("mode IN ('on', 'off', 'auto', 'hand_on', 'hand_off')", name=op.f("ck_wishes_mode")),
        sa.PrimaryKeyConstraint("org_id", "site_id", "miner_id", name=op.f("pk_wishes")),
    )
    op.create_table(
        "identities",
        *_words("org_id", "platform", "external_id", "person_id"),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.person_id"], name=op.f("fk_identities_people"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("org_id", "platform", "external_id", name=op.f("pk_identities")),
    )
    op.create_index(op.f("ix_identities_person_id"), "identities", ["person_id"])
    op.create_table(
        "messages",
        sa.Column("message_id", AUTO_KEY, autoincrement=True, nullable=False),
        *_words("org_id", "conversation_id", "role"),
        sa.Column("person_id", sa.String()),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("figures", JSON),
        *_words("agent", "mode", nullable=True),
        sa.Column("prompt_tokens", sa.Integer(), nullable=False),
        sa.Column("completion_tokens", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("role IN ('person', 'assistant')", name=op.f("ck_messages_role")),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.conversation_id"],
            name=op.f("fk_messages_conversations"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_messages")),
    )
    op.create_index(op.f("ix_messages_conversation_id_message_id"), "messages", ["conversation_id", "message_id"])
    op.create_index(op.f("ix_messages_org_id_person_id_created_at"), "messages", ["org_id", "person_id", "created_at"])
    op.create_table(
        "pairing_codes",
        *_words("org_id", "code_hash", "site_id", "role"),
        *_words("person_id", "created_by", nullable=True),
        *_times("created_at", "expires_at"),
        sa.Column("used_at", sa.BigInteger()),
        sa.Column("used_by", sa.String()),
        sa.CheckConstraint("role IN ('viewer', 'operator', 'owner')", name=op.f("ck_pairing_codes_role")),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.person_id"], name=op.f("fk_pairing_codes_people"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("org_id", "code_hash", name=op.f("pk_pairing_codes")),
    )
    op.create_table(
        "roles",
        *_words("org_id", "site_id", "person_id", "role"),
        sa.Column("granted_by", sa.String()),
        sa.Column("granted_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("role IN ('viewer', 'operator', 'owner')", name=op.f("ck_roles_role")),
        sa.ForeignKeyConstraint(["person_id"], ["people.person_id"], name=op.f("fk_roles_people"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("org_id", "site_id", "person_id", name=op.f("pk_roles")),
    )
    op.create_index(op.f("ix_roles_person_id"), "roles", ["person_id"])
