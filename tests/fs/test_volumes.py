"""What is read out of the system about file systems."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gorillacomb.fs import mounts, volume_uuid, volumes
from gorillacomb.fs.mounts import Mount
from gorillacomb.fs.volumes import inner_path


def test_mountinfo_with_escapes_and_optional_fields() -> None:
    text = (
        b"36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n"
        b"37 35 0:44 / /media/My\\040Drive\\134x rw - fuse.rclone drive:\\011a rw\n"
    )
    assert mounts._parse_mountinfo(text) == [
        Mount("98:0", b"/mnt1", b"/mnt2", "ext3", "/dev/root"),
        Mount("0:44", b"/", b"/media/My Drive\\x", "fuse.rclone", "drive:\ta"),
    ]


def test_a_mount_point_with_a_carriage_return_is_one_line() -> None:
    """Any user can make one (FUSE), and could say of other places what is mounted there."""
    text = b"36 35 98:0 / /tmp/a\r1 1 0:1 / /home rw - tmpfs x rw - ext4 /dev/root rw\n"
    assert [it.point for it in mounts._parse_mountinfo(text)] == [b"/tmp/a\r1"]


def test_the_place_inside_a_file_system() -> None:
    assert inner_path(Mount("8:1", b"/", b"/", "ext4", "x"), b"/a/b") == b"/a/b"
    assert inner_path(Mount("8:1", b"/", b"/mnt/d", "ext4", "x"), b"/mnt/d") == b"/"
    assert inner_path(Mount("8:1", b"/@home", b"/home", "btrfs", "x"), b"/home/a") == b"/@home/a"
    assert inner_path(Mount("8:1", b"/d/e", b"/", "ext4", "x"), b"/f") == b"/d/e/f"


def test_identity_is_the_same_for_all_folders_of_a_file_system(tmp_path: Path) -> None:
    inside = tmp_path / "a"
    inside.mkdir()
    first, second = (volumes.identify_volume(os.fsencode(path)) for path in (tmp_path, inside))
    assert (first.id, first.device) == (second.id, second.device)
    assert second.inner_path == first.inner_path + b"/a"


@pytest.mark.linux("the kernel's UUIDs and udev")
def test_without_the_kernels_uuid_there_is_still_an_identity(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = os.fsencode(tmp_path)
    monkeypatch.setattr(volume_uuid, "_uuid_from_kernel", lambda path: None)
    monkeypatch.setattr(volume_uuid, "_uuid_from_udev", lambda device: "c0ffee")
    assert volumes.identify_volume(place).id == "uuid:c0ffee"
    monkeypatch.setattr(volume_uuid, "_uuid_from_udev", lambda device: None)
    assert volumes.identify_volume(place).id == volumes.identify_volume(place).id != "uuid:c0ffee"


def test_file_systems_without_stable_inodes() -> None:
    assert all(
        volumes.has_unstable_inodes(kind)
        for kind in ("vfat", "exfat", "cifs", "fuse.sshfs", "fuseblk")
    )
    assert not any(
        volumes.has_unstable_inodes(kind) for kind in ("ext4", "xfs", "btrfs", "nfs4", "apfs")
    )
    assert volumes.is_fat(Mount("1:1", b"/", b"/m", "fuse.exfat-fuse", "/dev/sdb1"))
    assert not volumes.is_fat(Mount("1:1", b"/", b"/m", "fuse.sshfs", "fat:/x"))
    assert (
        volumes.timestamp_granularity_ns("vfat")
        == volumes.timestamp_granularity_ns("fuseblk")
        == 2_000_000_000
    )
