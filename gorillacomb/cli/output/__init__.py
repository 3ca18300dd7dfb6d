"""Format results: sizes, paths, tables, findings, progress."""
