"""Commands for sharing with others: manifest, verify, export."""
