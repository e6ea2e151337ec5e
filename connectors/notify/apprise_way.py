"""Push services (ntfy, Pushover, Gotify, ...) through apprise, each message in a short-lived process of its own.

The process costs about a second of one core per message. It is what holds the limits: it can be ended when a server
drips its answer, has a limit on its memory, and none of our secrets. See `apprise_child` for what it may do.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

from connectors.notify.apprise_child import is_plain
from connectors.notify.sender import Delivered, Later, Never, Outcome, OutMessage
from energy.contact_targets import SERVICES, TargetRefused, has_host, parse_target

TIMEOUT_S = 40.0
AT_ONCE = 2  # of each level; what is critical waits for nothing else
WAIT_S = 6.0  # longest for a turn; the next way to the person is better than waiting
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "SYSTEMROOT")
_PROGRAM = "from connectors.notify.apprise_child import main; main()"


class AppriseSender:
    """`Sender` for apprise addresses."""

    kind = "apprise"

    def __init__(
        self,
        allow_private: Collection[str] = (),
        *,
        pushover_api_url: str | None = None,
        timeout_s: float = TIMEOUT_S,
        wait_s: float = WAIT_S,
    ) -> None:
        self._allow_private = allow_private
        self._pushover_api_url = pushover_api_url
        self._timeout_s = timeout_s
        self._wait_s = wait_s
        self._turns = {critical: asyncio.Semaphore(AT_ONCE) for critical in (True, False)}
        # a server that does not answer holds one turn and no more
        self._hosts: WeakValueDictionary[tuple[bool, str], asyncio.Lock] = WeakValueDictionary()

    async def send(self, target: str, message: OutMessage) -> Outcome:
        """See `Sender`."""
        try:
            parse_target(target)  # what is stored may be older than a rule about it
        except TargetRefused as error:
            return Never(f"its address is not one that we send to: {error}")
        parts = urlsplit(target)
        name = SERVICES[parts.scheme.lower()].name
        if is_plain(target) and (parts.hostname or "").rstrip(".") not in self._allow_private:
            return Never(
                f"{name} at {parts.hostname} is called without encryption; write {parts.scheme}s://, or ask the site's "
                "owner to allow a host of the own network with NOTIFY_ALLOW_PRIVATE"
            )
        order = {
            "target": target,
            "title": " ".join(message.title.split()),
            "text": message.text,
            "level": message.level,
            "png": base64.b64encode(message.png).decode() if message.png else None,
            "allow_private": sorted(self._allow_private),
            # for tests and gateways, of the owner's own environment
            "pushover_api_url": self._pushover_api_url,
        }
        return await self._in_turn(order, name, parts.hostname or "")

    async def _in_turn(self, order: dict[str, Any], name: str, host: str) -> Outcome:
        critical = order["level"] == "critical"
        host_turn = self._hosts.setdefault(
            (critical, f"{name} {host if has_host(order['target']) else ''}"), asyncio.Lock()
        )
        async with contextlib.AsyncExitStack() as turns:
            try:
                async with asyncio.timeout(self._wait_s):
                    await turns.enter_async_context(host_turn)
                    await turns.enter_async_context(self._turns[critical])
            except TimeoutError:
                return Later(None, f"{name}: too many messages wait for it, or its server does not answer")
            return _judged(await self._asked(order), name)

    async def check(self) -> str | None:
        """Nothing of ours to be checked: each target belongs to its person."""
        return None

    async def close(self) -> None:
        """Nothing stays open: a process ends with its message."""

    async def _asked(self, order: dict[str, Any]) -> dict[str, Any] | None:
        """What the process says; None when it did not come to an end, or broke down."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            _PROGRAM,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=_environment(),
        )
        try:
            async with asyncio.timeout(self._timeout_s):
                out, _ = await process.communicate(json.dumps(order).encode())
        except TimeoutError:
            return None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        try:
            answer = json.loads(out)
        except ValueError:
            return None
        return answer if isinstance(answer, dict) else None


def _judged(answer: dict[str, Any] | None, name: str) -> Outcome:
    if answer is None:
        return Later(None, f"{name} did not come to an end in time")
    if answer["ok"]:
        return Delivered()
    if answer.get("several"):
        return Never(
            f"{name}: the address names {answer['several']} recipients; remove it and add each of them by itself",
            dead=True,
        )
    if answer.get("plain"):
        return Never(
            f"{name} is called without encryption; write its address with an s ({name.lower()}s://), or ask the site's "
            "owner to allow a host of the own network with NOTIFY_ALLOW_PRIVATE"
        )
    status = answer["status"]
    if any("not public" in each for each in answer["refused"]):
        return Never(
            f"{name}: the address leads to this machine or the own network; the site's owner can allow a host with "
            "NOTIFY_ALLOW_PRIVATE"
        )
    if status in (401, 403):
        return Never(f"{name} refused the token or password ({status}); add the address again with a good one")
    if status is not None and 300 <= status < 400:
        return Never(f"{name} sends us elsewhere ({status}), which is not followed; give the final address")
    if status is not None and 400 <= status < 500 and status not in (408, 425, 429):
        return Never(f"{name} refused the message ({status}); check the address")
    if status is not None:
        return Later(None, f"{name} asks for a pause, or has a fault of its own ({status})")
    if answer["says"]:
        return Never(f"{name}: {answer['says']}; check the address")
    return Later(None, f"{name} cannot be reached, or did not take the message")


def _environment() -> dict[str, str]:
    root = str(Path(__file__).resolve().parents[2])
    paths = [root, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return kept | {"PYTHONPATH": os.pathsep.join(paths), "NO_PROXY": "*", "HOME": os.devnull}
