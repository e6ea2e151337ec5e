"""A site's toml: the example loads, and every mistake is named with file, key and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.settings import SettingsError, settings_from
from app.site_file import SiteFileError, load_site
from energy.site import Site
from simulator.default_site import default_site

EXAMPLE = Path(__file__).resolve().parents[2] / "commandcenter.toml"
SECOND = '[[miner]]\npower_w = 3250\nhashrate_ths = 95\ndevice = "garage"\nchannel = 1'


def _site_with(tmp_path: Path, change: tuple[str, str]) -> Path:
    text = EXAMPLE.read_text(encoding="utf-8")
    assert change[0] in text
    path = tmp_path / "commandcenter.toml"
    path.write_text(text.replace(*change), encoding="utf-8")
    return path


def test_the_example_describes_the_ranch() -> None:
    site = load_site(EXAMPLE)
    assert (site.id, site.timezone, site.solar_kwp) == ("ranch", "America/Los_Angeles", 14.6)
    assert [device.kind for device in site.device] == ["solark_cloud", "victron_mqtt", "shelly"]


def test_the_example_shows_what_may_be_carried_and_how_loads_are_switched() -> None:
    site = load_site(EXAMPLE)
    assert (site.inverter.max_output_w, site.inverter.islanded_max_w) == (15000, 12000)
    assert not site.inverter.allow_settings_writes
    assert (site.control.timer_s, site.control.stagger_s) == (900, 30)


def test_the_example_alerts_as_a_site_that_says_nothing_of_alerts(tmp_path: Path) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    silent = tmp_path / "commandcenter.toml"
    silent.write_text(text[: text.index("[alerts]")], encoding="utf-8")
    assert load_site(EXAMPLE).alerts == load_site(silent).alerts


def test_every_key_that_the_example_has_in_a_comment_may_be_used(tmp_path: Path) -> None:
    text = EXAMPLE.read_text(encoding="utf-8").replace("# allow_settings", "allow_settings")
    for key in ("start_voltage_v", "stop_voltage_v", "allowed_hours", "needs_excess_w", "api", "cool_down_s"):
        text = text.replace(f"# {key}", key)
    for key in ("ramp_minutes", "max_temperature_c", "heat_value_per_kwh"):
        text = text.replace(f"# {key}", key)
    for key in (
        "hours",
        "grid_charge",
        "wear_per_kwh",
        "demand_per_kw",
        "hashprice_url",
        "hashprice_field",
        "prices_url",
    ):
        text = text.replace(f"# {key}", key)
    for line in ("[[plan.outage]]", "from =", "until ="):
        text = text.replace(f"# {line}", line)
    text = text.replace("# [[maintenance]]", "[[maintenance]]")
    for key in ("critical_voltage_v", "safe_min_voltage_v", "voltage_clear_v", "disk_free_pct"):
        text = text.replace(f"# {key}", key)
    for key in ("id", "title", "every_days", "last_done"):
        text = text.replace(f"# {key} =", f"{key} =")
    path = tmp_path / "commandcenter.toml"
    path.write_text(text, encoding="utf-8")
    site = load_site(path)
    assert (site.alerts.critical_voltage_v, site.alerts.safe_min_voltage_v) == (48.0, 50.0)
    assert [task.title for task in site.maintenance_due()] == ["clean the panels"]
    assert site.inverter.allow_settings_writes
    assert (site.plan.demand_per_kw, site.plan.hashprice_field) == (12.0, "data.price")
    assert [outage.title for outage in site.plan.outage] == ["the utility works on the line"]
    miner = site.miner[0]
    assert (miner.by_voltage, miner.allowed_hours, miner.api, miner.port_of_api) == (True, "9-17", "cgminer", 4028)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            ("min_soc_pct = 30\nsafe", "min_soc_pct = 130\nsafe"),
            "limits.min_soc_pct: Input should be less than or equal to 100",
        ),
        (("safe_min_soc_pct = 40", "safe_min_soc_pct = 85"), "min_soc_pct <= safe_min_soc_pct < safe_max_soc_pct"),
        (("America/Los_Angeles", "America/Lost_Angeles"), '"America/Lost_Angeles" is not a time zone'),
        (('kind = "shelly"', 'kind = "shellly"'), "device.#3.kind"),
        (("plant_id = 123456", "plant = 123456"), "device.#1.plant: is not a key here"),
        (('prefer = ["cerbo", "solark"]', 'prefer = ["cerbo", "sol"]'), 'device "sol" is not among the devices'),
        (("soc_pct = { prefer", "soc = { prefer"), '"soc" is not a field of a reading'),
        (('device = "garage"', 'device = "barn"'), 'no device "barn"; the devices are solark, cerbo, garage'),
        (("stop_soc_pct = 50", "stop_soc_pct = 60"), "stop_soc_pct must be below start_soc_pct"),
        (("[economics]", "[economy]"), "[economy] is unknown"),
        (("latitude = 37.3", "latitude = 137.3"), "latitude: Input should be less than"),
        (("latitude = 37.3", "latitude = "), "is not valid TOML"),
        (("latitude = 37.3\n", ""), "latitude and longitude go together"),
        (("min_soc_pct = 30\nsafe", "min_soc_pct = true\nsafe"), "limits.min_soc_pct: must be a number, not true"),
        (("usable_kwh = 30.0", "usable_kwh = inf"), "battery.usable_kwh: Input should be a finite number"),
        (('prefer = ["cerbo", "solark"]', 'sum = ["cerbo", "solark"]'), "merge.soc_pct: only powers add up"),
        (('prefer = ["cerbo", "solark"]', "prefer = []"), "merge.soc_pct.prefer.prefer: Tuple should have at least 1"),
        (
            ('solar_w = { prefer = ["solark"] }', 'solar_w = { sum = ["solark", "solark"] }'),
            "merge.solar_w: two devices",
        ),
        (('device = "garage"', 'device = "solark"'), '"solark" is no relay; the relays are garage'),
        (('timezone = "America/Los_Angeles"', 'timezone = "America"'), '"America" is not a time zone'),
        (("islanded_max_w = 12000", "islanded_max_w = 16000"), "islanded_max_w must be at most max_output_w"),
        (("islanded_max_w = 12000", "islanded_max_w = true"), "inverter.islanded_max_w: must be a number, not true"),
        (("timer_s = 900", "timer_s = 4000"), "control.timer_s: Input should be less than or equal to 3600"),
        (("timer_s = 900", "timer = 900"), "control.timer: is not a key here"),
        (("min_battery_temperature_c = -10", "min_battery_temperature_c = 90"), "control.min_battery_temperature_c"),
        (("max_starts_per_day = 8", "max_starts_per_day = 49"), "less than or equal to 48"),
        (("max_starts_per_day = 8", "start_voltage_v = 53"), "start_voltage_v and stop_voltage_v go together"),
        (("max_starts_per_day = 8", "start_voltage_v = 51\nstop_voltage_v = 51"), "stop_voltage_v must be below"),
        (("max_starts_per_day = 8", 'allowed_hours = "9-25"'), 'must be "FROM-TO" in whole local hours'),
        (("max_starts_per_day = 8", 'allowed_hours = "9-9"'), "must not begin and end at the same hour"),
        (("max_starts_per_day = 8", 'api = "cgminer"'), "needs api_host"),
        (("max_starts_per_day = 8", "api_port = 4028"), "api_host and api_port need api"),
        (("max_starts_per_day = 8", "cool_down_s = 601"), "less than or equal to 600"),
        (
            ("start_soc_pct = 60\nstop_soc_pct = 50", "start_soc_pct = 50\nstop_soc_pct = 40"),
            "start_soc_pct (50) must be above limits.miner_min_soc_pct (50), or it would switch without end",
        ),
        (
            ("max_starts_per_day = 8", "start_voltage_v = 51\nstop_voltage_v = 49"),
            "start_voltage_v (51) must be above 51.00 V, which is limits.miner_min_soc_pct (50) on battery.voltage",
        ),
        (("[economics]", f'{SECOND}\nid = "s-21"\nname = "B"\n[economics]'), '"s-21" is the same id but for hyphens'),
        (("[economics]", f'{SECOND}\nid = "b"\nname = "S21"\n[economics]'), '"S21" is the name of "b"'),
        (("surplus_w = 3000", "surplus = 3000"), "alerts.surplus: is not a key here"),
        (("surplus_w = 3000", "surplus_w = true"), "alerts.surplus_w: must be a number, not true"),
        (("[10, 30, 60]", "[30, 10]"), "alerts.escalation_after_minutes: must rise, such as [10, 30, 60]"),
        (
            ("# [[maintenance]]", '[[maintenance]]\nid = "oil"\ntitle = "oil"\nevery_days = 9'),
            "maintenance.#1: give last",
        ),
        (("plant_id = 123456", "plant_id = 123456\nrated_w = 4000"), "rated_w is what a relay may carry"),
        (("plant_id = 123456", 'plant_id = 123456\nbase_url = "notaurl"'), "device.#1.base_url: String should match"),
    ],
)
def test_a_mistake_is_named_with_its_key_and_what_is_allowed(
    tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    path = _site_with(tmp_path, change)
    with pytest.raises(SiteFileError) as caught:
        load_site(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)


def test_by_voltage_the_soc_levels_are_not_looked_at_and_just_above_the_limit_is_allowed(tmp_path: Path) -> None:
    volts = "start_voltage_v = 51.1\nstop_voltage_v = 49\nstart_soc_pct = 40\nstop_soc_pct = 30"
    path = _site_with(tmp_path, ("start_soc_pct = 60\nstop_soc_pct = 50", volts))
    assert load_site(path).miner[0].by_voltage
    path = _site_with(tmp_path, ("start_soc_pct = 60", "start_soc_pct = 50.5"))
    assert load_site(path).miner[0].start_soc_pct == 50.5


def test_the_demos_site_would_be_accepted_from_a_file() -> None:
    for wiring in ("solark", "both"):
        site = default_site(wiring)
        assert Site.model_validate(site.model_dump()) == site


def test_a_missing_file_says_where_it_was_expected(tmp_path: Path) -> None:
    with pytest.raises(SiteFileError, match="there is no such file"):
        load_site(tmp_path / "commandcenter.toml")


def test_data_and_database_url_together_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="exclude each other"):
        settings_from(data=tmp_path, environment={"DATABASE_URL": "postgresql://x"})


def test_another_site_than_the_toml_describes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "commandcenter.toml").write_text(EXAMPLE.read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(SettingsError, match='describes "ranch"'):
        settings_from(data=tmp_path, site_id="farm", environment={}).site()


def test_a_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("sk-from-file\n", encoding="utf-8")
    settings = settings_from(data=tmp_path, environment={"OPENAI_API_KEY_FILE": str(tmp_path / "key")})
    assert settings.models.api_key is not None
    assert settings.models.api_key.get_secret_value() == "sk-from-file"
    assert "sk-from-file" not in repr(settings.models)


def test_the_example_environment_overrides_nothing_and_hides_no_secret_file(tmp_path: Path) -> None:
    lines = (EXAMPLE.parent / ".env.example").read_text(encoding="utf-8").splitlines()
    shipped = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    (tmp_path / "secret").write_text("hunter2", encoding="utf-8")
    inside = {"COMMANDCENTER_DATA": "/data", "WEB_HOST": "0.0.0.0", "SOLARK_PASSWORD_FILE": str(tmp_path / "secret")}
    settings = settings_from(environment=inside | shipped)
    assert (str(settings.data_dir), settings.web_host, settings.redis_url) == ("/data", "0.0.0.0", None)
    assert settings.environment["SOLARK_PASSWORD"] == "hunter2"
    assert settings_from(environment={"WEB_HOST": ""}).web_host == "127.0.0.1"


@pytest.mark.parametrize("url", ["foo", "redis://h:abc", "redis://h/abc"])
def test_an_address_of_redis_that_cannot_be_is_named(url: str) -> None:
    with pytest.raises(SettingsError, match="REDIS_URL"):
        settings_from(environment={"REDIS_URL": url})


@pytest.mark.parametrize(("name", "value"), [("WEB_PORT", "eighty"), ("WEB_PORT", "70000"), ("MODEL_TIMEOUT_S", "0")])
def test_a_setting_out_of_range_is_named(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        settings_from(data=tmp_path, environment={name: value})
