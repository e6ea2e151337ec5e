"""What a site does with its plans: it advises, asks before each change, or follows them by itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from energy.site import Site
from services.scope import Scope
from store.database import Database

Mode = Literal["advise", "ask", "automatic"]
MODES: tuple[Mode, ...] = ("advise", "ask", "automatic")


@dataclass(frozen=True, slots=True)
class ModeNow:
    """The mode, and who set it when; `set_by` None: the site's settings say so. `set_by` is a person's id or "host"."""

    mode: Mode
    set_by: str | None = None
    set_at: datetime | None = None


async def mode_of(database: Database, org_id: str, site: Site) -> ModeNow:
    """The mode of a site."""
    raise NotImplementedError


async def set_mode(scope: Scope, mode: Mode) -> ModeNow:
    """Set the mode, for owners, with an audit row; a plan is made at once. Raises `Refused` for everybody else."""
    raise NotImplementedError
