"""A Shelly Gen2+ on HTTP: `/shelly`, RPC by POST, GET and WebSocket, digest authentication, notifications."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

from aiohttp import WSMsgType, web

from simulator.faults import AnswerLost, Faults
from simulator.shelly_auth import THROTTLE_S, DigestGate, SlotsFull, Verdict
from simulator.shelly_device import RpcError, ShellyDevice
from simulator.shelly_relays import ShellyRelays
from simulator.web import faulty, nulled

OPEN_METHODS = frozenset({"Shelly.GetDeviceInfo"})
_LOOK_EVERY_S = 0.5
_TELL_CHANGES_ABOVE_W = 20.0


class ShellyServer:
    """One device's HTTP application; `app()` makes it. `password` None leaves the door open, as from the factory."""

    def __init__(
        self, relays: ShellyRelays, faults: Faults, *, password: str | None = None, nonce_life_s: float = 3_600.0
    ) -> None:
        self._target = f"shelly:{relays.device.id}"
        self._faults = faults
        self.device = ShellyDevice(relays, auth=password is not None)
        self.gate = DigestGate(self.device.id, password, nonce_life_s=nonce_life_s)
        self._listeners: dict[web.WebSocketResponse, str] = {}

    def app(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application(middlewares=[faulty(self._faults, self._target, self._refuse)])
        app.router.add_get("/shelly", self._shelly)
        app.router.add_get("/rpc", self._socket)
        app.router.add_post("/rpc", self._frame_by_post)
        app.router.add_get("/rpc/{method}", self._method)
        app.router.add_post("/rpc/{method}", self._method)
        app.cleanup_ctx.append(self._notifying)
        return app

    async def _shelly(self, _: web.Request) -> web.Response:
        return web.json_response(self.device.info())

    async def _method(self, request: web.Request) -> web.Response:
        """GET `/rpc/Switch.Set?id=0&on=true` or POST with a body of parameters: the bare result comes back."""
        method = request.match_info["method"]
        refusal = self._refusal(request, method)
        if refusal is not None:
            return refusal
        try:
            if request.method == "GET":
                params = {name: _typed(text) for name, text in request.query.items()}
            else:
                params = _object(await request.text() or "{}")
            return web.json_response(self.device.call(method, params, "HTTP_in"))
        except RpcError as error:
            status = 404 if error.code == 404 else 500
            return web.json_response({"code": error.code, "message": error.message}, status=status)

    async def _frame_by_post(self, request: web.Request) -> web.Response:
        try:
            frame = _object(await request.text())
        except RpcError as error:
            return web.json_response({"code": error.code, "message": error.message}, status=500)
        if "auth" not in frame:
            refusal = self._refusal(request, str(frame.get("method")))
            if refusal is not None:
                return refusal
            return web.json_response(self._answer(frame, "HTTP_in", admitted=True))
        return web.json_response(self._answer(frame, "HTTP_in"))

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        """Frames both ways. A socket hears notifications once a frame of its has named its `src`."""
        socket = web.WebSocketResponse(heartbeat=None)
        await socket.prepare(request)
        try:
            async for message in socket:
                if message.type is not WSMsgType.TEXT:
                    continue
                try:
                    frame = _object(message.data)
                except RpcError as error:
                    await socket.send_json({"id": None, "error": {"code": error.code, "message": error.message}})
                    continue
                await self._reply(socket, frame)
        finally:
            self._listeners.pop(socket, None)
        return socket

    async def _reply(self, socket: web.WebSocketResponse, frame: Mapping[str, Any]) -> None:
        kind = self._faults.take(self._target)
        if kind == "timeout":
            return
        if kind in ("offline", "gone"):
            await socket.close()
            return
        if kind == "html":
            await socket.send_str("<html></html>")
            return
        if kind in ("401", "code401", "429"):
            message = self.gate.frame_challenge(stale=False) if kind != "429" else "Too many requests"
            error = {"code": 429 if kind == "429" else 401, "message": message}
            await socket.send_json({"id": frame.get("id"), "src": self.device.id, "error": error})
            return
        try:
            answer = self._answer(frame, "WS_in")
        except AnswerLost:
            return
        if kind == "nulls" and "result" in answer:
            answer["result"] = nulled(answer["result"])
        answer = self._faults.distortions.body(self._target, str(frame.get("method")), answer)
        await socket.send_json(answer)
        if frame.get("src") and "error" not in answer:
            self._listeners[socket] = str(frame["src"])

    def _answer(self, frame: Mapping[str, Any], source: str, *, admitted: bool = False) -> dict[str, Any]:
        answer: dict[str, Any] = {"id": frame.get("id"), "src": self.device.id}
        if "src" in frame:
            answer["dst"] = frame["src"]
        try:
            method = frame.get("method")
            if not isinstance(method, str):
                raise RpcError(-103, "Missing required field 'method'!")
            if not admitted and method not in OPEN_METHODS:
                self._admit_frame(frame)
            params = frame.get("params") or {}
            if not isinstance(params, Mapping):
                raise RpcError(-103, "Bad 'params'!")
            answer["result"] = self.device.call(method, params, source)
        except RpcError as error:
            answer["error"] = {"code": error.code, "message": error.message}
        return answer

    def _admit_frame(self, frame: Mapping[str, Any]) -> None:
        if self.gate.open:
            return
        auth = frame.get("auth")
        verdict = self.gate.check_frame(auth) if isinstance(auth, Mapping) else Verdict.REFUSED
        if verdict is Verdict.GRANTED:
            return
        try:
            raise RpcError(401, self.gate.frame_challenge(stale=verdict is Verdict.STALE))
        except SlotsFull:
            raise RpcError(429, "Too many requests, try again later") from None

    def _refusal(self, request: web.Request, method: str) -> web.Response | None:
        if self.gate.open or method in OPEN_METHODS:
            return None
        header = request.headers.get("Authorization", "")
        verdict = self.gate.check_header(header, request.method, request.raw_path) if header else Verdict.REFUSED
        return None if verdict is Verdict.GRANTED else self._challenge(stale=verdict is Verdict.STALE)

    def _challenge(self, *, stale: bool) -> web.Response:
        try:
            headers = {"WWW-Authenticate": self.gate.header_challenge(stale=stale)}
        except SlotsFull:
            return web.Response(status=429, headers={"Retry-After": str(int(THROTTLE_S))})
        return web.json_response({"code": 401, "message": "Unauthorized"}, status=401, headers=headers)

    def _refuse(self, _: web.Request, kind: str) -> web.Response:
        if kind == "429":
            return web.json_response({"code": 429, "message": "Too many requests"}, status=429)
        return self._challenge(stale=False)

    async def _notifying(self, _: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(self._notify())
        yield
        task.cancel()
        for socket in list(self._listeners):
            await socket.close()

    async def _notify(self) -> None:
        """Push NotifyStatus of every switch whose output or power changed to the sockets that listen."""
        told = [self.device.switch(channel) for channel in self.device.relays.channels]
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            if not self._listeners:
                continue
            changed: dict[str, Any] = {}
            for channel in self.device.relays.channels:
                now = self.device.switch(channel)
                if _differs(told[channel], now):
                    told[channel] = now
                    changed[f"switch:{channel}"] = now
            if changed:
                await self._push({"ts": self.device.status()["sys"]["unixtime"], **changed})

    async def _push(self, params: dict[str, Any]) -> None:
        for socket, name in list(self._listeners.items()):
            note = {"src": self.device.id, "dst": name, "method": "NotifyStatus", "params": params}
            try:
                await socket.send_json(note)
            except (ConnectionError, RuntimeError):  # it closed meanwhile; its handler ends by itself
                self._listeners.pop(socket, None)


def _differs(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    return (
        before["output"] != now["output"]
        or before.get("timer_started_at") != now.get("timer_started_at")
        or abs(before.get("apower", 0.0) - now.get("apower", 0.0)) > _TELL_CHANGES_ABOVE_W
    )


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        raise RpcError(-103, "Invalid JSON") from None
    if not isinstance(value, dict):
        raise RpcError(-103, "A frame must be an object")
    return value


def _typed(text: str) -> Any:
    """A value of a query string: JSON where it is some, text otherwise."""
    try:
        return json.loads(text)
    except ValueError:
        return text
