"""Access tokens for programs: who may ask the server for what, for at most fifteen minutes."""
