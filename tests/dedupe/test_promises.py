"""Bytes told beforehand are those that the file system shows afterwards."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from tests.dedupe.drives import OWN_NAMES
from tests.dedupe.plans import Bench
from tests.support.disks import MIB, SIZES, Disks
from tests.support.disks import run as shell
from tests.support.trees import settle

LARGE = 6 * MIB
MANY = 300
KIB = 1024
FOLDERS = 32 * KIB
"""What a run leaves for its lock and the folders that this and its journal are in."""
JOURNAL = 2 * KIB
"""What a plan does not foresee: what the journal says of a step."""


@lru_cache(maxsize=8)
def content(seed: int, size: int = LARGE) -> bytes:
    return random.Random(seed).randbytes(size)


def put(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def plain(drive: Path) -> None:
    """Nothing but two copies."""
    put(drive / "data/film", content(1))
    put(drive / "Backup/film", content(1))


def linked_inside(drive: Path) -> None:
    """A copy with two names, which go both."""
    plain(drive)
    os.link(drive / "Backup/film", drive / "Backup/film again")


def linked_outside(drive: Path) -> None:
    """A copy with a name where nothing was scanned."""
    plain(drive)
    os.link(drive / "Backup/film", drive.parent / "outside")


def sparse(drive: Path) -> None:
    """Copies with a hole in them."""
    for name in ("data", "Backup"):
        path = put(drive / name / "image", b"")
        with open(path, "r+b") as file:
            file.write(content(2, 2 * MIB))
            file.seek(20 * MIB)
            file.write(content(3, MIB))


def many_small(drive: Path) -> None:
    """Many files that take a block each."""
    for number in range(MANY):
        for name in ("data", "Backup"):
            put(drive / name / "mail" / f"{number}", content(number, 3000 + number))


def reflinked_to_a_third(drive: Path) -> None:
    """A copy whose blocks a file outside holds too."""
    plain(drive)
    shell("sync", "-f", drive)
    shell("cp", "--reflink=always", drive / "Backup/film", drive.parent / "outside")


def reflinked_to_what_stays(drive: Path) -> None:
    """What is no second copy, beside one that is."""
    plain(drive)
    put(drive / "data/song", content(4))
    shell("sync", "-f", drive)
    shell("cp", "--reflink=always", drive / "data/song", drive / "Backup/song")


def reflinked_to_each_other(drive: Path) -> None:
    """Two copies that share their blocks, and go both."""
    plain(drive)
    shell("sync", "-f", drive)
    shell("cp", "--reflink=always", drive / "Backup/film", drive / "Backup/film again")


ANYWHERE = (plain, linked_inside, linked_outside, sparse, many_small)
SHARING = (reflinked_to_a_third, reflinked_to_what_stays, reflinked_to_each_other)
CASES = [
    *((kind, case) for kind in ("ext4", "xfs", "btrfs") for case in ANYWHERE),
    *((kind, case) for kind in ("xfs", "btrfs") for case in SHARING),
]


@dataclass
class Volume:
    kind: str
    bench: Bench

    def free(self) -> int:
        """Bytes that are free once all that was done is on the disk."""
        point = self.bench.folder.parent
        shell("sync", "-f", point)
        if self.kind == "btrfs":
            for what in ("filesystem", "subvolume", "filesystem"):
                shell("btrfs", what, "sync", point)
        if self.kind == "xfs":  # which frees what was deleted in the background
            for flag in ("-f", "-u"):
                shell("fsfreeze", flag, point)
        facts = os.statvfs(point)
        return facts.f_bfree * facts.f_frsize


def volume(disks: Disks, kind: str, case: Callable[[Path], None], vault: Path) -> Volume:
    size = {"btrfs": 512 * MIB}.get(kind, 4 * SIZES[kind] if kind == "ext4" else 0)
    point = disks.plug(kind, disks.image(kind, size=size), disks.point("mnt"))
    drive = point / "drive"
    case(drive)
    for name in ("data", "Backup"):
        put(drive / name / "own", f"only in {name}".encode() * 400)
    settle(drive)
    return Volume(kind, Bench(drive, vault))


def is_kept(figure: Any, gained: int, files: int, own: int = 0) -> None:
    """A promise, unless it is said to be unknown; ``own`` is what the run may take for itself."""
    if figure is None:
        return
    most = figure * 1.2 + MIB + files * KIB
    assert figure <= max(gained, 0) + own, f"promised {figure:,}, and {gained:,} came"
    assert gained <= most, f"promised {figure:,}, and {gained:,} came"


def used_by(folder: Path) -> int:
    """As du(1) counts the files below a folder."""
    found = {}
    for path in folder.rglob("*"):
        facts = path.lstat()
        if path.is_file() and path.name not in OWN_NAMES:
            found[facts.st_ino] = facts.st_blocks * 512
    return sum(found.values())


@pytest.mark.parametrize(("kind", "case"), CASES, ids=lambda each: getattr(each, "__name__", each))
def test_what_deleting_frees(
    kind: str, case: Callable[[Path], None], disks: Disks, vault: Path
) -> None:
    ground = volume(disks, kind, case, vault)
    bench = ground.bench
    bench.scan(bench.folder)
    plan = bench.plan("--action", "delete")
    files = sum(step["files"] for step in plan.steps)
    assert files
    before = ground.free()
    code, done = bench.dedupe_json("--apply", plan.file, "--yes-delete", str(files))
    assert (code, done["done"]) == (0, len(plan.steps)), done
    gained = ground.free() - before
    journal = 4 * KIB + len(plan.steps) * JOURNAL  # in whole blocks
    is_kept(plan.header["bytes_freed"], gained, files, FOLDERS + journal)
    is_kept(done["bytes_freed"], gained, files, FOLDERS)
    unknown = plan.header.get("bytes_freed_unknown")
    assert bool(unknown) == (case is reflinked_to_each_other), unknown


@pytest.mark.parametrize(("kind", "case"), CASES, ids=lambda each: getattr(each, "__name__", each))
def test_what_is_set_aside_and_what_emptying_frees(
    kind: str, case: Callable[[Path], None], disks: Disks, vault: Path
) -> None:
    ground = volume(disks, kind, case, vault)
    bench = ground.bench
    bench.scan(bench.folder)
    plan = bench.plan()
    code, done = bench.dedupe_json("--apply", plan.file)
    assert (code, done["done"]) == (0, len(plan.steps)), done
    held = used_by(bench.folder / ".gorillacomb/quarantine")
    assert plan.header["bytes_set_aside"] == done["bytes_set_aside"] == held
    before = ground.free()
    code, freed = bench.dedupe_json("--empty-quarantine", "--yes")
    assert code == 0, freed
    is_kept(freed["bytes_freed"], ground.free() - before, done["files"])


def test_what_a_file_system_compresses(disks: Disks, vault: Path) -> None:
    device = disks.attach(disks.image("btrfs", size=512 * MIB))
    point = disks.mount(device, disks.point("mnt"), "-t", "btrfs", "-o", "compress-force=zstd")
    for name in ("data", "Backup"):
        put(point / "drive" / name / "text", b"the same again; " * 500_000)
        put(point / "drive" / name / "own", name.encode() * 4000)
    bench = Bench(point / "drive", vault)
    bench.scan(bench.folder)
    plan = bench.plan("--action", "delete")
    assert plan.header["bytes_freed"] is None
    code, done = bench.dedupe_json("--apply", plan.file, "--yes-delete", "1")
    assert (code, done["done"], done["bytes_freed"]) == (0, 1, None)
    assert done["bytes_freed_unknown"] == plan.header["bytes_freed_unknown"]
    assert "compressed" in done["bytes_freed_unknown"][0]
