"""`commandcenter models`: real files, a real store, and a version that goes back into use."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.models import models
from app.opening import opened_database, site_of
from app.settings import Settings, SettingsError, settings_from
from energy.forecast.load import LoadModel
from services.scope import DEFAULT_ORG_ID
from services.trained_models import save
from store import model_files
from store.model_files import ModelFile

ROOT = Path(__file__).resolve().parents[2]
NIGHT = datetime(2026, 5, 20, 10, 10, tzinfo=UTC)


@pytest.fixture
async def settings(tmp_path: Path) -> Settings:
    (tmp_path / "commandcenter.toml").write_text((ROOT / "commandcenter.toml").read_text(encoding="utf-8"), "utf-8")
    found = settings_from(data=tmp_path, environment={})
    async with opened_database(found, create=True) as database:
        site = await site_of(found, database)
        for day in range(3):
            version = f"load-1-{day}"
            model = LoadModel(int(NIGHT.timestamp()), None, None)
            sha256 = save(tmp_path / "models", f"{site.id}/{version}.pkl", model)
            made = ModelFile(
                "load", version, NIGHT + timedelta(days=day), f"{site.id}/{version}.pkl", sha256, 90.0, "active"
            )
            await model_files.add(database, DEFAULT_ORG_ID, site.id, made)
        (tmp_path / "models" / site.id / "load-1-0.pkl").unlink()
    return found


async def test_an_earlier_model_is_used_again(settings: Settings) -> None:
    assert [line.split()[:2] for line in (await models(settings, None)).splitlines()] == [
        ["active", "load-1-2"],
        ["retired", "load-1-1"],
        ["retired", "load-1-0"],
    ]
    listed = (await models(settings, "load-1-1")).splitlines()
    assert [line.split()[0] for line in listed] == ["retired", "active", "retired"]
    assert "mean error 90 W" in listed[1]


async def test_what_is_not_there_or_cannot_be_loaded_is_refused_and_nothing_changes(settings: Settings) -> None:
    with pytest.raises(SettingsError, match="is no model of"):
        await models(settings, "load-9")
    with pytest.raises(SettingsError, match="is not on this machine"):
        await models(settings, "load-1-0")
    assert (await models(settings, None)).startswith("active    load-1-2")
