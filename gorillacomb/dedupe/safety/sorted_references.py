"""Look up what refers to a path, in references that are sorted by their targets."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from gorillacomb.dedupe.model import Reference


def references_right_to(references: Sequence[Reference], path: bytes) -> Iterator[Reference]:
    """Yield the references to a path itself."""
    for at in range(bisect_left(references, Reference(path, b"")), len(references)):
        if references[at].target != path:
            return
        yield references[at]


def references_to(references: Sequence[Reference], path: bytes) -> Iterator[Reference]:
    """Yield the references to a path, then those to what is below it."""
    yield from references_right_to(references, path)
    below = path + b"/"
    for at in range(bisect_left(references, Reference(below, b"")), len(references)):
        if not references[at].target.startswith(below):
            return
        yield references[at]
