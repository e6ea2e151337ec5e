"""The miners as they are now, what is wanted of them, and which of them words mean."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from energy.interlocks import Block, Conditions, MinerRecord, Wants, auto_wants, start_blocks
from energy.merge import merge
from energy.naming import plain
from energy.preferences import PersonalLimits, personal_limits
from energy.site import Miner, Site
from services.conditions import from_parts, local_midnight
from services.scope import Scope, require
from store import people, readings, relays, wishes
from store.relays import ChangedBy
from store.wishes import Wish

_EVERYTHING = frozenset({"all", "every", "everything", "each", "both", "miner", "miners", "them"})
_SEVERAL = _EVERYTHING - {"miner"}
_NOISE = _EVERYTHING | {"the", "a", "my", "our", "of", "please", "relay", "relays"}
# A word, or a sign before one, that leaves some out: read past, it would turn an order into its opposite.
_LEAVES_OUT = re.compile(
    r"\b(?:except|excepting|excluding|exclude|but|not|without|minus|besides|unless|never|other than|apart from|"
    r"save for|don'?t|others?)\b|n't\b|[!~≠¬]|(?:^|\s)[-\u2013\u2212]\s*\w"
)


class UnknownMiner(ValueError):
    """No miner is called so; the message names those that exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MinerState:
    """One miner now. `wish.set_by` is a name; `start_blocks` are why this person cannot start it at the moment.

    `wants` is what the automatic would do, whether or not the miner is on it.
    """

    miner: Miner
    on: bool | None
    power_w: float | None
    energy_kwh: float | None
    wish: Wish | None
    changed_at: datetime | None
    changed_by: ChangedBy | None
    starts_today: int
    timer_until: datetime | None
    read_at: datetime | None
    problem: str | None
    start_blocks: tuple[Block, ...]
    wants: Wants


async def miner_states(scope: Scope) -> list[MinerState]:
    """All miners of the site in their order there, as of `scope.as_of`."""
    require(scope, "viewer")
    database, org_id, site, now = scope.database, scope.org_id, scope.site, scope.as_of
    if not site.miner:
        return []
    states = await relays.all_of(database, org_id, site.id)
    wanted = await wishes.all_of(database, org_id, site.id)
    switched = await relays.switchings(database, org_id, site.id, since=local_midnight(site, now), until=now)
    latest = await readings.latest(database, org_id, site.id, as_of=now)
    names = await names_of(scope)
    found = from_parts(site, merge(site, latest, now=now), states, wanted, switched, now)
    personal = personal_limits_of(scope)
    return [
        _state(site, miner, found, states.get(miner.id), wanted.get(miner.id), names, personal) for miner in site.miner
    ]


def _state(
    site: Site,
    miner: Miner,
    found: Conditions,
    relay: relays.RelayState | None,
    wish: Wish | None,
    names: dict[str, str],
    personal: PersonalLimits | None,
) -> MinerState:
    record: MinerRecord = found.miners[miner.id]
    return MinerState(
        miner=miner,
        on=record.on,
        power_w=record.power_w,
        energy_kwh=None if relay is None else relay.energy_kwh,
        wish=None if wish is None else replace(wish, set_by=names.get(wish.set_by, wish.set_by)),
        changed_at=record.changed_at,
        changed_by=None if relay is None else relay.changed_by,
        starts_today=record.starts_today,
        timer_until=None if relay is None else relay.timer_until,
        read_at=record.read_at,
        problem=None if relay is None else relay.problem,
        start_blocks=start_blocks(site, miner, found, personal=personal),
        wants=auto_wants(site, miner, found, running=bool(record.on)),
    )


def personal_limits_of(scope: Scope) -> PersonalLimits | None:
    """The limits that the person put on their own commands; the host's command line is nobody and has none."""
    return None if scope.actor.person_id is None else personal_limits(scope.preferences, scope.site)


