"""The cgminer family's API on TCP: one JSON request per connection, the answer ends with NUL.

Pausing is BOSminer's; stock cgminer and bmminer have no such command and say so.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

from connectors.errors import ConnectorError, CredentialsRefused, Malformed, Unreachable, Unsupported
from connectors.miner_api import LOOK_EVERY_S, PATIENCE_S, miner_name, wait_until_quiet
from connectors.numbers import mapping, number, objects, text
from energy.site import Miner

PORT = 4028
LARGEST_ANSWER_BYTES = 1_000_000
REFUSALS = ("E", "F")
INVALID_COMMAND = 14
ACCESS_DENIED = 45
# the shortest average first: a long one would go on telling of a miner that has stopped
_WINDOWS = ("5s", "30s", "1m", "5m", "av")
_TERA = {"MHS": 1e-6, "GHS": 1e-3, "THS": 1.0}


class CgminerApi:
    """Speaks with one miner. Raises the errors of `connectors.errors`; no command is ever sent twice."""

    def __init__(
        self,
        miner: Miner,
        *,
        timeout_s: float = 5.0,
        patience_s: float = PATIENCE_S,
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        self.name = miner_name(miner)
        self._miner = miner
        self._host, self._port = miner.api_host or "", miner.api_port or PORT
        self._timeout_s, self._patience_s, self._look_every_s = timeout_s, patience_s, look_every_s

    async def stop(self) -> None:
        """Tell the miner to pause; comes back when it no longer hashes. Raises NotTaken when it goes on."""
        await self._tell("pause")
        await wait_until_quiet(
            self._miner, self.hashrate_ths, patience_s=self._patience_s, look_every_s=self._look_every_s
        )

    async def resume(self) -> None:
        """Tell the miner to hash again, which takes minutes to show."""
        await self._tell("resume")

    async def hashrate_ths(self) -> float | None:
        """TH/s by the miner's own figures over seconds where it has them; None where it tells none."""
        rows = objects((await self._ask("summary")).get("SUMMARY"))
        return hashrate_ths(rows[0]) if rows else None

    async def close(self) -> None:
        """Nothing stays open between requests."""

    async def _tell(self, command: str) -> None:
        # the answer's own truth value is wrong on some firmwares; that it is no error is all that is taken from it
        await self._ask(command)

    async def _ask(self, command: str) -> dict[str, Any]:
        sent = False
        try:
            async with asyncio.timeout(self._timeout_s):
                reader, writer = await asyncio.open_connection(self._host, self._port)
                try:
                    writer.write(json.dumps({"command": command}).encode())
                    sent = True
                    await writer.drain()
                    heard = await self._heard(reader)
                finally:
                    writer.close()
                    with contextlib.suppress(OSError):
                        await writer.wait_closed()
        except TimeoutError as error:
            raise Unreachable(
                f"{self.name} did not answer within {self._timeout_s:g} s; check that the miner has power",
                maybe_done=sent,
            ) from error
        except OSError as error:
            raise Unreachable(
                f"{self.name} cannot be reached at {self._host}:{self._port}; check that the miner has power and has "
                "booted, and api_host in commandcenter.toml",
                maybe_done=sent,
            ) from error
        if not heard:
            raise Unreachable(f"{self.name} hung up without an answer; it may be booting", maybe_done=True)
        answer = self._parsed(heard)
        refusal = self._refusal(command, answer)
        if refusal is not None:
            raise refusal
        return answer

    async def _heard(self, reader: asyncio.StreamReader) -> bytes:
        """Up to the NUL or the end of the connection, whichever comes first."""
        heard = bytearray()
        while more := await reader.read(65_536):
            heard += more
            if b"\0" in more:
                break
            if len(heard) > LARGEST_ANSWER_BYTES:
                raise Malformed(f"{self.name} sent more than {LARGEST_ANSWER_BYTES // 1000:,} kB; check api_host")
        return bytes(heard).partition(b"\0")[0].strip()

    def _parsed(self, heard: bytes) -> dict[str, Any]:
        # some firmwares leave the comma between objects out
        repaired = heard.decode(errors="replace").replace("}{", "},{")
        try:
            value = json.loads(repaired, parse_constant=lambda _: None)
        except (ValueError, RecursionError) as error:
            raise Malformed(
                f"{self.name} answered with something that is not JSON; check api_host and api_port"
            ) from error
        if not isinstance(value, dict):
            raise Malformed(f"{self.name} answered without content; check api_host and api_port")
        return value

    def _refusal(self, command: str, answer: dict[str, Any]) -> ConnectorError | None:
        status = mapping(next(iter(objects(answer.get("STATUS"))), None))
        kind = text(status.get("STATUS"))
        if kind is None:
            return Malformed(f"{self.name} answered without a status; check api_host and api_port")
        if kind.upper() not in REFUSALS:
            return None
        code, message = number(status.get("Code")), (text(status.get("Msg")) or "no reason")[:80]
        if code == ACCESS_DENIED or "access denied" in message.lower():
            return CredentialsRefused(
                f"{self.name} may be read but not told to {command}; allow writes from this machine in the miner's "
                "settings (api-allow W:)"
            )
        if code == INVALID_COMMAND or "invalid command" in message.lower():
            return Unsupported(
                f"{self.name} does not know {command}: this firmware cannot pause; take api out of the miner in "
                "commandcenter.toml, or install a firmware that can"
            )
        return Malformed(f"{self.name} refused {command} ({message}); look at its own web page")


def hashrate_ths(summary: dict[str, Any]) -> float | None:
    """TH/s of a row of `summary`, by the shortest window that it has; the unit stands in the key."""
    for window in _WINDOWS:
        for prefix, factor in _TERA.items():
            rate = number(summary.get(f"{prefix} {window}"))
            if rate is not None:
                return rate * factor
    return None
