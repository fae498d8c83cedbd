"""The command, run for real against a sandbox."""
