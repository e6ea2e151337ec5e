"""The `commandcenter` script: flags in, one call, a clear message out."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from app import __version__
from app.logs import set_up_logs
from app.settings import NotServed, Settings, SettingsError, settings_from
from app.site_file import SiteFileError

EXIT_USAGE = 2
EXIT_LATER = 1  # not by the settings alone: a supervisor tries again
LONG_RUNNING = ("run", "simulate")  # the others speak by what they print
cli = typer.Typer(
    name="commandcenter",
    help="An energy command center that you talk to. Start with `commandcenter demo`.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Data = Annotated[Path | None, typer.Option("--data", help="The data folder (site file, database, charts).")]
SiteId = Annotated[str | None, typer.Option("--site", help="Which site, where there are several.")]


@cli.command()
def demo(
    scenario: Annotated[
        str,
        typer.Option(
            help="What the virtual site goes through: sunny, cloudy, offgrid; or a story with alerts: outage, "
            "low-battery, dead-array, storm-of-faults, bad-sensor."
        ),
    ] = "sunny",
    speed: Annotated[
        float | None,
        typer.Option(help="Seconds that pass per second, up to 60; a scenario has its own, which is 1 for most."),
    ] = None,
    platforms: Annotated[
        bool, typer.Option("--platforms", help="Also chat on every platform that has a token in the environment.")
    ] = False,
    until: Annotated[
        str, typer.Option(help="input: ends with the input; resolved: once the scenario's alerts came and are over.")
    ] = "input",
    for_s: Annotated[float | None, typer.Option("--for", help="End after so many seconds, input or not.")] = None,
    plan: Annotated[
        str | None,
        typer.Option("--plan", help="What is done with plans: advise, ask or automatic; all miners are handed over."),
    ] = None,
    data: Data = None,
) -> None:
    """The virtual site, a worker, the web face and a chat in this terminal. No keys, no hardware.

    With `--until resolved` the exit code is 0 when the scenario's alerts came, resolved, and no others came; else 1.
    """
    from app.demo import DemoFlags
    from app.demo import demo as run_demo

    keep = data is not None
    flags = DemoFlags(scenario, keep=keep, speed=speed, platforms=platforms, until=until, for_s=for_s, plan=plan)
    _run(run_demo(_settings(data, None, keep_database_url=False), flags))


@cli.command()
def run(
    role: Annotated[str, typer.Option(help="all, bot, worker or web")] = "all", data: Data = None, site: SiteId = None
) -> None:
    """The real thing, from commandcenter.toml and the environment."""
    from app.run import ROLES
    from app.run import run as run_role

    if role not in ROLES:
        _fail(f"--role {role}: must be one of {', '.join(ROLES)}")
    _run(run_role(_settings(data, site), role))


@cli.command()
def ask(
    question: Annotated[str, typer.Argument(help="The question, in plain words.")],
    demo: Annotated[bool, typer.Option("--demo", help="Ask a virtual site with 30 days of history.")] = False,
    at: Annotated[str | None, typer.Option(help="Ask as if it were this moment (ISO-8601).")] = None,
    person: Annotated[str | None, typer.Option("--as", help="Ask as this person (name or id).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The answer with its figures as JSON.")] = False,
    charts: Annotated[Path | None, typer.Option(help="Where charts are saved.")] = None,
    data: Data = None,
    site: SiteId = None,
) -> None:
    """One question and its answer."""
    from app.ask import Asked
    from app.ask import ask as ask_question

    asked = Asked(question=question, demo=demo, at=at, person=person, as_json=as_json, charts=charts)
    typer.echo(_run(ask_question(_settings(data, site), asked)))


@cli.command()
def simulate(
    seed: Annotated[int, typer.Option(help="The same seed is the same world.")] = 1,
    speed: Annotated[float, typer.Option(help="Seconds that pass in the world per second.")] = 1.0,
    start: Annotated[str | None, typer.Option(help="When the world begins (ISO-8601); now by default.")] = None,
    sites: Annotated[int, typer.Option(help="How many sites.")] = 1,
    scenario: Annotated[str, typer.Option(help="What the site goes through.")] = "sunny",
    wiring: Annotated[str, typer.Option(help="Where the panels hang: solark or both.")] = "solark",
    attended: Annotated[
        bool, typer.Option("--attended", help="Miners wait for commands; else some follow the SOC by themselves.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the endpoints as JSON.")] = False,
) -> None:
    """The virtual site alone; its endpoints are printed."""
    from app.simulate import World
    from app.simulate import simulate as run_simulator

    world = World(seed=seed, speed=speed, start=start, sites=sites, scenario=scenario, wiring=wiring, attended=attended)
    _run(run_simulator(world, as_json=as_json))


@cli.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="A CSV of readings.")],
    source: Annotated[str, typer.Option(help="Source of rows that do not name one.")] = "import",
    device: Annotated[str, typer.Option(help="Device of rows that do not name one.")] = "csv",
    strict: Annotated[bool, typer.Option("--strict", help="Import nothing when a line is bad.")] = False,
    data: Data = None,
    site: SiteId = None,
) -> None:
    """Readings from a CSV file. Bad lines go to stderr; exit code 3 if there were any."""
    from app.csv_files import ImportFlags, import_csv

    code = _run(import_csv(_settings(data, site), ImportFlags(file, source, device, strict)))
    raise typer.Exit(code)


@cli.command()
def export(
    start: Annotated[str | None, typer.Option("--from", help="First moment (ISO-8601).")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Moment after the last (ISO-8601).")] = None,
    data: Data = None,
    site: SiteId = None,
) -> None:
    """The site's readings as CSV on standard output."""
    from app.csv_files import export_csv

    _run(export_csv(_settings(data, site), start, end))


