"""The vault and its SQLite index: schema, reading and writing. SQL stands here alone."""
