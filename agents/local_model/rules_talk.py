"""Rules for what is not about figures: greetings, help, earlier talk, orders, general knowledge, other subjects."""

from __future__ import annotations

import re
from typing import Literal

from agents.local_model import rules_site
from agents.local_model.asked import Asked
from agents.local_model.intents import (
    DeviceFact,
    Greeting,
    Help,
    Intent,
    Knowledge,
    NotYet,
    OutOfScope,
    Recall,
    Switch,
    Thanks,
    Total,
    Unclear,
)

_GREETING = (
    r"(?:hi|hello|hey|hiya|yo|howdy|greetings|good (?:morning|afternoon|evening|day)|morning|"
    r"evening|hi there|hey there)"
    r"(?: (?:there|bot|everyone|all|team|again|you|commandcenter))*(?: how (?:are|is) (?:you|"
    r"it going|things)(?: today| doing)*)?"
)
_THANKS = (
    r"(?:ok |okay |great |perfect |nice |cool |got it |many )*(?:thanks|thank you|cheers|bye|"
    r"goodbye|good night|see you|got it|"
    r"ok|okay|great|perfect|cool|nice|awesome)(?: (?:a lot|so much|very much|again|bye|bot|"
    r"you|then|that helps|for that|later))*"
)
_HELP = (
    r"(?:please )?(?:help|help me|commands|menu|start|what can (?:you|i|we) (?:do|ask|"
    r"help)(?: \w+){0,4}|who are you|what are you|what is your name|who made you|"
    r"how do (?:i|you|we) use (?:you|this)|what do you (?:do|know)|how does this work)"
)


def greeting(asked: Asked) -> Intent | None:
    """Hello, thanks, help: only when nothing else is said."""
    if not asked.text:
        return Unclear()
    if re.fullmatch(_GREETING, asked.text) or re.fullmatch(r"how are you(?: \w+){0,2}", asked.text):
        return Greeting()
    if re.fullmatch(_THANKS, asked.text):
        return Thanks()
    return Help() if re.fullmatch(_HELP, asked.text) else None


def recall(asked: Asked) -> Intent | None:
    """What was said before."""
    if asked.has(
        r"\b(?:we|you and i) (?:discuss|talk|spoke|speak|said|say)\w*\b|\bdid (?:we|i|"
        r"you) (?:discuss|talk|say|ask|tell|mention)\b|"
        r"\bconversations?\b|\bi (?:asked|told) you\b|\byou (?:said|told|mentioned|remember)\b|"
        r"\bremember (?:what|when|my|that|our|me)\b|"
        r"\blast time (?:we|i) (?:talked|spoke|asked)\b|\bour (?:chat|talk|discussion)\b"
    ):
        return Recall()
    return None


_MINERS = r"\b(?:miners?|mining|s19\w*|s21\S*|asics?|rigs?)\b"
_ALL = r"\b(?:everything|it all)\b"  # of what can be switched from here, that is the miners
_VERBS = re.compile(r"turn|switch|start|stop|halt|run|shut|kill|pause|resume|enable|disable|power|put|set|hand|leave")
# All that may stand in an order besides its verb and the miners' names; any other word may turn it around.
_FILLERS = re.compile(
    r"please|now|ok|okay|hey|can|could|would|will|you|i|want|to|go|ahead|and|should|right|immediately|for|me|us|"
    r"thanks|thank|on|off|down|up|back|over|in|into|auto|automatic|mode|the|a|my|our|all|both|of|every|each|"
    r"miners?|mining|asics?|rigs?|antminers?|bitcoin|btc|everything|it"
)
_STOPS = r"\b(?:off|stop|shut|kill|pause|disable|down|halt)\b"
_STARTS = r"\b(?:on|start|resume|enable|run|up)\b"
_NAME = re.compile(r"[a-z]{1,12}-?\d[\w+-]*|primary|secondary|main|pro|plus|xp|hydro")
_END = re.compile(
    r"\b(?:until|till|til) (.+)$|\bfor (?:the next )?((?:\d|an? |half|one|two|three|four|five|six|seven|eight).*)$"
)
_POLITE_END = re.compile(r"(?: (?:please|now|ok|okay|thanks|thank you|for me))+$")


def _has_digit(word: str) -> bool:
    return any(character.isdigit() for character in word)


