"""Who answers a question: rules first, pure and testable; a model is asked only where they are unsure.

A rule is a pattern and a specialist. Each clause of the question is looked at by itself: clauses that belong to two
specialists make the question span domains, and the manager then joins their findings.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MANAGER = "Manager"
MONITOR = "Monitor"
SOLARK = "SolArk"
VICTRON = "Victron"
OPTIMIZER = "Energy_Optimizer"
PLANNER = "Planner"
CONTROL = "Control"
SPECIALISTS = (MONITOR, SOLARK, VICTRON, OPTIMIZER, PLANNER, CONTROL)
MOST_SPECIALISTS = 2


@dataclass(frozen=True, slots=True)
class Route:
    """The specialists that should speak, in that order, whether the rules are sure, and the rule that decided."""

    agents: tuple[str, ...]
    sure: bool
    because: str

    @property
    def spans_domains(self) -> bool:
        """Whether the manager has to join several findings."""
        return len(self.agents) > 1


@dataclass(frozen=True, slots=True)
class _Rule:
    name: str
    agent: str
    pattern: re.Pattern[str]


def _rule(name: str, agent: str, pattern: str) -> _Rule:
    return _Rule(name, agent, re.compile(pattern))


# Words about the past or the present moment: a question with one of them wants a measurement, not a setting.
_MEASURED = re.compile(
    r"\b(was|were|did|went|hit|reach(ed)?|today|yesterday|tonight so far|last|past|this (week|month|morning|year)"
    r"|current(ly)?|right now|now|at the moment|happening|average|mean|so far|since|ago)\b"
)
_RULES = (
    _rule(
        "control",
        CONTROL,
        r"^(?:please |now |then |can you |could you |ok(?:ay)? |go ahead and |just )*"
        r"(?:start|stop|turn (?:on|off)|switch (?:on|off)|shut (?:down|off)|power (?:on|off|up|down)|kill|pause|resume"
        r"|fire up|turn|put|set|run)\b.*\b(?:miners?|mining|s\d\d[\w+-]*|dump loads?)\b(?!.*\?)"
        r"|^(?:please )?(?:set|change|raise|lower|put) (?:my|the) (?:min|max|safe|miner|quiet|time ?zone|units?"
        r"|language|temperature|power|e-?mail|sms|phone|alerts?)",
    ),
    _rule(
        "ahead",
        PLANNER,
        r"\bwhat if\b|\bwhat would\b.*\bmore\b.*\bbatter|\bthe plan\b|\bplanned\b|\bplan for\b"
        r"|\bwhy (?:is|are|was|were|does|did|will|isn't|aren't|not)\b.*\b(?:miners?|mining|s\d\d[\w+-]*)\b"
        r"|\b(?:forecasts?|predictions?)\b.*\b(?:accura\w+|right|good|reliable|wrong|scores?)\b"
        r"|\bhow (?:accurate|right|good|reliable)\b.*\bforecast|\benough (?:sun|solar)\b",
    ),
    _rule(
        "advice",
        OPTIMIZER,
        r"\bshould(n't)?\b|\bbest time\b|\boptimi[sz]|\brecommend|\badvi[cs]e|\bworth\b|\bplan(ning)?\b|\bbetter to\b"
        r"|\bcan (we|i) (run|afford|start)\b|\bsurplus\b|\bprofit",
    ),
    _rule("outlook", PLANNER, r"\bforecast|\bpredict|\bwill (the|my|we|it|i)\b|\btomorrow\b|\bnext (week|day|month)\b"),
    _rule(
        "economy", OPTIMIZER, r"\bcosts?\b|\btariff|\bprices?\b|\bsav(e|ed|ing|ings)\b|\bearn|\bmoney\b|\bhash ?price\b"
    ),
    _rule(
        "knowledge",
        OPTIMIZER,
        r"\bbest practices?\b|\bin general\b|\bhow do(es)? .*\bwork\b|\blatest\b|\bresearch\b|\btrends?\b|\bsizing\b"
        r"|\bmaintenance\b|\bbest .*\btechnolog|\btechnology\b|\btech\b|\bhow (should|do) (i|we)\b",
    ),
    _rule("both_systems", SOLARK, r"(?=.*\bsol-?ark\b)(?=.*\b(victron|cerbo)\b)"),
    _rule("victron", VICTRON, r"\bvictron\b|\bcerbo\b|\bvrm\b|\bvenus\b|\b(smart)?shunt\b|\bmultiplus\b|\bgx\b"),
    _rule("solark", SOLARK, r"\bsol-?ark\b|\binverters?\b|\bfirmware\b|\bfault( code)?s?\b|\bmppt\b"),
    _rule(
        "panels", SOLARK, r"\b(panels?|arrays?)\b.*\b(specs?|specification|size|many|tilt|azimuth|big|large)|\bkwp\b"
    ),
    _rule("battery_cells", VICTRON, r"\bvoltage\b|\bvolts?\b|\bbattery temp|\bcells?\b|\bhow (warm|hot|cold) is"),
)
_POLICY = re.compile(
    r"\b(min(imum)?|max(imum)?|target|critical|threshold|limits?|reserve|policy|allowed|setting|settings|rate)\b"
    r"(?=.*\b(soc|battery|charg\w*|discharg\w*|import|export|level|threshold|limits?|settings?|miners?)\b)"
    r"|\b(soc|battery|charge|discharge)\b.*\b(threshold|limits?|reserve|rate|capacity|size)\b|\bsettings?\b|\bpolicy\b"
)
_DATA = re.compile(
    r"\b(soc|battery|batteries|solar|pv|panels?|load|consumption|usage|us(ed|ing)|grid|generator|miners?|mining|power"
    r"|energy|produc\w+|generat\w+|charg\w+|discharg\w+|state of charge|kwh|watts?|kw|status|sun|import\w*|export\w*)\b"
    r"|\bw\b"
)
_CHART = re.compile(r"\b(chart|graph|plot|draw|curve)\b")
_CLAUSE = re.compile(r"[?;.!]+\s+|\s+(?:and|but|then|also)\s+(?=(?:what|when|how|should|which|is|are|did|will|can)\b)")


def route(question: str) -> Route:
    """The specialists for a question; `sure` is False when no rule knows, and `agents` is then the best guess."""
    routes = [_route_clause(clause) for clause in _clauses(question)] or [Route((MONITOR,), False, "nothing said")]
    sure = [r for r in routes if r.sure]
    if not sure:
        return routes[0]
    agents = tuple(dict.fromkeys(agent for r in sure for agent in r.agents))[:MOST_SPECIALISTS]
    return Route(agents, True, "+".join(dict.fromkeys(r.because for r in sure)))


def _clauses(question: str) -> list[str]:
    text = re.sub(r"['’]+s\b", " is", question.lower())
    parts = [part.strip(" \t\n?!.,") for part in _CLAUSE.split(text)]
    return [part for part in parts if part]


def _route_clause(clause: str) -> Route:
    if _CHART.search(clause) and _DATA.search(clause):
        return Route((MONITOR,), True, "chart")
    for rule in _RULES:
        if rule.pattern.search(clause):
            agents = (SOLARK, VICTRON) if rule.name == "both_systems" else (rule.agent,)
            return Route(agents, True, rule.name)
    if _POLICY.search(clause) and not _MEASURED.search(clause):
        return Route((OPTIMIZER,), True, "policy")
    if _DATA.search(clause):
        return Route((MONITOR,), True, "data")
    return Route((MONITOR,), False, "no rule")
