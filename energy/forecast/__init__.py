"""Forecasts of solar and load from history and weather. Pure, but it loads numpy: `import energy` leaves it out."""
