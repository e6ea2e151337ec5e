from __future__ import annotations

import re
from dataclasses import replace

import pytest

from bot.reply import Code, Paragraph, Text, plain
from services import groups, people
from services import live as stored_live
from services.live import LiveMessage
from services.scope import Role
from store import pairing
from tests.bot.commands.stage import ORG, Stage, labels, lines, newcomer


async def joined(stage: Stage, name: str, role: Role = "viewer") -> Stage:
    actor = await newcomer(stage.scope.database, stage.site, name, name, role)
    return replace(stage, scope=replace(stage.scope, actor=actor))


async def knock(stage: Stage, account: str, name: str) -> None:
    await people.note_stranger(stage.scope.database, "telegram", account, name, "not paired")


async def test_owners_see_who_is_here_and_who_knocked(stage: Stage) -> None:
    await joined(stage, "Ben")
    await knock(stage, "555", "Carl")
    reply = await stage.say("/people")
    said = plain(reply.blocks)
    assert said.startswith("2 people:")
    assert "Ann, owner (wall)" in said
    assert "Ben, viewer (wall)" in said
    assert "Knocked: Carl. To let them in: /people approve telegram:555 viewer" in said
    assert labels(reply) == ["Let Carl in"]


async def test_many_people_are_six_lines_and_a_way_to_see_all(stage: Stage) -> None:
    for number in range(9):
        await joined(stage, f"Guest {number}")
    for number in range(4):
        await knock(stage, str(number), f"Stranger {number}")
    reply = await stage.say("/people")
    assert plain(reply.blocks).startswith("10 people:")
    assert "and 8 more; /people all lists them" in plain(reply.blocks)
    assert len(lines(reply)) <= 6
    assert "Guest 8" in await stage.hears("/people all")


@pytest.mark.parametrize("command", ["/people", "/people approve telegram:555 owner", "/people remove Ann"])
async def test_nobody_else_sees_or_changes_people(stage: Stage, command: str) -> None:
    olga = await joined(stage, "Olga", "operator")
    assert (await olga.hears(command)).startswith("That is not allowed: this needs the role owner; Olga is operator")
    assert [person.name for person in await people.list_people(stage.scope)] == ["Ann", "Olga"]


async def test_an_owner_lets_somebody_in_changes_the_role_and_removes(stage: Stage) -> None:
    await knock(stage, "555", "Carl")
    assert (await stage.hears("/people approve telegram:555")).startswith("Carl is viewer now.")
    assert await stage.hears("/people role carl operator") == "Carl is operator now."
    assert "Carl is nobody here any more" in await stage.hears("/people remove telegram:555")
    assert [person.name for person in await people.list_people(stage.scope)] == ["Ann"]


async def test_the_last_owner_stays(stage: Stage) -> None:
    assert (await stage.hears("/people remove Ann")).startswith("That is not allowed:")
    assert (await stage.hears("/people role Ann viewer")).startswith("That is not allowed:")
    assert [person.name for person in await people.list_people(stage.scope)] == ["Ann"]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("/people approve Carl", '"Carl" is no account.'),
        ("/people approve", "Nothing is no account."),
        ("/people approve telegram:5 king", '"king" is no role.'),
        ("/people approve telegram: viewer", '"telegram:" is no account.'),
        ("/people role Ann", "Say who, and which role."),
        ("/people role Zoe viewer", 'Nobody here is called "Zoe".'),
        ("/people remove Zoe", 'Nobody here is called "Zoe".'),
        ("/people praise Ann", '"praise" is nothing that I can do with people.'),
    ],
)
async def test_what_makes_no_sense_about_people_is_answered_with_an_example(
    stage: Stage, text: str, wrong: str
) -> None:
    said = await stage.hears(text)
    assert said.startswith(wrong)
    assert "For example: /people" in said


@pytest.mark.parametrize(
    ("account", "says"),
    [
        ("foo:1", "platforms are telegram, slack, discord, console"),
        ("slack:U1", "as in slack:T123:U456"),
        ("telegram:evil.example/x", "as in telegram:123456"),
    ],
)
async def test_an_account_that_cannot_exist_is_answered_with_an_example(stage: Stage, account: str, says: str) -> None:
    said = await stage.hears(f"/people approve {account} viewer")
    assert says in said
    assert "evil.example" not in said
    assert [person.name for person in await people.list_people(stage.scope)] == ["Ann"]


async def test_two_people_of_one_name_are_told_apart_by_their_accounts(stage: Stage) -> None:
    await joined(stage, "Ben")
    actor = await newcomer(stage.scope.database, stage.site, "Ben", "other", "viewer")
    assert actor.person_id
    said = await stage.hears("/people remove Ben")
    assert said.startswith('More than one is called "Ben".')
    assert "wall:Ben" in said
    assert "wall:other" in said


