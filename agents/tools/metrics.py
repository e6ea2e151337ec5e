"""The metric names that models and people use, and the `Reading` fields that they mean. One table for all tools."""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType

from energy.reading import FIELDS, Field


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric: the short name in tool arguments, its `Reading` field, its noun in a sentence, words that mean it.

    `energy_names` are the figures' names for (positive, negative) energy, in kWh; only powers have them.
    """

    name: str
    field: str
    noun: str
    synonyms: tuple[str, ...]
    energy_names: tuple[str, str | None] | None = None

    @property
    def described(self) -> Field:
        """The field's kind, label, unit and range."""
        return FIELDS[self.field]

    @property
    def is_power(self) -> bool:
        """Whether periods of it have an energy (kWh)."""
        return self.energy_names is not None


_TABLE = (
    Metric(
        "soc",
        "soc_pct",
        "battery level",
        ("soc", "state of charge", "battery level", "battery percent", "battery percentage", "charge level", "soc_pct"),
    ),
    Metric(
        "solar",
        "solar_w",
        "solar production",
        ("solar", "pv", "panels", "solar power", "solar production", "production", "generation", "sun", "solar_w"),
        ("solar_kwh", None),
    ),
    Metric(
        "load",
        "load_w",
        "load",
        ("load", "consumption", "usage", "energy usage", "power usage", "house", "demand", "using", "load_w"),
        ("load_kwh", None),
    ),
    Metric(
        "battery",
        "battery_charge_w",
        "battery power",
        (
            "battery",
            "battery power",
            "battery charge",
            "charging",
            "discharging",
            "charge",
            "discharge",
            "battery flow",
            "battery_charge_w",
        ),
        ("battery_charged_kwh", "battery_discharged_kwh"),
    ),
    Metric(
        "grid",
        "grid_import_w",
        "grid power",
        ("grid", "grid import", "grid export", "import", "export", "utility", "mains", "grid power", "grid_import_w"),
        ("grid_imported_kwh", "grid_exported_kwh"),
    ),
    Metric(
        "generator",
        "generator_w",
        "generator power",
        ("generator", "genset", "gen", "generator_w"),
        ("generator_kwh", None),
    ),
    Metric(
        "battery_voltage",
        "battery_voltage_v",
        "battery voltage",
        ("battery voltage", "voltage", "volts", "battery_voltage", "battery_voltage_v"),
    ),
    Metric(
        "battery_temperature",
        "battery_temperature_c",
        "battery temperature",
        ("battery temperature", "temperature", "battery temp", "temp", "battery_temperature", "battery_temperature_c"),
    ),
    Metric(
        "miners",
        "miner_w",
        "miner power",
        ("miners", "miner", "mining", "bitcoin", "asic", "miner_w"),
        ("miners_kwh", None),
    ),
)
METRICS: MappingProxyType[str, Metric] = MappingProxyType({metric.name: metric for metric in _TABLE})
METRIC_NAMES: tuple[str, ...] = tuple(METRICS)
BY_FIELD: MappingProxyType[str, Metric] = MappingProxyType({metric.field: metric for metric in _TABLE})
_BY_WORD = {word: metric for metric in _TABLE for word in (metric.name, *metric.synonyms)}


class UnknownMetric(ValueError):
    """A metric name that the table does not have; the message lists the names that it has."""


def metric_named(text: str) -> Metric:
    """The metric that a tool argument means: its name, its field or a synonym, whatever the case.

    Raises UnknownMetric with the known names.
    """
    word = re.sub(r"\s+", " ", text.strip().lower().replace("-", " "))
    found = _BY_WORD.get(word) or _BY_WORD.get(word.replace("_", " "))
    if found is None:
        raise UnknownMetric(f'"{text[:40]}" is not a metric; the metrics are {", ".join(METRIC_NAMES)}')
    return found
