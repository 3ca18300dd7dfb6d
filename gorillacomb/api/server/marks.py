"""The state of all marks, by which two people notice each other's changes."""

from __future__ import annotations

from collections.abc import Sequence

from gorillacomb.api.dedupe.marks import MarkedPath
from gorillacomb.hashing import blake3_of_parts

__all__ = ["marks_digest"]


def marks_digest(marks: Sequence[MarkedPath]) -> str:
    """Return BLAKE3 of all marks, 64 hex digits: it changes with each of them."""
    return blake3_of_parts(repr(mark.to_dict()).encode() for mark in marks).hex()
