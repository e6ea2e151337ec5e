"""The trained models of a site: which file holds which version, how good it was, and which one is in use."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import delete, select, update

from store.columns import storable
from store.database import Database
from store.dialect import insert_for
from store.forecast_tables import model_files as table

State = Literal["active", "retired", "rejected"]


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A version of the model of `target` ("solar", "load"). `path` is below `data_dir/models`.

    `error` is the mean absolute error of its rehearsal (W), None where nothing could be rehearsed. A `rejected` one was
    worse than the one in use; `note` says how much.
    """

    target: str
    version: str
    trained_at: datetime
    path: str
    sha256: str
    error: float | None
    state: State
    note: str = ""


_COLUMNS = [table.c[name] for name in ModelFile.__dataclass_fields__]


async def add(db: Database, org_id: str, site_id: str, model: ModelFile) -> None:
    """Keep a version (in place of one of the same name). One that is "active" retires the one that was."""
    values = {name: getattr(model, name) for name in ModelFile.__dataclass_fields__} | {"note": storable(model.note)}
    async with db.begin() as connection:
        if model.state == "active":
            await connection.execute(_retire(org_id, site_id, model.target))
        statement = insert_for(connection, table).values(org_id=org_id, site_id=site_id, **values)
        keys = ["org_id", "site_id", "target", "version"]
        await connection.execute(
            statement.on_conflict_do_update(
                index_elements=keys, set_={name: value for name, value in values.items() if name not in keys}
            )
        )


async def activate(db: Database, org_id: str, site_id: str, target: str, version: str) -> bool:
    """Use this version from now on, and retire the one that was; False, and nothing changed, when it is not there."""
    async with db.begin() as connection:
        chosen = (*_of(org_id, site_id, target), table.c.version == version)
        if (await connection.execute(select(table.c.version).where(*chosen))).one_or_none() is None:
            return False
        await connection.execute(_retire(org_id, site_id, target))
        await connection.execute(update(table).where(*chosen).values(state="active"))
    return True


async def of_site(db: Database, org_id: str, site_id: str, target: str | None = None) -> list[ModelFile]:
    """The versions of a site, of one target where it is named, the newest first."""
    query = select(*_COLUMNS).where(*_of(org_id, site_id, target)).order_by(table.c.trained_at.desc(), table.c.version)
    async with db.read() as connection:
        return [ModelFile(**row._mapping) for row in await connection.execute(query)]


async def remove(db: Database, org_id: str, site_id: str, target: str, version: str) -> None:
    """Forget a version. Its file is the caller's to delete."""
    statement = delete(table).where(*_of(org_id, site_id, target), table.c.version == version)
    async with db.begin() as connection:
        await connection.execute(statement)


def _of(org_id: str, site_id: str, target: str | None) -> tuple[Any, ...]:
    of_site = (table.c.org_id == org_id, table.c.site_id == site_id)
    return of_site if target is None else (*of_site, table.c.target == target)


def _retire(org_id: str, site_id: str, target: str) -> Any:
    return update(table).where(*_of(org_id, site_id, target), table.c.state == "active").values(state="retired")
