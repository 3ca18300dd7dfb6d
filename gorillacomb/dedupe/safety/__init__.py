"""Decide what no plan may touch."""
