"""Telegram: long polling in, HTML out. `PTB_TIMEDELTA` must be set before the SDK is loaded anywhere."""

import os

# Without it, reading RetryAfter.retry_after warns, and warnings are errors in our tests (python-telegram-bot 22.2+).
os.environ.setdefault("PTB_TIMEDELTA", "1")
