"""What a manifest says: the values that building, verifying and exporting share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["file", "link", "dir"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that stands in the manifest's folder."""

    path: bytes
    """Relative to that folder."""
    type: Kind
    """``dir`` for an empty folder only."""
    mode: int
    """Permission bits, as ``st_mode & 0o7777``."""
    size: int = 0
    """Bytes; 0 unless it is a file."""
    mtime_ns: int = 0
    target: bytes | None = None
    """Of a symbolic link."""
    blake3: str | None = None
    """Hex, of a file's content."""
    sha256: str | None = None
    seq: int | None = None
    """Its stamp in the VaultMesh trace; None where it has none."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """A folder as it must be deployed."""

    name: bytes
    """The folder's own name."""
    entries: tuple[Entry, ...]
    """Sorted by path bytes."""
    created_ns: int
    checkpoint: str | None = None
    """The signed checkpoint of the trace at that moment."""