HOSTILE = (
    "</b><a href='https://evil.example/x'>free</a>",
    "[pay](https://evil.example/pay)",
    "@everyone",
    "/miners stop all",
    "evil.example",
    "A\u202egnp.exe",
    "line\nbreak\n/people role me owner",
    "x" * 5_000,
    "\u200b\u200b",
    "*bold* _it_ `code` ||spoiler||",
)


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_name_from_outside_is_no_markup_link_command_or_mention(stage: Stage, name: str) -> None:
    await knock(stage, "555", name)
    await joined(stage, name)
    reply = await stage.say("/people")
    shown = [
        inline.text
        for block in reply.blocks
        for line in ((block.inlines,) if isinstance(block, Paragraph) else getattr(block, "items", ()))
        for inline in line
        if isinstance(inline, Text) or not isinstance(inline, Code)
    ]
    text = " ".join(shown)
    assert "\n" not in "".join(shown)
    assert "\u202e" not in text
    assert not re.search(r"(?:^|\s)/\w", text.replace("/people approve", ""))
    assert "@" not in text
    assert "://" not in text
    assert not re.search(r"[a-z]\.[a-z]{2}", text)
    assert len(text) < 600


async def test_a_link_code_makes_another_account_the_same_person(stage: Stage) -> None:
    said = await stage.hears("/link")
    code = re.search(r"/start (\S+)", said)
    assert code is not None
    person = await pairing.redeem(stage.scope.database, ORG, "slack", "U1", "Ann on Slack", code[1])
    assert person.person_id == stage.scope.actor.person_id
    assert person.roles[stage.site.id] == "owner"
    assert "wall, slack" in await stage.hears("/people") or "slack, wall" in await stage.hears("/people")


async def test_a_link_code_is_given_in_direct_chats_only(stage: Stage) -> None:
    stage.direct = False
    said = await stage.hears("/link")
    assert "/start" not in said
    assert "direct chat only" in said


async def test_an_owner_opens_and_closes_a_group(stage: Stage) -> None:
    group = replace(stage, place="-100", direct=False)
    assert "closed" in await group.hears("/group")
    assert (await group.hears("/group open")).startswith("This group is open")
    assert await groups.is_open(stage.scope, "wall", "-100")
    assert (await group.hears("/group close")).startswith("This group is closed")
    assert not await groups.is_open(stage.scope, "wall", "-100")


async def test_nobody_else_opens_a_group(stage: Stage) -> None:
    olga = replace(await joined(stage, "Olga", "operator"), place="-100", direct=False)
    assert "this needs the role owner" in await olga.hears("/group open")
    assert not await groups.is_open(stage.scope, "wall", "-100")


async def test_a_direct_chat_needs_no_opening(stage: Stage) -> None:
    assert (await stage.hears("/group open")).startswith("This is a direct chat and needs no opening")
    assert (await stage.hears("/group ajar")).startswith('After /group I understand open or close, not "ajar".')


@pytest.mark.parametrize(
    ("text", "until"),
    [
        ("/away until Friday", "Away until Fri 00:00"),
        ("we're away until Friday", "Away until Fri 00:00"),
        ("/away for 2h", "Away until 15:00"),
        ("/away 3 days", "Away until Fri 13:00"),
        ("/away until 2026-12-24", "Away until 2026-12-24 00:00"),
    ],
)
async def test_a_person_is_away_and_back(stage: Stage, text: str, until: str) -> None:
    assert (await stage.hears(text)).startswith(until)
    said = await stage.hears("/away")
    assert said.startswith("1 away:")
    assert f"Ann {until[5:]}" in said
    assert (await stage.hears("/away off")).startswith("Welcome back")
    assert (await stage.hears("I'm back")).startswith("You were not away.")
    assert (await stage.hears("/away")).startswith("Nobody is away.")


@pytest.mark.parametrize("text", ["/away until pigs fly", "/away until 2020-01-01", "/away for 900 days"])
async def test_an_absence_that_makes_no_sense_is_answered_with_an_example(stage: Stage, text: str) -> None:
    assert "For example: /away until Friday" in await stage.hears(text)


async def test_the_live_message_says_the_state_and_that_it_is_live(stage: Stage) -> None:
    reply = await stage.say("/live")
    said = plain(reply.blocks)
    assert reply.kind == "live"
    assert "% battery" in said
    assert said.endswith("as of 13:00, Victron, SolArk, Shelly · renewed 2026-11-24 13:00 · /live off ends it")
    assert len(lines(reply)) <= 6


async def test_a_terminal_says_that_it_keeps_nothing_up_to_date(stage: Stage) -> None:
    printed = replace(stage, platform="console")
    reply = await printed.say("/live")
    said = plain(reply.blocks)
    assert reply.kind == "answer"
    assert "% battery" in said
    assert "renewed" not in said
    assert said.endswith("what is printed here cannot be kept up to date; /status shows the figures of now")


async def test_the_live_message_of_a_chat_is_ended(stage: Stage) -> None:
    assert (await stage.hears("/live off")).startswith("There is no live message here.")
    message = LiveMessage("wall", "7", None, "m1", "7", "Ann", stage.scope.as_of)
    await stored_live.put(stage.scope.database, stage.site, message)
    reply = await stage.say("/live off")
    assert plain(reply.blocks) == "The live message here has ended."
    assert reply.kind == "live_off"  # which ends it, once the word of it stands there
    assert (await stage.hears("/live maybe")).startswith('After /live I understand nothing or off, not "maybe".')
