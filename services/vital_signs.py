"""Whether what must run does run: the age of each part's last sign of life, and what waits to be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from services.scope import DEFAULT_ORG_ID
from store import outbox
from store.database import Database
from store.heartbeats import of_site

# Each part leaves a sign every 10 s; a round of polls, or a look at every rule, may take a while.
FRESH_S: Mapping[str, float] = MappingProxyType({"poll": 120.0, "evaluate": 90.0, "deliver": 90.0})
OVERDUE_S = 120.0
FAILS_FOR = timedelta(minutes=10)  # and so many times: a critical message that reaches nobody
FAILS_TIMES = 5
GIVEN_UP_WITHIN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class VitalSigns:
    """`ages_s` by part ("poll", "evaluate", "deliver"), None where there never was a sign.

    `overdue_s` is for how long the oldest message has been due that nobody took up; `dead_letters` were given up.
    """

    ages_s: Mapping[str, float | None]
    overdue_s: float | None
    dead_letters: int
    unheard_s: float | None = None  # since when a critical message reaches nobody, however often it is tried

    def is_stale(self, part: str) -> bool:
        """Whether there was a sign, and none lately."""
        age_s = self.ages_s[part]
        return age_s is not None and age_s > FRESH_S[part]

    @property
    def is_overdue(self) -> bool:
        """Whether a message waits for longer than a working courier lets it."""
        return self.overdue_s is not None and self.overdue_s > OVERDUE_S

    def down(self, *, delivers: bool) -> Mapping[str, str]:
        """The parts that do not work, each in words; a part without any sign counts. Empty when all is well.

        `delivers`: whether there is a chat or another way out, so that messages must leave.
        """
        found: dict[str, str] = {}
        for part, age_s in self.ages_s.items():
            if part == "deliver" and not delivers:
                continue
            if age_s is None:
                found[part] = "no sign of life yet"
            elif self.is_stale(part):
                found[part] = f"no sign of life for {_spoken(age_s)}"
        if delivers and self.is_overdue and self.overdue_s is not None:
            found.setdefault("deliver", f"a message waits for {_spoken(self.overdue_s)}")
        if delivers and self.unheard_s is not None:
            found.setdefault("deliver", f"a critical message has reached nobody for {_spoken(self.unheard_s)}")
        return found


async def vital_signs(database: Database, site_id: str, now: datetime, *, org_id: str = DEFAULT_ORG_ID) -> VitalSigns:
    """The signs as they are in the database at `now` (aware UTC), whichever process left them."""
    beats = await of_site(database, org_id, site_id)
    names = {"poll": f"poll:{site_id}", "evaluate": f"evaluate:{site_id}", "deliver": f"deliver:{site_id}"}
    # A sign from the future was left before the clock was set back: it counts as one of now.
    ages_s = {
        part: None if name not in beats else max((now - beats[name].at).total_seconds(), 0.0)
        for part, name in names.items()
    }
    unheard = await outbox.unheard_since(
        database,
        org_id,
        site_id,
        tries=FAILS_TIMES,
        begun_before=now - FAILS_FOR,
        died_after=now - GIVEN_UP_WITHIN,
    )
    return VitalSigns(
        ages_s,
        await outbox.overdue(database, org_id, now, site_id=site_id),
        await outbox.count_dead(database, org_id, site_id),
        None if unheard is None else max((now - unheard).total_seconds(), 0.0),
    )


def _spoken(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
