"""Measure what a file system really does, in a temporary folder on it."""
