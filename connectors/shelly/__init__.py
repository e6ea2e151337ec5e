"""Shelly relays of every generation, over HTTP on the local network: read, and switched with a timer of their own."""
