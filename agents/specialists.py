"""The specialists: names, what a selector reads about them, their duties, and at most six tools each.

To add one: a `Specialist` here, a rule in `agents/selector.py`, and its questions in `tests/agents/test_selector.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from agents.selector import CONTROL, MONITOR, OPTIMIZER, PLANNER, SOLARK, VICTRON

MOST_TOOLS = 6


@dataclass(frozen=True, slots=True)
class Specialist:
    """A member of the crew: `description` is for choosing it, `duties` is its own system message's heart."""

    name: str
    description: str
    duties: str
    tools: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.tools) > MOST_TOOLS:
            raise ValueError(f"{self.name} has {len(self.tools)} tools; {MOST_TOOLS} at most, or prompts grow")

    @property
    def title(self) -> str:
        """The name as people read it."""
        return self.name.replace("_", " ")


SPECIALISTS: MappingProxyType[str, Specialist] = MappingProxyType(
    {
        specialist.name: specialist
        for specialist in (
            Specialist(
                MONITOR,
                "current figures and history: battery level, solar, load, grid, generator; when, how much, charts",
                "You report current figures and history.",
                ("current_state", "history_statistics", "when_crossed", "compare_periods", "draw_chart"),
            ),
            Specialist(
                SOLARK,
                "the SolArk inverter and the panels: model, firmware, faults, settings, panel specifications",
                "You know the SolArk inverter and the panels.",
                ("current_state", "history_statistics", "device_details", "site_settings"),
            ),
            Specialist(
                VICTRON,
                "the Victron system: Cerbo GX, battery shunt, battery voltage and temperature",
                "You know the Victron system and the battery's voltage and temperature.",
                ("current_state", "history_statistics", "when_crossed", "device_details"),
            ),
            Specialist(
                OPTIMIZER,
                "advice: miners, charging, limits and policy, costs, general energy knowledge",
                "You advise on miners, charging and limits. Decide from the owner's limits, the plan and the battery's "
                "outlook, or from current figures where there are none, and say so: yes or no first, then the figures "
                "that decide, the risk and what would change it. General knowledge needs no tool; say that it is "
                "general.",
                ("current_state", "history_statistics", "site_settings", "battery_outlook", "miner_and_battery_plan"),
            ),
            Specialist(
                PLANNER,
                "forecasts of sun, load and battery, the plan and its reasons, what if, how right forecasts were",
                "You tell what is to come: the answer first, the likely range, what happens with little sun, and when "
                "it was forecast; call an old forecast old. A plan in mode advise switches nothing.",
                (
                    "solar_and_load_forecast",
                    "battery_outlook",
                    "miner_and_battery_plan",
                    "why_plan",
                    "what_if",
                    "forecast_accuracy",
                ),
            ),
            Specialist(
                CONTROL,
                "requests to start or stop miners, or to change the person's preferences",
                "You propose what the person asks to have switched or changed, with the propose tools; never more than "
                "they ask. Say that nothing has happened yet and that the button below does it, or why it is refused.",
                ("propose_miners", "propose_preference", "current_state", "site_settings"),
            ),
        )
    }
)
