"""What the index knows about the files at some paths, for rows that only have their paths."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from gorillacomb.api.lookup import look_up_path
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.vault.vault import Vault

__all__ = ["SeenFile", "read_seen_files"]


class SeenFile(NamedTuple):
    """A file as of its last scan."""

    size: int
    """Bytes."""
    mtime_ns: int


def read_seen_files(vault: Vault, paths: Iterable[bytes]) -> dict[bytes, SeenFile]:
    """Return what the index knows about files, without those that it does not have.

    Raises VaultError.
    """
    found = {}
    with Index.read(vault) as index, translate_errors(vault):
        for path in paths:
            file = look_up_path(index, path).file
            if file is not None:
                found[path] = SeenFile(file.size, file.mtime_ns)
    return found
