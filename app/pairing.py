"""`commandcenter pair` and `people`: who may talk to the bot, seen and changed from the host."""

from __future__ import annotations

from app.opening import opened_database, scope_for, site_of
from app.settings import Settings, SettingsError
from services import people
from services.people import PAIRING_CODE_LIFETIME, create_pairing_code
from services.scope import ROLES, Role, Scope
from store.people import Person

ACTIONS = ("list", "approve", "role", "remove")


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


async def manage_people(settings: Settings, action: str, who: str | None, role: str | None) -> str:
    """What `people` prints: the list, or what was changed. `who` is a name, an id or an account ("telegram:123")."""
    if action not in ACTIONS:
        raise SettingsError(f"people {action}: must be one of {', '.join(ACTIONS)}")
    async with opened_database(settings, create=False) as database:
        site = await site_of(settings, database)
        scope = await scope_for(database, site)
        if action == "list":
            return await _listed(scope)
        if who is None:
            raise SettingsError(f"people {action}: say whom; `commandcenter people` lists them")
        if action == "approve":
            person = await _approved(scope, who, _role(role or "viewer"))
            return f"{person.name} is {person.roles[site.id]} now"
        person = await _named(scope, who)
        if action == "remove":
            await people.remove(scope, person)
            return f"{person.name} is nobody here any more"
        if role is None:
            raise SettingsError(f"people role {who}: say which role, one of {', '.join(ROLES)}")
        await people.set_role(scope, person, _role(role))
        return f"{person.name} is {role} now"


async def _approved(scope: Scope, who: str, role: Role) -> Person:
    platform, colon, external_id = who.partition(":")
    if not colon:
        raise SettingsError(f'people approve: "{who}" is no account; write PLATFORM:ID, such as telegram:123456')
    try:
        return await people.approve(scope, platform, external_id, role)
    except people.NoSuchAccount as error:
        raise SettingsError(f"people approve: {error}") from error


async def _listed(scope: Scope) -> str:
    """One line per person (name, role, accounts, id), then the strangers who wrote to the bot lately."""
    everybody = await people.list_people(scope)
    lines = ["\t".join((p.name, p.roles[scope.site.id], _accounts(p), p.person_id)) for p in everybody]
    if not everybody:
        lines.append("nobody yet; `commandcenter pair` makes a code for the first owner")
    for stranger in await people.strangers(scope):
        account = f"{stranger.platform}:{stranger.external_id}"
        lines.append(
            f"knocked: {stranger.name}\t{account}\t`commandcenter people approve {account} viewer` lets them in"
        )
    return "\n".join(lines)


async def _named(scope: Scope, who: str) -> Person:
    everybody = await people.list_people(scope)
    found = [p for p in everybody if who in (p.name, p.person_id, *_accounts(p).split(", "))]
    if len(found) == 1:
        return found[0]
    if not found:
        raise SettingsError(f'people: nobody is called "{who}"; `commandcenter people` lists names, accounts and ids')
    raise SettingsError(f'people: {len(found)} people are called "{who}"; use an account or an id instead')


def _role(text: str) -> Role:
    wanted = next((role for role in ROLES if role == text), None)
    if wanted is None:
        raise SettingsError(f"role {text}: must be one of {', '.join(ROLES)}")
    return wanted


def _accounts(person: Person) -> str:
    return ", ".join(f"{account.platform}:{account.external_id}" for account in person.identities)
