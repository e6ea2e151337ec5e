"""All tables; those of control and of chats are in `store.control_tables`, those of alerts in `store.alert_tables`,
those of the weather now and of vendors' forecasts in `store.weather_tables`, our own and plans in
`store.forecast_tables`, prices in `store.price_tables`.

Every row belongs to an organisation (`org_id`), and to a site where that means something.

Instants are epoch milliseconds (`UtcMs`). The migrations in `store/migrations` create exactly these tables; a test
holds the two together. `WITHOUT ROWID` keeps the rows of one device side by side, in the order of time.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from energy.reading import NUMERIC_FIELDS
from store import alert_tables as alert_tables  # its tables belong to the same metadata
from store import control_tables as control_tables  # and so do these
from store import forecast_tables as forecast_tables  # and these
from store import price_tables as price_tables  # and these
from store import weather_tables as weather_tables  # and these
from store.columns import AutoKey, UtcMs, json_column
from store.schema import key as _key
from store.schema import metadata as metadata

DEFAULT_ORG = "home"

sites = Table(
    "sites",
    metadata,
    _key("org_id"),
    _key("site_id"),
    Column("name", Text, nullable=False),
    Column("settings", json_column(), nullable=False),
    Column("updated_at", UtcMs, nullable=False),
)

readings = Table(
    "readings",
    metadata,
    _key("org_id"),
    _key("site_id"),
    _key("device_id"),
    Column("taken_at", UtcMs, primary_key=True),
    Column("source", String, nullable=False),
    Column("quality", String, nullable=False),
    *(Column(name, Double) for name in NUMERIC_FIELDS),
    Column("grid_present", Boolean),
    Column("inverter_state", Text),
    Column("fault_codes", json_column()),
    sqlite_with_rowid=False,
)

rollups = Table(
    "rollups",
    metadata,
    _key("org_id"),
    _key("site_id"),
    Column("field", String, primary_key=True),
    _key("device_id"),
    Column("hour_start", BigInteger, primary_key=True, autoincrement=False),  # epoch seconds, as all times of a rollup
    Column("mean", Double, nullable=False),
    Column("minimum", Double, nullable=False),
    Column("minimum_at", BigInteger, nullable=False),
    Column("maximum", Double, nullable=False),
    Column("maximum_at", BigInteger, nullable=False),
    Column("covered_s", Double, nullable=False),
    Column("positive_mean", Double, nullable=False),
    Column("negative_mean", Double, nullable=False),
    sqlite_with_rowid=False,
)

rejected_readings = Table(
    "rejected_readings",
    metadata,
    _key("org_id"),
    _key("site_id"),
    _key("device_id"),
    Column("field", String, primary_key=True),
    Column("day", Date, primary_key=True),  # UTC
    Column("times", Integer, nullable=False),
    Column("last_reason", Text, nullable=False),
    Column("last_at", UtcMs, nullable=False),
)

weather_forecasts = Table(
    "weather_forecasts",
    metadata,
    _key("org_id"),
    _key("site_id"),
    _key("source"),
    Column("issued_at", UtcMs, primary_key=True),
    Column("hours", json_column(), nullable=False),
    Column("attribution", Text, nullable=False),
)

device_facts = Table(
    "device_facts",
    metadata,
    _key("org_id"),
    _key("site_id"),
    _key("device_id"),
    Column("taken_at", UtcMs, primary_key=True),
    Column("confirmed_at", UtcMs, nullable=False),
    Column("facts", json_column(), nullable=False),
)

conversations = Table(
    "conversations",
    metadata,
    Column("conversation_id", String, primary_key=True),
    Column("org_id", String, nullable=False),
    Column("site_id", String, nullable=False),
    Column("platform", String, nullable=False),
    Column("chat_id", String, nullable=False),
    Column("thread", String, nullable=False),  # "" = none: NULLs would not be unique
    Column("created_at", UtcMs, nullable=False),
    UniqueConstraint("org_id", "platform", "chat_id", "thread"),
)

messages = Table(
    "messages",
    metadata,
    Column("message_id", AutoKey, primary_key=True, autoincrement=True),
    Column("org_id", String, nullable=False),
    Column("conversation_id", String, nullable=False),
    Column("role", String, nullable=False),
    Column("person_id", String),
    Column("text", Text, nullable=False),
    Column("figures", json_column()),
    Column("agent", String),
    Column("mode", String),
    Column("prompt_tokens", Integer, nullable=False),
    Column("completion_tokens", Integer, nullable=False),
    Column("created_at", UtcMs, nullable=False),
    ForeignKeyConstraint(["conversation_id"], ["conversations.conversation_id"], ondelete="CASCADE"),
    CheckConstraint("role IN ('person', 'assistant')", name="role"),
    Index(None, "conversation_id", "message_id"),
    Index(None, "org_id", "person_id", "created_at"),
)

people = Table(
    "people",
    metadata,
    Column("person_id", String, primary_key=True),
    Column("org_id", String, nullable=False),
    Column("name", Text, nullable=False),
    Column("preferences", json_column(), nullable=False),
    Column("created_at", UtcMs, nullable=False),
    Index(None, "org_id"),
)

identities = Table(
    "identities",
    metadata,
    _key("org_id"),
    Column("platform", String, primary_key=True),
    _key("external_id"),
    Column("person_id", String, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("created_at", UtcMs, nullable=False),
    ForeignKeyConstraint(["person_id"], ["people.person_id"], ondelete="CASCADE"),
    Index(None, "person_id"),
)

roles = Table(
    "roles",
    metadata,
    _key("org_id"),
    _key("site_id"),
    Column("person_id", String, primary_key=True),
    Column("role", String, nullable=False),
    Column("granted_by", String),
    Column("granted_at", UtcMs, nullable=False),
    ForeignKeyConstraint(["person_id"], ["people.person_id"], ondelete="CASCADE"),
    CheckConstraint("role IN ('viewer', 'operator', 'owner')", name="role"),
    Index(None, "person_id"),
)

pairing_codes = Table(
    "pairing_codes",
    metadata,
    _key("org_id"),
    Column("code_hash", String, primary_key=True),
    Column("site_id", String, nullable=False),
    Column("role", String, nullable=False),
    Column("person_id", String),  # set: the code links one more platform to this person
    Column("created_by", String),
    Column("created_at", UtcMs, nullable=False),
    Column("expires_at", UtcMs, nullable=False),
    Column("used_at", UtcMs),
    Column("used_by", String),
    ForeignKeyConstraint(["person_id"], ["people.person_id"], ondelete="CASCADE"),
    CheckConstraint("role IN ('viewer', 'operator', 'owner')", name="role"),
)

pairing_attempts = Table(
    "pairing_attempts",
    metadata,
    Column("attempt_id", AutoKey, primary_key=True, autoincrement=True),
    Column("org_id", String, nullable=False),
    Column("platform", String, nullable=False),
    Column("external_id", String, nullable=False),
    Column("attempted_at", UtcMs, nullable=False),
    Index(None, "org_id", "attempted_at"),
)

audit = Table(
    "audit",
    metadata,
    Column("audit_id", AutoKey, primary_key=True, autoincrement=True),
    Column("org_id", String, nullable=False),
    Column("site_id", String),
    Column("happened_at", UtcMs, nullable=False),
    Column("actor", String, nullable=False),
    Column("action", String, nullable=False),
    Column("subject", Text, nullable=False),
    Column("details", json_column(), nullable=False),
    Index(None, "org_id", "happened_at"),
)

inbox = Table(
    "inbox",
    metadata,
    _key("org_id"),
    Column("platform", String, primary_key=True),
    _key("key"),
    Column("state", String, nullable=False),
    Column("message", json_column()),
    Column("reply", json_column()),
    Column("received_at", UtcMs, nullable=False),
    Column("settled_at", UtcMs),
    CheckConstraint("state IN ('received', 'answered', 'settled')", name="state"),
    Index(None, "org_id", "platform", "state", "received_at"),
)

platform_offsets = Table(
    "platform_offsets",
    metadata,
    _key("org_id"),
    Column("platform", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("value", BigInteger, nullable=False),
    Column("updated_at", UtcMs, nullable=False),
)

job_slots = Table(
    "job_slots",
    metadata,
    _key("org_id"),
    _key("name"),
    Column("slot", UtcMs, primary_key=True),
    Column("claimed_at", UtcMs, nullable=False),
    Column("finished_at", UtcMs),
)

backfill_progress = Table(
    "backfill_progress",
    metadata,
    _key("org_id"),
    _key("site_id"),
    _key("device_id"),
    Column("day", Date, primary_key=True),  # the site's local calendar day
    Column("readings", Integer, nullable=False),
    Column("complete", Boolean, nullable=False),
    Column("updated_at", UtcMs, nullable=False),
)
