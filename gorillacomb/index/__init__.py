"""The vault's SQLite index: schema, reading and writing. Only this package contains its SQL."""
