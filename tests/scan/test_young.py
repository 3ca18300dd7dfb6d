"""What was read soon after it was written: read again, and never evidence of damage."""

from __future__ import annotations

import mmap
import os
import subprocess
import time
from pathlib import Path

import pytest

from gorillacomb.fs.volumes import hides_changes
from gorillacomb.index.database import Index
from gorillacomb.model import EntryState
from gorillacomb.scan.read_file import IN_USE
from gorillacomb.vault.vault import Vault
from tests.dedupe.acting import of_leases
from tests.support.disks import Disks
from tests.support.trees import Tree, make_tree, rows_in_index, scan, settle

TREE: Tree = {"a": {"x": "one", "y": "two" * 9}, "b": {"z": "one"}, "large": "3" * 100_000}
FILES = 4
WAYS = [{}, {"hash_limit": 0}, {"hash_limit": 1000}]


def state(vault: Path, path: Path) -> int:
    return rows_in_index(vault)[os.fsencode(path)][0]


def cause(vault: Path, path: Path) -> str | None:
    with Index.read(Vault(vault)) as index:
        [(found,)] = index.connection.execute(
            "SELECT cause FROM files WHERE name = ?", (os.fsencode(path.name),)
        ).fetchall()
    return None if found is None else str(found)


def sealed(vault: Path) -> int:
    with Index.read(Vault(vault)) as index:
        found = index.connection.execute("SELECT count(seal) FROM folders").fetchone()[0]
    return int(found)


@pytest.fixture
def top(tmp_path: Path) -> Path:
    top = make_tree(tmp_path / "top", TREE)
    settle(top)
    return top


def unseen_store(path: Path) -> mmap.mmap:
    """Have a file's page dirty in memory, so that a store into it moves no time, or skip."""
    with open(path, "r+b") as file:
        mapped = mmap.mmap(file.fileno(), 0)
    mapped[:3] = b"abc"
    time.sleep(0.05)  # by then no store is within the clock's grain of the first one
    before = path.stat()
    mapped[:3] = b"abc"
    after = path.stat()
    if (before.st_mtime_ns, before.st_ctime_ns) != (after.st_mtime_ns, after.st_ctime_ns):
        mapped.close()
        pytest.skip("MISSING: a file system that hides stores to mapped pages")
    return mapped


@pytest.mark.parametrize("way", WAYS)
def test_young_files_are_read_until_they_were_read_old(
    way: dict[str, object], top: Path, vault: Path
) -> None:
    first = scan(vault, top, now=time.time_ns, **way)
    assert (first.hashed_files, len(first.read_again_young), sealed(vault)) == (FILES, 0, 0)
    young = scan(vault, top, now=time.time_ns, **way)
    assert (young.hashed_files, len(young.read_again_young), sealed(vault)) == (FILES, FILES, 0)
    assert young.changes.changed == 0
    old = scan(vault, top, **way)
    assert (old.hashed_files, len(old.read_again_young)) == (FILES, FILES)
    assert (scan(vault, top, **way).hashed_files, sealed(vault)) == (0, 3)


def test_by_another_process_too(top: Path, vault: Path) -> None:
    """The clock reaches the workers."""
    scan(vault, top, workers=2, hash_limit=1000)
    again = scan(vault, top, workers=2, hash_limit=1000)
    assert (again.hashed_files, len(again.read_again_young)) == (0, 0)


def test_a_store_into_a_mapped_page_is_an_edit(top: Path, vault: Path) -> None:
    path = top / "large"
    mapped = unseen_store(path)
    with mapped:
        scan(vault, top, now=time.time_ns)
        mapped[:3] = b"xyz"
        scan(vault, top)
        assert state(vault, path) == EntryState.HASHED
        assert scan(vault, top, rehash=True).changes.changed == 0
    assert state(vault, path) == EntryState.HASHED


@of_leases
@pytest.mark.parametrize("way", [{"rehash": True}, {"again": True}])
def test_what_is_open_for_writing_is_in_use(way: dict[str, object], top: Path, vault: Path) -> None:
    """Content that differs from an old digest, with all times as they were."""
    path = top / "large"
    mapped = unseen_store(path)
    with mapped:
        scan(vault, top)
        if "again" in way:
            with Index.read(Vault(vault)) as index:
                found = index.connection.execute(
                    "SELECT folder, name FROM files WHERE name = 'large' OR name = x'6c61726765'"
                ).fetchall()
            way = {"again": tuple(found), "quick": True}
        mapped[:3] = b"xyz"
        scan(vault, top, **way)
        assert (state(vault, path), cause(vault, path)) == (EntryState.UNSTABLE, IN_USE)
    scan(vault, top, rehash=True)
    assert state(vault, path) == EntryState.HASHED, "what was read before is no evidence later"


def test_what_nobody_has_open_is_damaged(top: Path, vault: Path) -> None:
    path = top / "large"
    mapped = unseen_store(path)
    with mapped:
        scan(vault, top)
        mapped[:3] = b"xyz"
    scan(vault, top, rehash=True)
    assert state(vault, path) == EntryState.DAMAGED


def test_an_edit_within_the_second_of_a_clock_that_counts_seconds(
    disks: Disks, vault: Path
) -> None:
    image = disks.image("ext4")
    subprocess.run(["mkfs.ext4", "-q", "-F", "-I", "128", image], check=True)
    point = disks.plug("ext4", image, disks.point("mnt"))
    top = make_tree(point / "top", {"late": "version two", "f": ""})
    os.utime(top / "late", (1, 1))
    for _ in range(9):
        time.sleep(1.02 - time.time() % 1)
        started = int(time.time())
        (top / "f").write_text("version one")
        scan(vault, top, now=time.time_ns)
        (top / "f").write_text("version two")
        if int(time.time()) == started:
            break
    else:
        pytest.skip("MISSING: a machine that scans two files within a second")
    assert state(vault, top / "f") == EntryState.FRESH
    scan(vault, top)
    rows = rows_in_index(vault)
    assert rows[os.fsencode(top / "f")][3] == rows[os.fsencode(top / "late")][3]


@pytest.mark.parametrize(
    ("kind", "hidden"),
    [
        *[(kind, False) for kind in ("ext4", "btrfs", "xfs", "vfat", "apfs", "overlay")],
        *[(kind, True) for kind in ("tmpfs", "nfs4", "cifs", "9p", "fuse.sshfs", "fuseblk")],
    ],
)
def test_file_systems_that_hide_changes(kind: str, hidden: bool) -> None:
    assert hides_changes(kind) is hidden


def test_times_beyond_all_calendars_are_read_again(tmp_path: Path, vault: Path) -> None:
    shared = Path("/dev/shm")
    if not shared.is_dir():
        pytest.skip("MISSING: /dev/shm, for times that do not fit into 64 bits of ns")
    top = shared / f"gorillacomb-{os.getpid()}"
    top.mkdir()
    path = top / "far"
    try:
        path.write_text("old content")
        os.utime(path, (99999999999999, 99999999999999))
        if path.stat().st_mtime < 99999999999999:
            pytest.skip("MISSING: times beyond the year 2262 in /dev/shm")
        scan(vault, top)
        again = scan(vault, top)
        assert (again.hashed_files, len(again.read_again_young)) == (1, 0)
        path.write_text("new content")
        os.utime(path, (88888888888888, 88888888888888))
        scan(vault, top)
        assert state(vault, path) == EntryState.HASHED, "other content, with another such time"
    finally:
        path.unlink(missing_ok=True)
        top.rmdir()
