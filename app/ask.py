"""`commandcenter ask`: one question and its answer, as text or JSON."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agents.answer import Answer, Figure
from agents.assistant import Assistant
from agents.models import Models
from app.opening import moment, opened_database, scope_for, site_of
from app.outlook_demo import add_outlook
from app.settings import DATABASE_NAME, Settings
from bot.answering import reply_from_answer
from bot.platforms.console import render
from charts.render import render_png
from energy.reading import Reading
from services.scope import DEFAULT_ORG_ID, Scope
from store import readings, sites
from store.database import Database, sqlite_url

if TYPE_CHECKING:
    from simulator.physics import VirtualSite

DEMO_DAYS = 30
DEMO_SEED = 1


@dataclass(frozen=True, slots=True)
class Asked:
    """The flags of `ask`. `charts` None puts pictures into the data folder."""

    question: str
    demo: bool
    at: str | None
    person: str | None
    as_json: bool
    charts: Path | None


async def ask(settings: Settings, asked: Asked) -> str:
    """What `ask` prints."""
    charts = asked.charts or (Path("charts") if asked.demo else settings.data_dir / "charts")
    async with _scope(settings, asked) as scope:
        assistant = Assistant(Models.build(settings.models))
        try:
            answer = await assistant.answer(asked.question, scope)
        finally:
            await assistant.close()
        paths = [_saved(chart, charts) for chart in answer.charts]
    if asked.as_json:
        return json.dumps(answer_as_json(answer, paths), ensure_ascii=False, indent=2)
    text = render(reply_from_answer(answer).blocks, styled=False)
    return "\n".join([text, *(f"chart: {path}" for path in paths)])


def answer_as_json(answer: Answer, paths: list[Path]) -> dict[str, Any]:
    """The answer in the form that `ask --json` promises."""
    return {
        "text": "\n".join([answer.text, *answer.notes]),
        "agent": answer.agent,
        "mode": answer.mode,
        "tools": [{"name": t.name, "arguments": t.arguments, "ms": t.ms} for t in answer.tools],
        "figures": [_figure(figure) for figure in answer.figures],
        "charts": [{"path": str(p), "alt": c.alt} for p, c in zip(paths, answer.charts, strict=True)],
        "model_calls": answer.model_calls,
        "tokens": {"prompt": answer.prompt_tokens, "completion": answer.completion_tokens},
        "elapsed_ms": answer.elapsed_ms,
        "as_of": answer.as_of.isoformat(),
    }


def _figure(figure: Figure) -> dict[str, Any]:
    when: dict[str, str | None]
    if figure.start is not None and figure.end is not None:
        when = {"from": figure.start.isoformat(), "to": figure.end.isoformat()}
    else:
        when = {"taken_at": figure.taken_at.isoformat() if figure.taken_at else None}
    return {
        "name": figure.name,
        "value": figure.value,
        "unit": figure.unit,
        **when,
        "source": figure.source,
        "age_s": figure.age_s,
    }


def _saved(chart: Any, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{chart.slug}.png"
    path.write_bytes(render_png(chart))
    return path


@contextlib.asynccontextmanager
async def _scope(settings: Settings, asked: Asked) -> AsyncIterator[Scope]:
    if asked.demo:
        with tempfile.TemporaryDirectory(prefix="commandcenter-") as folder:
            async with demo_database(Path(folder), asked.at) as scope:
                yield scope
        return
    async with opened_database(settings, create=False) as database:
        site = await site_of(settings, database)
        at = moment(asked.at, site) if asked.at else None
        yield await scope_for(database, site, at=at, person=asked.person)


@contextlib.asynccontextmanager
async def demo_database(folder: Path, at: str | None) -> AsyncIterator[Scope]:
    """The virtual site's last 30 days at 5 minutes, in a database of their own."""
    from simulator.default_site import DEFAULT_SITE

    end = (moment(at, DEFAULT_SITE) if at else datetime.now(UTC)).astimezone(UTC)
    database = await Database.open(sqlite_url(folder / DATABASE_NAME), migrate=True)
    try:
        await sites.sync(database, DEFAULT_ORG_ID, DEFAULT_SITE)
        world, rows = demo_world(end, "sunny", DEMO_SEED)
        await readings.upsert(database, DEFAULT_ORG_ID, rows)
        await add_outlook(database, DEFAULT_SITE, world, end)
        yield await scope_for(database, DEFAULT_SITE, at=end)
    finally:
        await database.close()


def demo_world(end: datetime, scenario: str, seed: int) -> tuple[VirtualSite, list[Reading]]:
    """The virtual site, its last 30 days at 5 minutes, and its devices at `end` itself, so that "now" is fresh."""
    from simulator.default_site import site_in
    from simulator.history import readings as past_readings
    from simulator.history import readings_at, virtual_site
    from simulator.scenarios import scenario_named

    found = scenario_named(scenario)
    world = virtual_site(site_in(found), seed=seed, end=end, days=DEMO_DAYS, scenario=found)
    return world, [*past_readings(world, world.start, end), *readings_at(world, end)]
