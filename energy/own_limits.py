"""The SOC limits that a person's answers are measured by: the owner's, where they did not ask for stricter ones."""

from __future__ import annotations

from energy.preferences import Preferences, personal_limits
from energy.site import Limits, Site


def limits_for(preferences: Preferences, site: Site) -> Limits:
    """The stricter of the site's limits and the person's own, each by each; never looser than the site's.

    Where the two safe ranges have nothing in common, the higher one holds: its minimum is the stricter.
    """
    own, limits = personal_limits(preferences, site), site.limits
    low_pct = max(limits.safe_min_soc_pct, preferences.safe_min_soc_pct)
    highs_pct = (limits.safe_max_soc_pct, preferences.safe_max_soc_pct)
    return Limits(
        min_soc_pct=own.min_soc_pct,
        safe_min_soc_pct=low_pct,
        safe_max_soc_pct=min(highs_pct) if min(highs_pct) > low_pct else max(highs_pct),
        miner_min_soc_pct=own.miner_min_soc_pct,
    )
