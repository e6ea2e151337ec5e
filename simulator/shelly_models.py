"""The Shelly models that a simulated relay can play."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class ShellyModel:
    """One product: what it calls itself, its channels, and whether it can measure them."""

    name: str
    generation: int
    model: str
    firmware: str
    channels: int
    metered: bool
    app: str = ""


_TABLE = (
    ShellyModel("pro4pm", 2, "SPSW-104PE16EU", "2.0.0", 4, True, "Pro4PM"),
    ShellyModel("plus1pm", 2, "SNSW-001P16EU", "2.0.0", 1, True, "Plus1PM"),
    ShellyModel("plus1", 2, "SNSW-001X16EU", "2.0.0", 1, False, "Plus1"),
    ShellyModel("pro3", 2, "SPSW-003XE16EU", "2.0.0", 3, False, "Pro3"),
    ShellyModel("shelly1pm", 1, "SHSW-PM", "20230913-114010/v1.14.0-gcb84623", 1, True),
    ShellyModel("shelly1", 1, "SHSW-1", "20230913-114010/v1.14.0-gcb84623", 1, False),
    ShellyModel("shelly4pro", 1, "SHSW-44", "20230913-114010/v1.6.6-gcb84623", 4, True),
)
MODELS: Mapping[str, ShellyModel] = MappingProxyType({model.name: model for model in _TABLE})
USUAL = "pro4pm"


def model_named(name: str) -> ShellyModel:
    """The model called `name`; ValueError names the ones that exist."""
    try:
        return MODELS[name]
    except KeyError:
        raise ValueError(f'no Shelly model "{name}"; there are {", ".join(MODELS)}') from None
