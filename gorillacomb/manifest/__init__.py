"""The clean manifest: a signed list of what is deployed, and whether it still matches."""
