"""A miner's own API over TCP: it stops gently, resumes, and is never taken at its word."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from connectors.cgminer import CgminerApi, hashrate_ths
from connectors.device import MinerApi
from connectors.errors import ConnectorError, CredentialsRefused, Malformed, NotTaken, Unreachable, Unsupported
from connectors.miner_api import connect
from energy.site import Miner
from simulator.physics.relays import ASLEEP_W
from tests.connectors.miner_stage import TARGET, MinerStage, miner_stage
from tests.connectors.serving import closed_port

HASTY_S = 0.4
Answers = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening_for(answers: Answers) -> AsyncIterator[Miner]:
    """A miner whose API answers as the test scripts it."""
    server = await asyncio.start_server(answers, "127.0.0.1", 0)
    async with server:
        yield miner_at(server.sockets[0].getsockname()[1])


def miner_at(port: int) -> Miner:
    address = {"api": "cgminer", "api_host": "127.0.0.1", "api_port": port}
    return Miner(id="m", name="M", power_w=3250, hashrate_ths=95, device="g", **address)


def api_of(stage: MinerStage) -> CgminerApi:
    return CgminerApi(stage.miner, timeout_s=HASTY_S, patience_s=0.2, look_every_s=0.02)


async def test_a_stopped_miner_draws_little_with_its_relay_on_and_ramps_up_when_it_resumes():
    async with miner_stage() as stage:
        api = connect(stage.miner)
        assert isinstance(api, MinerApi)
        assert await api.hashrate_ths() == pytest.approx(95, rel=0.02)
        await api.stop()
        assert stage.truth.power_w == ASLEEP_W
        assert await api.hashrate_ths() == 0
        stage.later(60)
        await api.resume()
        assert stage.truth.power_w < 100
        stage.later(75)
        assert 1_000 < stage.truth.power_w < 2_500
        stage.later(600)
        assert stage.truth.power_w == pytest.approx(3_250, rel=0.02)
        await api.close()


async def test_missing_commas_between_objects_are_repaired():
    async def sloppy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b'{"STATUS":[{"STATUS":"S"}{"STATUS":"S"}],"SUMMARY":[{"GHS 5s":95000}],"id":1}\0')
        writer.close()

    async with listening_for(sloppy) as miner:
        assert await CgminerApi(miner).hashrate_ths() == pytest.approx(95)


async def test_a_yes_of_a_miner_that_goes_on_hashing_is_not_believed():
    async with miner_stage() as stage:
        stage.faults.order(TARGET, "stuck", count=1)
        with pytest.raises(NotTaken, match="s19-1 was told to stop and does not show within"):
            await api_of(stage).stop()
        assert stage.server.asked.count("pause") == 1


async def test_a_no_of_a_miner_that_stopped_is_not_believed_either():
    async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await reader.read(100)
        said = b'"PAUSE":[false]' if b"pause" in asked else b'"SUMMARY":[{"MHS 5s":0,"MHS av":9e7}]'
        writer.write(b'{"STATUS":[{"STATUS":"S"}],' + said + b',"id":1}\0')
        writer.close()

    async with listening_for(answers) as miner:
        await CgminerApi(miner).stop()


async def test_a_miner_that_may_only_be_read_says_how_to_allow_more():
    async with miner_stage(writable=False) as stage:
        api = api_of(stage)
        with pytest.raises(CredentialsRefused, match="may be read but not told to pause; allow writes"):
            await api.stop()
        assert await api.hashrate_ths() == pytest.approx(95, rel=0.02)
        assert not stage.truth.asleep


async def test_firmware_without_pause_is_told_apart():
    async def stock(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b'{"STATUS":[{"STATUS":"E","When":1,"Code":14,"Msg":"Invalid command"}],"id":1}\0')
        writer.close()

    async with listening_for(stock) as miner:
        with pytest.raises(Unsupported, match="this firmware cannot pause; take api out"):
            await CgminerApi(miner).stop()


@pytest.mark.parametrize("on_for_s", [None, 10.0])
async def test_a_miner_without_power_or_while_it_boots_is_unreachable(on_for_s):
    async with miner_stage(on_for_s=on_for_s) as stage:
        with pytest.raises(Unreachable, match="s19-1"):
            await api_of(stage).stop()


async def test_a_power_cut_lets_the_miner_forget_that_it_was_told_to_stop():
    async with miner_stage() as stage:
        api = api_of(stage)
        await api.stop()
        stage.power(False)
        stage.later(600)
        stage.power(True)
        stage.later(600)
        assert await api.hashrate_ths() == pytest.approx(95, rel=0.02)
        await api.resume()  # nothing to wake: it goes on at full power
        assert stage.truth.power_w == pytest.approx(3_250, rel=0.02)
        await api.stop()
        assert stage.truth.power_w == ASLEEP_W


async def test_a_lost_answer_may_have_been_done_and_is_not_sent_again():
    async with miner_stage() as stage:
        stage.faults.order(TARGET, "lost", count=1)
        with pytest.raises(Unreachable) as caught:
            await api_of(stage).stop()
        assert caught.value.maybe_done
        assert stage.truth.asleep
        assert stage.server.asked == ["pause"]


async def test_nobody_there_surely_did_nothing():
    miner = miner_at(await closed_port())
    with pytest.raises(Unreachable, match="check that the miner has power") as caught:
        await CgminerApi(miner).stop()
    assert caught.value.maybe_done is False


@pytest.mark.parametrize(("fault", "error"), [("timeout", Unreachable), ("html", Malformed), ("gone", Unreachable)])
async def test_trouble_has_its_kind_and_ends(fault: str, error: type[ConnectorError]):
    async with miner_stage() as stage:
        stage.faults.order(TARGET, fault, count=1)
        with pytest.raises(error):
            await api_of(stage).hashrate_ths()
        assert await api_of(stage).hashrate_ths() == pytest.approx(95, rel=0.02)


async def test_figures_that_are_null_are_unknown():
    async with miner_stage() as stage:
        stage.faults.order(TARGET, "nulls", count=1)
        assert await api_of(stage).hashrate_ths() is None


async def test_an_endless_answer_is_cut_off():
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        try:
            while True:
                writer.write(b" " * 65_536)
                await writer.drain()
        except ConnectionError:
            return
        finally:
            writer.close()

    async with listening_for(endless) as miner:
        with pytest.raises(Malformed, match="sent more than"):
            await CgminerApi(miner).hashrate_ths()


async def test_an_answer_ends_with_its_nul_though_the_connection_stays_open():
    async def stays(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b'{"STATUS":[{"STATUS":"S"}],"SUMMARY":[{"GHS 5s":95000}],"id":1}\0rubbish')
        await reader.read()
        writer.close()

    async with listening_for(stays) as miner:
        assert await CgminerApi(miner, timeout_s=HASTY_S).hashrate_ths() == pytest.approx(95)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"MHS 5s": 95_000_000.0, "MHS av": 1.0}, 95.0),
        ({"GHS 5s": "95000.00", "GHS av": 1}, 95.0),
        ({"GHS av": 95_000}, 95.0),
        ({"Elapsed": 5}, None),
        ({"MHS 5s": "nan"}, None),
    ],
)
def test_the_unit_of_a_hash_rate_stands_in_its_key(row, expected):
    assert hashrate_ths(row) == (None if expected is None else pytest.approx(expected))


def test_a_miner_without_api_has_none():
    with pytest.raises(LookupError, match=r'miner "m" has no api'):
        connect(Miner(id="m", name="M", power_w=1, hashrate_ths=1, device="g"))


@pytest.mark.skipif(importlib.util.find_spec("pyasic") is not None, reason="the extra is installed here")
async def test_a_missing_extra_is_named_with_the_command_that_installs_it():
    miner = Miner(id="m", name="M", power_w=1, hashrate_ths=1, device="g", api="pyasic", api_host="127.0.0.1")
    api = connect(miner)
    with pytest.raises(Unsupported, match=r'pip install "commandcenter\[miners\]"'):
        await api.stop()
    await api.close()
