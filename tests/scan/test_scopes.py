"""What is scanned when paths lie in roots that are known, and what a scan tells of it."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from gorillacomb.errors import Interrupted
from gorillacomb.fs.openat import OpenFolders
from gorillacomb.model import EntryState, ScanChanges
from gorillacomb.scan.walk import ScanWalk
from tests.support.trees import (
    Link,
    Tree,
    groups_in_index,
    groups_on_disk,
    make_tree,
    rows_in_index,
    scan,
    settle,
)


def test_two_folders_of_one_root_are_both_scanned(tmp_path: Path, vault: Path) -> None:
    top = make_tree(tmp_path / "w", {"one": {"a": "1"}, "two": {"b": "2"}, "three": {"c": "3"}})
    scan(vault, top)
    for name in ("one", "two", "three"):
        (top / name / "new").write_text("new")
    report = scan(vault, top / "one", top / "two")
    names = {os.path.relpath(path, os.fsencode(top)) for path in rows_in_index(vault)}
    assert names == {b"one/a", b"one/new", b"two/b", b"two/new", b"three/c"}
    assert [root.scopes for root in report.roots] == [
        (os.fsencode(top / "one"), os.fsencode(top / "two"))
    ]
    assert report.changes == ScanChanges(new=2)


def test_a_folder_that_went_is_counted_file_by_file(tmp_path: Path, vault: Path) -> None:
    top = make_tree(tmp_path / "w", {"d": {str(n): f"{n}" for n in range(5)}, "e": {"x": "x"}})
    scan(vault, top)
    shutil.rmtree(top / "d")
    assert scan(vault, top).changes == ScanChanges(gone=5)
    assert scan(vault, top).changes == ScanChanges()


@pytest.mark.parametrize("workers", [0, 2])
def test_a_rehash_changes_no_count(tmp_path: Path, vault: Path, workers: int) -> None:
    top = make_tree(tmp_path / "w", {"a": "1", "b": "1", "big": b"2" * (3 << 20), "l": Link("a")})
    settle(top)
    scan(vault, top)
    report = scan(vault, top, rehash=True, workers=workers)
    assert (report.hashed_files, report.changes) == (3, ScanChanges())


def test_an_interrupted_rehash_forgets_nothing(
    tmp_path: Path, vault: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = make_tree(tmp_path / "w", {f"d{n}": {"big": b"2" * (2 << 20)} for n in range(6)})
    settle(top)
    scan(vault, top)
    before = rows_in_index(vault), groups_in_index(vault)
    taken = ScanWalk.accept_result

    def stop(self: ScanWalk, result: object) -> None:
        taken(self, result)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(ScanWalk, "accept_result", stop)
        with pytest.raises(Interrupted):
            scan(vault, top, rehash=True, budget=1)
    assert (rows_in_index(vault), groups_in_index(vault)) == before


def test_a_min_size_given_later_takes_small_files_out(tmp_path: Path, vault: Path) -> None:
    tree: Tree = {"a": "small", "b": "small", "c": "l" * 5_000, "d": "l" * 5_000}
    top = make_tree(tmp_path / "w", tree)
    settle(top)
    scan(vault, top)
    report = scan(vault, top, min_size=1_000)
    assert (report.hashed_files, report.changes) == (0, ScanChanges())
    assert len(groups_in_index(vault)) == 1
    small = {row[0] for path, row in rows_in_index(vault).items() if path[-1:] in b"ab"}
    assert small == {EntryState.TOO_SMALL}
    back = scan(vault, top, min_size=0)
    assert (back.hashed_files, back.changes) == (0, ScanChanges())
    assert groups_in_index(vault) == groups_on_disk(top)


def test_files_after_a_quick_scan_are_read_and_not_changed(tmp_path: Path, vault: Path) -> None:
    top = make_tree(tmp_path / "w", {"a": "1", "b": "22", "c": "333"})
    settle(top)
    assert scan(vault, top, quick=True, hash_limit=0).hashed_files == 0
    report = scan(vault, top)
    assert (report.hashed_files, report.changes) == (3, ScanChanges())


def test_links_are_no_files(tmp_path: Path, vault: Path) -> None:
    top = make_tree(tmp_path / "w", {"a": "1", "link": Link("a"), "nowhere": Link("x")})
    assert scan(vault, top).files == 1
    assert scan(vault, top).files == 1


def test_the_min_size_of_the_settings_is_not_remembered_with_a_root(
    tmp_path: Path, vault: Path
) -> None:
    top = make_tree(tmp_path / "w", {"a": "small", "b": "small"})
    settle(top)
    scan(vault, top, standing_min_size=1_000)
    assert groups_in_index(vault) == set()
    scan(vault, top, standing_min_size=1_000, min_size=0)
    assert len(groups_in_index(vault)) == 1
    scan(vault, top)
    assert len(groups_in_index(vault)) == 1


def test_a_large_file_whose_folder_is_closed_before_its_turn_is_not_gone(
    tmp_path: Path, vault: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a listing may say that a file is gone."""
    top = make_tree(tmp_path / "w", {"d": {"big": b"2" * 9_000}, "e": {"big": b"2" * 9_000}})
    settle(top)
    real = OpenFolders.open
    opened: list[bytes] = []

    def closed(self: OpenFolders, path: bytes) -> int:
        opened.append(path)
        if path == b"d" and opened.count(b"d") > 1:  # the first time it is listed
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(self, path)

    with monkeypatch.context() as patched:
        patched.setattr(OpenFolders, "open", closed)
        scan(vault, top, hash_limit=0)
    assert {path[-5:]: row[0] for path, row in rows_in_index(vault).items()} == {
        b"d/big": EntryState.PENDING,
        b"e/big": EntryState.HASHED,
    }
    scan(vault, top)
    assert groups_in_index(vault) == groups_on_disk(top)


@pytest.mark.linux("macOS has no O_NOATIME")
def test_reading_leaves_the_access_time(tmp_path: Path, vault: Path) -> None:
    """One older than the last change is what a mount with relatime would set."""
    top = make_tree(tmp_path / "top", {"small": "x", "large": b"y" * (2 << 20), "twin": "x"})
    for path in top.iterdir():
        os.utime(path, ns=(1_000_000_000, 2_000_000_000))
    settle(top)
    scan(vault, top)
    assert {path.stat().st_atime_ns for path in top.iterdir()} == {1_000_000_000}
