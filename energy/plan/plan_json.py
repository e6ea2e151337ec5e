"""A plan as JSON and back, exactly."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from energy.plan.plan import Change, Plan, PlanStep, Reason, Violation

VERSION = 1


def to_json(plan: Plan) -> dict[str, Any]:
    """The plan in values that JSON has; an objective that is not known is None."""
    return {
        "version": VERSION,
        "method": plan.method,
        "objective": _number(plan.objective),
        "steps": [_step(step) for step in plan.steps],
        "violations": [asdict(v) | {"amount": float(v.amount), "start_s": int(v.start_s)} for v in plan.violations],
        "notes": list(plan.notes),
        "changes": [
            {"miner_id": c.miner_id, "start_s": int(c.start_s), "on": bool(c.on), "reason": _reason(c.reason)}
            for c in plan.changes
        ],
    }


def from_json(value: Mapping[str, Any]) -> Plan:
    """The plan that `to_json` wrote. Raises ValueError for another version or what is no plan."""
    if not isinstance(value, Mapping):
        raise ValueError("plan: what is stored is no plan; make a new one")
    if value.get("version") != VERSION:
        raise ValueError(f"plan: version {value.get('version')!r} is not {VERSION}; make a new plan")
    try:
        return Plan(
            method=value["method"],
            steps=tuple(_read_step(step) for step in value["steps"]),
            objective=math.nan if value["objective"] is None else float(value["objective"]),
            violations=tuple(Violation(**violation) for violation in value["violations"]),
            notes=tuple(value["notes"]),
            changes=tuple(
                Change(c["miner_id"], c["start_s"], c["on"], _read_reason(c["reason"])) for c in value["changes"]
            ),
        )
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"plan: what is stored is no plan ({error}); make a new one") from error


_FLOATS = (
    "solar_w",
    "base_load_w",
    "miner_w",
    "battery_charge_w",
    "grid_import_w",
    "curtailed_w",
    "import_cost",
    "export_revenue",
    "hash_value",
    "wear_cost",
    "hash_ph_days",
    "heat_value",
)


def _step(step: PlanStep) -> dict[str, Any]:
    return {name: float(getattr(step, name)) for name in _FLOATS} | {
        "start_s": int(step.start_s),
        "minutes": int(step.minutes),
        "on": sorted(step.on),
        "battery_mode": step.battery_mode,
        "soc_pct": {name: float(pct) for name, pct in step.soc_pct.items()},
        "power_w": {miner: float(watts) for miner, watts in step.power_w.items()},
        "battery_reason": _reason(step.battery_reason),
        "miner_reasons": {miner: _reason(reason) for miner, reason in step.miner_reasons.items()},
    }


def _read_step(value: Mapping[str, Any]) -> PlanStep:
    plain = {name: value[name] for name in (*_FLOATS, "start_s", "minutes", "battery_mode", "soc_pct", "power_w")}
    return PlanStep(
        **plain,
        on=frozenset(value["on"]),
        battery_reason=_read_reason(value["battery_reason"]),
        miner_reasons={miner: _read_reason(reason) for miner, reason in value["miner_reasons"].items()},
    )


def _reason(reason: Reason) -> dict[str, Any]:
    figures = {name: float(figure) for name, figure in reason.figures.items()}
    return {"code": reason.code, "text": reason.text, "figures": figures}


def _read_reason(value: Mapping[str, Any]) -> Reason:
    return Reason(value["code"], value["text"], dict(value["figures"]))


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
