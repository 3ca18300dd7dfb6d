"""Files and folders that change under a scan: never a digest of what no single moment had."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from blake3 import blake3

from gorillacomb.model import EntryState
from gorillacomb.scan.listing import FolderListing, list_folder
from gorillacomb.scan.tasks import RootContext
from tests.support.run import refused, run
from tests.support.trees import Entry, make_tree, rows_in_index, scan, settle

SMALL, LARGE = 100_000, 3 << 20
"""Bytes: one is read as the walk meets it, the other in several steps in the second stage."""


def content(version: int, size: int) -> bytes:
    return bytes([version]) * size


def digest(data: bytes) -> bytes:
    return blake3(data).digest()


def row_of(vault: Path, path: Path) -> Entry:
    return rows_in_index(vault)[os.fsencode(path)]


class Meddler:
    """Changes a file after the first piece of it has been read: each time, or so many times."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, change: Callable[[], None], times: int):
        self.change, self.left, self.readv = change, times, os.readv
        self.calls = 0
        monkeypatch.setattr(os, "readv", self)

    def __call__(self, descriptor: int, buffers: Sequence[memoryview]) -> int:
        got = self.readv(descriptor, buffers)
        self.calls += 1
        assert self.calls < 1000, "a file that grows as fast as it is read is read for ever"
        if self.left:
            self.left -= 1
            self.change()
        return got


def grow(file: Path) -> None:
    with open(file, "ab") as opened:
        opened.write(b"more")


def shrink(file: Path) -> None:
    os.truncate(file, file.stat().st_size - 10)


def rewrite(file: Path) -> None:
    """Other bytes at the end, of the same number."""
    with open(file, "r+b") as opened:
        opened.seek(-1, os.SEEK_END)
        last = opened.read(1)[0]
        opened.seek(-1, os.SEEK_END)
        opened.write(bytes([last ^ 1]))


def rewrite_and_hide(file: Path) -> None:
    """As `rewrite`, and the old mtime again: only the ctime tells."""
    facts = file.stat()
    rewrite(file)
    os.utime(file, ns=(facts.st_atime_ns, facts.st_mtime_ns))


CHANGES = [grow, shrink, rewrite, rewrite_and_hide]
SIZES = pytest.mark.parametrize("size", [SMALL, LARGE])


@pytest.fixture(params=["first scan", "second scan"])
def two_files(request: pytest.FixtureRequest, tmp_path: Path, vault: Path) -> Callable[[int], Path]:
    """Makes a file of some size with a copy beside it, which a scan reads for the first time."""

    def make(size: int) -> Path:
        tree = make_tree(tmp_path / "tree", {"other": "x"})
        if request.param == "second scan":
            scan(vault, tree)
        make_tree(tree, {"file": content(7, size), "copy": content(7, size)})
        settle(tree)
        return tree / "file"

    return make


