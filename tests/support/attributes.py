"""Extended attributes of files, for which Python has no functions on macOS."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gorillacomb.fs.darwin.attributes import read_attributes, write_attribute


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def set_attribute(path: Path, name: str, value: bytes) -> None:
    if sys.platform != "darwin":
        os.setxattr(path, name, value)
        return
    with _opened(path) as descriptor:
        write_attribute(descriptor, name, value)


def get_attribute(path: Path, name: str) -> bytes:
    return attributes(path)[name]


def attributes(path: Path) -> dict[str, bytes]:
    """All attributes of a file or folder, by name; on macOS a link has none here."""
    if sys.platform != "darwin":
        names = os.listxattr(path, follow_symlinks=False)
        return {name: os.getxattr(path, name, follow_symlinks=False) for name in names}
    if path.is_symlink():
        return {}
    with _opened(path) as descriptor:
        return read_attributes(descriptor)
