"""How right the forecasts of a day were, and what a day's plan was worth. Pure."""
