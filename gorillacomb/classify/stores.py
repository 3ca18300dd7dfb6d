"""Folders that one program keeps as one thing: version control, libraries, backup repositories."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

VERSION_CONTROL: Final = (b".git", b".hg", b".svn", b".jj")
"""Names of what version control keeps in the top folder of a project."""
_BUNDLES = (
    b".photoslibrary",
    b".aplibrary",
    b".lrdata",
    b".fcpbundle",
    b".imovielibrary",
    b".sparsebundle",
    b".backupdb",
    b".app",
)


def is_opaque(name: bytes) -> bool:
    """Whether one program keeps a folder of this name as one thing: version control, a library."""
    return name in VERSION_CONTROL or name.lower().endswith(_BUNDLES)


_RESTIC = frozenset({b"config", b"data", b"index", b"keys", b"snapshots"})
_BORG = frozenset({b"README", b"config", b"data"})
_BORG_FILES = (b"index.", b"hints.", b"integrity.")


def is_backup_store(names: Collection[bytes]) -> bool:
    """Whether the names in a folder are those of a repository of restic or borg."""
    return _RESTIC.issubset(names) or (
        _BORG.issubset(names) and any(name.startswith(_BORG_FILES) for name in names)
    )
