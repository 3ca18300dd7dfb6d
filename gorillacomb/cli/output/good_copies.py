"""Say where good copies of a damaged file are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gorillacomb.cli.output import render

_SHOWN = 3


def good_copy_lines(good: Sequence[bytes]) -> Iterator[str]:
    """Yield lines that name the first few files with a content."""
    for copy in good[:_SHOWN]:
        yield f"  good copy  {render.printable_path(copy)}"
    if len(good) > _SHOWN:
        yield f"  and {len(good) - _SHOWN:,} more"
    if not good:
        yield "  no good copy is known"
