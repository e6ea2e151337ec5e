"""The web face: so far the health check."""
