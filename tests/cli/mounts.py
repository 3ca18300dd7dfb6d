"""Small disks of their own for tests: read-only ones, full ones, ones inside a tree."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def tmpfs(point: Path, size: str) -> Iterator[Path]:
    """A file system in memory, mounted at an empty folder; skips where that is not allowed."""
    if os.geteuid() != 0:
        pytest.skip("MISSING: root, to mount a disk")
    point.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "tmpfs", str(point)],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        pytest.skip(f"MISSING: the right to mount a tmpfs ({done.stderr.strip()})")
    try:
        yield point
    finally:
        subprocess.run(["umount", str(point)], check=True)


def remount(point: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(point)], check=True)


@contextmanager
def bind(folder: Path, point: Path) -> Iterator[Path]:
    """A folder seen at another place too; skips where that is not allowed."""
    if os.geteuid() != 0:
        pytest.skip("MISSING: root, to mount a folder at another place")
    done = subprocess.run(
        ["mount", "--bind", str(folder), str(point)], capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f"MISSING: the right to mount ({done.stderr.strip()})")
    try:
        yield point
    finally:
        subprocess.run(["umount", str(point)], check=True)
