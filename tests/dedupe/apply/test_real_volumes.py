"""Plans carried out on real file systems: what is shared is shared, what is freed is free."""

from __future__ import annotations

import fcntl
import json
import os
import random
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.dedupe.faults import contents, look
from tests.support.disks import MIB, Disks
from tests.support.run import Argument, Ran, environment, run
from tests.support.trees import Tree, make_tree, settle

FS_IOC_FIEMAP = 0xC020660B
FIEMAP_FLAG_SYNC = 1
FIEMAP_EXTENT_SHARED = 0x2000
EXTENTS = 64
COPIES = 3
LARGE = 4 * MIB
FREED = (COPIES - 1) * (LARGE + MIB)
"""Bytes of the copies of one large and one smaller file, all but one of each."""
LONG_AGO = 1_500_000_000


@dataclass
class Volume:
    """A file system of its own, with copies of two files on it."""

    kind: str
    drive: Path
    env: dict[str, str]
    plan: Path
    copies: list[list[Path]]

    def run(self, *arguments: Argument) -> Ran:
        return run(*arguments, env=self.env)

    def planned(self, action: str) -> None:
        for arguments in (
            ("scan", self.drive),
            ("dedupe", "--plan", "--action", action, "-o", self.plan),
        ):
            ran = self.run(*arguments)
            assert ran.code == 0, ran

    def apply(self, action: str) -> Any:
        self.planned(action)
        ran = self.run("dedupe", "--apply", self.plan, "--json")
        assert ran.code == 0, ran
        return ran.json()

    def free(self) -> int:
        """Bytes that are free once all that was done is on the disk."""
        subprocess.run(["sync", "-f", self.drive], check=True)
        if self.kind == "btrfs":
            subprocess.run(["btrfs", "filesystem", "sync", self.drive], check=True)
            # What was deleted is freed by a cleaner, and counted with the next transaction.
            subprocess.run(["btrfs", "subvolume", "sync", self.drive], check=True)
            subprocess.run(["btrfs", "filesystem", "sync", self.drive], check=True)
        facts = os.statvfs(self.drive)
        return facts.f_bfree * facts.f_frsize


def made(disks: Disks, kind: str) -> Volume:
    kind, _, without = kind.partition(" without ")
    options = "-q -m reflink=0" if without == "reflinks" else ""
    image = disks.image(kind, size=256 * MIB if kind == "btrfs" else 0, options=options)
    point = disks.plug(kind, image, disks.point("mnt"))
    drive = point / "Drive"
    chance = random.Random(kind)
    large, small = chance.randbytes(LARGE), chance.randbytes(MIB)
    copies: list[list[Path]] = [[], []]
    for number in range(COPIES):
        folder = drive / f"folder {number}"
        folder.mkdir(parents=True)
        for which, (name, content) in enumerate({"film": large, "song": small}.items()):
            path = folder / f"{name} {number}"
            path.write_bytes(content)
            copies[which].append(path)
            os.utime(path, (LONG_AGO + number, LONG_AGO + number))
        (folder / "note").write_text(f"only in {number}")
        os.utime(folder / "note", (LONG_AGO, LONG_AGO))
    settle(drive)
    home = disks.place / "home of the user"
    home.mkdir()
    env = environment(disks.place / "vault", HOME=str(home))
    return Volume(kind, drive, env, disks.place / "plan.jsonl", copies)


@pytest.fixture(params=["ext4", "btrfs", "xfs"])
def volume(request: pytest.FixtureRequest, disks: Disks) -> Volume:
    return made(disks, request.param)


@pytest.fixture(params=["btrfs", "xfs"])
def sharing(request: pytest.FixtureRequest, disks: Disks) -> Volume:
    return made(disks, request.param)


