"""A reply's charts as pictures. No chart is worth losing the text."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import structlog

from bot.answering import CHART_FAILED
from bot.ports import Renderer
from bot.reply import Picture, Reply

log = structlog.get_logger()


async def drawn(reply: Reply, render: Renderer, timeout_s: float) -> tuple[Reply, tuple[Picture, ...]]:
    """The charts as pictures; where one fails, the text goes without it and says so."""
    pictures: list[Picture] = []
    failed = False
    for spec in reply.charts:
        try:
            async with asyncio.timeout(timeout_s):
                pictures.append(Picture(await render(spec), spec.alt, spec.slug))
        except Exception:  # whatever the drawing says
            log.exception("chart_failed")
            failed = True
    return (replace(reply, blocks=(*reply.blocks, CHART_FAILED)) if failed else reply), tuple(pictures)
