"""Chat: platforms, commands, conversations, and the web face."""