def order(asked: Asked) -> Intent | None:
    """Orders that a question cannot carry out."""
    start = (
        r"^(?:(?:please|now|ok|hey|can you|could you|would you|i want you to|go ahead and|you should) )*"
        r"(?:(?:please) )?"
    )
    switchable = (
        r"\b(?:miners?|mining|s19\w*|s21\S*|relay|generator|inverter|shelly|contactor|load|"
        r"everything|it all|charging|rigs?)\b"
    )
    verb = r"(?:turn|switch|start|stop|halt|run|shut|kill|pause|resume|enable|disable|power|reboot|restart|force)\b"
    if asked.has(start + r"(?:put|set|hand|leave)\b.*\bauto(?:matic)?\b") and asked.has(_MINERS):
        return _switch(asked)
    if asked.has(start + verb) and asked.has(switchable):
        return _switch(asked) or NotYet("control")
    if asked.has(
        r"\b(?:alert|notify|warn|text|message|ping|tell|remind|let) me (?:know )?(?:if|when|once|before|every)\b"
    ):
        return NotYet("alert")
    if asked.has(start + r"(?:set|change|raise|lower|increase|decrease|adjust|update|make)\b") and (
        asked.threshold is not None or asked.has(r"\b(?:limit|threshold|minimum|reserve|target|soc)\b")
    ):
        return NotYet("setting")
    if asked.periods and asked.has(r"\b(?:outages?|blackouts?|power cuts?)\b|\bgrid\b.*\b(?:down|out|fail\w*|lost)\b"):
        return NotYet("outages")
    return None


def _switch(asked: Asked) -> Intent | None:
    """Miners to be switched, now and as a whole; None where something else shall be, which stays with people.

    Every word must have been understood: what is left over may be a time, a condition or an exception.
    """
    others = r"\b(?:generator|inverter|charging|charge|reboot|restart|force)\b"
    if asked.has(others) or not (asked.has(_MINERS) or asked.has(_ALL)):
        return None
    text = _POLITE_END.sub("", asked.text)
    end = _END.search(text)
    until = (end[1] or end[2]) if end else ""
    names, verbs, left = list[str](), list[str](), list[str]()
    between: list[str] = []
    head = re.sub(r"\bminer (?=\d)", "miner-", text[: end.start()] if end else text).split()
    for word in head:
        if _NAME.fullmatch(word):
            # "s19-1, s19-2" are two; "s19 pro" is one.
            two = "and" in between or (_has_digit(word) and any(map(_has_digit, names)))
            names.append(f"{'' if not names else ' and ' if two else ' '}{word.replace('miner-', 'miner ')}")
            between = []
        elif _VERBS.fullmatch(word):
            verbs.append(word)
        elif _FILLERS.fullmatch(word):
            between.append(word)
        else:
            left.append(word)
    said = " ".join(head)
    stops, starts, auto = (re.search(p, said) is not None for p in (_STOPS, _STARTS, r"\bauto(?:matic)?\b"))
    if not stops and not asked.has(_MINERS):
        return None
    if left or len(verbs) != 1 or (stops and (auto or starts)) or not (stops or auto or starts):
        return NotYet("order")
    action: Literal["start", "stop", "auto"] = "stop" if stops else "auto" if auto else "start"
    return Switch(action, "".join(names) or "all", until)


def elsewhere(asked: Asked) -> Intent | None:
    """News, money, and subjects that have nothing to do with the site."""
    if not asked.periods and asked.has(
        r"\b(?:latest|newest|recent|new|current|upcoming|emerging)\b.*\b(?:trends?|research|"
        r"technolog\w+|tech|news|development\w*|"
        r"innovations?|breakthroughs?|studies|products?|releases?)\b|\b(?:industry|market|solar|"
        r"inverter|battery) (?:trends|news)\b"
    ):
        return OutOfScope("web")
    if asked.has(
        r"\b(?:costs?|price[sd]?|bills?|savings?|money|profit\w*|revenue|earn\w*|payback|roi|"
        r"dollars?|worth (?:of|in)|income|"
        r"tariffs?|cheaper|expensive|hashprice)\b|\bhow much (?:did|do|have|will) (?:i|"
        r"we) (?:save|make|pay|spend|earn)\b|\$"
    ):
        return _money(asked)
    if asked.has(
        r"\b(?:outside|outdoors?|ambient|air) temperature\b|\bhow (?:hot|cold|warm) (?:is|was) it\b|"
        r"\btemperature\b.*\b(?:outside|outdoors?|in the shade)\b|"
        r"\b(?:hottest|coldest|warmest|coolest) (?:day|night|hour)\b"
    ):
        return OutOfScope("weather")
    if not asked.metrics and asked.has(r"\b(?:weather|sunny|cloudy|cloud cover|rain\w*|outside|wind\w*|snow\w*)\b"):
        return OutOfScope("weather")
    if asked.has(
        r"\b(?:joke|poem|song|recipe|movie|football|president|capital of|translate|stock (?:price|"
        r"market)|meaning of life|"
        r"write (?:me )?(?:a|an|some)|who (?:is|was|won|wrote|invented)|python|javascript|email)\b"
    ) and not asked.has(r"\b(?:battery|solar|soc|miners?)\b"):
        return OutOfScope("general")
    return None


