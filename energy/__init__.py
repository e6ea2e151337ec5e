"""The domain: values, units, rules. Pure: no I/O and no clock; the time is always an argument."""
