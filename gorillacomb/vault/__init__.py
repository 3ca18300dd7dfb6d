"""Open the vault, the folder with the index and the trace, and the user's settings."""
