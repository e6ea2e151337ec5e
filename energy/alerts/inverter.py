"""Alerts about what the devices themselves report: faults and warnings of inverter and BMS, errors of relays.

Each code is a subject of its own, so that a new fault is told while an old one stands; codes that come together are one
message (energy/alerts/together.py).
"""

from __future__ import annotations

from energy.alerts.rule import Level, Rule, Signal
from energy.alerts.situation import Situation

LONGEST_CODE = 60
MOST_CODES = 40
_BAD_STATES = ("overload", "fault")

FAULT = Rule(
    id="inverter_fault",
    level=Level.CRITICAL,
    title="Inverter or battery fault",
    cleared="The fault has gone",
    for_s=30,
    keep_firing_s=300,
    cooldown_s=900,
    reraise_s=8 * 3_600,
    group="inverter",
    of="code",
)
WARNED = Rule(
    id="inverter_warning",
    level=Level.WARNING,
    title="Inverter or battery warning",
    cleared="The warning has gone",
    for_s=300,
    keep_firing_s=900,
    cooldown_s=3_600,
    inhibited_by=("inverter_fault",),
    group="inverter",
    of="code",
)
RELAY = Rule(
    id="relay_fault",
    level=Level.WARNING,
    title="Relay error",
    cleared="The relay reports no error any more",
    keep_firing_s=300,
    cooldown_s=900,
    group="relays",
    of="miner",
)


def faults(s: Situation) -> tuple[Signal, ...]:
    """Every fault that the inverter or the BMS reports, and a state of overload or fault."""
    return _by_code(s, FAULT, warnings=False)


def warnings(s: Situation) -> tuple[Signal, ...]:
    """Every warning that they report."""
    return _by_code(s, WARNED, warnings=True)


def _by_code(s: Situation, rule: Rule, *, warnings: bool) -> tuple[Signal, ...]:
    merged = s.view["fault_codes"]
    current = not merged.stale and s.is_current(merged.taken_at)
    codes = merged.value if current and isinstance(merged.value, tuple) else None
    present = None if codes is None else {code[:LONGEST_CODE] for code in codes if _is_warning(code) is warnings}
    state = _bad_state(s)
    named = set() if present is None else set(sorted(present)[:MOST_CODES])
    subjects = named | s.open_subjects(rule.id) | (set() if warnings or state is None else {state})
    return tuple(_code(s, rule, subject, present, state) for subject in sorted(subjects))


def _code(s: Situation, rule: Rule, subject: str, present: set[str] | None, state: str | None) -> Signal:
    if subject in _BAD_STATES:
        merged = s.view["inverter_state"]
        active = None if merged.stale or not s.is_current(merged.taken_at) else subject == state
        what = f"The inverter reports the state {subject}."
    else:
        merged, active = s.view["fault_codes"], None if present is None else subject in present
        what = f"The {_reporter(subject)} reports {subject}."
    return Signal(
        rule_id=rule.id,
        active=active,
        subject=subject,
        devices=merged.sources,
        taken_at=merged.taken_at if active is not None else None,
        steady=True,
        what=what,
        why="The site may lose power, or the bank its protection." if rule is FAULT else "It may become a fault.",
        do="Look at its display and its manual for this code.",
        action="stop_miners" if rule is FAULT and s.running_miners() else None,
        chart="battery_voltage_v",
    )


def _is_warning(code: str) -> bool:
    return code.lower().endswith(" warning")


def _reporter(code: str) -> str:
    lower = code.lower()
    return "battery's management" if "bms" in lower or lower.startswith("battery") else "inverter"


def _bad_state(s: Situation) -> str | None:
    value = s.view["inverter_state"].value
    return value if isinstance(value, str) and value in _BAD_STATES else None


def relay_errors(s: Situation) -> tuple[Signal, ...]:
    """A relay reports an error of its own, such as overpower: it opened for a reason."""
    return tuple(
        Signal(
            rule_id=RELAY.id,
            active=bool(relay.errors) if relay.reachable and s.is_current(relay.read_at) else None,
            subject=miner.id,
            devices=(miner.device,),
            taken_at=relay.read_at,
            steady=True,
            what=f"The relay of {miner.id} reports {', '.join(code[:LONGEST_CODE] for code in relay.errors[:3])}.",
            why="It opens on too much power or heat; the wiring may be at its limit.",
            do="Look at the load and the terminals before it is switched on again.",
            chart="miner_w",
        )
        for miner in s.site.miner
        if (relay := s.relays.get(miner.id)) is not None
    )
