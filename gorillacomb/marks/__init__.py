"""Marks: what the user decided about files and folders, and what follows from that."""
