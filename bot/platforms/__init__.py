"""One folder (or file) per platform: ingress, parse, render, send. Chat SDKs live here and nowhere else."""
