"""Nothing fetches an address that a person or a model wrote: HTTP clients are made in few, known places.

The only exception are the ways on which a person asked to be told (`connectors/notify/pinned.py`, and apprise behind
the guard of `connectors/notify/apprise_child.py`): alerts are posted to them, and their answers are shown to nobody.

An address in a chat ("http://169.254.169.254/...", a link to a picture) must never be opened from the ranch's network.
Every place that can open a connection stands here, with whose addresses it opens; a new one has to be thought about.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.structure.test_layers import PACKAGES, ROOT

# What opens connections, by the last part of its name as it is called or inherited from.
OPENS = {
    "AsyncClient",
    "AsyncHTTPTransport",
    "AsyncWebClient",
    "Bot",
    "Client",
    "ClientSession",
    "HTTPClient",
    "HTTPXRequest",
    "HttpClient",
    "OpenAIChatCompletionClient",
    "AsyncOpenAI",
    "OpenAI",
    "ClientWebSocketResponse",
    "WebClient",
    "create_connection",
    "get_file",
    "open_connection",
    "get_miner",
    "download_as_bytearray",
    "download_to_drive",
    "download_to_memory",
    "to_file",
    "urlopen",
    "urlretrieve",
}
# Where that is allowed, and whose addresses are opened there.
PLACES = {
    "app/demo_story.py": {"ClientSession"},  # the demo's own simulator, on loopback
    "agents/models.py": {"OpenAIChatCompletionClient"},  # the model's endpoint, from the host's settings
    "bot/platforms/discord/gateway.py": {"Client"},  # Discord's
    "bot/platforms/discord/limits.py": {"HTTPClient"},  # Discord's
    "bot/platforms/slack/client.py": {"AsyncWebClient", "ClientSession"},  # Slack's
    "bot/platforms/slack/intake.py": {"AsyncWebClient"},  # made because the SDK wants one; it asks nothing
    "bot/platforms/telegram/client.py": {"Bot"},  # Telegram's
    "bot/platforms/telegram/requests.py": {"HTTPXRequest"},  # Telegram's
    "connectors/cgminer.py": {"open_connection"},  # a miner's api_host, from commandcenter.toml
    "connectors/http.py": {"AsyncClient"},  # what its users below give it
    "connectors/notify/ping.py": {"HttpClient"},  # HEARTBEAT_URL, from the host's settings
    # A person's own webhook: the one place for what a person wrote. Resolved, checked, pinned; no redirect, no proxy.
    "connectors/notify/pinned.py": {"AsyncClient"},
    "connectors/notify/sms.py": {"HttpClient"},  # Twilio's, or TWILIO_API_BASE_URL
    "connectors/open_meteo.py": {"HttpClient"},  # the weather service's
    "connectors/openweathermap.py": {"HttpClient"},  # the weather service's
    "connectors/prices.py": {"HttpClient"},  # plan.hashprice_url and plan.prices_url, from commandcenter.toml
    "connectors/pyasic_miner.py": {"get_miner"},  # a miner's api_host, from commandcenter.toml
    "connectors/shelly/client.py": {"HttpClient"},  # a device's host, from commandcenter.toml
    "connectors/shelly/gen1.py": {"HttpClient"},  # the same
    "connectors/shelly/rpc.py": {"HttpClient"},  # the same
    "connectors/solark/api.py": {"HttpClient"},  # the portal's, or a device's base_url in commandcenter.toml
    "connectors/victron/stream.py": {"Client"},  # a broker's host, from commandcenter.toml
    "connectors/vrm/api.py": {"HttpClient"},  # the portal's, or a device's base_url in commandcenter.toml
}
# Ways to fetch that nobody here needs.
NEVER = {
    "curl_cffi",
    "ftplib",
    "http.client",
    "httplib2",
    "pycurl",
    "requests",
    "telnetlib",
    "urllib.request",
    "urllib3",
    "webbrowser",
    "websockets",
}
FOLLOWS = {"follow_redirects", "allow_redirects"}
AT_ONCE = {"delete", "get", "head", "options", "patch", "post", "put", "request", "stream"}  # without a client


def _outbound() -> list[tuple[str, ast.Module]]:
    """Our packages but the simulator, which serves and asks nobody."""
    files = [path for package in PACKAGES if package != "simulator" for path in (ROOT / package).rglob("*.py")]
    return [(str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8"))) for path in sorted(files)]


def _opens(tree: ast.Module) -> set[str]:
    made: list[ast.expr] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            made.append(node.func)
        elif isinstance(node, ast.ClassDef):
            made += node.bases
    return {name for name in map(_last_name, made) if name in OPENS}


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def test_connections_are_opened_only_in_the_places_that_are_listed_here() -> None:
    found = {name: opened for name, tree in _outbound() if (opened := _opens(tree))}
    assert found == PLACES


def test_no_other_way_to_fetch_an_address_is_imported() -> None:
    for name, tree in _outbound():
        for node in ast.walk(tree):
            imported: list[str] = []
            if isinstance(node, ast.Import):
                imported = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                imported = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            bad = [one for one in imported if one in NEVER or one.split(".")[0] in NEVER]
            assert not bad, f"{name} imports {bad}"


def test_nothing_is_fetched_past_a_client_and_no_redirect_is_followed() -> None:
    for name, tree in _outbound():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            call = node.func
            if isinstance(call, ast.Attribute) and isinstance(call.value, ast.Name):
                assert call.value.id not in ("httpx", "aiohttp") or call.attr not in AT_ONCE, f"{name}: {call.attr}"
            follows = [word.arg for word in node.keywords if word.arg in FOLLOWS and not _is_false(word.value)]
            assert not follows, f"{name}: {follows}"


def _is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


@pytest.mark.parametrize(
    "source",
    [
        "import httpx\nhttpx.AsyncClient()",
        "from aiohttp import ClientSession\nasync def f():\n    async with ClientSession() as s: ...",
        "class Fetching(HTTPXRequest): ...",
        "async def f(update): await update.message.photo[0].get_file()",
    ],
)
def test_the_reading_of_sources_sees_a_new_place(source: str) -> None:
    assert _opens(ast.parse(source))


def test_every_listed_place_is_a_file() -> None:
    assert all(Path(ROOT, name).is_file() for name in PLACES)
