"""The documents of `gorillacomb token`."""
