"""The worker: polling, backfill, weather, control of the miners, housekeeping."""
