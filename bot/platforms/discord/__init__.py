"""Discord: the gateway in, messages and interaction answers out. Importing this loads the SDK."""

import warnings

# The SDK imports audioop for its voice players, which Python 3.11 and 3.12 warn of; nothing of ours plays sound, and
# nobody reading our log can do anything about it.
with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message="'audioop' is deprecated", category=DeprecationWarning)
    import discord  # noqa: F401 - loaded here so that no module of this package loads it with the warning
