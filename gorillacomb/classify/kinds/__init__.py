"""Rows of the tables of stores and companions, and what a row is."""
