"""Read git's own files: whether two indexes have the same entries, what a repository tracks.

The formats are git's (gitformat-index(5)); dulwich reads them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from typing import Any

from gorillacomb.fs.paths import join
from gorillacomb.log import log_warning

_LARGEST = 256 << 20
"""The largest index, in bytes, that is read."""


def index_entries_equal(a: bytes, b: bytes) -> bool:
    """Return whether two indexes, by their paths, name the same contents in the same state.

    Times and inodes, by which git knows what to check again, differ in every copy.
    """
    first = _entries(a)
    return first is not None and first == _entries(b)


def is_tracked(repository: bytes, inner: bytes) -> bool:
    """Return whether a repository tracks something at or below a path relative to its folder.

    Also return True if that cannot be determined.
    """
    index = join(repository, b".git/index")
    if not os.path.lexists(index):
        return not os.path.isdir(join(repository, b".git"))
    entries = _entries(index)
    return entries is None or any(
        path == inner or path.startswith(inner + b"/") for path in entries
    )


def ignored_in(top: bytes) -> Callable[[bytes], bool]:
    """Return a function that says whether the ``.gitignore`` files of a tree name a relative path.

    The path of a folder ends in a slash. Raises OSError when it is called.
    """
    # Most plans need no ignore files.
    from dulwich.ignore import IgnoreFilterManager

    _send_to_our_log()
    filters = IgnoreFilterManager(os.fsdecode(top), [], False)
    return lambda inner: bool(filters.is_ignored(os.fsdecode(inner)))


@cache
def _send_to_our_log() -> None:
    """Have what dulwich logs, such as patterns that git ignores, logged as ours.

    Where nobody listens, `logging` would print it to stderr.
    """
    import logging  # dulwich has imported it

    class Forwarder(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            log_warning("%s", record.getMessage())

    logging.getLogger("dulwich").addHandler(Forwarder(logging.WARNING))


def _entries(path: bytes) -> dict[bytes, Any] | None:
    """Return an index's entries by path, without times, inodes and owners; None if not an index."""
    # Most runs never meet a repository, and the import takes 30 ms.
    from dulwich.errors import ChecksumMismatch
    from dulwich.index import ConflictedIndexEntry, Index

    _send_to_our_log()

    def facts(entry: Any) -> tuple[object, ...]:
        return entry.mode, entry.sha, entry.flags & ~0xFFF, entry.extended_flags

    try:
        if os.path.getsize(path) > _LARGEST:
            return None
        found: dict[bytes, Any] = {}
        for name, entry in Index(os.fsdecode(path)).items():
            if isinstance(entry, ConflictedIndexEntry):
                sides = (entry.ancestor, entry.this, entry.other)
                found[name] = tuple(None if each is None else facts(each) for each in sides)
            else:
                found[name] = facts(entry)
    except (OSError, ValueError, AssertionError, KeyError, IndexError, ChecksumMismatch):
        return None  # not one that dulwich can read
    return found
