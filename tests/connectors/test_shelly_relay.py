"""A Shelly relay over HTTP: digest login as firmware 2.0 counts it, generations, refusals."""

from __future__ import annotations

import asyncio
import hashlib
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from connectors.device import DeviceSecrets
from connectors.errors import CredentialsRefused, Malformed, TryLater, Unsupported
from connectors.shelly.client import ShellyRelay
from energy.site import Device, Miner, Site
from tests.connectors.serving import payload, serving

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
REALM = "shellypro4pm-aabbccddeeff"


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass
class Relay:
    """A relay of the second generation whose nonces count their uses, as firmware 2.0 does."""

    password: str | None = "open sesame"
    identity: dict[str, Any] = field(
        default_factory=lambda: {
            "id": REALM,
            "mac": "AABBCCDDEEFF",
            "model": "SPSW-104PE16EU",
            "gen": 2,
            "ver": "2.0.0",
            "auth_en": True,
        }
    )
    status: Any = field(default_factory=lambda: payload("shelly_pro_two_channels_one_tripped")["result"])
    error: dict[str, Any] | None = None
    nonces: dict[str, int] = field(default_factory=dict)
    challenges: int = 0
    at_work: int = 0
    most_at_work: int = 0

    async def handle(self, request: web.Request) -> web.Response:
        if request.path == "/shelly":
            return web.json_response(self.identity)
        if request.path != "/rpc":
            return web.Response(status=404)
        self.at_work += 1
        self.most_at_work = max(self.most_at_work, self.at_work)
        await asyncio.sleep(0.005)
        try:
            return await self.answer(request)
        finally:
            self.at_work -= 1

    async def answer(self, request: web.Request) -> web.Response:
        if self.password is not None and not self.opens(request):
            return self.challenge()
        frame = await request.json()
        reply = {"id": frame["id"], "src": REALM, "dst": frame["src"]}
        if self.error is not None:
            return web.json_response(reply | {"error": self.error})
        results = {"Shelly.GetStatus": self.status, "Shelly.GetConfig": {"switch:0": {"initial_state": "off"}}}
        return web.json_response(reply | {"result": results[frame["method"]]})

    def challenge(self) -> web.Response:
        if len(self.nonces) >= 32:
            return web.Response(status=429, headers={"Retry-After": "2"})
        self.challenges += 1
        nonce = f"bm9uY2U{self.challenges}=="
        self.nonces[nonce] = 0
        header = f'Digest qop="auth", realm="{REALM}", nonce="{nonce}", algorithm=SHA-256'
        return web.Response(status=401, headers={"WWW-Authenticate": header})

    def opens(self, request: web.Request) -> bool:
        parts = dict(re.findall(r'(\w+)="?([^",]*)"?', request.headers.get("Authorization", "")))
        nonce, count = parts.get("nonce", ""), int(parts.get("nc", "0"), 16)
        if self.nonces.get(nonce) != count - 1:
            return False
        opened = sha256(f"admin:{REALM}:{self.password}")
        asked = sha256(f"{request.method}:{request.path_qs}")
        if parts["response"] != sha256(f"{opened}:{nonce}:{parts['nc']}:{parts['cnonce']}:auth:{asked}"):
            return False
        self.nonces[nonce] = count
        return True


def relay_at(address: str, password: str | None = "open sesame", channels: tuple[int, ...] = (0,)) -> ShellyRelay:
    device = Device(id="garage", kind="shelly", host=address)
    miners = tuple(
        Miner(id=f"m{c}", name="M", power_w=3250, hashrate_ths=95, device="garage", channel=c) for c in channels
    )
    secrets = DeviceSecrets(password=SecretStr(password) if password else None)
    return ShellyRelay(Site(id="ranch", device=(device,), miner=miners), device, secrets, clock=lambda: NOW)