@SIZES
@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_changes_each_time_it_is_read(
    change: Callable[[Path], None],
    size: int,
    two_files: Callable[[int], Path],
    vault: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = two_files(size)
    Meddler(monkeypatch, lambda: change(file), -1)
    scan(vault, file.parent)
    state, *_, found, _ = row_of(vault, file)
    assert (state, found) == (EntryState.UNSTABLE, None)
    copy = row_of(vault, file.parent / "copy")
    assert (copy[0], copy[3]) == (EntryState.HASHED, digest(content(7, size)))


@SIZES
@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_changes_once_is_read_again(
    change: Callable[[Path], None],
    size: int,
    two_files: Callable[[int], Path],
    vault: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = two_files(size)
    (file.parent / "copy").unlink()
    # "other" is read first, or last, but only "file" changes.
    Meddler(monkeypatch, lambda: change(file), 1)
    scan(vault, file.parent)
    state, _, found_size, found, _ = row_of(vault, file)
    assert state in (EntryState.HASHED, EntryState.FRESH)
    assert found == digest(file.read_bytes())
    assert found_size == file.stat().st_size


@SIZES
def test_a_file_that_is_replaced_while_it_is_read(
    size: int, two_files: Callable[[int], Path], vault: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = two_files(size)
    (file.parent / "copy").unlink()
    new = file.with_name("new")

    def replace() -> None:
        new.write_bytes(content(8, size))
        new.rename(file)

    Meddler(monkeypatch, replace, 1)
    scan(vault, file.parent)
    found = row_of(vault, file)[3]
    assert found in (None, digest(content(7, size)), digest(content(8, size)))
    monkeypatch.undo()
    settle(file.parent)
    scan(vault, file.parent)
    assert row_of(vault, file)[3] == digest(content(8, size))


@SIZES
def test_a_file_that_is_deleted_while_it_is_read(
    size: int, two_files: Callable[[int], Path], vault: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = two_files(size)
    Meddler(monkeypatch, lambda: file.unlink(missing_ok=True), 1)
    scan(vault, file.parent)
    monkeypatch.undo()
    found = rows_in_index(vault).get(os.fsencode(file))
    assert found is None or found[3] in (None, digest(content(7, size)))
    scan(vault, file.parent)
    assert os.fsencode(file) not in rows_in_index(vault)
    assert row_of(vault, file.parent / "copy")[3] == digest(content(7, size))


@SIZES
def test_an_unstable_file_keeps_no_old_digest_and_is_read_next_time(
    size: int, tmp_path: Path, vault: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = make_tree(tmp_path / "tree", {"file": content(7, size), "copy": content(7, size)})
    settle(tree)
    scan(vault, tree)
    grow(tree / "file")
    Meddler(monkeypatch, lambda: grow(tree / "file"), -1)
    scan(vault, tree)
    state, *_, found, _ = row_of(vault, tree / "file")
    assert state == EntryState.UNSTABLE
    assert found is None, "a digest of content that is no longer there"
    monkeypatch.undo()
    settle(tree)
    assert scan(vault, tree).hashed_files == 1
    assert row_of(vault, tree / "file")[3] == digest((tree / "file").read_bytes())


def test_a_file_that_changes_while_only_its_ends_are_probed(
    tmp_path: Path, vault: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the probe and the reading a twin becomes another file."""
    tree = make_tree(tmp_path / "tree", {"a": content(7, LARGE), "b": content(7, LARGE)})
    settle(tree)
    pread, seen = os.pread, 0

    def meddling(descriptor: int, size: int, offset: int) -> bytes:
        nonlocal seen
        data = pread(descriptor, size, offset)
        seen += 1
        if seen == 4:  # both ends of both
            rewrite(tree / "b")
        return data

    monkeypatch.setattr(os, "pread", meddling)
    scan(vault, tree)
    assert seen >= 4
    for name in "ab":
        assert row_of(vault, tree / name)[3] == digest((tree / name).read_bytes())


# Against a process that writes all the time ------------------------------------------------------

_WRITER = """
import sys
size, files = int(sys.argv[1]), [open(name, "r+b", buffering=0) for name in sys.argv[2:]]
print(flush=True)
version = 0
while True:
    version = (version + 1) % 8
    for file in files:
        file.seek(0)
        for start in range(0, size, 16384):
            file.write(bytes([version]) * min(16384, size - start))
"""

_SCRIBBLER = """
import os, sys
file = os.open(sys.argv[1], os.O_WRONLY)
print(flush=True)
while True:
    os.pwrite(file, os.urandom(1), 0)
"""


@contextmanager
def running(script: str, *arguments: object) -> Iterator[None]:
    """A Python script that runs meanwhile."""
    process = subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    try:
        yield
    finally:
        process.kill()
        process.communicate()


def was_there(found: bytes, size: int) -> bool:
    """Whether a file had this content at some moment: so much of a version over the one before."""
    return any(
        found
        == digest(content(version, size)[:written] + content((version - 1) % 8, size)[written:])
        for version in range(8)
        for written in range(0, size + 16384, 16384)
    )


@SIZES
def test_a_file_that_is_written_all_the_time(size: int, tmp_path: Path, vault: Path) -> None:
    """Whatever was read of it is not trusted, and the digest that stays is that of its end.

    FRESH says that it was read too soon after a write: the next scan reads it again. (A write
    stamps the file before its bytes have all arrived, so that no two looks can tell.)
    """
    tree = make_tree(tmp_path / "tree", {"file": content(0, size), "twin": content(0, size)})
    file, twin = tree / "file", tree / "twin"
    states: set[EntryState] = set()
    with running(_WRITER, size, file, twin):
        began = time.monotonic()
        met = {EntryState.UNSTABLE, EntryState.FRESH}
        while (spent := time.monotonic() - began) < 1 or (spent < 15 and not states & met):
            scan(vault, tree, now=time.time_ns)
            for path in (file, twin):
                state, *_, found, _ = row_of(vault, path)
                states.add(EntryState(state))
                if state == EntryState.HASHED:
                    assert found is not None and was_there(found, size)
                elif state != EntryState.FRESH:
                    assert (state, found) == (EntryState.UNSTABLE, None)
    assert states & met, "the writer was never met at its work"
    settle(tree)
    scan(vault, tree)
    for path in (file, twin):
        assert row_of(vault, path)[0] == EntryState.HASHED
        assert row_of(vault, path)[3] == digest(path.read_bytes())


def test_the_command_lists_an_unstable_file(tmp_path: Path, vault: Path) -> None:
    """A hole of 2 GiB takes much longer to hash than the clock takes to tick."""
    tree = make_tree(tmp_path / "tree", {"file": "", "calm": "x"})
    os.truncate(tree / "file", 2 << 30)
    with running(_SCRIBBLER, tree / "file"):
        ran = run("scan", tree, "--json", vault=vault)
        words = run("scan", tree, vault=vault)
    assert ran.code == 3
    (unstable,) = ran.json()["unstable"]
    assert unstable["path"] == str(tree / "file")
    assert ran.json()["unreadable"] == []
    assert words.code == 3
    assert f"{tree / 'file'} changed each time it was read" in words.err


# Folders -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("again", [False, True])
def test_a_folder_that_vanishes_during_the_walk(
    again: bool, tmp_path: Path, vault: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = make_tree(
        tmp_path / "tree", {"stays": {"a": "x"}, "goes": {"b": "x", "deep": {"c": ""}}}
    )
    if again:
        scan(vault, tree)

    def meddling(descriptor: int, path: bytes, context: RootContext) -> FolderListing:
        listing = list_folder(descriptor, path, context)
        if not path and (tree / "goes").exists():
            shutil.rmtree(tree / "goes")
        return listing

    monkeypatch.setattr("gorillacomb.scan.visitor.list_folder", meddling)
    report = scan(vault, tree)
    assert not report.vanished
    assert os.fsencode(tree / "stays/a") in rows_in_index(vault)
    scan(vault, tree)
    assert set(rows_in_index(vault)) == {os.fsencode(tree / "stays/a")}


def test_a_root_that_vanishes_during_the_walk(
    tmp_path: Path, vault: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was known of it is kept: its drive may just have been unplugged."""
    tree = make_tree(tmp_path / "tree", {"a": "x", "in": {f"{n}": {"b": "x"} for n in range(9)}})
    settle(tree)
    scan(vault, tree)
    before = rows_in_index(vault)

    def meddling(descriptor: int, path: bytes, context: RootContext) -> FolderListing:
        listing = list_folder(descriptor, path, context)
        if not path:
            tree.rename(tmp_path / "elsewhere")
        return listing

    monkeypatch.setattr("gorillacomb.scan.visitor.list_folder", meddling)
    report = scan(vault, tree, budget=1)
    assert report.vanished == (os.fsencode(tree),)
    assert rows_in_index(vault) == before
    refused(run("scan", tree, vault=vault), 2, str(tree), "does not exist")
    assert rows_in_index(vault) == before


_CHURNER = """
import os, shutil, sys
top = sys.argv[1]
print(flush=True)
turn = 0
while True:
    turn += 1
    for name in ("one", "two"):
        deep = os.path.join(top, name, "deep", "er")
        shutil.rmtree(os.path.join(top, name), ignore_errors=True)
        os.makedirs(deep)
        for at in (deep, os.path.dirname(deep)):
            with open(os.path.join(at, f"file {turn % 3}"), "w") as file:
                file.write("same")
        os.rename(os.path.join(top, name), os.path.join(top, name + str(turn % 5)))
        shutil.rmtree(os.path.join(top, name + str((turn + 1) % 5)), ignore_errors=True)
"""


@pytest.mark.parametrize("workers", ["0", "2"])
def test_folders_that_come_and_go_all_the_time(workers: str, tmp_path: Path, vault: Path) -> None:
    tree = make_tree(tmp_path / "tree", {"stays": {f"{number:03}": "x" for number in range(300)}})
    with running(_CHURNER, tree):
        until = time.monotonic() + 2.0
        while time.monotonic() < until:
            ran = run("scan", tree, "--workers", workers, vault=vault)
            assert ran.code in (0, 3), ran
    assert run("scan", tree, "--workers", workers, vault=vault).code == 0
    on_disk = {
        os.path.join(folder, name)
        for folder, _, names in os.walk(os.fsencode(tree))
        for name in names
    }
    assert set(rows_in_index(vault)) == on_disk


@pytest.mark.parametrize("budget", [1, 2, 2000])
def test_a_folder_that_moves_twice_during_the_walk(
    budget: int, tmp_path: Path, vault: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is met in one place with a new folder in it, and then in another place once more."""
    tree = make_tree(tmp_path / "tree", {"from": {"album": {"x": "1"}}, "a": {}, "b": {}})
    scan(vault, tree)
    (tree / "from/album").rename(tmp_path / "album")
    make_tree(tmp_path / "album", {"new": {"y": "2", "deep": {"z": "3"}}})
    places: list[Path] = []

    def meddling(descriptor: int, path: bytes, context: RootContext) -> FolderListing:
        if path in (b"a", b"b"):
            places.append(tree / os.fsdecode(path) / "album")
            if len(places) == 1:
                (tmp_path / "album").rename(places[0])
        elif path.endswith(b"/new") and len(places) == 1:
            other = tree / ("b" if places[0].parent.name == "a" else "a") / "album"
            places[0].rename(other)
        return list_folder(descriptor, path, context)

    monkeypatch.setattr("gorillacomb.scan.visitor.list_folder", meddling)
    scan(vault, tree, budget=budget)
    assert len(places) == 2
    monkeypatch.undo()
    scan(vault, tree)
    on_disk = {
        os.path.join(folder, name)
        for folder, _, names in os.walk(os.fsencode(tree))
        for name in names
    }
    assert len(on_disk) == 3
    assert set(rows_in_index(vault)) == on_disk


def test_a_folder_that_turns_into_a_file_and_back(tmp_path: Path, vault: Path) -> None:
    tree = make_tree(tmp_path / "tree", {"x": {"a": "1"}, "y": "2"})
    scan(vault, tree)
    shutil.rmtree(tree / "x")
    (tree / "y").unlink()
    make_tree(tree, {"x": "1", "y": {"b": "2"}})
    assert run("scan", tree, vault=vault).code == 0
    assert set(rows_in_index(vault)) == {os.fsencode(tree / name) for name in ("x", "y/b")}
