"""What can go wrong with the database, each with its remedy in the message."""

from __future__ import annotations


class StoreError(Exception):
    """Something is wrong with the stored data; the message says what, and what to do."""


class DatabaseTooNew(StoreError):
    """The database was written by a newer CommandCenter than this one."""


class DatabaseNotMigrated(StoreError):
    """The database is empty, or older than this CommandCenter."""


class NotOurDatabase(StoreError):
    """The address does not lead to a database of CommandCenter, or not to a database at all."""


class DatabaseUnreachable(StoreError):
    """The database does not answer, or may not be opened."""


class DatabaseIncomplete(StoreError):
    """Some of CommandCenter's tables are there and some, or the revision, are not: a copy or a restore broke off."""
