"""Temporary folders in memory, for vaults and homes: what is synced there takes no time."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SHARED = Path("/dev/shm")
_ROOM = 256 << 20
"""Bytes that must be free: a container may give little."""


@contextmanager
def in_memory() -> Iterator[Path]:
    """A folder that is there for a while; on a disk where there is no memory for it.

    Trees that are scanned do not belong there, unless it is the plan for them that matters: what
    the program sees of a file hangs on its file system.
    """
    has_room = os.access(_SHARED, os.W_OK) and shutil.disk_usage(_SHARED).free >= _ROOM
    parent = _SHARED if has_room else None
    with tempfile.TemporaryDirectory(prefix="gorillacomb-test-", dir=parent) as name:
        yield Path(name).resolve()
