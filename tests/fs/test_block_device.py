"""Which disks are taken for spinning ones, by a sysfs that tells of many kinds of them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gorillacomb.fs import block_device
from gorillacomb.fs.block_device import device_number, is_rotational, is_rotational_device
from gorillacomb.fs.mounts import mount_of
from tests.support.disks import Disks


def sysfs(tmp_path: Path, place: str, files: dict[str, str]) -> Path:
    """The entry of a device in a sysfs where it stands at ``place``, beside some files."""
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    entry = tmp_path / "dev" / "block" / "8:1"
    entry.parent.mkdir(parents=True)
    entry.symlink_to(tmp_path / place)
    return entry


@pytest.mark.parametrize(
    ("place", "files", "spinning"),
    [
        ("devices/pci0/ata1/block/sda", {"queue/rotational": "1\n"}, True),
        ("devices/pci0/ata1/block/sda", {"queue/rotational": "0\n"}, False),
        ("devices/pci0/virtio2/block/vda", {"queue/rotational": "1\n"}, False),
        ("devices/virtual/block/loop0", {"queue/rotational": "1\n"}, False),
    ],
)
def test_a_disk(tmp_path: Path, place: str, files: dict[str, str], spinning: bool) -> None:
    files = {f"{place}/{name}": text for name, text in files.items()}
    assert is_rotational_device(sysfs(tmp_path, place, files)) is spinning


def test_a_partition(tmp_path: Path) -> None:
    disk = "devices/pci0/ata1/block/sda"
    files = {f"{disk}/queue/rotational": "1\n", f"{disk}/sda1/partition": "1\n"}
    assert is_rotational_device(sysfs(tmp_path, f"{disk}/sda1", files))


def test_a_volume_made_of_disks(tmp_path: Path) -> None:
    """As LVM, RAID and encryption make them: what counts is what they stand on."""
    made = "devices/virtual/block/dm-0"
    disks = {"sda": "0\n", "sdb": "1\n"}
    files = {f"devices/ata/block/{name}/queue/rotational": value for name, value in disks.items()}
    entry = sysfs(tmp_path, made, files | {f"{made}/queue/rotational": "1\n"})
    slaves = tmp_path / made / "slaves"
    slaves.mkdir()
    (slaves / "sda").symlink_to(tmp_path / "devices/ata/block/sda")
    assert not is_rotational_device(entry)
    (slaves / "sdb").symlink_to(tmp_path / "devices/ata/block/sdb")
    assert is_rotational_device(entry)


def test_what_is_not_known_does_not_spin(tmp_path: Path) -> None:
    assert not is_rotational(b"/nowhere")
    with pytest.raises(OSError):
        is_rotational_device(tmp_path / "8:1")


@pytest.mark.linux("sysfs: macOS is asked otherwise, tests/darwin/test_disk_kind")
def test_the_device_of_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        block_device, "is_rotational_device", lambda entry: str(entry) == "/sys/dev/block/8:1"
    )
    for number, spinning in ((os.makedev(8, 1), True), (os.makedev(8, 2), False)):
        monkeypatch.setattr(block_device, "device_number", lambda path, number=number: number)
        assert is_rotational(bytes(tmp_path)) is spinning


def test_the_device_below_a_file_system_with_numbers_of_its_own(disks: Disks) -> None:
    point = disks.plug("btrfs", disks.image("btrfs"), disks.point("mnt"))
    source = mount_of(bytes(point)).source
    assert not os.major(point.stat().st_dev)
    assert device_number(bytes(point)) == os.stat(source).st_rdev
