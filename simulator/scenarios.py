"""The scenarios that `demo` and `simulate` offer, by name."""

from __future__ import annotations

from types import MappingProxyType

from simulator.physics.scenario import Scenario

_TABLE = (
    Scenario(name="sunny", description="clear days with a few clouds; the main miner runs on the surplus"),
    Scenario(
        name="cloudy",
        description="weeks of broken cloud: little surplus, the miner comes and goes",
        cloudiness=0.7,
        initial_soc_pct=55.0,
    ),
    Scenario(
        name="outage",
        description="the grid fails every afternoon from 16:30 to 20:30 and every night from 2 to 3",
        cloudiness=0.4,
        outage_hours=((16.5, 20.5), (2.0, 3.0)),
    ),
    Scenario(
        name="low_battery",
        description="dark days and a hungry household: the battery stays near its reserve",
        cloudiness=0.97,
        cloud_variability=0.35,
        load_scale=1.7,
        temperature_offset_c=-5.0,
        initial_soc_pct=34.0,
        automatic_miners=0,
    ),
    Scenario(
        name="offgrid",
        description="no grid at all; a 7 kW generator starts when the battery runs low",
        cloudiness=0.45,
        off_grid=True,
        generator_w=7_000.0,
    ),
    Scenario(
        name="dead_array",
        description="clear days and a hungry household; near midday most of the panels give nothing",
        cloudiness=0.03,
        cloud_variability=0.15,
        load_scale=3.0,
        automatic_miners=0,
    ),
    Scenario(
        name="storm_of_faults",
        description="sunny days; inverter and battery report twenty faults at once",
    ),
    Scenario(
        name="bad_sensor",
        description="clear days; in the evening the battery monitor tells what is not true",
        cloudiness=0.1,
        load_scale=2.0,
        automatic_miners=0,
    ),
)
SCENARIOS: MappingProxyType[str, Scenario] = MappingProxyType({scenario.name: scenario for scenario in _TABLE})


def scenario_named(name: str) -> Scenario:
    """The scenario called `name`, with hyphens or underscores; ValueError names the ones that exist."""
    try:
        return SCENARIOS[name.replace("-", "_")]
    except KeyError:
        raise ValueError(f'no scenario "{name}"; there are {", ".join(SCENARIOS)}') from None
