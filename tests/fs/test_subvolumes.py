"""Subvolumes of one file system are volumes of their own, since inode numbers repeat in them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gorillacomb.fs.volumes import disk_of, identify_volume, is_read_only_snapshot
from tests.support.disks import Disks
from tests.support.disks import run as shell
from tests.support.run import run
from tests.support.trees import settle


@pytest.fixture
def btrfs(disks: Disks) -> Path:
    point = disks.plug("btrfs", disks.image("btrfs"), disks.point("mnt"))
    for name in "ab":
        shell("btrfs", "-q", "subvolume", "create", point / name)
    return point


def test_equal_inodes_in_two_subvolumes_are_two_files(btrfs: Path, vault: Path) -> None:
    for name in "ab":
        (btrfs / name / "file").write_bytes(b"content" * 2000)
        os.link(btrfs / name / "file", btrfs / name / "other name")
    settle(btrfs)
    assert (btrfs / "a/file").stat().st_ino == (btrfs / "b/file").stat().st_ino
    volumes = [identify_volume(os.fsencode(btrfs / name)).id for name in "ab"]
    assert volumes[0] != volumes[1]
    assert disk_of(volumes[0]) == disk_of(volumes[1])
    assert run("scan", btrfs / "a", btrfs / "b", vault=vault).code == 0
    [group] = run("dupes", "--json", vault=vault).json()["groups"]
    assert group["copies"] == 2


def test_read_only_snapshots(btrfs: Path) -> None:
    for name, options in (("read only", ["-r"]), ("writable", [])):
        command: list[str | Path] = [
            "btrfs",
            "-q",
            "subvolume",
            "snapshot",
            *options,
            btrfs / "a",
            btrfs / name,
        ]
        shell(*command)
    shell("btrfs", "property", "set", btrfs / "b", "ro", "true")
    found = {path.name for path in btrfs.iterdir() if is_read_only_snapshot(os.fsencode(path))}
    assert found == {"read only"}
