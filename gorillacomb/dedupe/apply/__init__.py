"""Carry out, take back and purge what a plan set aside, and repair damaged files."""
