"""Where a person's own target must not lead: private, local and metadata addresses, in every disguise."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from aiohttp import web

from connectors.notify.addresses import AddressRefused, NotResolved, checked_addresses, is_near, is_public, resolved
from connectors.notify.pinned import Answered, PinnedPost
from connectors.notify.sender import Later, Never
from connectors.notify.settings import notify_settings
from tests.doubles.webhook_sink import webhook_sink


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",  # metadata
        "100.100.100.200",  # another cloud's
        "168.63.129.16",  # another one's, in the public range
        "192.0.0.192",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.251",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",  # only ever used to hide something
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2001:0:53aa:64c:0:0:80ff:fffe",  # Teredo
        "2001:db8::1",
        "fc00::1",
        "fd00:ec2::254",  # metadata
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "localhost",
        "",
    ],
)
def test_no_such_address_is_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "2606:2800:220:1::1", "2a00:1450:4001::1"])
def test_ordinary_ones_are(address: str) -> None:
    assert is_public(address)
    assert not is_near(address)


@pytest.mark.parametrize(
    ("address", "near"),
    [
        ("192.168.1.4", True),
        ("127.0.0.1", True),
        ("fd12::1", True),
        ("::1", True),
        ("169.254.169.254", False),
        ("fe80::1", False),
        ("fd00:ec2::254", False),
        ("224.0.0.1", False),
        ("0.0.0.0", False),
    ],
)
def test_an_owner_can_allow_the_own_network_but_never_metadata(address: str, near: bool) -> None:
    assert is_near(address) is near


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "127.1", "0177.0.0.1", "localhost"])
async def test_the_system_reads_odd_numbers_as_this_machine_and_is_not_believed(host: str) -> None:
    assert "127.0.0.1" in await resolved(host, 443) or "::1" in await resolved(host, 443)
    with pytest.raises(AddressRefused, match="NOTIFY_ALLOW_PRIVATE"):
        await checked_addresses(host, 443)


class Names:
    """A resolver whose answers are set, one after the other; it counts how often it was asked."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked = 0

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked += 1
        return self._answers.pop(0)


async def test_one_bad_address_among_good_ones_is_enough() -> None:
    with pytest.raises(AddressRefused):
        await checked_addresses("mixed.example", 443, resolver=Names(["93.184.216.34", "10.0.0.1"]))
    with pytest.raises(NotResolved):
        await checked_addresses("none.example", 443, resolver=Names([]))


async def test_a_name_that_changes_its_mind_is_asked_once() -> None:
    async with webhook_sink() as sink:
        names = Names(["127.0.0.1"], ["169.254.169.254"], ["10.0.0.1"])
        post = PinnedPost(("lan.example",), resolver=names)
        assert isinstance(await post.post(f"http://lan.example:{sink.port}/in", content=b"{}"), Answered)
        assert names.asked == 1
        # The next message asks anew, and is not led astray by what was good before.
        outcome = await post.post(f"http://lan.example:{sink.port}/in", content=b"{}")
        await post.close()
    assert isinstance(outcome, Never)
    assert "169.254.169.254" in outcome.reason
    assert len(sink.posted) == 1


async def test_where_one_address_of_a_host_is_away_the_next_one_is_tried() -> None:
    async with webhook_sink() as sink:
        post = PinnedPost(("lan.example",), resolver=Names(["127.0.0.2", "::1", "127.0.0.1"]))
        answer = await post.post(f"http://lan.example:{sink.port}/in", content=b"{}")
        await post.close()
    assert isinstance(answer, Answered)
    assert len(sink.posted) == 1


async def test_a_private_host_is_refused_unless_the_owner_named_that_very_host() -> None:
    async with webhook_sink() as sink:
        strict = PinnedPost((), resolver=Names(["127.0.0.1"]))
        other = PinnedPost(("lan.example",), resolver=Names(["127.0.0.1"]))
        for post in (strict, other):
            assert isinstance(await post.post(f"https://inside.example:{sink.port}/", content=b""), Never)
            await post.close()
    assert sink.posted == []


async def test_without_encryption_only_what_the_owner_allowed_is_called() -> None:
    post = PinnedPost((), resolver=Names(["93.184.216.34"]))
    outcome = await post.post("http://example.org/in", content=b"")
    assert isinstance(outcome, Never)
    assert "https" in outcome.reason


@pytest.mark.parametrize("where", ["http://169.254.169.254/latest/meta-data/", "http://127.0.0.1:1/", "/elsewhere"])
async def test_a_redirect_is_not_followed_wherever_it_leads(where: str) -> None:
    async with webhook_sink() as sink:
        sink.answers.append(web.Response(status=302, headers={"Location": where}))
        post = PinnedPost(("lan.example",), resolver=Names(["127.0.0.1"]))
        answer = await post.post(f"http://lan.example:{sink.port}/in", content=b"{}")
        await post.close()
    assert isinstance(answer, Answered)
    assert answer.status == 302
    assert len(sink.posted) == 1


@pytest.mark.parametrize(
    "url", ["https://", "ftp://example.org/", "https://[::1", "https://example.org:99999/", "nonsense"]
)
async def test_an_address_that_is_none_is_never_called(url: str) -> None:
    post = PinnedPost((), resolver=Names())
    assert isinstance(await post.post(url, content=b""), Never)


async def test_a_name_without_an_address_means_later() -> None:
    async def nowhere(host: str, port: int) -> Sequence[str]:
        raise NotResolved("gone.example has no address")

    assert isinstance(await PinnedPost((), resolver=nowhere).post("https://gone.example/", content=b""), Later)


async def test_no_cookie_of_one_message_goes_with_the_next() -> None:
    async with webhook_sink() as sink:
        sink.answers.append(web.Response(headers={"Set-Cookie": "who=ann; Path=/"}))
        post = PinnedPost(("lan.example",), resolver=Names(["127.0.0.1"], ["127.0.0.1"]))
        for _ in range(2):
            assert isinstance(await post.post(f"http://lan.example:{sink.port}/in", content=b"{}"), Answered)
        await post.close()
    assert [posted.headers.get("cookie") for posted in sink.posted] == [None, None]


def test_an_address_in_brackets_is_allowed_as_it_stands_in_a_target() -> None:
    assert notify_settings({"NOTIFY_ALLOW_PRIVATE": "[fd00::1], NAS.lan."}).allow_private == {"fd00::1", "nas.lan"}
