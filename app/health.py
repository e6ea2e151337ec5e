"""What /healthz reports: the database, the adapters, the worker's parts, the outbox, the age of the newest reading."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import structlog

from app import __version__
from app.clock import REAL
from app.platforms import PlatformAdapter
from bot.web.app import Adapter, HealthReport, Outbox, Part
from energy.site import Site
from services.scope import DEFAULT_ORG_ID
from services.vital_signs import VitalSigns, vital_signs
from store import readings
from store.database import Database

log = structlog.get_logger()


class ProcessHealth:
    """`bot.web.app.Health` of this process and, by their signs of life, of the worker and the courier.

    `troubles` are the platforms that could not be started at all. `delivers`: whether messages leave from here.
    """

    def __init__(
        self,
        database: Database,
        site: Site,
        adapters: Sequence[PlatformAdapter],
        troubles: Mapping[str, str] | None = None,
        now: Callable[[], datetime] = REAL.now,
        *,
        delivers: bool = False,
    ) -> None:
        self._now = now
        self._database = database
        self._site = site
        self._adapters = adapters
        self._not_started = {name: Adapter(False, trouble=words) for name, words in (troubles or {}).items()}
        self._is_live = any(device.kind != "csv" for device in site.device)  # imported files grow old in peace
        self._delivers = delivers

    async def check(self) -> HealthReport:
        """See `bot.web.app.Health`."""
        now = self._now()
        try:
            latest = await readings.latest(self._database, DEFAULT_ORG_ID, self._site.id, as_of=now)
            signs = await vital_signs(self._database, self._site.id, now)
        except Exception:  # whatever it is, the report must say it
            log.exception("health_database_failed")
            return HealthReport(database_ok=False, version=__version__)
        newest = max((reading.taken_at for reading in latest.values()), default=None)
        return HealthReport(
            database_ok=True,
            adapters=self._not_started
            | {each.name: Adapter(each.ready, each.last_poll_age_s, each.trouble) for each in self._adapters},
            newest_reading_age_s=None if newest is None or not self._is_live else (now - newest).total_seconds(),
            version=__version__,
            parts=self._parts(signs),
            outbox=Outbox(
                moves=not (self._delivers and (signs.is_overdue or signs.unheard_s is not None)),
                overdue_s=signs.overdue_s,
                dead_letters=signs.dead_letters,
            ),
        )

    def _parts(self, signs: VitalSigns) -> dict[str, Part]:
        """What must run beside this process. A demo's clock may run faster than signs are left: nothing is judged."""
        if self._now != REAL.now:
            return {}
        wanted = {"poll": self._is_live, "evaluate": self._is_live, "deliver": self._delivers}
        return {
            part: Part(alive=not (is_wanted and signs.is_stale(part)), age_s=signs.ages_s[part])
            for part, is_wanted in wanted.items()
        }
