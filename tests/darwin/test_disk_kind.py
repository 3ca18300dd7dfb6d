"""Which disks rotate, by a registry as `ioreg` prints it: several readers would slow them down."""

from __future__ import annotations

import plistlib
from typing import Any

import pytest

from tests.darwin.mac import Mac
from tests.support.trees import make_tree

ASK = """
import os, sys
from gorillacomb.fs.block_device import is_rotational
print(is_rotational(os.fsencode(sys.argv[1])))
"""


def media(name: str, *children: dict[str, Any]) -> dict[str, Any]:
    return {
        "IOObjectClass": "IOMedia",
        "BSD Name": name,
        "IORegistryEntryChildren": [
            {"IOObjectClass": "IOMediaBSDClient"},
            {"IOObjectClass": "AScheme", "IORegistryEntryChildren": list(children)},
        ],
    }


def device(medium: str | None, *disks: dict[str, Any]) -> dict[str, Any]:
    told = {"Vendor Name": "ACME", **({} if medium is None else {"Medium Type": medium})}
    return {
        "IOObjectClass": "IOBlockStorageServices",
        "Device Characteristics": told,
        "IORegistryEntryChildren": [
            {"IOObjectClass": "IOBlockStorageDriver", "IORegistryEntryChildren": list(disks)}
        ],
    }


CONTAINER = media("disk3", media("disk3s1", media("disk3s1s1")), media("disk3s5"))
"""What APFS makes of its partition: a disk with volumes, and a snapshot that is mounted."""
REGISTRY = [
    device("Solid State", media("disk0", media("disk0s2", CONTAINER))),
    device("Rotational", media("disk4", media("disk4s1"), media("disk4s2", media("disk5")))),
    device(None, media("disk6", media("disk6s1"))),
    device("Rotational", media("disk41")),
]


@pytest.mark.parametrize(
    ("source", "rotates"),
    [
        ("/dev/disk3s1s1", False),
        ("/dev/disk3s5", False),
        ("/dev/disk4s1", True),
        ("/dev/disk5s3", True),
        ("/dev/disk6s1", False),
        ("/dev/disk7", False),
        ("/dev/disk41", True),
        ("//anna@server/disk4", False),
        ("disk4", False),
    ],
)
def test_the_driver_of_the_device_says(mac: Mac, source: str, rotates: bool) -> None:
    drive = mac.volume("Drive", source=source)
    give_registry(mac, plistlib.dumps(REGISTRY))
    assert mac.python(ASK, drive) == f"{rotates}\n"


def test_a_volume_on_two_devices_rotates_if_one_does(mac: Mac) -> None:
    drive = mac.volume("Fusion", source="/dev/disk3s5")
    parts = [device(kind, media("disk0", CONTAINER)) for kind in ("Solid State", "Rotational")]
    give_registry(mac, plistlib.dumps(parts))
    assert mac.python(ASK, drive) == "True\n"


NO_TREES: tuple[Any, ...] = ([], "disk4", [["disk4"]], [{"IORegistryEntryChildren": 4}])


@pytest.mark.parametrize(
    "printed",
    [
        *(b"", b"<plist><array>", b"no list"),
        *(plistlib.dumps(each) for each in NO_TREES),
    ],
)
def test_what_is_not_understood_does_not_rotate(mac: Mac, printed: bytes) -> None:
    drive = mac.volume("Drive", source="/dev/disk4s1")
    give_registry(mac, printed)
    assert mac.python(ASK, drive) == "False\n"


def test_a_program_that_fails_leaves_it_unknown(mac: Mac) -> None:
    drive = mac.volume("Drive", source="/dev/disk4s1")
    assert mac.python(ASK, drive) == "False\n"
    assert mac.log == ["ioreg"]


def test_a_scan_asks_before_it_starts_readers(mac: Mac) -> None:
    drive = mac.volume("Drive", source="/dev/disk4s1")
    make_tree(drive, {"many": {str(number): "" for number in range(700)}})
    give_registry(mac, plistlib.dumps(REGISTRY))
    ran = mac.run("scan", drive, "--json")
    assert ran.code == 0 and ran.json()["files"] == 700
    assert mac.log.count("ioreg") == 1


def give_registry(mac: Mac, printed: bytes) -> None:
    file = mac.folder / "registry"
    file.write_bytes(printed)
    mac.machine.registry = str(file)
