"""The virtual site's services on loopback, all at once: what `simulate` prints and what the demo connects to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from energy.site import Device, Miner, Site
from simulator.cgminer import MinerServer, listening_miner
from simulator.clock import SimClock
from simulator.control import ControlServer
from simulator.faults import Faults
from simulator.open_meteo import OpenMeteoServer
from simulator.openweathermap import API_KEY, OpenWeatherMapServer
from simulator.physics import VirtualSite
from simulator.scripts import Player
from simulator.shelly import ShellyServer
from simulator.shelly_gen1 import ShellyGen1Server
from simulator.shelly_models import USUAL, model_named
from simulator.shelly_relays import ShellyRelays
from simulator.solark import PASSWORD, USERNAME, SolArkCloud
from simulator.vrm import TOKEN, VrmCloud
from simulator.web import HOST, FrozenClock, listening


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Where the services listen, and what they ask for."""

    solark_url: str
    solark_username: str
    solark_password: str
    mqtt_host: str | None
    mqtt_port: int | None
    shelly_urls: Mapping[str, str]  # device id -> host:port
    miner_apis: Mapping[str, str]  # miner id -> host:port
    open_meteo_url: str
    openweathermap_url: str
    openweathermap_key: str
    vrm_url: str
    vrm_token: str
    control_url: str


@asynccontextmanager
async def serve(
    world: VirtualSite,
    clock: SimClock,
    *,
    faults: Faults | None = None,
    victron: bool = True,
    shelly_password: str | None = None,
    shelly_models: Mapping[str, str] | None = None,
    settings_delay_s: float = 1.0,
    token_life_s: float = 3_599.0,
    nonce_life_s: float = 3_600.0,
    tick_s: float = 1.0,
    player: Player | None = None,
    dated: bool = True,
    ports: Mapping[str, int] | None = None,
) -> AsyncIterator[Endpoints]:
    """Serve `world` while the block runs. `ports` fixes ports by target (`solark`, `victron`, `shelly:<id>`, ...).

    `shelly_models` says by device id which of `simulator.shelly_models` a relay plays; `settings_delay_s` is the real
    time after which written inverter settings show. `victron` False leaves the MQTT side out, which costs half a
    second to start. `tick_s` is the real time between two looks of the GX at its values; `player` plays
    the scenario's script; `dated` says whether answers of the clouds carry the real Date.
    """
    faults = faults or Faults()
    fixed = ports or {}
    shellies = [device for device in world.site.device if device.kind == "shelly"]
    has_gx = victron and any(device.kind == "victron_mqtt" for device in world.site.device)
    targets = {
        "solark",
        "victron",
        "vrm",
        "open_meteo",
        "openweathermap",
        *(f"shelly:{device.id}" for device in shellies),
    }
    targets |= {f"miner:{miner.id}" for miner in world.site.miner}
    async with AsyncExitStack() as stack:
        cloud = SolArkCloud(world, clock, faults, token_life_s=token_life_s, settings_delay_s=settings_delay_s)
        solark_port = await stack.enter_async_context(listening(cloud.app(), fixed.get("solark", 0), dated=dated))
        services = {
            "open_meteo": OpenMeteoServer(world, clock, faults).app(),
            "openweathermap": OpenWeatherMapServer(world, clock, faults).app(),
            "vrm": VrmCloud(world, clock, faults).app(),
        }
        urls = {}
        for target, app in services.items():
            port = await stack.enter_async_context(listening(app, fixed.get(target, 0), dated=dated))
            urls[target] = f"http://{HOST}:{port}"
        relays, shelly_urls = {}, {}
        for device in shellies:
            model = model_named((shelly_models or {}).get(device.id, USUAL))
            clock_of = FrozenClock(clock, faults, f"shelly:{device.id}")
            relays[device.id] = ShellyRelays(world, device, model, clock_of, faults)
            app = relay_app(relays[device.id], faults, password=shelly_password, nonce_life_s=nonce_life_s)
            port = await stack.enter_async_context(listening(app, fixed.get(f"shelly:{device.id}", 0)))
            shelly_urls[device.id] = f"{HOST}:{port}"
        miner_apis = {}
        for miner in world.site.miner:
            api = MinerServer(world, miner, clock, faults)
            listener = listening_miner(api, port=fixed.get(f"miner:{miner.id}", 0))
            miner_apis[miner.id] = f"{HOST}:{await stack.enter_async_context(listener)}"
        mqtt_host, mqtt_port = None, None
        if has_gx:
            from simulator.victron import Timings, serve_victron  # the MQTT broker is heavy, and not everybody needs it

            mqtt_host, mqtt_port = await stack.enter_async_context(
                serve_victron(
                    world,
                    clock,
                    faults,
                    port=fixed.get("victron", 0),
                    timings=Timings(tick_s=tick_s),
                    values_clock=FrozenClock(clock, faults, "victron"),
                    distortions=faults.distortions,
                )
            )
        control = ControlServer(
            world, clock, faults, frozenset(targets), relays, None if player is None else player.begin
        )
        control_port = await stack.enter_async_context(listening(control.app(), fixed.get("control", 0)))
        if player is not None:
            await stack.enter_async_context(player.playing(control.order))
        yield Endpoints(
            solark_url=f"http://{HOST}:{solark_port}",
            solark_username=USERNAME,
            solark_password=PASSWORD,
            mqtt_host=mqtt_host,
            mqtt_port=mqtt_port,
            shelly_urls=shelly_urls,
            miner_apis=miner_apis,
            open_meteo_url=urls["open_meteo"],
            openweathermap_url=urls["openweathermap"],
            openweathermap_key=API_KEY,
            vrm_url=urls["vrm"],
            vrm_token=TOKEN,
            control_url=f"http://{HOST}:{control_port}",
        )


def relay_app(
    relays: ShellyRelays, faults: Faults, *, password: str | None = None, nonce_life_s: float = 3_600.0
) -> web.Application:
    """The HTTP face of a relay device, in the language of its model's generation."""
    if relays.model.generation == 1:
        return ShellyGen1Server(relays, faults, password=password).app()
    return ShellyServer(relays, faults, password=password, nonce_life_s=nonce_life_s).app()


def at_endpoints(site: Site, endpoints: Endpoints) -> Site:
    """`site` with its devices' addresses replaced by those of the simulator."""
    devices = tuple(_moved(device, endpoints) for device in site.device)
    miners = tuple(_moved_api(miner, endpoints) for miner in site.miner)
    return site.model_copy(update={"device": devices, "miner": miners})


def _moved_api(miner: Miner, endpoints: Endpoints) -> Miner:
    if miner.api is None:
        return miner
    host, _, port = endpoints.miner_apis[miner.id].partition(":")
    return miner.model_copy(update={"api_host": host, "api_port": int(port)})


def _moved(device: Device, endpoints: Endpoints) -> Device:
    if device.kind == "solark_cloud":
        return device.model_copy(update={"base_url": endpoints.solark_url})
    if device.kind == "victron_vrm":
        return device.model_copy(update={"base_url": endpoints.vrm_url})
    if device.kind == "victron_mqtt" and endpoints.mqtt_host is not None:
        return device.model_copy(update={"host": endpoints.mqtt_host, "port": endpoints.mqtt_port, "tls": False})
    if device.kind == "shelly":
        host, _, port = endpoints.shelly_urls[device.id].partition(":")
        return device.model_copy(update={"host": host, "port": int(port)})
    return device
