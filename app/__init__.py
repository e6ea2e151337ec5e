"""The entry: command line, settings, composition of the processes, doctor."""
