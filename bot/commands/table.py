"""All commands, for every platform: one row each, in the order in which they are listed."""

from __future__ import annotations

from bot.commands import (
    alerts,
    away,
    contacts,
    history,
    live,
    miners,
    mutes,
    now,
    outlook,
    own_rules,
    people,
    plan,
    preferences,
    report,
    site,
)
from bot.commands.command import Command, Parameter

_PERIOD = Parameter("period", "today, yesterday, last 7 days, last night, 2026-11-20 ...", completes="periods")
_UNTIL = Parameter("until", "for 2h, until 18:00, until Friday; nothing: until somebody changes it")

COMMANDS: tuple[Command, ...] = (
    Command("status", "The whole site now: battery, solar, load, grid, miners", now.status, examples=("/status",)),
    Command("solar", "Solar now, today and yesterday", now.solar, examples=("/solar",)),
    Command(
        "battery",
        "Battery level and flow, today's range, how long it lasts",
        now.battery,
        parameters=(Parameter("what", "health: what is left of it, its cycles; nothing: now", choices=("health",)),),
        examples=("/battery", "/battery health"),
    ),
    Command(
        "grid",
        "Grid flow now and today; owners: charging from the grid",
        now.grid,
        parameters=(
            Parameter("action", "charge: charging the battery from the grid (owners)", choices=("charge",)),
            Parameter("switch", "on or off", choices=("on", "off")),
        ),
        examples=("/grid", "/grid charge off"),
    ),
    Command(
        "history",
        "Averages, extremes and energy of a past period",
        history.history,
        parameters=(Parameter("metric", "what: solar, load, battery, soc, grid ...", completes="metrics"), _PERIOD),
        examples=("/history", "/history solar yesterday", "/history soc last night"),
    ),
    Command(
        "chart",
        "A chart of a past period",
        history.chart,
        parameters=(
            Parameter("kind", "power flows, energy bars or battery level (soc)", choices=("power", "energy", "soc")),
            _PERIOD,
        ),
        examples=("/chart", "/chart soc last night", "/chart energy last 7 days"),
    ),
    Command(
        "miners",
        "List, start or stop miners, hand them to the automatic, or see who switched what",
        miners.miners,
        parameters=(
            Parameter("action", "what to do; nothing: the list", choices=("list", "start", "stop", "auto", "log")),
            Parameter("miner", "an id such as s19-1, a name, or all", completes="miners"),
            _UNTIL,
        ),
        examples=("/miners", "/miners stop all", "/miners start s19-1 for 2h", "/miners auto", "/miners log"),
    ),
    Command(
        "plan",
        "What the miners and the battery will do and what it brings; what if; owners: its mode",
        plan.plan,
        parameters=(
            Parameter(
                "what", "mode: who decides (owners); what if ...; nothing: the plan", choices=("mode", "what if")
            ),
            Parameter("more", "after mode: advise, ask or automatic; after what if: s19-1 until 18:00"),
        ),
        examples=("/plan", "/plan mode ask", "/plan what if s19-1 until 18:00", "/plan what if cloudy tomorrow"),
    ),
    Command(
        "forecast",
        "Solar, load and battery of the next days",
        outlook.forecast,
        parameters=(
            Parameter(
                "when",
                "nothing: today and tomorrow; battery: its level to come",
                choices=("today", "tomorrow", "week", "battery"),
            ),
        ),
        examples=("/forecast", "/forecast week", "/forecast battery"),
    ),
    Command(
        "why",
        "Why the plan does what it does, now or at a time",
        outlook.why,
        parameters=(
            Parameter("miner", "an id, a name, or battery; nothing: all", completes="miners"),
            Parameter("time", "18:00, tomorrow 09:00, yesterday 14:00; nothing: now"),
        ),
        examples=("/why", "/why s19-1", "/why battery 18:00"),
    ),
    Command(
        "alerts",
        "What is wrong now, and what was; owners: alerts in this group",
        alerts.list_alerts,
        parameters=(
            Parameter(
                "what", "all or history; here: this group; nothing: what is open", choices=("all", "history", "here")
            ),
            Parameter("switch", "after here: on or off", choices=("on", "off")),
        ),
        examples=("/alerts", "/alerts history", "/alerts here on"),
    ),
    Command(
        "ack",
        "Say that you have an alert in hand: nobody else is called for it",
        alerts.ack,
        parameters=(Parameter("alert", "its number in /alerts, or all", completes="alerts"),),
        examples=("/ack", "/ack 12", "/ack all"),
    ),
    Command(
        "mute",
        "Silence an alert or a rule for a while; nothing: what is muted",
        mutes.mute,
        parameters=(
            Parameter("what", "an alert's number, a rule, or all but the critical ones", completes="rules"),
            Parameter("until", "for 2h, until 18:00, until Friday; nothing: for an hour"),
        ),
        examples=("/mute", "/mute 12", "/mute battery_low for 2h", "/mute all until 18:00"),
    ),
    Command(
        "unmute",
        "End a mute, or all of them",
        mutes.unmute,
        parameters=(Parameter("what", "an alert's number, a rule, or all", completes="rules"),),
        examples=("/unmute battery_low", "/unmute all"),
    ),
    Command(
        "rules",
        "Alerts of your own in plain words: add, edit, remove; all: the usual ones",
        own_rules.rules,
        parameters=(
            Parameter("action", "what to do; nothing: yours", choices=("add", "edit", "remove", "all")),
            Parameter("text", "in plain words; after edit and remove its number first"),
        ),
        examples=("/rules", "/rules add tell me when solar passes 8 kW", "/rules remove 3"),
    ),
    Command(
        "prefs",
        "Your own limits, alerts and display; see or change them",
        preferences.prefs,
        parameters=(
            Parameter("action", "set; nothing: show all", choices=("set",)),
            Parameter("name", "which preference", completes="preferences"),
            Parameter("value", "its new value; default: as it was in the beginning"),
        ),
        examples=("/prefs", "/prefs set min_soc_pct 35", "/prefs set temperature_unit F"),
        private=True,
    ),
    Command(
        "memory",
        "What I remember of you",
        None,
        private=True,
        until="I remember nothing beyond our last few messages yet. What you want kept stands in /prefs.",
    ),
    Command(
        "away",
        "Say when you are away, or list who is",
        away.away,
        parameters=(Parameter("until", "until Friday, for 3 days, off; nothing: the list"),),
        examples=("/away until Friday", "/away for 3 days", "/away off"),
        private=True,
    ),
    Command(
        "live",
        "One message here that stays up to date",
        live.live,
        parameters=(Parameter("switch", "off ends it", choices=("on", "off")),),
        examples=("/live", "/live off"),
    ),
    Command(
        "contacts",
        "Your webhooks and push services (ntfy, Pushover ...): list, add, remove, test",
        contacts.contacts,
        parameters=(
            Parameter("action", "what to do; nothing: the list", choices=("add", "remove", "test")),
            Parameter("contact", "its address, or its number in the list"),
        ),
        examples=("/contacts", "/contacts add ntfys://ntfy.example.org/my-topic", "/contacts test 2"),
        private=True,
    ),
    Command(
        "deliveries",
        "What could not be delivered, and trying it again (owners)",
        contacts.deliveries,
        parameters=(
            Parameter("action", "replay: try again", choices=("replay",)),
            Parameter("which", "its number, or all"),
        ),
        examples=("/deliveries", "/deliveries replay all"),
        role="owner",
        private=True,
    ),
    Command("health", "Which devices report, and faults", now.health, examples=("/health",)),
    Command(
        "report",
        "A day, week or month on one page; how right forecasts were; the daily brief in this group",
        report.report,
        parameters=(
            Parameter("kind", "which; nothing: yesterday", choices=("day", "week", "month", "forecast", "here")),
            Parameter("when", "yesterday, last week, October ...; after here: a time or off", completes="periods"),
        ),
        examples=("/report", "/report week", "/report month October"),
    ),
    Command("sites", "The site, its limits, and your role", site.sites, examples=("/sites",)),
    Command(
        "people",
        "Who may do what here: list, approve, change role, remove (owners)",
        people.people,
        parameters=(
            Parameter("action", "what to do", choices=("list", "approve", "role", "remove")),
            Parameter("who", "a name, or an account such as telegram:123456", completes="people"),
            Parameter("role", "what they may do", choices=("viewer", "operator", "owner")),
        ),
        examples=("/people", "/people approve telegram:123456 viewer", "/people role Ben operator"),
        role="owner",
        private=True,
    ),
    Command(
        "link",
        "Add your account on another chat platform",
        people.link,
        examples=("/link",),
        private=True,
    ),
    Command(
        "group",
        "Open or close this group: may figures be told in it? (owners)",
        people.group,
        parameters=(Parameter("action", "open or close", choices=("open", "close")),),
        examples=("/group open", "/group close"),
        role="owner",
        in_any_group=True,
    ),
    Command(
        "help",
        "What I can do, or how one command is used",
        site.help_,
        parameters=(Parameter("command", "a command's name", completes="commands"),),
        examples=("/help", "/help miners"),
    ),
)

BY_NAME: dict[str, Command] = {command.name: command for command in COMMANDS}