async def test_one_nonce_serves_all_requests_however_they_come():
    relay = Relay()
    async with serving(relay.handle) as server:
        device = relay_at(server.address)
        for _ in range(3):
            (reading,) = await device.read()
        await asyncio.gather(*(device.read() for _ in range(5)))
        await device.close()
    assert reading.miner_w == 3204.5
    assert reading.taken_at == NOW
    assert reading.fault_codes == ("channel_1_overpower",)
    assert relay.challenges == 1
    assert relay.most_at_work == 1


async def test_an_expired_nonce_is_not_a_wrong_password():
    relay = Relay()
    async with serving(relay.handle) as server:
        device = relay_at(server.address)
        await device.read()
        relay.nonces.clear()
        assert len(await device.read()) == 1
        await device.close()
    assert relay.challenges == 2


@pytest.mark.parametrize("password", ["guessed", None])
async def test_a_wrong_or_missing_password_names_the_variable_and_spares_the_nonces(password):
    relay = Relay()
    async with serving(relay.handle) as server:
        device = relay_at(server.address, password)
        for _ in range(20):
            with pytest.raises(CredentialsRefused, match="GARAGE_PASSWORD") as caught:
                await device.read()
        await device.close()
    assert "guessed" not in str(caught.value)
    assert relay.challenges <= 4


async def test_full_nonce_slots_are_a_reason_to_wait():
    relay = Relay(nonces={str(i): 0 for i in range(32)})
    async with serving(relay.handle) as server:
        device = relay_at(server.address)
        with pytest.raises(TryLater) as caught:
            await device.read()
        await device.close()
    assert caught.value.after_s == 2


async def test_a_challenge_of_an_unknown_kind_is_malformed():
    async def strange(request: web.Request) -> web.Response:
        if request.path == "/shelly":
            return web.json_response({"gen": 2, "id": "x"})
        return web.Response(status=401, headers={"WWW-Authenticate": 'Digest realm="x", nonce="y", algorithm=ROT13'})

    async with serving(strange) as server:
        device = relay_at(server.address)
        with pytest.raises(Malformed, match="headers that make no sense"):
            await device.read()
        await device.close()


async def test_a_relay_without_password_needs_none():
    async with serving(Relay(password=None).handle) as server:
        device = relay_at(server.address, None)
        assert len(await device.read()) == 1
        await device.close()


async def test_a_relay_without_meter_does_not_know_the_miners_power():
    relay = Relay(password=None, status=payload("shelly_contactor_without_meter")["result"])
    async with serving(relay.handle) as server:
        device = relay_at(server.address, None)
        (reading,) = await device.read()
        (channel,) = await device.channels()
        await device.close()
    assert reading.miner_w is None
    assert reading.fault_codes == ()
    assert channel.on is True


async def test_another_device_at_the_address_is_malformed():
    async with serving(Relay(identity={"hello": "world"}).handle) as server:
        device = relay_at(server.address)
        with pytest.raises(Malformed, match="does not answer like a Shelly"):
            await device.read()
        await device.close()


async def test_a_device_without_switch_is_refused_in_words():
    async with serving(Relay(password=None, status={"cover:0": {"state": "open"}}).handle) as server:
        device = relay_at(server.address)
        with pytest.raises(Unsupported, match="has no switch"):
            await device.read()
        await device.close()


async def test_an_error_in_the_frame_is_told_by_its_kind():
    relay = Relay(password=None, error={"code": -103, "message": "Invalid argument"})
    async with serving(relay.handle) as server:
        device = relay_at(server.address, None)
        with pytest.raises(Malformed, match=r"-103.*Invalid argument"):
            await device.read()
        relay.error = {"code": 401, "message": '{"auth_type":"digest"}'}
        with pytest.raises(CredentialsRefused, match="GARAGE_PASSWORD"):
            await device.read()
        await device.close()


async def test_details_show_model_firmware_and_channels():
    async with serving(Relay().handle) as server:
        device = relay_at(server.address)
        details = await device.details()
        await device.close()
    assert (details.model, details.firmware, details.serial_tail) == ("SPSW-104PE16EU", "2.0.0", "EEFF")
    assert details.settings["channel_0_initial_state"] == "off"
    assert details.settings["channel_1_on"] is False
    assert "HomeNet" not in repr(details)
