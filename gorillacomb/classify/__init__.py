"""Classify names, folders and files: projects, names of copies, companions, cloud folders."""