def extents(path: Path) -> Iterator[tuple[int, int, bool]]:
    """Where the blocks of a file lie on the disk: offset, length, whether they are shared."""
    ask = bytearray(struct.pack("=QQIIII", 0, (1 << 64) - 1, FIEMAP_FLAG_SYNC, 0, EXTENTS, 0))
    ask += bytes(56 * EXTENTS)
    with open(path, "rb") as file:
        fcntl.ioctl(file, FS_IOC_FIEMAP, ask)
    count = struct.unpack_from("=I", ask, 20)[0]
    assert 0 < count < EXTENTS
    for number in range(count):
        at = 32 + 56 * number
        _, physical, length = struct.unpack_from("=QQQ", ask, at)
        flags = struct.unpack_from("=I", ask, at + 40)[0]
        yield physical, length, bool(flags & FIEMAP_EXTENT_SHARED)


def blocks(path: Path) -> set[int]:
    return {at for start, length, _ in extents(path) for at in range(start, start + length, 4096)}


def within_one_percent(told: int, gained: int) -> None:
    assert abs(told - gained) <= told / 100, f"told {told:,}, gained {gained:,}"
    assert told >= FREED * 0.99


def test_files_share_their_blocks_afterwards(sharing: Volume) -> None:
    before, free = look(sharing.drive), sharing.free()
    for same in sharing.copies:
        assert len(set.union(*map(blocks, same))) == sum(len(blocks(path)) for path in same)

    outcome = sharing.apply("reflink")

    for same in sharing.copies:
        assert len({frozenset(blocks(path)) for path in same}) == 1
        assert all(shared for path in same for *_, shared in extents(path))
    assert look(sharing.drive) == before
    assert (outcome["done"], outcome["bytes_set_aside"]) == (4, 0)
    within_one_percent(outcome["bytes_freed"], sharing.free() - free)


def test_blocks_are_not_freed_twice(sharing: Volume) -> None:
    """What shares its blocks already has nothing to give."""
    sharing.apply("reflink")
    free = sharing.free()
    sharing.plan.unlink()
    sharing.planned("reflink")
    ran = sharing.run("dedupe", "--apply", sharing.plan, "--json")
    assert ran.code in (0, 3, 5), ran
    assert abs(sharing.free() - free) < MIB / 4
    assert ran.json()["bytes_freed"] == 0, ran


NO_REFLINKS = "is on a file system that cannot share blocks"
UNSUPPORTED = [
    ("ext4", "reflink", f"{NO_REFLINKS} (ext4)"),
    ("xfs without reflinks", "reflink", f"{NO_REFLINKS} (xfs)"),
    ("vfat", "hardlink", "is on a file system without links (fuse.fusefat)"),
]


@pytest.mark.parametrize(("kind", "action", "cause"), UNSUPPORTED)
def test_what_a_file_system_cannot_do_is_not_planned(
    kind: str, action: str, cause: str, disks: Disks
) -> None:
    """The plan says it once for the drive; one that was written by hand is refused for it."""
    volume = made(disks, kind)
    before = look(volume.drive)
    volume.planned(action)
    header, *steps = map(json.loads, volume.plan.read_bytes().splitlines())
    assert not steps
    [left] = header["left_alone"]
    assert (left["path"], left["rule"]) == (str(volume.drive), "unsupported")
    assert (left["cause"], left["files"]) == (cause, 4)
    keep, path = volume.copies[0][:2]
    step = {"id": "s1", "kind": "file", "path": str(path), "keep": str(keep), "files": 1}
    with open(volume.plan, "a") as file:
        print(json.dumps({**step, "bytes": 1, "reasons": []}), file=file)
    for options in (("--dry-run",), ()):
        ran = volume.run("dedupe", "--apply", volume.plan, "--json", *options)
        assert ran.code == 3, ran
        assert [each["cause"] for each in ran.json()["skipped"]] == [cause]
    assert look(volume.drive) == before


@pytest.mark.parametrize("action", ["quarantine", "hardlink", "symlink"])
def test_what_an_emptied_quarantine_frees(volume: Volume, action: str) -> None:
    before = set(contents(volume.drive))
    free = volume.free()
    outcome = volume.apply(action)
    assert (outcome["done"], outcome["bytes_freed"]) == (4, 0)
    assert abs(volume.free() - free) < MIB / 4, "nothing is freed by a rename"

    ran = volume.run("dedupe", "--empty-quarantine", "--yes", "--json")

    assert ran.code == 0, ran
    journal = outcome["bytes_set_aside"] - ran.json()["bytes_freed"]
    assert 0 <= journal <= 16 << 10, "what the run's journal took since is not free"
    within_one_percent(ran.json()["bytes_freed"], volume.free() - free)
    assert set(contents(volume.drive)) >= before
    if action == "hardlink":
        assert {len({os.stat(path).st_ino for path in same}) for same in volume.copies} == {1}


