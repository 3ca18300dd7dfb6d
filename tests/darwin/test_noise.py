"""What macOS leaves in folders and at the top of each drive."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.darwin.mac import FORK, Mac, give
from tests.support.trees import Tree, make_tree

PICTURES: Tree = {f"{number}.jpg": f"picture {number}" * 90 for number in range(6)}
ICON = "Icon\r"
CLOSED = (".Trashes", ".Spotlight-V100", ".fseventsd", ".DocumentRevisions-V100")


@pytest.mark.parametrize("name", [".DS_Store", ".localized", ".apdisk"])
def test_a_file_that_the_finder_leaves_makes_no_folder_differ(mac: Mac, name: str) -> None:
    drive = make_tree(
        mac.volume("Drive"), {"Album": {**PICTURES, name: "system"}, "Album copy": PICTURES}
    )
    mac.scan(drive)
    found = mac.run("folders", drive, "--json").json()
    assert len(found["identical"]) == 1, found


def album_with_icon(mac: Mac, copy: bytes) -> Path:
    """A folder with a picture of its own, and a copy with another one."""
    drive = make_tree(
        mac.volume("Drive"),
        {"Album": {**PICTURES, ICON: ""}, "Album copy": {**PICTURES, ICON: ""}},
    )
    give(drive / "Album" / ICON, FORK, b"a heart")
    give(drive / "Album copy" / ICON, FORK, copy)
    mac.scan(drive)
    plan = mac.folder / "plan"
    assert mac.run("dedupe", "--plan", "-o", plan).code == 0
    assert mac.run("dedupe", "--apply", plan, "--untested-macos").code in (0, 3)
    return drive


def test_a_folder_with_another_picture_stays(mac: Mac) -> None:
    drive = album_with_icon(mac, b"a star")
    assert (drive / "Album copy" / ICON).exists()


def test_a_folder_with_the_same_picture_is_a_copy(mac: Mac) -> None:
    drive = album_with_icon(mac, b"a heart")
    assert not (drive / "Album copy").exists()


@pytest.mark.parametrize("name", CLOSED)
def test_a_closed_folder_of_the_system_is_no_failure(mac: Mac, name: str) -> None:
    drive = make_tree(mac.volume("Drive"), {"a": "words", name: {"b": "seen as root"}})
    mac.scan(drive)
    mac.machine.forbidden = [str(drive / name)]
    ran = mac.run("scan", drive, "--workers", "0", "--json")
    assert ran.code == 0 and ran.json()["unreadable"] == [], ran
    assert "Full Disk Access" not in ran.err
    assert "1 folder excluded" in mac.run("scan", drive, "--workers", "0").out
    # What was seen in it before is not missing.
    assert mac.run("explain", drive / name / "b").code == 0
    mac.machine.forbidden = []
    assert mac.run("scan", drive, "--workers", "0", "--json").json()["files"] == 2


def test_a_closed_folder_of_another_name_is_one(mac: Mac) -> None:
    drive = make_tree(mac.volume("Drive"), {"a": "words", ".Trash": {"b": "1"}})
    mac.machine.forbidden = [str(drive / ".Trash")]
    assert mac.run("scan", drive, "--workers", "0").code == 3


@pytest.mark.parametrize("name", [*CLOSED, ".TemporaryItems"])
def test_a_copy_in_a_folder_of_the_system_does_not_count(mac: Mac, name: str) -> None:
    drive = make_tree(
        mac.volume("Drive"),
        {"Old": {"letter": "words" * 90}, name: {"letter": "words" * 90, "store": "its own"}},
    )
    mac.scan(drive)
    ran = mac.run("unique", drive / "Old")
    assert ran.code == 1 and "1 of them has a copy that does not count" in ran.out, ran
    assert mac.run("dedupe", "--plan", "--json").json()["steps"] == 0, "nothing is taken from it"
