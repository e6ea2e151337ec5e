"""The sites' settings as the database knows them: written from `commandcenter.toml`, read by the other processes."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import ValidationError
from sqlalchemy import select

from energy.site import Site
from store.database import Database
from store.dialect import insert_for
from store.errors import StoreError
from store.tables import sites


async def sync(db: Database, org_id: str, site: Site, *, now: datetime | None = None) -> bool:
    """Store the site's settings; whether they are new or different."""
    settings = site.model_dump(mode="json")
    of_site = (sites.c.org_id == org_id, sites.c.site_id == site.id)
    async with db.begin() as connection:
        stored = (await connection.execute(select(sites.c.settings).where(*of_site))).scalar_one_or_none()
        if stored == settings:
            return False
        row = {"name": site.name, "settings": settings, "updated_at": now or datetime.now(UTC)}
        insert = insert_for(connection, sites).values(org_id=org_id, site_id=site.id, **row)
        await connection.execute(insert.on_conflict_do_update(index_elements=["org_id", "site_id"], set_=row))
        return True


async def load(db: Database, org_id: str, site_id: str) -> Site | None:
    """The site, or None when it is not known. Raises StoreError when this version cannot read its settings."""
    query = select(sites.c.settings).where(sites.c.org_id == org_id, sites.c.site_id == site_id)
    async with db.read() as connection:
        settings = (await connection.execute(query)).scalar_one_or_none()
    if settings is None:
        return None
    try:
        return Site.model_validate(settings)
    except ValidationError as error:
        raise StoreError(
            f'the stored settings of site "{site_id}" do not fit this version ({error.error_count()} errors); '
            "start CommandCenter with its commandcenter.toml, which replaces them"
        ) from error


async def list_ids(db: Database, org_id: str) -> list[str]:
    """The ids of all sites, in alphabetical order."""
    query = select(sites.c.site_id).where(sites.c.org_id == org_id).order_by(sites.c.site_id)
    async with db.read() as connection:
        return list((await connection.execute(query)).scalars())
