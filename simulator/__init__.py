"""A virtual site: its physics, and the vendors' APIs on loopback."""