@pytest.mark.parametrize("action", ["quarantine", "hardlink", "symlink"])
def test_undo_gives_all_back(volume: Volume, action: str) -> None:
    before = look(volume.drive)
    volume.apply(action)
    assert look(volume.drive) != before
    ran = volume.run("dedupe", "--undo")
    assert ran.code == 0, ran
    assert look(volume.drive) == before


@pytest.mark.parametrize("kind", ["vfat", "exfat"])
def test_a_stick_without_links_or_safe_renames(kind: str, disks: Disks) -> None:
    """Set aside and put back, or refused with a cause: nothing is lost either way."""
    volume = made(disks, kind)
    before, all_of_it = look(volume.drive), set(contents(volume.drive))
    volume.planned("quarantine")
    ran = volume.run("dedupe", "--apply", volume.plan, "--json")
    outcome = ran.json()
    assert set(contents(volume.drive)) >= all_of_it
    assert ran.code == (0 if outcome["done"] == 4 else 3), ran
    assert outcome["done"] + len(outcome["failed"]) == 4
    for each in outcome["failed"]:
        assert each["cause"] == "is on a file system that cannot move a file without risk"
    print(f"{kind}: {outcome['done']} steps done, {len(outcome['failed'])} refused")
    if outcome["done"]:
        assert look(volume.drive) != before
        undone = volume.run("dedupe", "--undo")
        assert undone.code == 0, undone
    assert look(volume.drive) == before


def test_one_file_stays_for_many(tmp_path: Path, vault: Path) -> None:
    """Each link to it changes its ctime, which is no change of anybody else's."""
    drive = make_tree(tmp_path / "Drive", dict.fromkeys("abcd", "the same " * 20))
    settle(drive)
    plan = tmp_path / "plan.jsonl"
    assert run("scan", drive, vault=vault).code == 0
    assert run("dedupe", "--plan", "--action", "hardlink", "-o", plan, vault=vault).code == 0
    ran = run("dedupe", "--apply", plan, "--json", vault=vault)
    assert (ran.code, ran.json()["done"]) == (0, 3), ran
    assert len({os.stat(drive / name).st_ino for name in "abcd"}) == 1


@pytest.mark.parametrize("named", [False, True])
def test_an_undo_finds_the_drive_where_it_is_mounted_now(
    named: bool, disks: Disks, vault: Path, tmp_path: Path
) -> None:
    """Without a scan in between; the index knows the place afterwards."""
    image = disks.image("ext4")
    point = disks.plug("ext4", image, disks.point("mnt"))
    album: Tree = {f"{number}.jpg": f"{number}" * 20_000 for number in range(5)}
    top = make_tree(point / "drive", {"album": album, "inner": {"album copy": album}})
    settle(top)
    before = look(top)
    plan = tmp_path / "plan.jsonl"
    for words in (("scan", top), ("dedupe", "--plan", "-o", plan), ("dedupe", "--apply", plan)):
        assert run(*words, vault=vault).code == 0
    assert not (top / "inner/album copy").exists()
    [quarantine] = run("status", "--json", vault=vault).json()["quarantine"]
    undo = ["dedupe", "--undo", *([quarantine["run"]] if named else [])]
    disks.unplug(point)
    assert run(*undo, vault=vault).code == 2
    there = disks.plug("ext4", image, disks.point("elsewhere")) / "drive"
    ran = run(*undo, vault=vault)
    assert (ran.code, ran.err) == (0, ""), ran
    assert look(there) == before
    [root] = run("roots", "list", "--json", vault=vault).json()["roots"]
    assert (root["path"], root["online"]) == (str(there), True)
    [family] = run("folders", "--json", vault=vault).json()["families"]
    assert family["keep"]["path"] == str(there / "album")
    assert run("trace", "verify", vault=vault).code == 0
