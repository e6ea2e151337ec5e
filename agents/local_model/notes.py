"""General knowledge that stands by itself: a few plain sentences per topic, without figures of any site."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

NOTES: Mapping[str, str] = MappingProxyType(
    {
        "panel_maintenance": (
            "Rinse dust and pollen off with plain water when the panels are cool, early or late in the day; "
            "no pressure washer, no detergent. Look for shade from growth, cracked glass, loose clamps and "
            "chewed cables twice a year."
        ),
        "upgrade": (
            "Bifacial panels gain most over light ground with their backs open, on ground racks or carports; "
            "flat on a roof they gain little. More panels help only where the inverter and the battery can "
            "take the extra power."
        ),
        "sizing": (
            "Size the battery so that the longest night, or the longest run of dull days you want to bridge, "
            "ends above your minimum: that energy divided by the share of the battery you are willing to "
            "use."
        ),
        "lifepo4": (
            "LiFePO4 cells move lithium between an iron phosphate and a graphite side. Their voltage is flat "
            "over most of the charge, so volts say little about the level: count charge and reset it when "
            "full. They like the middle, dislike heat, long standing full, and must not be charged below "
            "freezing."
        ),
        "battery_technology": (
            "For a fixed home or ranch battery, LiFePO4 is the usual choice: many cycles, safe chemistry, no "
            "cobalt; its weight does not matter there. Sodium-ion stands the cold better and is newer; "
            "lead-acid is cheap to buy and wears out soon."
        ),
        "storage": (
            "Use the middle of the battery day by day, let it get full now and then so that its level "
            "reading is reset, do not leave it standing full or empty, keep it cool, and never charge it "
            "below freezing."
        ),
        "inverter_work": (
            "An inverter turns the battery's and panels' direct current into the alternating current of the "
            "house; a hybrid one also charges the battery, tracks the panels' best voltage and switches to "
            "grid or generator."
        ),
        "soc_meaning": "SOC is the state of charge: how full the battery is, in percent of what it can hold.",
    }
)
