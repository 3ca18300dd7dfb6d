"""Make a plan from the index; nothing on disk is touched."""
