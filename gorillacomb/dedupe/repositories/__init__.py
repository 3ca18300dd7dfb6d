"""Determine whether one git repository contains all of another, and what its history contains."""
