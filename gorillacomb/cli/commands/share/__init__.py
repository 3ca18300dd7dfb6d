"""Commands for others: manifest, verify, export."""
