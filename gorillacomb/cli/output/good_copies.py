"""Where the good content of a damaged file stands, for people."""

from __future__ import annotations

from collections.abc import Iterator

from gorillacomb.cli.output import render
from gorillacomb.index.database import Index
from gorillacomb.index.paths import FolderPaths
from gorillacomb.stamping.damage_entries import good_copies

_SHOWN = 3


def good_copy_lines(index: Index, paths: FolderPaths, digest: bytes) -> Iterator[str]:
    """A line for each copy of a content, the first few of them."""
    good = good_copies(index, paths, digest)
    for copy in good[:_SHOWN]:
        yield f"  good copy  {render.printable_path(copy)}"
    if len(good) > _SHOWN:
        yield f"  and {len(good) - _SHOWN:,} more"
    if not good:
        yield "  no good copy is known"
