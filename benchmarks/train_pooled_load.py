"""Train the load model that is shipped in energy/forecast/pooled, on the homes of a data folder.

    CC_DATA=FOLDER python -m benchmarks.train_pooled_load                              # the shipped one
    CC_DATA=FOLDER python -m benchmarks.train_pooled_load --leave-out SITE --out X.npz  # for a back-test of that site

The folder has `meta.json` and one CSV per site, as `commandcenter backtest forecast` reads them. Every home weighs
alike, and all values are shares of the home's own recent level. A tenth of the rows come from histories cut short, so
that the model also knows what a first day looks like. The card beside the model says the rest.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from app.backtest import KW, local_midnights, read_columns
from energy.forecast.boosting import boosted
from energy.forecast.hours import DAY_S, HOUR_S, NO_HOURS, Floats, Hours, Ints
from energy.forecast.load_pooled import FILE
from energy.forecast.load_rows import POOLED_NAMES, Rows, clock_of, rows_of
from energy.forecast.load_site import LoadPast, checked_past
from energy.forecast.load_trees import Trees, trees_of

HOURS_AHEAD = 48
MOST_OF_LEVEL = 8.0
CUT_TO_DAYS = (0, 1, 2, 3, 5, 8, 14, 21)
CUT_ISSUES = 72
SEED = 0


@dataclass(frozen=True)
class Home:
    """A home of the data folder: its load (W) and the local midnights of its span."""

    name: str
    zone: ZoneInfo
    power: Hours
    midnights_s: Ints


def homes_of(folder: Path) -> list[Home]:
    """The homes with load."""
    meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    found = []
    for name, about in meta.items():
        if "load" not in about["has"]:
            continue
        columns = read_columns(folder / about["file"], ("load_kw",), (), lambda note: print(note, file=sys.stderr))
        power = Hours(columns["load_kw"].starts_s, columns["load_kw"].values * KW)
        zone = ZoneInfo(about["tz"])
        past, _ = checked_past(LoadPast(power))
        found.append(Home(name, zone, past.power, local_midnights(power.starts_s, zone)))
    return found


def rows_of_home(home: Home) -> tuple[Floats, Floats]:
    """Features and targets: of each midnight, of one more hour of each day, and of histories cut short."""
    random = np.random.default_rng(SEED)
    clock = clock_of(home.power, NO_HOURS, home.zone)
    by_day = home.midnights_s + HOUR_S * random.integers(1, 24, home.midnights_s.size)
    parts = [_shares(home, rows_of(clock, home.zone, issues_s, HOURS_AHEAD)) for issues_s in (home.midnights_s, by_day)]
    usual_w = float(np.nanmean(home.power.values))
    for number, midnight_s in enumerate(random.choice(home.midnights_s[30:], CUT_ISSUES, replace=False).tolist()):
        issued_s = midnight_s + HOUR_S * int(random.integers(0, 24))
        known = home.power.before(issued_s).since(issued_s - CUT_TO_DAYS[number % len(CUT_TO_DAYS)] * DAY_S)
        rows = rows_of(clock_of(known, NO_HOURS, home.zone), home.zone, np.array([issued_s]), HOURS_AHEAD)
        parts.append(_shares(home, rows, usual_w))
    return np.vstack([features for features, _ in parts]), np.concatenate([shares for _, shares in parts])


def trained_on(homes: list[Home]) -> Trees:
    """The pooled model of these homes."""
    parts = [rows_of_home(home) for home in homes]
    weight = np.concatenate([np.full(shares.size, 1 / shares.size) for _, shares in parts])
    estimator = boosted(
        np.vstack([features for features, _ in parts]),
        np.concatenate([shares for _, shares in parts]),
        weight / weight.mean(),
        trees=400,
        rate=0.03,
        leaves=31,
        rows_per_leaf=100,
        share_of_features=0.2,
        seed=SEED,
    )
    return trees_of(estimator, POOLED_NAMES)


def accuracy(trees: Trees, home: Home) -> float:
    """acc_hour of the model alone over a home's midnights, the first 24 hours of each, after 14 days."""
    rows = rows_of(clock_of(home.power, NO_HOURS, home.zone), home.zone, home.midnights_s[14:], 24)
    came = home.power.at(rows.starts_s)
    error = np.abs(trees.predict(rows.features) * rows.level_w - came)
    return 1 - float(np.nansum(error) / np.nansum(came))


def _shares(home: Home, rows: Rows, usual_w: float = float("nan")) -> tuple[Floats, Floats]:
    level = np.where(np.isfinite(rows.level_w), rows.level_w, usual_w)
    shares = home.power.at(rows.starts_s) / np.maximum(level, 1.0)
    used = np.isfinite(shares)
    return rows.features[used], np.clip(shares[used], 0.0, MOST_OF_LEVEL)


def main() -> None:
    flags = argparse.ArgumentParser(description="Train the pooled load model.")
    flags.add_argument("--leave-out", metavar="SITE", help="train without this site, and score the model on it")
    flags.add_argument("--out", type=Path, default=FILE, help="where the model goes (default: the shipped one)")
    chosen = flags.parse_args()
    if "CC_DATA" not in os.environ:
        sys.exit("CC_DATA is not set: it names the folder with meta.json and the sites' CSV files")
    homes = homes_of(Path(os.environ["CC_DATA"]))
    left_out = [home for home in homes if home.name == chosen.leave_out]
    if chosen.leave_out and not left_out:
        sys.exit(f"--leave-out {chosen.leave_out}: the homes are {', '.join(home.name for home in homes)}")
    if left_out and chosen.out == FILE:
        sys.exit("--leave-out needs --out: the shipped model is trained on all homes")
    trees = trained_on([home for home in homes if home not in left_out])
    np.savez_compressed(chosen.out, **trees.arrays())
    print(f"{chosen.out}: {trees.roots.size} trees, {chosen.out.stat().st_size / 1_000:.0f} kB")
    for home in left_out:
        print(f"{home.name}: acc_hour {accuracy(trees, home):.4f} by a model that never saw it")


if __name__ == "__main__":
    main()
