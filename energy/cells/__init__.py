"""The battery: where its level goes, what it takes near full, what it holds, and how it ages. Pure; no clock."""
