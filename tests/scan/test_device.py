"""Which disks are taken for spinning ones, by a sysfs that tells of many kinds of them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gorillacomb.device import is_spinning

HERE = os.stat(__file__).st_dev


def sysfs(tmp_path: Path, place: str, files: dict[str, str]) -> Path:
    """A sysfs in which the device below this file stands at ``place``."""
    system = tmp_path / "sys"
    for name, text in files.items():
        (system / name).parent.mkdir(parents=True, exist_ok=True)
        (system / name).write_text(text)
    entry = system / "dev" / "block" / f"{os.major(HERE)}:{os.minor(HERE)}"
    entry.parent.mkdir(parents=True)
    entry.symlink_to(system / place)
    return system


@pytest.fixture(autouse=True)
def on_a_device() -> None:
    if not os.major(HERE):
        pytest.skip("MISSING: a source folder on a block device")


@pytest.mark.parametrize(
    ("place", "files", "spins"),
    [
        ("devices/pci0/ata1/block/sda", {"queue/rotational": "1\n"}, True),
        ("devices/pci0/ata1/block/sda", {"queue/rotational": "0\n"}, False),
        ("devices/pci0/virtio2/block/vda", {"queue/rotational": "1\n"}, False),
        ("devices/virtual/block/loop0", {"queue/rotational": "1\n"}, False),
        ("devices/pci0/ata1/block/sda", {}, False),
    ],
)
def test_a_disk(tmp_path: Path, place: str, files: dict[str, str], spins: bool) -> None:
    files = {f"{place}/{name}": text for name, text in files.items()} or {f"{place}/size": "1"}
    assert is_spinning(os.fsencode(__file__), sysfs(tmp_path, place, files)) is spins


def test_a_partition(tmp_path: Path) -> None:
    disk = "devices/pci0/ata1/block/sda"
    files = {f"{disk}/queue/rotational": "1\n", f"{disk}/sda1/partition": "1\n"}
    assert is_spinning(os.fsencode(__file__), sysfs(tmp_path, f"{disk}/sda1", files))


def test_a_volume_made_of_disks(tmp_path: Path) -> None:
    """As LVM, RAID and encryption make them: what counts is what they stand on."""
    made = "devices/virtual/block/dm-0"
    disks = {"sda": "0\n", "sdb": "1\n"}
    files = {f"devices/ata/block/{name}/queue/rotational": value for name, value in disks.items()}
    system = sysfs(tmp_path, made, files | {f"{made}/queue/rotational": "1\n"})
    slaves = system / made / "slaves"
    slaves.mkdir()
    (slaves / "sda").symlink_to(system / "devices/ata/block/sda")
    assert not is_spinning(os.fsencode(__file__), system)
    (slaves / "sdb").symlink_to(system / "devices/ata/block/sdb")
    assert is_spinning(os.fsencode(__file__), system)


def test_what_is_not_known_does_not_spin(tmp_path: Path) -> None:
    assert not is_spinning(b"/nowhere")
    assert not is_spinning(os.fsencode(__file__), tmp_path)
