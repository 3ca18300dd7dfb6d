"""A path in a document: text under its key, or base64 under ``<key>_b64`` if it is not UTF-8."""

from __future__ import annotations

from typing import TypedDict


class PathDocument(TypedDict, total=False):
    """One of the two keys is present."""

    path: str
    """The absolute path, if it is valid UTF-8."""
    path_b64: str
    """The path's bytes in base64, if it is not."""
