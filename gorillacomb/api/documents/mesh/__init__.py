"""The documents of `gorillacomb mesh`."""
