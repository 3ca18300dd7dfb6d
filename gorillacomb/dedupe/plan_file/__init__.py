"""The file of a plan: JSON Lines."""
