"""The arq worker: polling, backfill, weather, housekeeping."""
