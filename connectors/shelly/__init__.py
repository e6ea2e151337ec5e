"""Shelly relays of the second generation and later, over their RPC interface on the local network (read only)."""
