"""Files that others gave the user: keys, certificates, policies, checkpoints."""

from __future__ import annotations

import os

from gorillacomb.api.paths import PathInput, path_text
from gorillacomb.errors import UsageError
from gorillacomb.fs.bounded_read import UnexpectedFile, read_document
from gorillacomb.fs.openat import os_error_text

__all__ = ["read_given_file"]

_MOST_BYTES = 4 << 20


def read_given_file(path: PathInput) -> bytes:
    """Return what a file contains, 4 MiB at most. Raises UsageError if it cannot be read."""
    place = os.fsencode(path)
    try:
        return read_document(place, _MOST_BYTES)
    except UnexpectedFile:
        raise UsageError(f"{path_text(place)} is not a file, or far too large.") from None
    except OSError as error:
        raise UsageError(f"Reading {path_text(place)} failed: {os_error_text(error)}.") from error
