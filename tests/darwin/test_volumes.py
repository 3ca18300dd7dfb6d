"""A volume is known by its UUID, not by the number of its device."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.darwin.mac import Mac
from tests.support.trees import Tree, make_tree

HOLIDAY: Tree = {"holiday.jpg": b"sun" * 100, "beach.jpg": b"sea" * 100}


def test_a_drive_replugged_under_another_number_does_not_vouch_for_itself(mac: Mac) -> None:
    photos = mac.volume("Photos", device=0x1000010)
    make_tree(photos, HOLIDAY)
    mac.scan(photos)
    mac.volume("Photos", device=0x1000020)
    mac.scan(photos)
    assert len(mac.run("roots", "list", "--json").json()["roots"]) == 1
    ran = mac.run("unique", photos, "--count-offline", "--untested-macos", "--json")
    assert ran.code == 1 and ran.json()["files"] == 2, "its only copies would be lost"


def test_another_drive_under_an_old_number_is_another_drive(mac: Mac) -> None:
    first = mac.volume("Untitled", device=0x1000010, uuid="aa" * 16)
    make_tree(first, HOLIDAY)
    mac.scan(first)
    stamped = mac.run("trace", "log", "--json").json()
    shutil.rmtree(first)
    second = mac.volume("Untitled", device=0x1000010, uuid="bb" * 16)
    make_tree(second, {"report.txt": b"figures" * 100})
    mac.scan(second)
    roots = mac.run("roots", "list", "--json").json()["roots"]
    assert len(roots) == 2
    events = [each["event"] for each in mac.run("trace", "log", "--json").json()["entries"]]
    assert "retire" not in events, "nobody removed the first drive's files"
    assert len(events) > len(stamped["entries"])


def test_a_drive_without_an_identity_is_never_counted_when_it_is_away(
    mac: Mac, tmp_path: Path
) -> None:
    stick = mac.volume("Stick", type="msdos", uuid=None, device=0x1000010)
    own = make_tree(tmp_path / "own", HOLIDAY)
    make_tree(stick, HOLIDAY)
    mac.scan(stick, own)
    assert mac.run("unique", own).code == 0
    shutil.rmtree(stick)
    mac.unmount(stick)
    ran = mac.run("unique", own, "--count-offline", "--untested-macos", "--json")
    assert ran.code == 1 and ran.json()["files"] == 2


@pytest.mark.parametrize("kind", ["exfat", "msdos", "smbfs", "webdav", "macfuse", "osxfuse"])
def test_without_stable_inodes_and_with_coarse_clocks(mac: Mac, kind: str) -> None:
    drive = mac.volume("Drive", type=kind, device=0x1000010)
    make_tree(drive, HOLIDAY)
    mac.scan(drive)
    (root,) = mac.run("status", "--json").json()["roots"]
    assert root["weak_fingerprint"], root


@pytest.mark.parametrize("kind", ["exfat", "msdos"])
def test_folders_with_empty_files_are_copies_like_others(mac: Mac, kind: str) -> None:
    """On exFAT all empty files have the inode 1; they are no hard links of each other."""
    stick = mac.volume("Stick", type=kind, device=0x1000010)
    site: Tree = {"index.html": "hello" * 90, "__init__.py": "", "empty.css": ""}
    make_tree(stick, {"site": site, "site copy": site})
    mac.scan(stick)
    plan = mac.folder / "plan"
    assert mac.run("dedupe", "--plan", "-o", plan).code == 0
    ran = mac.run("dedupe", "--apply", plan, "--untested-macos", "--json")
    assert ran.code == 0 and ran.json()["done"] == 1, ran
    assert not (stick / "site copy").exists() and (stick / "site/empty.css").exists()
    assert mac.run("dedupe", "--undo").code == 0
    assert (stick / "site copy/empty.css").exists()


@pytest.mark.parametrize(("kind", "grain"), [("hfs", 1), ("exfat", 2), ("apfs", 0.02)])
def test_the_grain_of_its_clock(mac: Mac, kind: str, grain: float) -> None:
    drive = mac.volume("Drive", type=kind)
    script = (
        "import sys, os; from gorillacomb.fs.volumes import identify_volume\n"
        "print(identify_volume(os.fsencode(sys.argv[1])).grain_ns)"
    )
    assert int(mac.python(script, drive)) == grain * 10**9
