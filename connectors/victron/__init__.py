"""Victron GX devices over MQTT."""

from connectors.victron.broker import cloud_host
from connectors.victron.stream import Pace, VictronGx, connect

__all__ = ["Pace", "VictronGx", "cloud_host", "connect"]
