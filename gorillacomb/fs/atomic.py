"""Small files put on the disk so that a crash leaves the old one or the new one, never half."""

from __future__ import annotations

import os
import secrets

PathLike = str | bytes | os.PathLike[str]


def write_temporary(place: PathLike, data: bytes, mode: int = 0o666, synced: bool = True) -> bytes:
    """Write data to a new hidden file in the folder of ``place``; returns its path.

    ``mode`` is narrowed by the umask; ``synced`` has it wait for the disk. Raises OSError, and
    leaves nothing then.
    """
    folder, name = os.path.split(os.fsencode(place))
    aside = os.path.join(folder, b".%s.%s" % (name[:200], secrets.token_hex(4).encode()))
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            if synced:
                os.fsync(descriptor)
    except BaseException:
        os.unlink(aside)
        raise
    return aside


def replace_file(place: PathLike, data: bytes, mode: int = 0o666, synced: bool = True) -> None:
    """Put data at a place, whole, whatever file stands there. Raises OSError."""
    path = os.fsencode(place)
    aside = write_temporary(path, data, mode, synced)
    try:
        os.rename(aside, path)
    except BaseException:
        os.unlink(aside)
        raise
    if synced:
        sync_folder(os.path.dirname(path) or b".")


def sync_folder(folder: PathLike) -> None:
    """Make sure that the names in a folder outlive a crash. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
