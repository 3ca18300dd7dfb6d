"""Small disks of their own for tests: read-only ones, full ones, ones inside a tree."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

of_linux = pytest.mark.linux("mounts a file system, which the made-up macOS has no volume for")


@contextmanager
def tmpfs(point: Path, size: str) -> Iterator[Path]:
    """A file system in memory, mounted at an empty folder; skips where that is not allowed."""
    point.mkdir(parents=True, exist_ok=True)
    with _mounted(point, "-t", "tmpfs", "-o", f"size={size},mode=0755", "tmpfs"):
        yield point


@contextmanager
def bind(folder: Path, point: Path) -> Iterator[Path]:
    """A folder seen at another place too; skips where that is not allowed."""
    with _mounted(point, "--bind", str(folder)):
        yield point


@contextmanager
def _mounted(point: Path, *what: str) -> Iterator[None]:
    if os.geteuid() != 0:
        pytest.skip("MISSING: root, to mount something")
    done = subprocess.run(["mount", *what, str(point)], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"MISSING: the right to mount ({done.stderr.strip()})")
    try:
        yield
    finally:
        subprocess.run(["umount", str(point)], check=True)


def remount(point: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(point)], check=True)


def fill(disk: Path, room: int = 0) -> None:
    """Leave so many bytes free: the others go into a file ``filler``."""
    with open(disk / "filler", "ab", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
        file.truncate(max(file.tell() - room, 0))
