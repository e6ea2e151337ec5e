"""The processes that `run` and `demo` are made of."""
