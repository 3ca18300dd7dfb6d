"""Paths in a manifest: which ones are valid, and their order."""

from __future__ import annotations

import re
from itertools import pairwise

from gorillacomb.manifest.model import raise_malformed

_BAD_PART = re.compile(rb"(?:\A|/)\.{0,2}(?:/|\Z)")
MOST_PATH = 1 << 16
"""Bytes of a path; systems open at most 4096 at once."""


def validated_path(path: bytes) -> bytes:
    """Return a path if it stays below its folder. Raises ValueError otherwise."""
    if path.startswith(b"/"):
        raise_malformed("its path is absolute")
    if len(path) > MOST_PATH:
        raise_malformed("its path is longer than any that can be opened")
    if b"\0" in path:
        raise_malformed("its path has a NUL in it")
    if _BAD_PART.search(path) is not None:
        raise_malformed("its path has an empty part, or one that is '.' or '..'")
    return path


def check_order(paths: list[bytes]) -> None:
    """Raise ValueError unless paths are sorted and unique, and none is below another."""
    for before, after in pairwise(paths):
        if before >= after:
            how = "occurs in it twice" if before == after else "is not sorted by its bytes"
            shown = after[:200].decode("utf-8", "backslashreplace")
            raise_malformed(f"the path {shown} {how}")
    # With NUL for the slash, everything below a path directly follows it.
    places = sorted(path.replace(b"/", b"\0") for path in paths)
    for above, place in pairwise(places):
        if place.startswith(above) and place[len(above)] == 0:
            shown = above[:200].replace(b"\0", b"/").decode("utf-8", "backslashreplace")
            raise_malformed(f"it has an entry below {shown}, which is not a folder with contents")
