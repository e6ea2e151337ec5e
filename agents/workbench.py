"""The tools of one question as AutoGen sees them: schemas made once for the process, calls passed to the desk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, cast

from autogen_core import CancellationToken
from autogen_core.tools import ParametersSchema, TextResultContent, ToolResult, ToolSchema, Workbench
from pydantic import BaseModel
from typing_extensions import override

from agents.tools.desk import ToolDesk
from agents.tools.registry import TOOLS


@cache
def schemas(names: tuple[str, ...]) -> list[ToolSchema]:
    """The schemas of these tools; the same list each time, so nothing is built per question."""
    return [
        ToolSchema(
            name=name,
            description=TOOLS[name].description,
            parameters=cast(ParametersSchema, TOOLS[name].parameters),
        )
        for name in names
    ]


class DeskWorkbench(Workbench):
    """A specialist's tools over one desk. In basic mode all tools are there: they cost the local model no tokens."""

    component_config_schema = BaseModel

    def __init__(self, desk: ToolDesk, names: tuple[str, ...], is_basic: Callable[[], bool]) -> None:
        self._desk = desk
        self._names = names
        self._is_basic = is_basic

    async def list_tools(self) -> list[ToolSchema]:
        """The specialist's tools, or all of them once the local model answers."""
        return schemas(tuple(TOOLS)) if self._is_basic() else schemas(self._names)

    @override
    async def call_tool(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        cancellation_token: CancellationToken | None = None,
        call_id: str | None = None,
    ) -> ToolResult:
        """The tool's JSON text. Never raises, and is not linked to cancellation: time limits sit inside the tools."""
        given = arguments if isinstance(arguments, Mapping) else {}  # models do send lists and strings
        result = await self._desk.run(name, given)
        text = TextResultContent(content=result.to_json())
        return ToolResult(name=name, result=[text], is_error=result.is_problem)

    async def start(self) -> None:
        """Nothing to open."""

    async def stop(self) -> None:
        """Nothing to close."""

    async def reset(self) -> None:
        """Nothing to forget: a desk serves one question."""

    async def save_state(self) -> Mapping[str, Any]:
        """No state outlives a question."""
        return {}

    async def load_state(self, state: Mapping[str, Any]) -> None:
        """No state outlives a question."""
