"""Column types that both SQLite and Postgres store alike, and instants as integers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import JSON, BigInteger, Dialect, Integer
from sqlalchemy.types import TypeDecorator, TypeEngine

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

# SQLite gives an automatic key only to INTEGER; Postgres wants 64 bits.
AutoKey = BigInteger().with_variant(Integer(), "sqlite")


def to_ms(moment: datetime) -> int:
    """Epoch milliseconds of an aware datetime, rounded down; a naive one is refused with ValueError."""
    if moment.tzinfo is None:
        raise ValueError("an instant needs a time zone: pass an aware datetime, in UTC")
    return (moment - _EPOCH) // _MILLISECOND


def from_ms(milliseconds: int) -> datetime:
    """The aware UTC datetime of epoch milliseconds, exact."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


class UtcMs(TypeDecorator[datetime]):
    """An instant, stored as BIGINT epoch milliseconds: sorts and compares alike in every database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | int | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        return to_ms(value) if isinstance(value, datetime) else value  # bulk writers pass milliseconds

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else from_ms(value)


def storable(text: str, longest: int | None = None) -> str:
    """The text as every database takes it: without NUL, and without halves of characters. Others' words have both."""
    return text[:longest].replace("\x00", "").encode("utf-8", "replace").decode()


def json_column() -> TypeEngine[Any]:
    """JSON whose None is the database's NULL."""
    return JSON(none_as_null=True)
