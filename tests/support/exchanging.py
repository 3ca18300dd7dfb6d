"""Two names that change places in one step, as nothing in Python does."""

from __future__ import annotations

import ctypes
import os
import sys

_EXCHANGE = 2  # RENAME_EXCHANGE, include/uapi/linux/fs.h; RENAME_SWAP, <sys/stdio.h> of macOS


def exchange(one: bytes | os.PathLike[str], other: bytes | os.PathLike[str]) -> None:
    """Have two files or folders, by absolute path, change places. Raises OSError."""
    library = ctypes.CDLL(None, use_errno=True)
    rename = library.renameatx_np if sys.platform == "darwin" else library.renameat2
    if rename(-1, os.fsencode(one), -1, os.fsencode(other), _EXCHANGE):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
