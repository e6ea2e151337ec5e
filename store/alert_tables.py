"""The tables of alerts: episodes, what is told of them, where that stands, and the ways to people beside the chats.

None of them points at `people` with a foreign key, for the reason that `store.control_tables` gives.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
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

alert_episodes = Table(
    "alert_episodes",
    metadata,
    Column("episode_id", AutoKey, primary_key=True, autoincrement=True),
    Column("org_id", String, nullable=False),
    Column("site_id", String, nullable=False),
    Column("rule_id", String, nullable=False),
    Column("subject", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("newest", Boolean, nullable=False),  # of its rule and subject
    Column("state", String, nullable=False),
    Column("level", String, nullable=False),
    Column("episode", json_column(), nullable=False),
    Column("version", Integer, nullable=False),
    Column("seq", Integer, nullable=False),  # of the last transition
    Column("escalated", Integer, nullable=False),
    Column("fired_at", UtcMs),
    Column("ended_at", UtcMs),
    Column("updated_at", UtcMs, nullable=False),
    UniqueConstraint("org_id", "site_id", "rule_id", "subject", "number"),
    CheckConstraint("state IN ('ok', 'pending', 'firing', 'acknowledged', 'resolved')", name="state"),
    CheckConstraint("level IN ('info', 'warning', 'critical')", name="level"),
    Index(None, "org_id", "site_id", "newest"),
    Index(None, "org_id", "site_id", "fired_at"),
)

alert_transitions = Table(
    "alert_transitions",
    metadata,
    Column("episode_id", BigInteger, primary_key=True, autoincrement=False),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("org_id", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("at", UtcMs, nullable=False),
    Column("actor", String),  # NULL: the evaluation itself
    Index(None, "org_id", "at"),
)

# One number per site that moves with every change, so that a cache asks for nothing else.
alert_revisions = Table(
    "alert_revisions",
    metadata,
    _key("org_id"),
    _key("site_id"),
    Column("revision", BigInteger, nullable=False),
)

alert_mutes = Table(
    "alert_mutes",
    metadata,
    _key("org_id"),
    _key("site_id"),
    Column("rule_id", String, primary_key=True),
    _key("person_id"),  # "" = everybody: NULLs would not be unique
    Column("until", UtcMs, nullable=False),
    Column("set_by", String, nullable=False),
    Column("set_at", UtcMs, nullable=False),
)

custom_alerts = Table(
    "custom_alerts",
    metadata,
    Column("custom_id", AutoKey, primary_key=True, autoincrement=True),
    Column("org_id", String, nullable=False),
    Column("site_id", String, nullable=False),
    Column("person_id", String, nullable=False),
    Column("rule_id", String, nullable=False),
    Column("rule", json_column(), nullable=False),
    Column("created_at", UtcMs, nullable=False),
    UniqueConstraint("org_id", "site_id", "person_id", "rule_id"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("outbox_id", AutoKey, primary_key=True, autoincrement=True),
    Column("org_id", String, nullable=False),
    Column("site_id", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("level", String, nullable=False),
    Column("once_key", String),  # a second entry with the same key is not added
    Column("person_id", String),
    Column("address", json_column()),
    Column("text", Text, nullable=False),
    Column("message_id", BigInteger),
    Column("step", Integer, nullable=False),
    Column("data", json_column(), nullable=False),
    Column("state", String, nullable=False),
    Column("created_at", UtcMs, nullable=False),
    Column("due_at", UtcMs),  # NULL: settled
    Column("set_at", UtcMs, nullable=False),  # when due_at was set: after a clock that was set back, both move with it
    Column("tries", Integer, nullable=False),
    Column("settled_at", UtcMs),
    Column("last_reason", Text),
    Column("read_at", UtcMs),
    UniqueConstraint("org_id", "once_key"),
    CheckConstraint("kind IN ('notice', 'alert', 'digest', 'summary', 'brief', 'plan')", name="kind"),
    CheckConstraint("level IN ('info', 'warning', 'critical')", name="level"),
    CheckConstraint("state IN ('waiting', 'sent', 'dropped', 'merged', 'dead')", name="state"),
    Index(None, "org_id", "due_at"),
    Index(None, "org_id", "state", "set_at"),
    Index(None, "org_id", "person_id", "site_id", "read_at"),
)

alert_messages = Table(
    "alert_messages",
    metadata,
    Column("message_id", AutoKey, primary_key=True, autoincrement=True),
    Column("org_id", String, nullable=False),
    Column("site_id", String, nullable=False),
    Column("group_name", String, nullable=False),
    Column("level", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", UtcMs, nullable=False),
    CheckConstraint("level IN ('info', 'warning', 'critical')", name="level"),
    Index(None, "org_id", "site_id", "group_name", "created_at"),
)

alert_message_episodes = Table(
    "alert_message_episodes",
    metadata,
    Column("message_id", BigInteger, primary_key=True, autoincrement=False),
    Column("episode_id", BigInteger, primary_key=True, autoincrement=False),
    Index(None, "episode_id"),
)

postings = Table(
    "postings",
    metadata,
    Column("posting_id", AutoKey, primary_key=True, autoincrement=True),
    Column("org_id", String, nullable=False),
    Column("site_id", String, nullable=False),
    Column("outbox_id", BigInteger, nullable=False),
    Column("message_id", BigInteger, nullable=False),
    Column("person_id", String),
    Column("platform", String, nullable=False),
    Column("chat_id", String, nullable=False),
    Column("thread", String),
    Column("ref", String),  # NULL: it cannot be changed there
    Column("shown_version", Integer, nullable=False),
    Column("due_at", UtcMs),  # NULL: it shows what there is to show
    Column("set_at", UtcMs, nullable=False),
    Column("changeable", Boolean, nullable=False),
    Index(None, "message_id"),
    Index(None, "outbox_id"),
    Index(None, "org_id", "due_at"),
    Index(None, "org_id", "person_id"),
)

contacts = Table(
    "contacts",
    metadata,
    Column("contact_id", AutoKey, primary_key=True, autoincrement=True),
    Column("org_id", String, nullable=False),
    Column("person_id", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("target", Text, nullable=False),  # may hold a secret: never logged, never shown whole
    Column("label", Text, nullable=False),
    Column("created_at", UtcMs, nullable=False),
    Column("dead_reason", Text),
    UniqueConstraint("org_id", "person_id", "target"),
    CheckConstraint("kind IN ('webhook', 'apprise')", name="kind"),
)

heartbeats = Table(
    "heartbeats",
    metadata,
    _key("org_id"),
    _key("name"),
    Column("at", UtcMs, nullable=False),
    Column("clean", Boolean, nullable=False),
)