@cli.command()
def doctor(data: Data = None, site: SiteId = None) -> None:
    """Check the settings, the database and every device; exit code 1 if something is wrong."""
    from app.doctor import doctor as examine

    raise typer.Exit(0 if _run(examine(_settings(data, site))) else 1)


@cli.command()
def pair(
    role: Annotated[str, typer.Option(help="owner, operator or viewer")] = "owner",
    data: Data = None,
    site: SiteId = None,
) -> None:
    """A single-use code that connects a person's chat account to this site."""
    from app.pairing import pairing_code

    typer.echo(_run(pairing_code(_settings(data, site), role)))


@cli.command()
def people(
    action: Annotated[str, typer.Argument(help="list, approve, role or remove")] = "list",
    who: Annotated[str | None, typer.Argument(help="A name, an id, or an account such as telegram:123456.")] = None,
    role: Annotated[str | None, typer.Argument(help="owner, operator or viewer")] = None,
    data: Data = None,
    site: SiteId = None,
) -> None:
    """Who may talk to the bot; approve who knocked, change a role, remove somebody."""
    from app.pairing import manage_people

    typer.echo(_run(manage_people(_settings(data, site), action, who, role)))


@cli.command()
def models(
    use: Annotated[str | None, typer.Option(help="Use this version until a new one is trained and no worse.")] = None,
    data: Data = None,
    site: SiteId = None,
) -> None:
    """The trained forecast models, and going back to an earlier one."""
    from app.models import models as list_models

    typer.echo(_run(list_models(_settings(data, site), use)))


@cli.command()
def migrate(data: Data = None) -> None:
    """Bring the database up to this version."""
    from app.opening import database_url
    from store.migrate import migrate as run_migrations

    typer.echo(f"the database is at revision {_run(run_migrations(database_url(_settings(data, None))))}")


backtest = typer.Typer(name="backtest", help="Our models over a file of measurements.", no_args_is_help=True)
cli.add_typer(backtest)


@backtest.callback()
def _backtest() -> None:
    """Our models over a file of measurements."""


@backtest.command("forecast")
def backtest_forecast(
    file: Annotated[Path, typer.Argument(help="A CSV with ts, pv_kw, load_kw, k_fc by the hour.", exists=True)],
    meta: Annotated[Path, typer.Option(help="A JSON file with place, zone and rating per site.", exists=True)],
    site: Annotated[str, typer.Option(help="Which site of the meta file.")],
    out: Annotated[Path, typer.Option(help="Where the forecasts are written (CSV).")],
    target: Annotated[str, typer.Option(help="solar or load")] = "solar",
    weather: Annotated[str, typer.Option(help="forecast, perfect or none")] = "forecast",
    pooled: Annotated[
        Path | None,
        typer.Option(help="A pooled load model that never saw the site, instead of the shipped one.", exists=True),
    ] = None,
) -> None:
    """Forecasts for 48 hours, issued each local midnight from what was known then."""
    from app.backtest import BacktestRefused, ForecastFlags
    from app.backtest import backtest_forecast as run_backtest

    def say(note: str) -> None:
        typer.echo(note, err=True)

    try:
        issued = run_backtest(ForecastFlags(file, target, meta, site, weather, out, pooled), say)
    except BacktestRefused as error:
        _fail(str(error))
    typer.echo(f"{issued} forecasts written to {out}")


