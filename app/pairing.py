"""`commandcenter pair` and `people`."""

from __future__ import annotations

from app.opening import opened_database, scope_for, site_of
from app.settings import Settings, SettingsError
from services.people import PAIRING_CODE_LIFETIME, create_pairing_code, list_people
from services.scope import ROLES
from store.people import Person


async def pairing_code(settings: Settings, role: str) -> str:
    """A fresh code and what to do with it."""
    wanted = next((r for r in ROLES if r == role), None)
    if wanted is None:
        raise SettingsError(f"--role {role}: must be one of {', '.join(ROLES)}")
    async with opened_database(settings, create=True) as database:
        site = await site_of(settings, database)
        code = await create_pairing_code(await scope_for(database, site), wanted)
    minutes = round(PAIRING_CODE_LIFETIME.total_seconds() / 60)
    return (
        f"{code}\nSend this code to the bot in a direct chat within {minutes} minutes. It works once, for one {wanted}."
    )


async def listed_people(settings: Settings) -> str:
    """One line per person: name, role, accounts, id."""
    async with opened_database(settings, create=False) as database:
        site = await site_of(settings, database)
        everybody = await list_people(await scope_for(database, site))
    if not everybody:
        return "nobody yet; `commandcenter pair` makes a code for the first owner"
    return "\n".join("\t".join((p.name, p.roles[site.id], _accounts(p), p.person_id)) for p in everybody)


def _accounts(person: Person) -> str:
    return ", ".join(f"{account.platform}:{account.external_id}" for account in person.identities)
