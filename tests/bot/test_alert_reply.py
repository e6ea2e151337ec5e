from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.alert_reply import alert_reply, notice_reply
from bot.platforms.telegram.render import render
from bot.reply import Bold, Paragraph, Reply, plain
from energy.alerts.episode import State
from services import buttons
from services.scope import Actor, Scope
from simulator.default_site import DEFAULT_SITE
from store import sites
from store.database import Database, sqlite_url
from tests.bot.sample_alerts import LOW, NOW, content, stored

HERE = "telegram:7"


@pytest.fixture
async def scope(tmp_path: Path) -> AsyncIterator[Scope]:
    database = await Database.open(sqlite_url(tmp_path / "alerts.db"), migrate=True)
    await sites.sync(database, "home", DEFAULT_SITE)
    yield Scope(database, DEFAULT_SITE, NOW, actor=Actor("p1", "Ann", "owner"))
    await database.close()


def labels(reply: Reply) -> list[list[str]]:
    return [[button.label for button in row] for row in reply.buttons]


async def test_an_alert_says_its_level_first_what_to_do_and_of_when_it_is(scope: Scope) -> None:
    reply = await alert_reply(scope, content(scope, stored("battery_critical", **LOW)), HERE)
    assert plain(reply.blocks) == (
        "Critical: Battery at 28 %, under its minimum of 30 %. Since 13:58.\n"
        "Below it the inverter may switch off.\n"
        "What to do: stop the miners, or start the generator.\n\n"
        "Alert 12, as of 14:03, solark"
    )
    assert isinstance(reply.blocks[0], Paragraph)
    assert reply.blocks[0].inlines[0] == Bold("Critical:")
    assert labels(reply) == [["Acknowledge", "Mute 1 h", "Chart"], ["Stop miners"]]
    assert not reply.charts


async def test_what_is_in_hand_needs_no_acknowledging_and_what_is_over_no_button(scope: Scope) -> None:
    in_hand = await alert_reply(
        scope, content(scope, stored("battery_critical", state=State.ACKNOWLEDGED, **LOW)), HERE
    )
    assert "Acknowledged by Ann at 14:04." in plain(in_hand.blocks)
    assert labels(in_hand) == [["Mute 1 h", "Chart"], ["Stop miners"]]
    over = await alert_reply(scope, content(scope, stored("battery_critical", state=State.RESOLVED, **LOW)), HERE)
    assert plain(over.blocks).startswith("Over: The battery is back above its minimum. It lasted 6 min.")
    assert labels(over) == []


async def test_who_may_not_do_it_is_offered_no_button_for_it(scope: Scope) -> None:
    viewer = replace(scope, actor=Actor("p2", "Ben", "viewer"))
    reply = await alert_reply(viewer, content(viewer, stored("battery_critical", **LOW)), HERE)
    assert labels(reply) == [["Mute 1 h", "Chart"]]


async def test_without_buttons_it_says_what_to_type(scope: Scope) -> None:
    reply = await alert_reply(scope, content(scope, stored("battery_critical", **LOW)), "sms:1", buttons=False)
    assert "Reply in chat: /ack 12 or /miners stop all" in plain(reply.blocks)
    assert labels(reply) == []


async def test_a_button_works_in_its_place_alone_and_for_everybody_there(scope: Scope) -> None:
    reply = await alert_reply(scope, content(scope, stored("battery_critical", **LOW)), HERE)
    token = reply.buttons[0][0].token
    database, site = scope.database, scope.site
    there = await buttons.redeem(database, site, token, person_id="p9", place=HERE, key="k1", now=NOW)
    again = await buttons.redeem(database, site, token, person_id="p8", place=HERE, key="k2", now=NOW)
    elsewhere = await buttons.redeem(database, site, token, person_id="p9", place="slack:D1", key="k3", now=NOW)
    assert (there.verdict, again.verdict, elsewhere.verdict) == ("ok", "ok", "elsewhere")
    assert there.action == {"do": "alert", "act": "ack", "message": 5}


async def test_a_name_in_it_is_no_markup_no_link_and_no_command(scope: Scope) -> None:
    evil = "<b>**x**</b> evil.example.com @everyone"
    silent = stored("device_silent", subject=evil, what=f"{evil} has not reported for 12 min.")
    (html,) = render((await alert_reply(scope, content(scope, silent), HERE)).blocks)
    assert "&lt;b&gt;**x**&lt;/b&gt; evil․example․com ＠everyone" in html


async def test_many_alerts_are_one_list_with_what_to_do_first(scope: Scope) -> None:
    silent = [stored("device_silent", n, subject=f"d{n}", what=f"d{n} is silent.", do="look.") for n in range(9)]
    reply = await alert_reply(scope, content(scope, *silent), HERE)
    assert plain(reply.blocks) == (
        "Warning: 9 alerts at once.\n\n• d0 is silent.\n• d1 is silent.\n• d2 is silent.\n• and 6 more\n\n"
        "What to do first: look.\n\nAlerts 0, 1, 2 and 6 more, as of 14:03, solark"
    )


async def test_a_chart_that_cannot_be_made_costs_no_alert(scope: Scope) -> None:
    broken = stored("battery_critical", **LOW | {"chart": "no_such_field"})
    reply = await alert_reply(scope, content(scope, broken), HERE, chart=True)
    assert "Battery at 28 %" in plain(reply.blocks)
    assert reply.charts == ()


@pytest.mark.parametrize(
    ("level", "text", "said"),
    [
        ("info", "s19-1 is on.", "s19-1 is on."),
        ("critical", "The relay answers nothing.", "Critical: The relay answers nothing."),
        ("critical", "CRITICAL: it is so.", "Critical: it is so."),
    ],
)
def test_what_is_critical_says_so_first(level: str, text: str, said: str) -> None:
    assert plain(notice_reply(level, text).blocks) == said
