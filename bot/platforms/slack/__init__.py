"""Slack: Socket Mode or signed HTTP in, Block Kit out."""
