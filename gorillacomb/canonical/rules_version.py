"""The version of the rules that choose canonical copies, apart from the rules themselves."""

from __future__ import annotations

RULES_VERSION = 3
"""Recorded with each stamp. Raise it when the order of `keep_criteria` changes, or which names
count as those of copies: every stamp made by a lower version is chosen again at the next scan.
Stamps older than these versions have 0.

A scan that finds nothing to stamp needs this alone.
"""
