"""Forecasts of solar and load from history and weather. Pure; loads numpy and more, so `import energy` leaves it out."""
