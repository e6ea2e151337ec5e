"""Victron's VRM portal: a GX device as its cloud knows it."""

from connectors.vrm.client import VrmPortal, connect

__all__ = ["VrmPortal", "connect"]
