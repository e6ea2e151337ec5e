"""The tables of control: requests, wishes, relays, buttons, and the ways to people.

None of them points at `people` with a foreign key: what the worker settles must not fail because somebody was removed
meanwhile. `store.people.forget` removes what was theirs.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from store.columns import AutoKey, UtcMs, json_column
from store.schema import key as _key
from store.schema import metadata

control_requests = Table(
    "control_requests",
    metadata,
    Column("request_id", String, primary_key=True),
    Column("org_id", String, nullable=False),
    Column("site_id", String, nullable=False),
    Column("action", String, nullable=False),
    Column("arguments", json_column(), nullable=False),
    Column("digest", String, nullable=False),
    Column("origin", String, nullable=False),
    Column("state", String, nullable=False),
    Column("person_id", String),  # NULL: the host's own command line, or the plan
    Column("person_name", Text, nullable=False),
    Column("place", String, nullable=False),
    Column("address", json_column()),
    Column("idempotency_key", String),
    Column("created_at", UtcMs, nullable=False),
    Column("expires_at", UtcMs),
    Column("decided_at", UtcMs),
    Column("lease_until", UtcMs),
    Column("tries", Integer, nullable=False),
    Column("finished_at", UtcMs),
    Column("results", json_column(), nullable=False),
    Column("reported_at", UtcMs),
    Column("queue_no", BigInteger),  # the order in which requests were decided, whatever the clocks say
    UniqueConstraint("org_id", "idempotency_key"),
    CheckConstraint(
        "state IN ('proposed', 'queued', 'executing', 'done', 'refused', 'failed', 'cancelled', 'expired')",
        name="state",
    ),
    CheckConstraint("origin IN ('typed', 'tapped', 'model', 'plan')", name="origin"),
    Index(None, "org_id", "site_id", "state", "decided_at"),
)

wishes = Table(
    "wishes",
    metadata,
    _key("org_id"),
    _key("site_id"),
    _key("miner_id"),
    Column("mode", String, nullable=False),
    Column("until", UtcMs),
    Column("set_by", String, nullable=False),
    Column("set_at", UtcMs, nullable=False),
    Column("request_id", String),
    Column("queue_no", BigInteger),
    Column("before", json_column(), nullable=False),
    Column("held", Boolean, nullable=False),
    CheckConstraint("mode IN ('on', 'off', 'auto', 'hand_on', 'hand_off')", name="mode"),
)

relay_states = Table(
    "relay_states",
    metadata,
    _key("org_id"),
    _key("site_id"),
    _key("miner_id"),
    Column("device", String),  # the channel that this is about: the miner may be moved to another one
    Column("channel", Integer),
    Column("on", Boolean),
    Column("power_w", Double),
    Column("energy_kwh", Double),
    Column("timer_until", UtcMs),
    Column("read_at", UtcMs),
    Column("changed_at", UtcMs),
    Column("changed_by", String),
    Column("reachable", Boolean, nullable=False),
    Column("problem", Text),
    Column("errors", json_column(), nullable=False),
    CheckConstraint("changed_by IN ('us', 'hand', 'timer', 'unknown')", name="changed_by"),
)

switchings = Table(
    "switchings",
    metadata,
    Column("switching_id", AutoKey, primary_key=True, autoincrement=True),
    Column("org_id", String, nullable=False),
    Column("site_id", String, nullable=False),
    Column("miner_id", String, nullable=False),
    Column("happened_at", UtcMs, nullable=False),
    Column("on", Boolean, nullable=False),
    Column("changed_by", String, nullable=False),
    Column("request_id", String),
    CheckConstraint("changed_by IN ('us', 'hand', 'timer', 'unknown')", name="changed_by"),
    Index(None, "org_id", "site_id", "happened_at"),
)

buttons = Table(
    "buttons",
    metadata,
    _key("org_id"),
    Column("token_hash", String, primary_key=True),
    Column("action", json_column(), nullable=False),
    Column("person_id", String),
    Column("place", String),
    Column("site_id", String),
    Column("single_use", Boolean, nullable=False),
    Column("created_at", UtcMs, nullable=False),
    Column("expires_at", UtcMs),
    Column("used_at", UtcMs),
    Column("used_by", String),
    Column("used_key", String),  # the tap that used it: the same tap, delivered again, gets the same verdict
    Index(None, "org_id", "person_id"),
    Index(None, "org_id", "created_at"),
)

routes = Table(
    "routes",
    metadata,
    _key("org_id"),
    Column("platform", String, primary_key=True),
    _key("chat_id"),
    Column("person_id", String, nullable=False),
    Column("last_used_at", UtcMs, nullable=False),
    Column("dead_reason", Text),
    Index(None, "org_id", "person_id"),
)

open_groups = Table(
    "open_groups",
    metadata,
    _key("org_id"),
    _key("site_id"),
    Column("platform", String, primary_key=True),
    _key("chat_id"),
    Column("opened_by", String, nullable=False),
    Column("opened_at", UtcMs, nullable=False),
    Column("alerts", Boolean, nullable=False),  # whether alerts are told there
    Column("brief_at", String),  # the site's time of day at which the daily brief is told there, such as 07:30
)

absences = Table(
    "absences",
    metadata,
    Column("absence_id", AutoKey, primary_key=True, autoincrement=True),
    Column("org_id", String, nullable=False),
    Column("person_id", String, nullable=False),
    Column("from_at", UtcMs, nullable=False),
    Column("until_at", UtcMs, nullable=False),
    Column("note", Text, nullable=False),
    Column("created_at", UtcMs, nullable=False),
    Index(None, "org_id", "person_id", "until_at"),
)

live_messages = Table(
    "live_messages",
    metadata,
    _key("org_id"),
    _key("site_id"),
    Column("platform", String, primary_key=True),
    _key("chat_id"),
    Column("thread", String),
    Column("ref", String, nullable=False),
    Column("external_id", String, nullable=False),
    Column("name", Text, nullable=False),
    Column("started_at", UtcMs, nullable=False),
)

# The lines that say what is being done while an answer is worked on, so that a restart leaves none standing.
progress_lines = Table(
    "progress_lines",
    metadata,
    _key("org_id"),
    Column("platform", String, primary_key=True),
    _key("chat_id"),
    _key("ref"),
    Column("thread", String),
)

registrations = Table(
    "registrations",
    metadata,
    _key("org_id"),
    Column("platform", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("hash", String, nullable=False),
    Column("updated_at", UtcMs, nullable=False),
)
