"""What the vendor's relays may carry, by the model that they tell.

Currents (A) for a resistive load, per channel, as the vendor's product pages give them. A model that is not listed is
unknown, not unlimited.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

RATED_A: Mapping[str, float] = MappingProxyType(
    {
        # first generation
        "SHSW-1": 16.0,
        "SHSW-PM": 16.0,
        "SHSW-25": 10.0,
        "SHSW-44": 10.0,
        "SHPLG-S": 12.0,
        "SHPLG-1": 16.0,
        # second generation
        "SNSW-001X16EU": 16.0,
        "SNSW-001P16EU": 16.0,
        "SNSW-002P16EU": 10.0,
        "SNSW-102P16EU": 10.0,
        "SNPL-00112EU": 12.0,
        "SNPL-00116US": 15.0,
        "SNSW-001X8EU": 8.0,
        "SNSW-001P8EU": 8.0,
        "SNSW-001X15UL": 15.0,
        "SNSW-001P15UL": 15.0,
        # Pro, in the revisions of their hardware
        "SPSW-001XE16EU": 16.0,
        "SPSW-101XE16EU": 16.0,
        "SPSW-201XE16EU": 16.0,
        "SPSW-001PE16EU": 16.0,
        "SPSW-101PE16EU": 16.0,
        "SPSW-201PE16EU": 16.0,
        "SPSW-201XE15UL": 15.0,
        "SPSW-201PE15UL": 15.0,
        "SPSW-002XE16EU": 16.0,
        "SPSW-102XE16EU": 16.0,
        "SPSW-202XE16EU": 16.0,
        "SPSW-002PE16EU": 16.0,
        "SPSW-102PE16EU": 16.0,
        "SPSW-202PE16EU": 16.0,
        "SPSW-003XE16EU": 16.0,
        "SPSW-004PE16EU": 16.0,
        "SPSW-104PE16EU": 16.0,
        # third generation
        "S3SW-001X16EU": 16.0,
        "S3SW-001P16EU": 16.0,
        "S3SW-002P16EU": 10.0,
        "S3SW-001X8EU": 8.0,
        "S3SW-001P8EU": 8.0,
        "S3PL-00112EU": 12.0,
        # fourth generation
        "S4SW-001X16EU": 16.0,
        "S4SW-001P16EU": 16.0,
        "S4SW-002P16EU": 10.0,
        "S4SW-001X8EU": 8.0,
        "S4SW-001P8EU": 8.0,
    }
)
