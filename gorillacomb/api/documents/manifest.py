"""The documents of `gorillacomb manifest`, `verify` and `export` with ``--json``."""

from __future__ import annotations

from typing import TypedDict

from gorillacomb.api.documents.paths import PathDocument


class ManifestGapDocument(PathDocument):
    """Something in the folder that has no entry in the manifest; its path is relative."""

    kind: str
    """``unreadable``, ``unstable``, ``placeholder`` or ``gone``: the manifest lacks it. ``fifo``,
    ``socket``, ``device`` or ``mount``: no manifest contains that."""
    cause: str
    """Why, in words; empty where the kind says it all."""


class ManifestDocument(TypedDict):
    """What `manifest` wrote."""

    written: PathDocument | None
    """The manifest's file; null where none was written, since it would not be complete."""
    key: str | None
    """The fingerprint of the key that signed it; null where none did."""
    files: int
    links: int
    """Symbolic links."""
    dirs: int
    """Empty folders."""
    bytes: int
    """Bytes of the files."""
    whole: bool
    """Whether it is of all that is in the folder; else of a selection of its files."""
    left_out: list[ManifestGapDocument]
