"""The table of all tools: the function, its schema made once, and the words that a chat shows while it runs."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from agents.tools.charting import draw_chart
from agents.tools.desk import ToolDesk, ToolProblem, ToolResult
from agents.tools.devices import device_details, site_settings
from agents.tools.history import compare_periods, history_statistics, when_crossed
from agents.tools.outlook import battery_outlook, forecast_accuracy, solar_and_load_forecast
from agents.tools.plans import WHAT_IF_TIMEOUT_S, miner_and_battery_plan, what_if, why_plan
from agents.tools.proposals import propose_miners, propose_preference
from agents.tools.state import current_state

ToolFunction = Callable[..., Awaitable[ToolResult]]


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool: what a model is told of it, and how it is run. `words` is its progress line, filled from arguments."""

    name: str
    description: str
    parameters: dict[str, Any]  # JSON schema of the arguments
    words: str
    _function: ToolFunction
    _arguments: type[BaseModel]
    timeout_s: float | None = None  # where it may take longer than the desk's tools do

    async def run(self, desk: ToolDesk, arguments: Mapping[str, Any]) -> ToolResult:
        """Check the arguments and run; raises ToolProblem naming the argument that is wrong."""
        try:
            checked = self._arguments.model_validate(dict(arguments))
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'arguments'}: {e['msg']}" for e in error.errors()[:3])
            raise ToolProblem(f"{self.name} was called wrongly: {wrong}.", problem="bad_arguments") from error
        return await self._function(desk, **{name: getattr(checked, name) for name in self._arguments.model_fields})

    def progress(self, arguments: Mapping[str, Any]) -> str:
        """The line to show while it runs: "checking yesterday"; arguments are a model's, so short and plain only."""
        period = str(arguments.get("period") or arguments.get("period_a") or "the history")
        plain = "".join(ch for ch in period if ch.isalnum() or ch in " -:")[:30].strip()
        return self.words.format(period=plain or "the history")


def _tool(function: ToolFunction, words: str, *, timeout_s: float | None = None) -> Tool:
    described = inspect.getdoc(function)
    if not described:
        raise ValueError(f"{function.__name__} needs a docstring: it is the tool's description")
    parameters = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
    fields: dict[str, Any] = {
        p.name: (p.annotation, ... if p.default is inspect.Parameter.empty else p.default) for p in parameters
    }
    name = function.__name__
    arguments = cast(
        type[BaseModel], create_model(f"{name}_arguments", __config__=ConfigDict(extra="ignore"), **fields)
    )
    told = described.split("\n\n")[0].replace("\n", " ")
    return Tool(name, told, _schema(arguments), words, function, arguments, timeout_s)


def _schema(arguments: type[BaseModel]) -> dict[str, Any]:
    # Titles and defaults say nothing to a model and cost tokens in every request.
    full = arguments.model_json_schema()
    properties = {
        name: {key: value for key, value in described.items() if key not in ("title", "default")}
        for name, described in full.get("properties", {}).items()
    }
    return {"type": "object", "properties": properties, "required": full.get("required", [])}


TOOLS: MappingProxyType[str, Tool] = MappingProxyType(
    {
        tool.name: tool
        for tool in (
            _tool(current_state, "checking the current figures"),
            _tool(history_statistics, "checking {period}"),
            _tool(when_crossed, "searching {period}"),
            _tool(compare_periods, "comparing {period}"),
            _tool(device_details, "looking at the devices"),
            _tool(site_settings, "looking at the site's settings"),
            _tool(draw_chart, "drawing {period}"),
            _tool(propose_miners, "checking whether that is safe"),
            _tool(propose_preference, "checking that value"),
            _tool(solar_and_load_forecast, "looking at the forecast"),
            _tool(battery_outlook, "looking where the battery goes"),
            _tool(miner_and_battery_plan, "reading the plan"),
            _tool(why_plan, "looking for the plan's reasons"),
            _tool(what_if, "working that out", timeout_s=WHAT_IF_TIMEOUT_S),
            _tool(forecast_accuracy, "looking at the forecasts' scores"),
        )
    }
)
