"""Devices and services: SolArk cloud, Victron GX, Shelly, weather. Translates once, at the edge."""
