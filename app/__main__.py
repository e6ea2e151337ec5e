"""`python -m app` is `commandcenter`."""

from app.cli import main

main()
