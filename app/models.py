"""`commandcenter models`: the trained forecast models of a site, and going back to one that is there still."""

from __future__ import annotations

from app.opening import opened_database, site_of
from app.settings import Settings, SettingsError
from services.scope import DEFAULT_ORG_ID
from services.trained_models import FOLDER, ModelRef, ModelUnusable, load
from store import model_files
from store.model_files import ModelFile


async def models(settings: Settings, version: str | None) -> str:
    """Use `version` from now on, where one is named; the models then, the newest first."""
    async with opened_database(settings, create=False) as database:
        site = await site_of(settings, database)
        known = await model_files.of_site(database, DEFAULT_ORG_ID, site.id)
        if version is not None:
            chosen = next((each for each in known if each.version == version), None)
            if chosen is None:
                raise SettingsError(f'"{version}" is no model of {site.id}; see `commandcenter models`')
            try:
                load(
                    ModelRef(settings.data_dir / FOLDER, chosen.path, chosen.sha256, chosen.version),
                    _wanted(chosen.target),
                )
            except ModelUnusable as error:
                raise SettingsError(str(error)) from error
            await model_files.activate(database, DEFAULT_ORG_ID, site.id, chosen.target, version)
            known = await model_files.of_site(database, DEFAULT_ORG_ID, site.id)
    return "\n".join(_line(each) for each in known) or "no model is trained yet: the worker does it at 03:10 each night"


def _wanted(target: str) -> str:
    """Which version of the forecast a model of this target must be of."""
    from energy.forecast import load as load_forecast
    from energy.forecast import solar

    return solar.VERSION if target == "solar" else load_forecast.VERSION


def _line(model: ModelFile) -> str:
    error = "error unknown" if model.error is None else f"mean error {model.error:.0f} W"
    line = f"{model.state:8}  {model.version}  {error}"
    return f"{line}  {model.note}" if model.note else line
