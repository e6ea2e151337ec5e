"""The part of the first revision that makes the tables of alerts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

AUTO_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON(none_as_null=True)
LEVELS = "level IN ('info', 'warning', 'critical')"


def create_alert_tables() -> None:
    """All of them, with their indexes."""
    _create_episodes()
    _create_outbox()
    _create_ways()


def _auto(name: str) -> sa.Column[int]:
    return sa.Column(name, AUTO_KEY, autoincrement=True, nullable=False)


def _words(*names: str, nullable: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(), nullable=nullable) for name in names]


def _texts(*names: str, nullable: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=nullable) for name in names]


def _numbers(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.Integer(), nullable=False) for name in names]


def _longs(*names: str, nullable: bool = False) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger(), autoincrement=False, nullable=nullable) for name in names]


def _json(name: str, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, JSON, nullable=nullable)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=False)


def _index(table: str, *columns: str) -> None:
    op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, list(columns))


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=op.f(f"pk_{table}"))


def _unique(table: str, *columns: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(*columns, name=op.f(f"uq_{table}_{'_'.join(columns)}"))


def _check(table: str, name: str, condition: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(condition, name=op.f(f"ck_{table}_{name}"))


def _create_episodes() -> None:
    op.create_table(
        "alert_episodes",
        _auto("episode_id"),
        *_words("org_id", "site_id", "rule_id"),
        *_texts("subject"),
        *_numbers("number"),
        _flag("newest"),
        *_words("state", "level"),
        _json("episode"),
        *_numbers("version", "seq", "escalated"),
        *_longs("fired_at", "ended_at", nullable=True),
        *_longs("updated_at"),
        _check("alert_episodes", "state", "state IN ('ok', 'pending', 'firing', 'acknowledged', 'resolved')"),
        _check("alert_episodes", "level", LEVELS),
        _key("alert_episodes", "episode_id"),
        _unique("alert_episodes", "org_id", "site_id", "rule_id", "subject", "number"),
    )
    _index("alert_episodes", "org_id", "site_id", "newest")
    _index("alert_episodes", "org_id", "site_id", "fired_at")
    op.create_table(
        "alert_transitions",
        *_longs("episode_id"),
        *_numbers("seq"),
        *_words("org_id", "kind"),
        *_longs("at"),
        *_words("actor", nullable=True),
        _key("alert_transitions", "episode_id", "seq"),
    )
    _index("alert_transitions", "org_id", "at")
    op.create_table(
        "alert_revisions",
        *_words("org_id", "site_id"),
        *_longs("revision"),
        _key("alert_revisions", "org_id", "site_id"),
    )
    op.create_table(
        "alert_mutes",
        *_words("org_id", "site_id", "rule_id", "person_id"),
        *_longs("until"),
        *_words("set_by"),
        *_longs("set_at"),
        _key("alert_mutes", "org_id", "site_id", "rule_id", "person_id"),
    )
    op.create_table(
        "custom_alerts",
        _auto("custom_id"),
        *_words("org_id", "site_id", "person_id", "rule_id"),
        _json("rule"),
        *_longs("created_at"),
        _key("custom_alerts", "custom_id"),
        _unique("custom_alerts", "org_id", "site_id", "person_id", "rule_id"),
    )


def _create_outbox() -> None:
    op.create_table(
        "outbox",
        _auto("outbox_id"),
        *_words("org_id", "site_id", "kind", "level"),
        *_words("once_key", "person_id", nullable=True),
        _json("address", nullable=True),
        *_texts("text"),
        *_longs("message_id", nullable=True),
        *_numbers("step"),
        _json("data"),
        *_words("state"),
        *_longs("created_at"),
        *_longs("due_at", nullable=True),
        *_longs("set_at"),
        *_numbers("tries"),
        *_longs("settled_at", nullable=True),
        *_texts("last_reason", nullable=True),
        *_longs("read_at", nullable=True),
        _check("outbox", "kind", "kind IN ('notice', 'alert', 'digest', 'summary', 'brief', 'plan')"),
        _check("outbox", "level", LEVELS),
        _check("outbox", "state", "state IN ('waiting', 'sent', 'dropped', 'merged', 'dead')"),
        _key("outbox", "outbox_id"),
        _unique("outbox", "org_id", "once_key"),
    )
    _index("outbox", "org_id", "due_at")
    _index("outbox", "org_id", "state", "set_at")
    _index("outbox", "org_id", "person_id", "site_id", "read_at")
    op.create_table(
        "alert_messages",
        _auto("message_id"),
        *_words("org_id", "site_id", "group_name", "level"),
        *_numbers("version"),
        *_longs("created_at"),
        _check("alert_messages", "level", LEVELS),
        _key("alert_messages", "message_id"),
    )
    _index("alert_messages", "org_id", "site_id", "group_name", "created_at")
    op.create_table(
        "alert_message_episodes",
        *_longs("message_id", "episode_id"),
        _key("alert_message_episodes", "message_id", "episode_id"),
    )
    _index("alert_message_episodes", "episode_id")
    op.create_table(
        "postings",
        _auto("posting_id"),
        *_words("org_id", "site_id"),
        *_longs("outbox_id", "message_id"),
        *_words("person_id", nullable=True),
        *_words("platform", "chat_id"),
        *_words("thread", "ref", nullable=True),
        *_numbers("shown_version"),
        *_longs("due_at", nullable=True),
        *_longs("set_at"),
        _flag("changeable"),
        _key("postings", "posting_id"),
    )
    _index("postings", "message_id")
    _index("postings", "outbox_id")
    _index("postings", "org_id", "due_at")
    _index("postings", "org_id", "person_id")


def _create_ways() -> None:
    op.create_table(
        "contacts",
        _auto("contact_id"),
        *_words("org_id", "person_id", "kind"),
        *_texts("target", "label"),
        *_longs("created_at"),
        *_texts("dead_reason", nullable=True),
        _check("contacts", "kind", "kind IN ('webhook', 'apprise')"),
        _key("contacts", "contact_id"),
        _unique("contacts", "org_id", "person_id", "target"),
    )
    op.create_table(
        "heartbeats",
        *_words("org_id", "name"),
        *_longs("at"),
        _flag("clean"),
        _key("heartbeats", "org_id", "name"),
    )
