"""Use cases, one function each, with the role checked inside."""
