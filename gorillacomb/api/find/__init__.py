"""The use cases that ask the index about folders and single paths."""
