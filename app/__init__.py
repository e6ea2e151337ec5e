"""The entry: command line, settings, composition of the processes, doctor."""

__version__ = "0.1.0"
