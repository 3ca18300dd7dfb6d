"""A drive that is pulled out while a manifest is made or verified: one error, not many lines."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from gorillacomb.errors import RootVanished
from gorillacomb.fs.drive_errors import LOST_AFTER
from gorillacomb.fs.openat import OpenFolders, open_file
from gorillacomb.manifest.model import Manifest
from gorillacomb.manifest.verify import VerificationReport, verify
from tests.manifest.samples import made
from tests.support.disks import MIB, Disks
from tests.support.trees import make_tree

MANY = 4 * LOST_AFTER


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """Files, and folders that hold none of them."""
    files: dict[str | bytes, Any] = {f"{number:03}": f"content {number}" for number in range(MANY)}
    folders: dict[str | bytes, Any] = {f"{number:03}": {} for number in range(MANY)}
    return make_tree(tmp_path / "tree", {"files": files, "folders": folders})


def check(manifest: Manifest, top: Path) -> VerificationReport:
    return verify(manifest, os.fsencode(top), workers=0)


class FailingReads:
    """Opening a file for reading fails as on a pulled drive, but for every ``good``-th."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, good: int) -> None:
        self.good, self.opened, self.real = good, 0, open_file
        monkeypatch.setattr("gorillacomb.manifest.worker.open_file", self)

    def __call__(self, name: bytes, folder: int) -> int:
        self.opened += 1
        if self.opened % self.good:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return self.real(name, folder)


def test_files_that_all_fail(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = made(top)
    failing = FailingReads(monkeypatch, good=MANY + 1)
    with pytest.raises(RootVanished, match=r"cannot be read any more: input/output error"):
        check(manifest, top)
    assert failing.opened == LOST_AFTER
    with pytest.raises(RootVanished):
        made(top)
    assert failing.opened == 2 * LOST_AFTER


def test_bad_sectors_are_unreadable_files(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as something can be read in between, the drive is there."""
    manifest = made(top)
    FailingReads(monkeypatch, good=LOST_AFTER)
    found = check(manifest, top)
    assert len(found.unreadable) == MANY - MANY // LOST_AFTER
    assert found.ok == 2 * MANY - len(found.unreadable)


def test_folders_that_all_fail(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = made(top)
    real = OpenFolders.open

    def failing(folders: Any, path: bytes) -> int:
        if path.startswith(b"folders/"):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(folders, path)

    monkeypatch.setattr(OpenFolders, "open", failing)
    for again in (lambda: check(manifest, top), lambda: made(top)):
        with pytest.raises(RootVanished):
            again()


@pytest.mark.linux("replaces os.stat, which the made-up macOS lists folders with")
def test_a_root_that_is_unmounted_is_not_full_of_missing_files(
    top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first name that is missing has the root looked at: another one stands there by now."""
    manifest = made(top)
    real = os.stat

    def gone(path: Any, **options: Any) -> os.stat_result:
        if "dir_fd" in options:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        return real(path, **options)

    first = check(manifest, top)
    assert (first.ok, first.differs) == (2 * MANY, False)
    top_facts = top.parent.stat()
    monkeypatch.setattr(os, "stat", gone)
    monkeypatch.setattr("gorillacomb.fs.openat.root_identity", lambda path: (top_facts.st_dev, 0))
    with pytest.raises(RootVanished):
        check(manifest, top)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_real_drive_that_fails(disks: Disks, workers: int) -> None:
    image = disks.image("ext4")
    point = disks.plug("ext4", image, disks.point("mnt"))
    make_tree(point, {f"{at}": {f"{n}": f"{at} {n} " * 200 for n in range(100)} for at in range(9)})
    manifest = made(point)
    disks.unplug(point)
    # Mounted for reading, and without its journal, it needs no write that could fail.
    disks.mount(disks.attach(image), point, "-t", "ext4", "-o", "ro,noload")
    list(os.walk(point))  # folders are at hand, and what fails are their files
    os.truncate(image, MIB // 16)
    with pytest.raises(RootVanished):
        verify(manifest, os.fsencode(point), workers=workers)
