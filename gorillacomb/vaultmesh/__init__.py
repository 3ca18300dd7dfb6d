"""The VaultMesh trace: an append-only, hash-chained, signed record of every canonical file."""
