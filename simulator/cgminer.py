"""A miner's own API on TCP, in the words of BOSminer: one JSON request per connection, the answer ends with NUL.

It answers while the miner has power and has booted. `pause` and `resume` act on the virtual site's physics.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from energy.site import Miner
from simulator.clock import SimClock
from simulator.faults import AnswerLost, Faults
from simulator.physics import MinerView, VirtualSite
from simulator.web import HOST, nulled

FIRMWARE = "bosminer-am2-s19 22.08.1-0-4a4b8f2a"
_BOARDS = 3
_LONGEST_REQUEST = 4_096
_MEGA_PER_TERA = 1_000_000.0
_PATIENCE_S = 5.0


class MinerServer:
    """The API of one miner.

    `writable` False refuses what changes something, as without `api-allow W:`.
    """

    def __init__(
        self,
        world: VirtualSite,
        miner: Miner,
        clock: SimClock,
        faults: Faults,
        *,
        writable: bool = True,
    ) -> None:
        self._world, self._miner, self._clock, self._faults = world, miner, clock, faults
        self._target = f"miner:{miner.id}"
        self._writable = writable
        self.asked: list[str] = []
        self._open: set[asyncio.StreamWriter] = set()

    async def serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection from its request to its end."""
        self._open.add(writer)
        try:
            answer = await self._answer(reader)
            if answer is not None:
                writer.write(answer)
                await writer.drain()
        except (ConnectionError, TimeoutError):  # the client went, or never said a thing
            return
        finally:
            self._open.discard(writer)
            writer.close()

    def hang_up(self) -> None:
        """End every connection that is still open."""
        for writer in list(self._open):
            writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader) -> bytes | None:
        fault = self._faults.take(self._target)
        command = _command(await asyncio.wait_for(_request(reader), _PATIENCE_S))
        if fault in ("gone", "offline") or not self._view().up:
            return None
        self.asked.append(command or "")
        if fault == "timeout":
            await reader.read()
            return None
        if fault == "html":
            return b"HTTP/1.0 400 Bad Request\r\n\r\n<html></html>"
        try:
            answer = self._replies([name for name in (command or "").split("+") if name])
        except AnswerLost:
            await reader.read()
            return None
        told = nulled(answer) if fault == "nulls" else self._faults.distortions.body(self._target, "", answer)
        return json.dumps(told).encode() + b"\0"

    def _replies(self, names: list[str]) -> dict[str, Any]:
        if len(names) < 2:
            return self._reply(names[0] if names else "")
        parts: dict[str, Any] = {name: [self._reply(name)] for name in names}  # each key then holds a list
        return parts | {"id": 1}

    def _reply(self, name: str) -> dict[str, Any]:
        now_s = int(self._clock.now().timestamp())
        if name in ("pause", "resume"):
            return self._sleep(name, now_s)
        made = self._tables(self._view())
        if name not in made:
            return _status(now_s, "E", 14, "Invalid command") | {"id": 1}
        code, message, rows = made[name]
        return _status(now_s, "S", code, message) | {name.upper(): rows, "id": 1}

    def _sleep(self, name: str, now_s: int) -> dict[str, Any]:
        fault = self._faults.take_command(self._target)
        if not self._writable or fault == "refused":
            return _status(now_s, "E", 45, f"Access denied to '{name}' command") | {"id": 1}
        if fault != "stuck":
            self._world.set_asleep(self._miner.id, name == "pause", at=self._clock.now())
        if fault == "lost":
            raise AnswerLost
        return _status(now_s, "S", 200, f"{name.capitalize()} request accepted") | {name.upper(): [True], "id": 1}

    def _view(self) -> MinerView:
        return self._world.miner(self._miner.id, self._clock.now())

    def _tables(self, view: MinerView) -> Mapping[str, tuple[int, str, list[dict[str, Any]]]]:
        mhs = round(view.hashrate_ths * _MEGA_PER_TERA, 1)
        rates = {"MHS 5s": mhs, "MHS 1m": mhs, "MHS 5m": mhs, "MHS av": mhs}
        elapsed = int(view.up_for_s)
        board = {key: round(value / _BOARDS, 1) for key, value in rates.items()}
        state = "Dead" if view.asleep else "Alive"
        boards = [{"ASC": n, "ID": n, "Enabled": "Y", "Status": state, **board} for n in range(_BOARDS)]
        details = [{"DEVDETAILS": n, "ID": n, "Driver": "", "Chips": 76, "Frequency": 0} for n in range(_BOARDS)]
        pool = {"POOL": 0, "URL": "stratum+tcp://pool.example", "Status": "Alive", "Priority": 0}
        nominal = {"Nominal MHS": round(self._miner.hashrate_ths * _MEGA_PER_TERA / _BOARDS, 1)}
        return {
            "version": (22, f"{FIRMWARE} versions", [{"API": "3.7", "BOSminer+": FIRMWARE, "Miner": "0.1.0"}]),
            "summary": (11, "Summary", [{"Elapsed": elapsed, **rates, "Accepted": elapsed // 4, "Rejected": 0}]),
            "devs": (9, f"{_BOARDS} ASC(s)", [row | nominal for row in boards]),
            "devdetails": (69, "Device Details", details),
            "pools": (7, "1 Pool(s)", [pool]),
            "stats": (70, "BOSminer stats", [{"STATS": 0, "ID": "0", "Elapsed": elapsed}]),
            "temps": (201, "3 Temp(s)", [{"TEMP": n, "ID": n, "Board": 55, "Chip": 70} for n in range(_BOARDS)]),
            "fans": (202, "4 Fan(s)", [{"FAN": n, "ID": n, "RPM": 0 if view.asleep else 4_200} for n in range(4)]),
            "tunerstatus": (
                203,
                "Tuner Status",
                [{"PowerLimit": round(self._miner.power_w), "ApproximateMinerPowerConsumption": round(view.power_w)}],
            ),
        }


@asynccontextmanager
async def listening_miner(server: MinerServer, host: str = HOST, port: int = 0) -> AsyncIterator[int]:
    """Serve one miner's API while the block runs; yields the port (`port` 0 takes a free one)."""
    listener = await asyncio.start_server(server.serve_one, host, port)
    try:
        yield int(listener.sockets[0].getsockname()[1])
    finally:
        listener.close()
        server.hang_up()
        await listener.wait_closed()


async def _request(reader: asyncio.StreamReader) -> bytes:
    """What the client says: it need not end the line, nor its side of the connection."""
    heard = b""
    while len(heard) < _LONGEST_REQUEST:
        more = await reader.read(_LONGEST_REQUEST)
        heard += more
        if not more or _command(heard) is not None:
            break
    return heard


def _command(heard: bytes) -> str | None:
    try:
        value = json.loads(heard.rstrip(b"\0\n"))
    except ValueError:
        return None
    command = value.get("command") if isinstance(value, dict) else None
    return command if isinstance(command, str) else ""


def _status(now_s: int, kind: str, code: int, message: str) -> dict[str, Any]:
    return {"STATUS": [{"STATUS": kind, "When": now_s, "Code": code, "Msg": message, "Description": FIRMWARE}]}
