"""Signing and verification: keys, signed notes, cosignatures."""
