"""The use cases that query the index about folders and single paths."""
