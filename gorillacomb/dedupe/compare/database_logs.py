"""Refuse SQLite databases with data that is still in a log and not in their file."""

from __future__ import annotations

import errno
import os

from gorillacomb.classify.companions import DATABASE_LOGS
from gorillacomb.dedupe.safety.file_names import in_use_cause
from gorillacomb.fs.location import (
    ContentDiffers,
)


def refuse_open_log(folder: int, name: bytes, path: bytes) -> None:
    """Make sure that everything in an SQLite database is in its file. Raises ContentDiffers.

    A log beside it may add, change or delete anything in it when it is next opened.
    """
    for ending in DATABASE_LOGS:
        try:
            facts = os.stat(name + ending, dir_fd=folder, follow_symlinks=False)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENAMETOOLONG):
                continue  # there is none, or there can be none
            raise
        if facts.st_size:
            raise ContentDiffers(path, in_use_cause(name + ending))
