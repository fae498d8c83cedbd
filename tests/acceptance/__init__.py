"""Acceptance tests: they know the public names and the documented wire, and nothing else."""
