"""Write files so that they survive a crash: complete and on the disk, or not there at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
from collections.abc import Iterable
from pathlib import Path

PathLike = str | bytes | os.PathLike[str]


_CHUNK = 1 << 20
"""Bytes."""


def create_file(
    place: PathLike, chunks: Iterable[bytes], mode: int = 0o666, synced: bool = True
) -> None:
    """Write data to a new file, which is removed again on failure.

    Raises FileExistsError, OSError. ``mode`` is subject to the umask; ``synced`` waits for the
    disk. The name is on the disk only after `sync_folder`.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(place, flags, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            if synced:
                sync(descriptor)
    except BaseException:
        os.unlink(place)
        raise


def copy_file(source: PathLike, place: PathLike, mode: int = 0o666) -> None:
    """Copy a file's data to a new file, as `create_file` does."""
    with open(source, "rb") as file:
        create_file(place, iter(lambda: file.read(_CHUNK), b""), mode)


def write_temporary(place: PathLike, data: bytes, mode: int = 0o666, synced: bool = True) -> bytes:
    """Write data to a new hidden file in the folder of ``place`` and return its path.

    Raises OSError as `create_file` does.
    """
    folder, name = os.path.split(os.fsencode(place))
    aside = os.path.join(folder, b".%s.%s" % (name[:200], secrets.token_hex(4).encode()))
    create_file(aside, (data,), mode, synced)
    return aside


def replace_file(place: PathLike, data: bytes, mode: int = 0o666, synced: bool = True) -> None:
    """Write a file atomically, replacing any file of that name. Raises OSError."""
    path = os.fsencode(place)
    aside = write_temporary(path, data, mode, synced)
    try:
        os.rename(aside, path)
    except BaseException:
        os.unlink(aside)
        raise
    if synced:
        sync_folder(os.path.dirname(path) or b".")


def remove_new_folder(folder: Path, names: Iterable[str]) -> None:
    """Remove a folder that was just created, and the files that were written to it."""
    for name in names:
        (folder / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # something else was put into it
        folder.rmdir()


def sync_folder(folder: PathLike) -> None:
    """Make the names in a folder survive a crash. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)


def sync(descriptor: int) -> None:
    """Flush what was written to an open file or folder to the disk. Raises OSError."""
    if sys.platform == "darwin":
        from gorillacomb.fs.darwin.sync import full_sync

        full_sync(descriptor)
    else:
        os.fsync(descriptor)