@backtest.command("plan")
def backtest_plan(
    file: Annotated[Path, typer.Argument(help="A CSV with ts, pv_kw, load_kw, k_fc by the hour.", exists=True)],
    config: Annotated[Path, typer.Option(help="The site whose battery, miners and prices are used.", exists=True)],
    meta: Annotated[Path | None, typer.Option(help="A JSON file with place and rating per site.", exists=True)] = None,
    site: Annotated[str | None, typer.Option(help="Which site of the meta file; the file's name by default.")] = None,
    full: Annotated[bool, typer.Option("--full", help="All weeks, not one of each season.")] = False,
    days: Annotated[int, typer.Option(help="How many days of each week.")] = 7,
    pooled: Annotated[
        Path | None, typer.Option(help="A pooled load model that never saw the home.", exists=True)
    ] = None,
) -> None:
    """What our plans would have brought, beside the threshold rule, always, never, and perfect foresight."""
    from app.backtest import BacktestRefused
    from app.backtest_plan import PlanFlags
    from app.backtest_plan import backtest_plan as run_backtest
    from app.site_file import SiteFileError

    def say(note: str) -> None:
        typer.echo(note, err=True)

    try:
        run_backtest(PlanFlags(file, config, meta, site, full, days, pooled), say, typer.echo)
    except (BacktestRefused, SiteFileError) as error:
        _fail(str(error))


@backtest.command("degradation")
def backtest_degradation(
    file: Annotated[Path, typer.Argument(help="A CSV with cell, cycle, soh: measured capacities.", exists=True)],
) -> None:
    """How much of real capacity losses our fade forecast foretells, each cell from its first part and from others."""
    from app.backtest import BacktestRefused
    from app.backtest_degradation import as_table
    from app.backtest_degradation import backtest_degradation as run_backtest

    def say(note: str) -> None:
        typer.echo(note, err=True)

    try:
        rows = run_backtest(file, say)
    except BacktestRefused as error:
        _fail(str(error))
    typer.echo(as_table(rows))


@cli.command("demo-history", hidden=True)
def demo_history(
    scenario: Annotated[str, typer.Option()],
    seed: Annotated[int, typer.Option()],
    start: Annotated[str, typer.Option()],
) -> None:
    """The demo's past, written by a process of its own so that the chat never loads the sun's library."""
    from app.demo import write_history

    _run(write_history(_settings(None, None), scenario, seed, start))


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@cli.callback()
def _root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log more.")] = False,
) -> None:
    del version
    set_up_logs(verbose=verbose, quiet=context.invoked_subcommand not in LONG_RUNNING)


def _settings(data: Path | None, site: str | None, *, keep_database_url: bool = True) -> Settings:
    try:
        return settings_from(data=data, site_id=site, keep_database_url=keep_database_url)
    except SettingsError as error:
        _fail(str(error))


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    """Run a command; what a person can mend is said in one line, without a traceback."""
    from app.embedded_redis import AlreadyRunning, RedisDidNotStart
    from app.processes.supervisor import ChildGaveUp
    from app.unfinished import StoryUnfinished
    from services.scope import Refused
    from store.errors import StoreError

    try:
        return asyncio.run(work)
    except (SettingsError, SiteFileError, StoreError, Refused, AlreadyRunning, RedisDidNotStart, ChildGaveUp) as error:
        _fail(str(error))
    except (NotServed, StoryUnfinished) as error:
        _fail(str(error), EXIT_LATER)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _fail(message: str, code: int = EXIT_USAGE) -> NoReturn:
    typer.echo(f"commandcenter: {message}", err=True)
    sys.exit(code)


def main() -> None:
    """The entry point of the script."""
    cli()