async def names_of(scope: Scope) -> dict[str, str]:
    """The people's names by id, for texts."""
    known = await people.list_people(scope.database, scope.org_id)
    return {person.person_id: person.name for person in known}


def find_miners(site: Site, words: str) -> tuple[Miner, ...]:
    """The miners that words mean: "all", an id, a name, several with "and", or a part that some share ("both s19").

    An id as it is written comes first, then a name, then either as it is heard. Raises UnknownMiner, also where that
    could be several, and for words that leave some out ("all except s21"). An empty text names none.
    """
    if named := _literal(site, words):
        return tuple(named)
    if _LEAVES_OUT.search(words.casefold().replace("\u2019", "'")):
        raise UnknownMiner(
            f'"{words.strip()[:60]}" leaves some out, which I do not work out; name those that you mean: '
            f"{_names(site.miner) or 'this site has no miners'}"
        )
    parts = [part for part in re.split(r"\s*(?:,|&|\band\b)\s*", words.strip().casefold()) if part]
    found: list[Miner] = []
    for part in parts:
        found += [miner for miner in _meant(site, part, words) if miner not in found]
    if not found:
        raise _unknown(site, words)
    return tuple(miner for miner in site.miner if miner in found)


def _meant(site: Site, part: str, words: str) -> Sequence[Miner]:
    if exact := _exact(site, part):
        return exact
    spoken = re.findall(r"[\w+.-]+", part)
    kept = [word for word in spoken if word not in _NOISE]
    if not _SEVERAL.intersection(spoken) and (exact := _exact(site, " ".join(kept))):
        return exact
    if kept:
        found = [miner for miner in site.miner if _called(miner, kept)]
    else:
        found = list(site.miner) if _EVERYTHING.intersection(spoken) else []
    if not found:
        raise _unknown(site, words)
    if "both" in spoken and len(found) != 2:
        raise UnknownMiner(f'"{words[:60]}" means {len(found)} miners, not two: {_names(found)}')
    return found


def _literal(site: Site, words: str) -> list[Miner]:
    """The miner with this very id, else those with this very name; "all" is never one miner, whatever it is called."""
    text = words.strip().casefold()
    if text in _SEVERAL:
        return []
    by_id = [miner for miner in site.miner if miner.id.casefold() == text]
    return by_id or [miner for miner in site.miner if miner.name.casefold() == text]


def _exact(site: Site, text: str) -> list[Miner]:
    """What `text` names whole, as it is written or else as it is heard; UnknownMiner where that could be several."""
    written, heard_as = _literal(site, text), plain(text)
    if written or not heard_as or heard_as in _SEVERAL:
        return written
    heard = [miner for miner in site.miner if heard_as in (plain(miner.id), plain(miner.name))]
    if len(heard) > 1:
        raise UnknownMiner(f'"{text.strip()[:60]}" could be any of {_names(heard)}; write the id as it stands there')
    return heard


def _called(miner: Miner, words: list[str]) -> bool:
    """Whether every word stands for the miner: the beginning of its id, a whole word of its name, or its model."""
    together = plain("".join(words))
    if together in (plain(miner.id), plain(miner.name)):
        return True
    own = {plain(word) for text in (miner.name, miner.model or "") for word in text.split()}
    return all(_is_word(miner, plain(word), own) for word in words)


def _is_word(miner: Miner, word: str, own: set[str]) -> bool:
    if not word:
        return False
    begins = plain(miner.id).startswith(word) and (len(word) > 1) and not word.isdigit()
    return begins or word in own


def _unknown(site: Site, words: str) -> UnknownMiner:
    if not site.miner:
        return UnknownMiner("this site has no miners; its owner describes them in commandcenter.toml under [[miner]]")
    return UnknownMiner(f'there is no miner "{words.strip()[:60]}"; the miners are {_names(site.miner)}')


def _names(miners: Sequence[Miner]) -> str:
    return ", ".join(f"{miner.id} ({miner.name})" for miner in miners)
