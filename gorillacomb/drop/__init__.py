"""Omnidrop: what of some files is known already, and keep the rest in a scanned folder."""
