"""Alerts as pure functions: rules that judge a site, episodes that remember, and who is told when."""
