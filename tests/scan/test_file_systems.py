"""Drives as they are plugged in, pulled out, cloned, filled up and worn: on real file systems.

Images are mounted through loop devices, so most of this needs root. What a machine lacks is named
in the reason of a skip, with the package that holds it.
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest

from gorillacomb.canonical.groups import GroupReader
from gorillacomb.errors import RootVanished, VaultError, VaultUnwritable
from gorillacomb.fs.volumes import is_online
from gorillacomb.index import content_queries, folder_queries
from gorillacomb.index.database import Index
from gorillacomb.index.roots import all_roots, folder_paths
from gorillacomb.model import EntryState, FolderState, Root, ScanChanges, ScanReport
from gorillacomb.progress import NullProgress
from gorillacomb.scan.options import ScanOptions
from gorillacomb.scan.scanner import scan as scan_paths
from gorillacomb.scan.tasks import WINDOW
from gorillacomb.vault.vault import Vault
from tests.support.disks import MIB, PATIENCE, Disks, need, run
from tests.support.trees import (
    Tree,
    an_hour_on,
    groups_in_index,
    groups_on_disk,
    make_tree,
    rows_in_index,
    scan,
    settle,
)

LONG_AGO = 1_500_000_000
RECORD_OF_ITSELF = 2
"""Rows that a scan writes for each root when nothing changed: that it began, and that it ended."""

TREE: Tree = {
    "a": "same content",
    "only": "nowhere else",
    "Photos": {"b": "same content", "deep": {"c": "other", "d": "other", "empty": ""}},
}
FILES = 6
WITH_CONTENT = 5
PAIRS = 2


def planted(top: Path, folder_queries: Tree = TREE, when: float | None = None) -> Path:
    """Make a tree whose files are old enough to be trusted; on FAT by the times they are given."""
    make_tree(top, folder_queries)
    if when is not None:
        for folder, _, names in os.walk(top):
            for name in names:
                os.utime(os.path.join(folder, name), (when, when))
    else:
        settle(top)
    return top


def roots_of(vault: Path) -> list[Root]:
    with Index.read(Vault(vault)) as index:
        return all_roots(index.connection)


def names_of(rows: dict[bytes, object], top: Path) -> set[bytes]:
    """The paths of rows below a folder, relative to it."""
    start = os.fsencode(top) + b"/"
    return {path[len(start) :] for path in rows if path.startswith(start)}


def facts_of(vault: Path) -> dict[bytes, object]:
    """Everything that is known of the files, by name: what stays when a drive is moved."""
    return {os.path.basename(path): row for path, row in rows_in_index(vault).items()}


def folders_in(vault: Path, *states: FolderState) -> set[bytes]:
    with Index.read(Vault(vault)) as index:
        connection = index.connection
        paths = folder_paths(connection)
        return {each.path for each in folder_queries.folders_in_states(connection, paths, states)}


def assert_nothing_new(report: ScanReport) -> None:
    """A scan that found everything as it was, and read no content for it."""
    assert report.hashed_files == report.hashed_bytes == 0
    assert report.changes == ScanChanges()
    assert report.rows_written <= 3 * len(report.roots), "its record, and where the root is now"


# One drive, plugged in again


@pytest.mark.parametrize("kind", ["ext4", "btrfs"])
@pytest.mark.parametrize("place", ["the same", "another"])
def test_a_drive_plugged_in_again_is_known(
    kind: str, place: str, disks: Disks, vault: Path
) -> None:
    image = disks.image(kind)
    point = disks.plug(kind, image, disks.point("mnt"))
    planted(point / "My Drive")
    first = scan(vault, point / "My Drive")
    assert (first.hashed_files, first.roots[0].root.weak) == (WITH_CONTENT, False)
    known = facts_of(vault)
    device = os.stat(point).st_dev
    disks.unplug(point, keep_port=True)

    point = disks.plug(kind, image, disks.point("mnt" if place == "the same" else "elsewhere"))
    if kind == "ext4":  # btrfs numbers its devices by itself
        assert os.stat(point).st_dev != device
    report = scan(vault, point / "My Drive")

    assert_nothing_new(report)
    assert not report.roots[0].first
    (root,) = roots_of(vault)
    assert root.path == os.fsencode(point / "My Drive")
    assert is_online(root)
    assert facts_of(vault) == known
    assert groups_in_index(vault) == groups_on_disk(point)
    assert scan(vault, point / "My Drive").rows_written <= RECORD_OF_ITSELF


def test_a_drive_that_was_edited_elsewhere(disks: Disks, vault: Path) -> None:
    image = disks.image("ext4")
    point = disks.plug("ext4", image, disks.point("mnt"))
    planted(point)
    scan(vault, point)
    disks.unplug(point)

    away = disks.plug("ext4", image, disks.point("another-machine"))
    (away / "only").unlink()
    (away / "Photos").rename(away / "Pictures")
    planted(away, {"a": "edited", "new": "another"})
    disks.unplug(away)

    point = disks.plug("ext4", image, disks.point("mnt"))
    report = scan(vault, point)
    assert report.hashed_files == 2
    assert groups_in_index(vault) == groups_on_disk(point)
    assert names_of(dict(rows_in_index(vault)), point) == {
        b"a",
        b"new",
        *(b"Pictures/" + name for name in (b"b", b"deep/c", b"deep/d", b"deep/empty")),
    }
    assert report.changes == ScanChanges(new=1, changed=1, gone=1, folders_moved=1)


def test_a_folder_scanned_under_one_mount_point_is_part_of_the_drive_under_another(
    disks: Disks, vault: Path
) -> None:
    image = disks.image("ext4")
    point = disks.plug("ext4", image, disks.point("mnt"))
    planted(point)
    scan(vault, point / "Photos")
    disks.unplug(point)
    elsewhere = disks.plug("ext4", image, disks.point("elsewhere"))

    report = scan(vault, elsewhere)

    assert len(roots_of(vault)) == 1, "the folder became part of the drive"
    assert report.hashed_files == 2, "a and only; what is in Photos is known"
    assert groups_in_index(vault) == groups_on_disk(elsewhere)
    disks.unplug(elsewhere)
    point = disks.plug("ext4", image, disks.point("mnt"))
    assert_nothing_new(scan(vault, point / "Photos"))
    assert len(roots_of(vault)) == 1


def test_a_read_only_drive_is_scanned(disks: Disks, vault: Path) -> None:
    image = disks.image("ext4")
    point = disks.plug("ext4", image, disks.point("mnt"))
    planted(point)
    disks.unplug(point)
    point = disks.mount(disks.attach(image), disks.point("mnt"), "-t", "ext4", "-o", "ro")
    with pytest.raises(OSError) as refused:
        (point / "new").touch()
    assert refused.value.errno == errno.EROFS

    report = scan(vault, point)
    assert (report.files, report.hashed_files) == (FILES, WITH_CONTENT)
    assert groups_in_index(vault) == groups_on_disk(point)
    assert_nothing_new(scan(vault, point))


def test_a_flipped_bit_is_damage_and_found_by_rehash(disks: Disks, vault: Path) -> None:
    """Rot: the content differs, and no time of the file tells of it."""
    image = disks.image("ext4")
    point = disks.plug("ext4", image, disks.point("mnt"))
    mark = b"a content that is found in the image " * 100
    planted(point, {"a": mark, "b": mark.upper(), "c": mark})
    scan(vault, point)
    good = rows_in_index(vault)[os.fsencode(point / "b")][3]
    disks.unplug(point)
    with open(image, "r+b") as file:
        at = file.read().index(mark.upper())
        file.seek(at)
        file.write(b"Z")
    point = disks.plug("ext4", image, disks.point("mnt"))
    assert (point / "b").read_bytes() == b"Z" + mark.upper()[1:]

    assert_nothing_new(scan(vault, point))
    report = scan(vault, point, rehash=True)

    assert report.hashed_files == 3
    row = rows_in_index(vault)[os.fsencode(point / "b")]
    assert (row[0], row[3]) == (EntryState.DAMAGED, good)
    assert rows_in_index(vault)[os.fsencode(point / "a")][0] == EntryState.HASHED
    scan(vault, point)
    assert rows_in_index(vault)[os.fsencode(point / "b")][0] == EntryState.DAMAGED
    scan(vault, point, min_size=1 << 20)
    scan(vault, point, min_size=0)
    row = rows_in_index(vault)[os.fsencode(point / "b")]
    assert (row[0], row[3]) == (EntryState.DAMAGED, good), (
        "it is not sound for having been left out"
    )


# FAT and exFAT: no inodes, coarse and shifting times


@pytest.fixture(params=["exfat", "vfat"])
def fat(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


def test_a_fat_stick_is_weak_and_known_again(fat: str, disks: Disks, vault: Path) -> None:
    image = disks.image(fat)
    point = disks.plug(fat, image, disks.point("mnt"))
    planted(point, TREE, LONG_AGO)
    first = scan(vault, point)
    (root,) = roots_of(vault)
    assert root.weak
    assert first.hashed_files == WITH_CONTENT
    assert groups_in_index(vault) == groups_on_disk(point)
    known = facts_of(vault)
    disks.unplug(point)

    point = disks.plug(fat, image, disks.point("mnt"))
    assert_nothing_new(scan(vault, point))
    assert facts_of(vault) == known
    assert len(roots_of(vault)) == 1

    (point / "only").unlink()
    planted(point / "Photos", {"b": "edited today"})
    os.utime(point / "Photos" / "b", (LONG_AGO + 500, LONG_AGO + 500))
    report = scan(vault, point)
    assert report.hashed_files == 1
    assert report.changes == ScanChanges(changed=1, gone=1)
    assert groups_in_index(vault) == groups_on_disk(point)


def test_an_exfat_stick_in_another_port_is_known(disks: Disks, vault: Path) -> None:
    image = disks.image("exfat")
    point = disks.plug("exfat", image, disks.point("mnt"))
    planted(point, TREE, LONG_AGO)
    scan(vault, point)
    device = os.stat(point).st_dev
    disks.unplug(point, keep_port=True)
    point = disks.plug("exfat", image, disks.point("elsewhere"))
    assert os.stat(point).st_dev != device

    assert_nothing_new(scan(vault, point))
    assert len(roots_of(vault)) == 1


def test_another_stick_in_the_same_port_is_another_root(disks: Disks, vault: Path) -> None:
    """They share the device and the mount point, and nothing else."""
    images = disks.image("exfat", "first"), disks.image("exfat", "second")
    point = disks.plug("exfat", images[0], disks.point("mnt"))
    planted(point, TREE, LONG_AGO)
    scan(vault, point)
    known = rows_in_index(vault)
    disks.unplug(point)
    point = disks.plug("exfat", images[1], disks.point("mnt"))
    planted(point, {"others": {"x": "of the second"}}, LONG_AGO)

    report = scan(vault, point)

    assert len(roots_of(vault)) == 2
    assert report.changes == ScanChanges(new=1), "nothing of the first is gone: it is not there"
    assert known.items() <= rows_in_index(vault).items()


def test_two_sticks_at_once_are_two_roots(fat: str, disks: Disks, vault: Path) -> None:
    """Weak as they are, they are not taken for one another, nor equal files for links."""
    points = []
    for name in ("first", "second"):
        point = disks.plug(fat, disks.image(fat, f"{name} image"), disks.point(name))
        points.append(planted(point, TREE, LONG_AGO))
    report = scan(vault, *points)
    assert (report.files, report.hashed_files) == (2 * FILES, 2 * WITH_CONTENT)
    assert len(roots_of(vault)) == 2
    assert groups_in_index(vault) == groups_on_disk_of_both(*points)
    for one in points:
        assert_nothing_new(scan(vault, one))
    assert_nothing_new(scan(vault, *points))


SHIFTS = {
    "an hour on": (3600, 0),
    "an hour back": (-3600, 0),
    "nine hours": (9 * 3600, 0),
    "an odd second lost": (-1, 0),
    "an hour on and an odd second lost": (3599, 0),
    "half an hour": (1800, 1),
    "ten minutes": (600, 1),
    "two days": (48 * 3600, 1),
}


@pytest.mark.parametrize("shift", SHIFTS)
def test_a_shift_of_fat_times(shift: str, fat: str, disks: Disks, vault: Path) -> None:
    """FAT keeps local time in steps of two seconds: that is no edit, and what is not that is."""
    seconds, read = SHIFTS[shift]
    image = disks.image(fat)
    point = disks.plug(fat, image, disks.point("mnt"))
    odd = LONG_AGO + 1
    assert odd % 2 == 1
    planted(point, {"a": "same content", "b": "same content"}, odd)
    scan(vault, point)
    known = {path: row[3] for path, row in rows_in_index(vault).items()}
    before = os.stat(point / "a").st_mtime
    os.utime(point / "a", (odd + seconds, odd + seconds))
    disks.unplug(point)
    point = disks.plug(fat, image, disks.point("mnt"))
    after = os.stat(point / "a").st_mtime
    assert abs(after - before - seconds) < 2

    report = scan(vault, point)

    assert report.hashed_files == read
    assert {path: row[3] for path, row in rows_in_index(vault).items()} == known
    assert groups_in_index(vault) == groups_on_disk(point)
    again = scan(vault, point)
    assert again.hashed_files == 0
    assert again.rows_written <= RECORD_OF_ITSELF


def test_a_file_just_written_to_fat_is_read_again(fat: str, disks: Disks, vault: Path) -> None:
    """Within two seconds a second write of equal size leaves no trace in its time."""
    point = disks.plug(fat, disks.image(fat), disks.point("mnt"))
    planted(point, {"old": "1"}, LONG_AGO)
    (point / "new").write_text("2")
    soon = time.time_ns() + 1_000_000_000  # within the grain too, on a machine that is slow
    os.utime(point / "new", ns=(soon, soon))
    scan(vault, point, now=time.time_ns)
    states = {name: row[0] for name, row in _states(vault).items()}
    assert states == {b"old": EntryState.HASHED, b"new": EntryState.FRESH}
    (point / "new").unlink()
    (point / "new").write_text("3")
    now = os.stat(point / "new").st_mtime_ns
    os.utime(point / "new", ns=(now, now))
    assert scan(vault, point).hashed_files == 1


def _states(vault: Path) -> dict[bytes, tuple[int, bytes | None]]:
    rows = rows_in_index(vault)
    return {os.path.basename(path): (row[0], row[3]) for path, row in rows.items()}


# Cloned disks


@pytest.fixture
def clones(disks: Disks) -> tuple[Path, Path]:
    """Two images that are equal to the byte, with one UUID, both mounted."""
    image = disks.image("ext4", "original")
    point = disks.plug("ext4", image, disks.point("first"))
    planted(point)
    disks.unplug(point)
    shutil.copyfile(image, disks.place / "clone")
    first = disks.plug("ext4", image, disks.point("first"))
    second = disks.plug("ext4", disks.place / "clone", disks.point("second"))
    assert os.stat(first / "a").st_ino == os.stat(second / "a").st_ino
    return first, second


@pytest.mark.parametrize("together", [True, False])
def test_a_cloned_disk_is_a_root_of_its_own(
    together: bool, clones: tuple[Path, Path], vault: Path
) -> None:
    if together:
        report = scan(vault, *clones)
        assert (report.files, report.hashed_files) == (2 * FILES, 2 * WITH_CONTENT)
    else:
        for clone in clones:
            report = scan(vault, clone)
            assert (report.files, report.hashed_files) == (FILES, WITH_CONTENT)
            assert report.roots[0].first
    assert {root.path for root in roots_of(vault)} == set(map(os.fsencode, clones))
    rows = rows_in_index(vault)
    assert names_of(dict(rows), clones[0]) == names_of(dict(rows), clones[1])
    assert len(rows) == 2 * FILES

    for paths in (clones, clones[1:], clones[:1], clones[::-1]):
        assert_nothing_new(scan(vault, *paths))
    (clones[1] / "only").unlink()
    report = scan(vault, *clones)
    assert report.changes == ScanChanges(gone=1)
    left = names_of(dict(rows_in_index(vault)), clones[0])
    assert b"only" in left


def test_files_of_cloned_disks_are_copies_and_not_links(
    clones: tuple[Path, Path], vault: Path
) -> None:
    """Their inodes have equal numbers, and are not the same."""
    scan(vault, *clones)
    expected = {
        frozenset(os.fsencode(clone / name) for clone in clones for name in names)
        for names in (["a", "Photos/b"], ["only"], ["Photos/deep/c", "Photos/deep/d"])
    }
    assert groups_in_index(vault) == expected
    with Index.read(Vault(vault)) as index:
        groups = list(GroupReader(index, lambda root: True, lambda path: False).all())
        assert content_queries.content_totals(index.connection)[:2] == (3, 7)
    assert {group.hardlink_of for group in groups} <= {(None,) * 2, (None,) * 4}


def test_linked_files_of_cloned_disks_are_two_copies(disks: Disks, vault: Path) -> None:
    image = disks.image("ext4", "original")
    point = disks.plug("ext4", image, disks.point("first"))
    make_tree(point, {"a": "linked"})
    os.link(point / "a", point / "b")
    settle(point)
    disks.unplug(point)
    shutil.copyfile(image, disks.place / "clone")
    first = disks.plug("ext4", image, disks.point("first"))
    second = disks.plug("ext4", disks.place / "clone", disks.point("second"))
    scan(vault, first, second)
    everything = {os.fsencode(top / name) for top in (first, second) for name in "ab"}
    with Index.read(Vault(vault)) as index:
        assert [(each.names, each.copies) for each in content_queries.groups(index.connection)] == [
            (4, 2)
        ]
    assert groups_in_index(vault) == {frozenset(everything)}


def test_linked_large_files_of_cloned_disks_are_read_on_each(disks: Disks, vault: Path) -> None:
    """Two names of one inode are read once; on the clone that inode is another file."""
    image = disks.image("ext4", "original")
    point = disks.plug("ext4", image, disks.point("first"))
    make_tree(point, {"a": "one " * 50})
    os.link(point / "a", point / "b")
    settle(point)
    disks.unplug(point)
    shutil.copyfile(image, disks.place / "clone")
    first = disks.plug("ext4", image, disks.point("first"))
    second = disks.plug("ext4", disks.place / "clone", disks.point("second"))
    planted(second, {"a": "two " * 50})
    scan(vault, first, second, hash_limit=100)

    digests = {path: row[3] for path, row in rows_in_index(vault).items()}
    for top in (first, second):
        assert digests[os.fsencode(top / "a")] == digests[os.fsencode(top / "b")]
    assert digests[os.fsencode(first / "a")] != digests[os.fsencode(second / "a")]


def test_a_new_folder_on_a_clone_did_not_move_there_from_the_original(
    clones: tuple[Path, Path], vault: Path
) -> None:
    """New folders get the next free inode: on two clones that is the same number."""
    scan(vault, *clones)
    planted(clones[0] / "new on the first", {"x": "1"})
    scan(vault, clones[0])
    planted(clones[1] / "new on the second", {"y": "22"})
    inodes = {os.stat(top).st_ino for clone in clones for top in clone.glob("new on *")}
    assert len(inodes) == 1

    report = scan(vault, clones[1])

    rows = rows_in_index(vault)
    assert os.fsencode(clones[0] / "new on the first" / "x") in rows
    assert os.fsencode(clones[1] / "new on the second" / "y") in rows
    assert report.changes == ScanChanges(new=1)
    assert_nothing_new(scan(vault, *clones))


# A drive that is not there


def test_an_unplugged_drive_is_offline_and_loses_nothing(disks: Disks, vault: Path) -> None:
    image = disks.image("ext4")
    point = disks.plug("ext4", image, disks.point("mnt"))
    planted(point)
    scan(vault, point)
    (root,) = roots_of(vault)
    known = rows_in_index(vault)
    assert is_online(root)
    disks.unplug(point)

    assert not is_online(root)
    with pytest.raises(RootVanished, match="not mounted") as refused:
        scan(vault, point)
    assert refused.value.exit_code == 3
    assert "Plug it in" in refused.value.hint
    assert rows_in_index(vault) == known
    assert roots_of(vault) == [root]
    assert len(groups_in_index(vault)) == PAIRS

    other = planted(disks.place / "other", {"x": "same content"})
    report = scan(vault, other)
    assert report.changes == ScanChanges(new=1)
    assert known.items() <= rows_in_index(vault).items()

    point = disks.plug("ext4", image, disks.point("mnt"))
    assert is_online(root)
    assert_nothing_new(scan(vault, point))
    assert known.items() <= rows_in_index(vault).items()


def test_an_unplugged_drive_inside_a_known_root_loses_nothing(disks: Disks, vault: Path) -> None:
    """The mount point lies in a folder that is a root too, such as a home or /media."""
    image = disks.image("ext4")
    home = planted(disks.place / "home", {"h": "same content"})
    point = disks.plug("ext4", image, disks.point("home/stick"))
    planted(point)
    scan(vault, home, cross_file_systems=True)
    assert len(roots_of(vault)) == 2
    known = rows_in_index(vault)
    disks.unplug(point)

    report = scan(vault, home, cross_file_systems=True)
    assert report.changes == ScanChanges()
    assert known.items() <= rows_in_index(vault).items()
    with pytest.raises(RootVanished, match="not mounted"):
        scan(vault, point)
    assert known.items() <= rows_in_index(vault).items()

    disks.plug("ext4", image, point)
    report = scan(vault, home, cross_file_systems=True)
    assert (report.hashed_files, report.changes) == (0, ScanChanges())
    assert rows_in_index(vault) == known


def test_files_under_an_empty_mount_point_are_not_those_of_the_drive(
    disks: Disks, vault: Path
) -> None:
    image = disks.image("ext4")
    point = planted(disks.point("mnt"), {"beneath": "1"})
    disks.plug("ext4", image, point)
    planted(point)
    scan(vault, point)
    known = rows_in_index(vault)
    disks.unplug(point)

    report = scan(vault, point)
    assert (report.files, report.changes) == (1, ScanChanges(new=1))
    assert known.items() <= rows_in_index(vault).items()
    assert len(roots_of(vault)) == 2
    disks.plug("ext4", image, point)
    assert_nothing_new(scan(vault, point))


# A drive that vanishes during a scan


class PulledOut(NullProgress):
    """Pulls the plug at a given moment: when so many files were seen, or when a stage begins."""

    def __init__(self, pull: Callable[[], object], files: int = 0, stage: str = "") -> None:
        self._pull = pull
        self._files = files
        self._stage = stage
        self.pulled = False

    def stage(self, name: str, files: int | None, size: int | None) -> None:
        if name == self._stage:
            self._now()

    def advance(self, files: int, size: int) -> None:
        self._files -= files
        if self._files <= 0 and not self._stage:
            self._now()

    def _now(self) -> None:
        if not self.pulled:
            self.pulled = True
            self._pull()


def many(folders: int, files: int, content: Callable[[int], str] = str) -> Tree:
    """Folders with files of different contents."""
    return {
        f"folder {at:03}": {
            f"file {number:03}": content(at * files + number) for number in range(files)
        }
        for at in range(folders)
    }


def comb_and_pull(
    vault: Path, paths: list[Path], pulled: PulledOut, **options: object
) -> ScanReport:
    """Scan in this process with small tasks, so that the plug is pulled in the middle."""
    chosen = {"workers": 0, "budget": 50, "now": an_hour_on, **options}

    def stop(number: int, frame: FrameType | None) -> None:
        raise TimeoutError("the scan of a drive that vanished does not end")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, 6 * PATIENCE)
    try:
        report = scan_paths(
            Vault(vault),
            [os.fsencode(path) for path in paths],
            ScanOptions(**chosen),  # type: ignore[arg-type]
            pulled,
        )
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert pulled.pulled
    return report


@pytest.mark.parametrize("known", [False, True])
def test_a_drive_that_vanishes_is_reported_once(known: bool, disks: Disks, vault: Path) -> None:
    image = disks.image("ext4")
    point = disks.plug("ext4", image, disks.point("mnt"))
    planted(point, many(40, 10))
    other = planted(disks.place / "other", many(30, 10, lambda number: f"{number} too"))
    if known:
        scan(vault, point, other)
    before = rows_in_index(vault) if known else {}
    pulled = PulledOut(lambda: disks.pull(point), files=100)

    report = comb_and_pull(vault, [point, other], pulled, rehash=known)

    assert report.vanished == (os.fsencode(point),)
    vanished = {each.root.path: each.vanished for each in report.roots}
    assert vanished == {os.fsencode(point): True, os.fsencode(other): False}
    rows = rows_in_index(vault)
    assert before.items() <= rows.items()
    assert len(names_of(dict(rows), other)) == 300
    assert {row[0] for row in rows.values()} == {EntryState.HASHED}
    assert folders_in(vault, FolderState.UNREADABLE, FolderState.OTHER_FILE_SYSTEM) == set()
    assert report.other_file_systems == ()
    assert report.changes.gone == report.changes.changed == 0

    disks.plug("ext4", image, point)
    back = scan(vault, point, other)
    assert back.vanished == ()
    assert back.hashed_files == (0 if known else 700 - len(rows))
    assert back.changes.gone == 0
    assert len(rows_in_index(vault)) == 700
    assert folders_in(vault, FolderState.UNLISTED) == set()


def test_a_drive_that_vanishes_under_a_pool(disks: Disks, vault: Path) -> None:
    image = disks.image("ext4")
    point = disks.plug("ext4", image, disks.point("mnt"))
    planted(point, many(40, 10))
    pulled = PulledOut(lambda: disks.pull(point))
    report = comb_and_pull(vault, [point], pulled, workers=2, budget=1)
    assert report.vanished == (os.fsencode(point),)
    assert report.other_file_systems == ()
    assert {row[0] for row in rows_in_index(vault).values()} <= {EntryState.HASHED}
    disks.plug("ext4", image, point)
    assert scan(vault, point).changes.gone == 0
    assert len(rows_in_index(vault)) == 400


@pytest.mark.parametrize("known", [False, True])
def test_a_drive_that_vanishes_within_a_huge_folder(
    known: bool, disks: Disks, vault: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its files lie in the top folder, which is looked at in parts."""
    monkeypatch.setattr("gorillacomb.scan.visitor.WINDOW", WINDOW // 64)
    image = disks.image("ext4")
    point = disks.plug("ext4", image, disks.point("mnt"))
    planted(point, {f"{number:04}": str(number) for number in range(WINDOW // 16)})
    if known:
        scan(vault, point)
    before = rows_in_index(vault) if known else {}
    pulled = PulledOut(lambda: disks.pull(point))

    report = comb_and_pull(vault, [point], pulled, rehash=known)

    assert report.vanished == (os.fsencode(point),)
    assert report.other_file_systems == ()
    assert folders_in(vault, FolderState.UNREADABLE, FolderState.OTHER_FILE_SYSTEM) == set()
    assert before.items() <= rows_in_index(vault).items()
    assert report.changes.gone == 0
    disks.plug("ext4", image, point)
    back = scan(vault, point)
    assert (back.changes.gone, back.files) == (0, WINDOW // 16)
    assert folders_in(vault, FolderState.UNLISTED) == set()
    assert_nothing_new(scan(vault, point))


@pytest.mark.parametrize("top_folder", [True, False])
@pytest.mark.parametrize("stage", ["Comparing large files", "Reading the rest"])
def test_a_drive_that_vanishes_before_its_large_files_are_read(
    stage: str, top_folder: bool, disks: Disks, vault: Path
) -> None:
    """They were seen and are not there: that does not make them gone."""
    image = disks.image("ext4")
    point = disks.plug("ext4", image, disks.point("mnt"))
    films: Tree = {"a": "film" * 50, "b": "film" * 50, "c": "another " * 50}
    planted(point, films if top_folder else {"Films": films})
    other = planted(disks.place / "other", {"d": "other " * 50, "e": "other " * 50})
    pulled = PulledOut(lambda: disks.pull(point), stage=stage)

    report = comb_and_pull(vault, [point, other], pulled, hash_limit=100)

    rows = rows_in_index(vault)
    assert len(names_of(dict(rows), point)) == 3
    assert {row[0] for row in rows.values()} <= {EntryState.HASHED, EntryState.PENDING}
    assert report.vanished == (os.fsencode(point),)
    assert frozenset({os.fsencode(other / "d"), os.fsencode(other / "e")}) in groups_in_index(vault)

    disks.plug("ext4", image, point)
    back = scan(vault, point, other)
    assert back.changes.gone == 0
    assert groups_in_index(vault) == groups_on_disk(point) | groups_on_disk(other)


def test_another_drive_in_the_place_of_one_that_vanished(disks: Disks, vault: Path) -> None:
    """The plug is pulled and another drive mounts there, within one scan."""
    images = disks.image("ext4", "first"), disks.image("ext4", "second")
    point = disks.plug("ext4", images[1], disks.point("mnt"))
    planted(point, many(40, 10, lambda number: f"{number} of the second"))
    disks.unplug(point)
    disks.plug("ext4", images[0], point)
    planted(point, many(40, 10))
    scan(vault, point)
    before = rows_in_index(vault)

    def exchange() -> None:
        disks.pull(point)
        disks.plug("ext4", images[1], point)

    report = comb_and_pull(vault, [point], PulledOut(exchange, files=50), rehash=True)
    assert report.vanished == (os.fsencode(point),)
    assert rows_in_index(vault) == before


def wear_out(image: Path, good: int) -> None:
    """Let a mounted drive fail: what lies behind its first bytes gives I/O errors from now on."""
    os.truncate(image, good)


A_FEW = 64
"""Failures after which a drive that gives nothing but I/O errors is known to be lost."""


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize(
    ("folders", "files", "when"),
    [
        pytest.param(8, 200, "", id="many files"),
        pytest.param(800, 2, "", id="many folders"),
        pytest.param(1, 1600, "", id="one folder in parts"),
        pytest.param(8, 200, "Comparing large files", id="large files"),
    ],
)
def test_a_drive_that_fails_is_reported_once(
    folders: int,
    files: int,
    when: str,
    known: bool,
    disks: Disks,
    vault: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing but I/O errors: the drive is lost, not a thousand files unreadable or gone."""
    monkeypatch.setattr("gorillacomb.scan.visitor.WINDOW", 300)
    image = disks.image("ext4")
    point = disks.plug("ext4", image, disks.point("mnt"))
    planted(point, many(folders, files, lambda number: f"{number:05} " * 100))
    other = planted(disks.place / "other", many(3, 10))
    if known:
        scan(vault, point, other)
    before = rows_in_index(vault) if known else {}
    disks.unplug(point)
    # Mounted for reading, and without its journal, it needs no write that could fail.
    disks.mount(disks.attach(image), point, "-t", "ext4", "-o", "ro,noload")

    def fail() -> None:
        if folders < A_FEW:
            list(os.walk(point))  # so that folders are at hand, and what fails are their files
        wear_out(image, MIB // 16)

    # Where all is read again, large files are read as they are met.
    pulled = PulledOut(fail, files=20, stage="" if known else when)
    large: dict[str, object] = {"hash_limit": 0} if when else {}
    report = comb_and_pull(vault, [point, other], pulled, rehash=known, **large)

    rows = rows_in_index(vault)
    assert {path: row[3] for path, row in before.items()}.items() <= {
        path: row[3] for path, row in rows.items()
    }.items(), "what was known stays known"
    assert len(names_of(dict(rows), other)) == 30
    assert report.vanished == (os.fsencode(point),)
    unreadable = [path for path, row in rows.items() if row[0] == EntryState.UNREADABLE]
    assert len(unreadable) + len(folders_in(vault, FolderState.UNREADABLE)) <= A_FEW


def test_a_bad_sector_is_one_unreadable_file(disks: Disks, vault: Path) -> None:
    """One file of many that cannot be read is that file's failure, not the drive's."""
    image = disks.image("ext4")
    point = disks.plug("ext4", image, disks.point("mnt"))
    planted(point, {"good": {str(n): f"{n} " * 100 for n in range(50)}, "a": "found in the image"})
    with open(point / "bad", "wb") as file:
        file.write(b"x" * (8 * MIB))
        file.truncate(8 * MIB)
    settle(point)
    disks.unplug(point)
    whole = image.read_bytes()
    end = whole.rindex(b"x" * MIB)  # the last blocks that are in use
    disks.mount(disks.attach(image), point, "-t", "ext4", "-o", "ro,noload")
    wear_out(image, end)

    report = scan(vault, point)

    assert report.vanished == ()
    assert report.files == 52
    with Index.read(Vault(vault)) as index:
        paths = folder_paths(index.connection)
        bad = list(
            content_queries.files_in_states(index.connection, paths, (EntryState.UNREADABLE,))
        )
    assert [(file.path, file.cause) for file in bad] == [
        (os.fsencode(point / "bad"), "input/output error")
    ]
    assert report.hashed_files == 51
    image.write_bytes(whole)


# One folder through several mounts


def test_a_folder_mounted_again_inside_its_root_counts_once(disks: Disks, vault: Path) -> None:
    need("mount")
    top = planted(disks.place / "top", TREE)
    again = disks.mount(top / "Photos", disks.point("top/again"), "--bind")
    assert (again / "b").read_text() == "same content"
    expected = groups_on_disk(top / "Photos") | {
        frozenset({os.fsencode(top / "a"), os.fsencode(top / "Photos" / "b")})
    }

    for cross in (False, True):
        report = scan(vault, top, cross_file_systems=cross)
        assert report.files == FILES
        assert groups_in_index(vault) == expected
        assert len(roots_of(vault)) == 1
        assert names_of(dict(rows_in_index(vault)), again) == set()
        assert report.other_file_systems == (os.fsencode(again),)


def test_a_folder_from_outside_mounted_inside_a_root(disks: Disks, vault: Path) -> None:
    """It lies on the same file system: only the mount says that it does not belong here."""
    need("mount")
    outside = planted(disks.place / "outside", {"x": "same content"})
    top = planted(disks.place / "top", TREE)
    inside = disks.mount(outside, disks.point("top/inside"), "--bind")

    report = scan(vault, top)
    assert (report.files, report.other_file_systems) == (FILES, (os.fsencode(inside),))
    crossing = scan(vault, top, cross_file_systems=True)
    assert (crossing.files, crossing.hashed_files) == (FILES + 1, 1)
    names = {os.fsencode(path) for path in (top / "a", top / "Photos" / "b", inside / "x")}
    assert frozenset(names) in groups_in_index(vault)
    both = scan(vault, outside, top, cross_file_systems=True)
    assert (both.files, both.hashed_files) == (FILES + 1, 0)
    assert len(roots_of(vault)) == 2


def test_a_root_named_through_two_mounts_counts_once(disks: Disks, vault: Path) -> None:
    point = disks.plug("ext4", disks.image("ext4"), disks.point("mnt"))
    planted(point)
    again = disks.mount(point, disks.point("again"), "--bind")

    report = scan(vault, again, point)
    assert (report.files, len(report.roots), len(roots_of(vault))) == (FILES, 1, 1)
    for paths in ([point], [again], [again, point], [again / "Photos"], [again / "Photos", point]):
        assert scan(vault, *paths).hashed_files == 0
        assert len(roots_of(vault)) == 1
        assert len(rows_in_index(vault)) == FILES
    assert len(groups_in_index(vault)) == PAIRS


def test_a_folder_mounted_inside_itself_ends(disks: Disks, vault: Path) -> None:
    need("mount")
    top = planted(disks.place / "top", TREE)
    inner = disks.mount(top, disks.point("top/Photos/deep/top"), "--bind")
    assert (inner / "a").exists()

    for cross in (False, True):
        report = scan(vault, top, cross_file_systems=cross)
        assert (report.files, len(report.roots)) == (FILES, 1)
        assert len(groups_in_index(vault)) == PAIRS
    assert len(rows_in_index(vault)) == FILES
    assert scan(vault, inner).hashed_files == 0
    assert len(roots_of(vault)) == 1


def test_a_file_mounted_over_another_one_is_no_copy(disks: Disks, vault: Path) -> None:
    """As containers do it: two names, one inode, and no hard link."""
    need("mount")
    top = planted(disks.place / "top", {"a": "one content", "b": "hidden by the mount"})
    disks.mount(top / "a", top / "b", "--bind")
    assert (top / "b").read_text() == "one content"

    scan(vault, top)

    assert groups_in_index(vault) == set()
    with Index.read(Vault(vault)) as index:
        assert content_queries.content_totals(index.connection) == (0, 0, 0)


# Other file systems inside a root


def test_another_file_system_is_entered_when_asked_for(disks: Disks, vault: Path) -> None:
    need("mount")
    top = planted(disks.place / "top", {"a": "same content", "b": {"c": "1"}})
    inner = disks.mount("tmpfs", disks.point("top/b/inner"), "-t", "tmpfs", "-o", "size=1m")
    planted(inner, {"d": {"e": "same content"}})

    report = scan(vault, top)
    assert (report.files, len(report.roots)) == (2, 1)
    assert report.other_file_systems == (os.fsencode(inner),)
    assert folders_in(vault, FolderState.OTHER_FILE_SYSTEM) == {os.fsencode(inner)}
    assert groups_in_index(vault) == set()
    assert scan(vault, top).rows_written <= RECORD_OF_ITSELF

    crossing = scan(vault, top, cross_file_systems=True)
    assert (crossing.files, crossing.hashed_files, len(crossing.roots)) == (3, 1, 2)
    pair = {os.fsencode(top / "a"), os.fsencode(inner / "d" / "e")}
    assert groups_in_index(vault) == {frozenset(pair)}
    assert_nothing_new(scan(vault, top, cross_file_systems=True))
    assert_nothing_new(scan(vault, top))
    assert groups_in_index(vault) == {frozenset(pair)}, "what a scan did not cover is not gone"
    named = scan(vault, top, inner)
    assert (named.files, named.hashed_files) == (3, 0)


def test_file_systems_without_files_are_not_entered(disks: Disks, vault: Path) -> None:
    need("mount")
    top = planted(disks.place / "top", {"a": "1"})
    disks.mount("proc", disks.point("top/proc"), "-t", "proc")
    report = scan(vault, top, cross_file_systems=True)
    assert (report.files, len(report.roots)) == (1, 1)


def test_btrfs_subvolumes_are_volumes_that_keep_their_names(disks: Disks, vault: Path) -> None:
    need("btrfs")
    image = disks.image("btrfs")
    point = disks.plug("btrfs", image, disks.point("mnt"))
    for name in ("home", "data"):
        run("btrfs", "subvolume", "create", point / name)
        planted(point / name)
    assert os.stat(point / "home" / "a").st_ino == os.stat(point / "data" / "a").st_ino
    report = scan(vault, point / "home", point / "data")
    assert (report.files, report.hashed_files) == (2 * FILES, 2 * WITH_CONTENT)
    assert len({root.volume for root in roots_of(vault)}) == 2
    assert groups_in_index(vault) == groups_on_disk_of_both(point / "home", point / "data")
    disks.unplug(point)

    point = disks.plug("btrfs", image, disks.point("elsewhere"))
    assert_nothing_new(scan(vault, point / "home", point / "data"))
    # The subvolume alone, mounted by its name, is the same one.
    device = disks.devices[-1]
    alone = disks.mount(device, disks.point("alone"), "-t", "btrfs", "-o", "subvol=home")
    assert_nothing_new(scan(vault, alone))
    assert len(roots_of(vault)) == 2


def groups_on_disk_of_both(first: Path, second: Path) -> set[frozenset[bytes]]:
    """The groups of two folders of equal content whose inodes have equal numbers."""
    return {
        frozenset(os.fsencode(top / name) for top in (first, second) for name in names)
        for names in (["a", "Photos/b"], ["only"], ["Photos/deep/c", "Photos/deep/d"])
    }


def test_a_btrfs_subvolume_inside_a_root_is_another_file_system(disks: Disks, vault: Path) -> None:
    """It is not mounted by itself: only its device number tells."""
    need("btrfs")
    point = disks.plug("btrfs", disks.image("btrfs"), disks.point("mnt"))
    planted(point, {"x": "same content"})
    run("btrfs", "subvolume", "create", point / "inner")
    planted(point / "inner", {"y": "same content"})

    report = scan(vault, point)
    assert (report.files, report.other_file_systems) == (1, (os.fsencode(point / "inner"),))
    assert scan(vault, point).rows_written <= RECORD_OF_ITSELF
    crossing = scan(vault, point, cross_file_systems=True)
    assert crossing.files == 2
    pair = {os.fsencode(point / "x"), os.fsencode(point / "inner" / "y")}
    assert groups_in_index(vault) == {frozenset(pair)}


def test_an_overlay_is_scanned_and_known_again(disks: Disks, vault: Path) -> None:
    need("mount")
    lower, upper = disks.point("lower"), disks.point("upper")
    planted(lower)
    planted(upper, {"a": "another content", "new": "other"})
    layers = f"lowerdir={lower},upperdir={upper},workdir={disks.point('work')}"
    top = disks.mount("overlay", disks.point("merged"), "-t", "overlay", "-o", layers)
    report = scan(vault, top)
    assert report.files == FILES + 1
    assert groups_in_index(vault) == groups_on_disk(top)
    assert scan(vault, top).hashed_files == 0


# The disk of the vault


@pytest.mark.parametrize("size", ["16k", "48k", "96k", "160k", "256k", "400k", "640k"])
def test_a_full_disk_under_the_vault_keeps_what_was_committed(
    size: str, disks: Disks, monkeypatch: pytest.MonkeyPatch
) -> None:
    need("mount")
    top = planted(disks.place / "top", many(60, 50))
    disk = disks.mount("tmpfs", disks.point("disk"), "-t", "tmpfs", "-o", f"size={size}")
    vault = disk / "vault"
    monkeypatch.setattr("gorillacomb.index.database._COMMIT_AFTER", 0.0)

    with pytest.raises(VaultUnwritable) as full:
        scan(vault, top, budget=50)
    assert full.value.exit_code == 4
    assert str(vault) in full.value.message
    assert "room" in full.value.hint or "space" in full.value.hint

    with pytest.raises(VaultUnwritable):
        scan(vault, top, budget=50)
    run("mount", "-o", "remount,size=32m", disk)
    kept = 0
    if (vault / "index.db").exists():
        kept = _rows_kept(vault)
    report = scan(vault, top)
    assert report.hashed_files == 3000 - kept
    assert len(rows_in_index(vault)) == 3000
    assert groups_in_index(vault) == groups_on_disk(top)
    assert scan(vault, top).rows_written <= RECORD_OF_ITSELF
    if size in ("400k", "640k"):
        assert kept > 0


def _rows_kept(vault: Path) -> int:
    try:
        return len(rows_in_index(vault))
    except VaultError:
        return 0  # it was full before there were tables


def test_a_vault_on_a_read_only_disk_is_read_and_not_written(disks: Disks) -> None:
    need("mount")
    top = planted(disks.place / "top")
    disk = disks.mount("tmpfs", disks.point("disk"), "-t", "tmpfs", "-o", "size=32m")
    vault = disk / "vault"
    scan(vault, top)
    known = rows_in_index(vault)
    groups = groups_in_index(vault)
    run("mount", "-o", "remount,ro", disk)

    with pytest.raises(VaultUnwritable, match="read-only") as refused:
        scan(vault, top)
    assert refused.value.exit_code == 4
    assert "--vault" in refused.value.hint
    assert rows_in_index(vault) == known
    assert groups_in_index(vault) == groups

    run("mount", "-o", "remount,rw", disk)
    assert_nothing_new(scan(vault, top))


def test_a_vault_that_cannot_be_made_on_a_read_only_disk(disks: Disks) -> None:
    need("mount")
    top = planted(disks.place / "top")
    disk = disks.mount("tmpfs", disks.point("disk"), "-t", "tmpfs", "-o", "size=1m,ro")
    with pytest.raises(VaultUnwritable, match="read-only") as refused:
        scan(disk / "vault", top)
    assert "--vault" in refused.value.hint
    with pytest.raises(VaultError):
        rows_in_index(disk / "vault")