def _money(asked: Asked) -> Intent:
    """Money is not known; the energies of a period that was named are."""
    period = asked.period
    if period is None:
        return OutOfScope("finance")
    named = tuple(m for m in ("miners", "grid") if m in asked.metrics)
    return Total(named or ("solar", "load", "grid"), period, note="money")


_TOPICS: tuple[tuple[str, str], ...] = (
    (
        "panel_maintenance",
        r"\b(?:panels?|solar|array)\b.*\b(?:maint\w*|clean\w*|wash\w*|service)\b|\b(?:maint\w*|"
        r"clean\w*|wash\w*)\b.*\b(?:panels?|solar|array)\b",
    ),
    ("upgrade", r"\bbifacial\b|\b(?:upgrade|add|replace|buy|more)\b.*\bpanels?\b"),
    (
        "sizing",
        r"\bsiz(?:e|ing)\b|\bhow (?:big|large|much)\b.*\b(?:battery|bank)\b.*\b(?:need|should)\b|"
        r"\b(?:enough|bigger|larger|more) batter(?:y|ies)\b",
    ),
    ("lifepo4", r"\blifepo4?\b|\blfp\b|\blithium iron\b|\bhow do(?:es)? .*\b(?:batter(?:y|ies)|cells?)\b.*\bwork\b"),
    (
        "battery_technology",
        r"\b(?:best|better|which|what|compare)\b.*\bbattery (?:technolog\w+|tech|types?|"
        r"chemistr\w+)\b|\bsolid[- ]state\b|\bsodium\b|\blead acid\b",
    ),
    (
        "storage",
        r"\bstorage\b|\bbatter(?:y|ies)\b.*\b(?:best practices?|care|last longer|lifespan|"
        r"life span|degrad\w+|health tips)\b|\bbest practices?\b.*\bbatter(?:y|ies)\b|"
        r"\bcare for\b.*\bbatter",
    ),
    ("inverter_work", r"\bhow do(?:es)? .*\binverters?\b.*\bwork\b"),
    (
        "soc_meaning",
        r"\bwhat (?:does|is) (?:an? )?(?:soc|state of charge) (?:mean|stand for)\b|\b(?:meaning|"
        r"definition) of soc\b",
    ),
)
_GENERAL = (
    r"\bbest practices?\b|\bin general\b|\bgenerally\b|\bhow (?:do|does|can|should) (?:i |"
    r"you |we )?\w*(?: \w+){0,5} (?:work|install|maintain|clean)\b|"
    r"\bmaint(?:enance|ain)\b|\bprocedures?\b|\bexplain\b|\bdifference between\b|"
    r"\bpros and cons\b|\btechnolog(?:y|ies)\b|"
    r"\bupgrad\w+\b|\bwhat (?:does|do) .* mean\b|\bshould (?:i|we) (?:buy|replace|install|add|"
    r"get|switch)\b|\bhow to\b|\btips\b|"
    r"\bsizing\b|\bbifacial\b|\bsolid[- ]state\b|\blast longer\b|\bdegrad\w+|\bhow (?:big|"
    r"large) (?:a|should)\b|\bbetter battery\b"
)


def knowledge(asked: Asked) -> Intent | None:
    """General knowledge about equipment, as far as it is not about a figure of this site."""
    if asked.threshold is not None or (asked.periods and not asked.has(_GENERAL)):
        return None
    if asked.has(
        r"\bhow (?:do|should|to|can) (?:i |we |you )?(?:handle|deal|manage|respond|react)\b|"
        r"\blow battery\b"
    ):
        return None
    general = asked.has(_GENERAL)
    if not general:
        return None
    for topic, pattern in _TOPICS:
        if asked.has(pattern):
            return Knowledge(topic)
    if asked.has(r"\bdifference between\b") and asked.periods:
        return None
    return Knowledge("other")


