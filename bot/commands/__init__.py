"""The commands: one table for all platforms, answered without a model."""
