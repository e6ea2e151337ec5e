"""Discord's gateway on loopback: hello, identify, heartbeats, events with numbers, and sessions that can be resumed."""

from __future__ import annotations

import asyncio
import json
import zlib
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

DISPATCH, HEARTBEAT, IDENTIFY, RESUME, RECONNECT, INVALID_SESSION, HELLO, ACK = 0, 1, 2, 6, 7, 9, 10, 11
PRIVILEGED = 1 << 1 | 1 << 8 | 1 << 15
MESSAGE_CONTENT, GUILDS, GUILD_MESSAGES, DIRECT_MESSAGES = 1 << 15, 1 << 0, 1 << 9, 1 << 12


@dataclass
class Session:
    """What one identified client has been told; `sent` is kept for resuming."""

    session_id: str
    intents: int
    sent: list[dict[str, Any]] = field(default_factory=list)
    socket: _Socket | None = None


class _Socket:
    def __init__(self, ws: web.WebSocketResponse, *, compressed: bool) -> None:
        self.ws = ws
        self._compress = zlib.compressobj() if compressed else None

    async def send(self, payload: dict[str, Any]) -> None:
        text = json.dumps(payload)
        if self._compress is None:
            await self.ws.send_str(text)
            return
        data = self._compress.compress(text.encode()) + self._compress.flush(zlib.Z_SYNC_FLUSH)
        await self.ws.send_bytes(data)


class Gateway:
    """The web handler is `handle`; `emit` tells every session, now or when it resumes."""

    def __init__(self, token: str, me: dict[str, Any], application_id: int) -> None:
        self._token = token
        self._me = me
        self._application_id = application_id
        self.url = ""
        self.heartbeat_ms = 40_000
        self.guilds: list[dict[str, Any]] = []
        self.sessions: dict[str, Session] = {}
        self.identified = 0
        self.resumed = 0
        self.refuse_with: int | None = None  # a close code for every IDENTIFY and RESUME
        self.heartbeats = 0
        self.frozen = False  # connections stay open and nothing comes any more
        self.opened = 0
        self.sockets: set[web.WebSocketResponse] = set()
        self._changed = asyncio.Condition()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("v") != "10" or request.query.get("encoding") != "json":
            return web.Response(status=400)
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        self.opened += 1
        self.sockets.add(ws)
        socket = _Socket(ws, compressed=request.query.get("compress") == "zlib-stream")
        await socket.send({"op": HELLO, "d": {"heartbeat_interval": self.heartbeat_ms}, "s": None, "t": None})
        session: Session | None = None
        try:
            async for frame in ws:
                if frame.type is not WSMsgType.TEXT:
                    break
                if self.frozen:
                    continue
                payload = json.loads(frame.data)
                match payload["op"]:
                    case 1:
                        self.heartbeats += 1
                        await socket.send({"op": ACK, "d": None, "s": None, "t": None})
                    case 2:
                        session = await self._identify(payload["d"], socket)
                    case 6:
                        session = await self._resume(payload["d"], socket)
                    case _:
                        await ws.close(code=4001)
        finally:
            self.sockets.discard(ws)
            if session is not None and session.socket is socket:
                session.socket = None
                if ws.close_code in (1000, 1001):  # a session that its own client closed is over
                    self.sessions.pop(session.session_id, None)
        return ws

    async def _identify(self, data: dict[str, Any], socket: _Socket) -> Session | None:
        if await self._refused(data, socket):
            return None
        if data["intents"] & PRIVILEGED:
            await socket.ws.close(code=4014)
            return None
        self.identified += 1
        session = Session(f"session-{self.identified}", data["intents"], socket=socket)
        self.sessions[session.session_id] = session
        await self._tell(
            session,
            "READY",
            {
                "v": 10,
                "user": self._me,
                "guilds": [{"id": guild["id"], "unavailable": True} for guild in self.guilds],
                "session_id": session.session_id,
                "resume_gateway_url": self.url,
                "application": {"id": str(self._application_id), "flags": 0},
            },
        )
        for guild in self.guilds:
            await self._tell(session, "GUILD_CREATE", guild)
        await self._notify()
        return session

    async def _resume(self, data: dict[str, Any], socket: _Socket) -> Session | None:
        if await self._refused(data, socket):
            return None
        session = self.sessions.get(data["session_id"])
        if session is None or data["seq"] > len(session.sent):
            await socket.send({"op": INVALID_SESSION, "d": False, "s": None, "t": None})
            return None
        self.resumed += 1
        session.socket = socket
        for payload in session.sent[data["seq"] :]:
            await socket.send(payload)
        await self._tell(session, "RESUMED", {})
        await self._notify()
        return session

    async def _refused(self, data: dict[str, Any], socket: _Socket) -> bool:
        code = 4004 if data["token"] != self._token else self.refuse_with
        if code is not None:
            await socket.ws.close(code=code)
        return code is not None

    async def emit(self, event: str, data: dict[str, Any]) -> None:
        """Tell every session, as far as its intents allow; one without a socket hears it when it resumes."""
        for session in list(self.sessions.values()):
            told = self._as_told(session, event, data)
            if told is not None:
                await self._tell(session, event, told)

    def _as_told(self, session: Session, event: str, data: dict[str, Any]) -> dict[str, Any] | None:
        if event != "MESSAGE_CREATE":
            return data
        direct = "guild_id" not in data
        if not session.intents & (DIRECT_MESSAGES if direct else GUILD_MESSAGES):
            return None
        mentioned = any(user["id"] == self._me["id"] for user in data["mentions"])
        if direct or mentioned or session.intents & MESSAGE_CONTENT:
            return data
        return {**data, "content": "", "attachments": [], "embeds": [], "components": []}

    async def _tell(self, session: Session, event: str, data: dict[str, Any]) -> None:
        payload = {"op": DISPATCH, "t": event, "s": len(session.sent) + 1, "d": data}
        session.sent.append(payload)
        if session.socket is not None and not session.socket.ws.closed and not self.frozen:
            await session.socket.send(payload)

    async def drop(self, code: int = 4000) -> None:
        """Close every connection, as a restart of Discord's gateway does."""
        for session in list(self.sessions.values()):
            if session.socket is not None:
                ws, session.socket = session.socket.ws, None
                await ws.close(code=code)

    async def ask_to_reconnect(self) -> None:
        for session in list(self.sessions.values()):
            if session.socket is not None:
                await session.socket.send({"op": RECONNECT, "d": None, "s": None, "t": None})

    def forget(self) -> None:
        """Sessions cannot be resumed any more."""
        self.sessions.clear()

    @property
    def connected(self) -> int:
        return sum(session.socket is not None for session in self.sessions.values())

    async def wait_connected(self, *, timeout_s: float = 10.0) -> None:
        async with asyncio.timeout(timeout_s), self._changed:
            await self._changed.wait_for(lambda: self.connected > 0)

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()
