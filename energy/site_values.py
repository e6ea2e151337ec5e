"""The kinds of values that stand in a site's description, and what all its parts have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _no_flags(value: object) -> object:
    """TOML knows numbers and truth values; a number written as true would count as 1."""
    if isinstance(value, bool):
        raise ValueError("must be a number, not true or false")
    return value


Identifier = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
Number = Annotated[float, BeforeValidator(_no_flags)]
Whole = Annotated[int, BeforeValidator(_no_flags)]
Percent = Annotated[Number, Field(ge=0, le=100)]
Watts = Annotated[Number, Field(ge=0)]
Volts = Annotated[Number, Field(gt=0, le=1_000)]
Seconds = Number
Celsius = Number


class Part(BaseModel):
    """A part of a site's description: frozen, and a key that it does not know is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, allow_inf_nan=False)