_DEVICE_FACTS: tuple[tuple[str, str], ...] = (
    ("firmware", r"\bfirmware\b|\bsoftware version\b"),
    ("serial", r"\bserial (?:number|no)\b|\bserial\b"),
    (
        "health",
        r"\bfaults?\b|\berrors?\b|\balarms?\b|\b(?:devices?|inverter|shelly|victron|solark|cerbo|"
        r"relays?|connection|data)\b.*\b(?:online|offline|ok|okay|working|connected|reachable|"
        r"healthy|alive|down|up|wrong|fresh|stale)\b|"
        r"\b(?:anything|something|everything|all|any) (?:is )?(?:wrong|broken|working|ok|okay|"
        r"fine|problems?|issues?)\b|"
        r"\bwrong with\b|^problems?$|\bany (?:problems?|issues?|trouble)\b",
    ),
    ("last_reading", r"\blast (?:reading|update|seen|report)\b|\bhow old (?:is|are)\b|\bhow fresh\b"),
    (
        "panels",
        r"\b(?:panels?|array|pv|solar)\b.*\b(?:specifications?|kwp|installed|rated|tilt|azimuth|"
        r"orientation|facing|made of|model|brand|size)\b|\b(?:specifications?|tilt|azimuth|"
        r"how many|what (?:kind|type|model|size|brand)|how (?:big|large)|which|"
        r"size)\b.*\b(?:of )?(?:my |our |the )?(?:solar )?(?:panels?|array)\b",
    ),
    (
        "battery",
        r"\bwhat (?:kind of |type of )?battery\b.*\bhave\b|"
        r"\b(?:battery|bank)\b.*\b(?:capacity|size|chemistry|specifications?|brand|"
        r"usable)\b(?! left)|\b(?:capacity|size|chemistry|specifications?|how (?:big|large)|"
        r"what (?:kind|type|size|model|brand)|which)\b.*\b(?:battery|bank)\b|"
        r"\bhow many kwh\b.*\b(?:battery|bank)\b(?!.*\b(?:charge|discharge|put|take|took|go)\w*)",
    ),
    (
        "miners",
        r"\b(?:what|which|how many|list|show)\b(?: \w+){0,3} miners?\b(?!.*\b(?:running|on|off|"
        r"consum\w+|us(?:e|ed|ing)|draw\w*|run|start|stop|threshold|limit|rules?)\b)|\bhashrate\b|"
        r"\bminers?\b.*\bspecifications?\b",
    ),
    (
        "devices",
        r"\b(?:what|which|list|show)\b(?: \w+){0,3} (?:devices|hardware|equipment|gear|"
        r"system do)\b|\bwhat (?:equipment|hardware|system)\b.*\bhave\b",
    ),
    (
        "inverter",
        r"^(?:what |which |my |our |the |is |kind of |type of |model of )*inverter(?: model| type|"
        r" brand| name| is it)?$|\b(?:what|which|model|type|brand|kind|make|"
        r"name)\b.*\binverter\b(?!.*\b(?:do|doing|state|status|mode|trends?|output|producing|"
        r"saying)\b)|\binverter\b.*\b(?:model|type|brand|have|specifications?)\b",
    ),
    (
        "inverter_state",
        r"\binverter\b.*\b(?:do|doing|state|status|saying|mode)\b|\b(?:state|status|"
        r"mode) of (?:the |my )?inverter\b",
    ),
    (
        "site",
        r"\b(?:what|which) (?:is )?(?:my |the |your )?(?:time ?zone|location|site)\b|"
        r"\bwhere (?:is|are) (?:the|my) (?:site|system)\b|\bsystem (?:specifications?|details|"
        r"info\w*|setup|configuration)\b",
    ),
)


def device_fact(asked: Asked) -> Intent | None:
    """What the equipment is and whether it is well."""
    if asked.has(r"\b(?:average|maximum|minimum|peak|highest|lowest|rate|threshold|produc\w+)\b") and not asked.has(
        r"\bspecif"
    ):
        return None
    for what, pattern in _DEVICE_FACTS:
        if asked.has(pattern):
            named = re.search(r"\b(shelly|solark|sol-ark|victron|cerbo|inverter)\b", asked.text)
            device = (
                named[1].replace("-", "") if named and what in ("health", "firmware", "serial", "last_reading") else ""
            )
            return DeviceFact(what, device)
    return None


RULES = (greeting, recall, order, *rules_site.RULES, elsewhere, knowledge, device_fact)
