"""The roots that are connected now, as a run sees them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace

from gorillacomb.fs.openat import FileIdentity, identity_of
from gorillacomb.fs.paths import join, relative_path
from gorillacomb.fs.real_path import real_path
from gorillacomb.fs.volumes import (
    is_online,
    is_there,
    present_path,
    shows_others,
    timestamp_granularity_ns,
)
from gorillacomb.index.database import Index
from gorillacomb.index.roots import all_roots, our_folders
from gorillacomb.model import Root


@dataclass(frozen=True, slots=True)
class LiveRoot:
    """A root whose drive is connected."""

    path: bytes
    uid: str
    identity: FileIdentity
    grain_ns: int
    shows_others: bool = False
    """Whether it may show files that are in another file system."""
    kind: str = ""
    """The type of its file system."""
    our_folders: tuple[bytes, ...] = ()
    """Absolute paths of folders in it in which a scan saw a ``.gorillacomb``."""


def live_roots_of(index: Index, suspect: bool = False, moved: bool = False) -> list[LiveRoot]:
    """Return the connected roots of an index; suspect ones only if requested.

    With ``moved``, also those whose drive is mounted at another place than when it was scanned,
    with the path that they have there.
    """
    ours = our_folders(index.connection)
    return [
        LiveRoot(
            root.path,
            root.uid,
            identity_of(os.stat(root.path)),
            timestamp_granularity_ns(root.volume_type),
            shows_others(root.volume_type),
            root.volume_type,
            tuple(join(root.path, relative_path(each, known)) for each in ours.get(root.id, ())),
        )
        for known, root in _places(index, moved)
        if (is_there if suspect else is_online)(root) and real_path(root.path) == root.path
    ]


def _places(index: Index, moved: bool) -> Iterator[tuple[bytes, Root]]:
    """Yield the path of each root in the index, and the root with the path that it has now."""
    for root in all_roots(index.connection):
        path = present_path(root) if moved else None
        yield root.path, root if path is None else replace(root, path=path)
