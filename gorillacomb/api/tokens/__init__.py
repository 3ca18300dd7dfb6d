"""Access tokens: make, list and revoke them, switch to new keys, check those that are sent."""
