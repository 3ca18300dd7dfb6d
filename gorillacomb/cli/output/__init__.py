"""Put results into words: sizes, paths, tables, findings, progress."""
