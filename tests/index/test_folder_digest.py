"""Folders are known again by their seals: whatever happened, a seal that fits tells the truth.

That each seal is that of its rows is checked after every scan of the tests
(`tests.support.trees.scan`).
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gorillacomb.fs.volumes as volumes_module
from gorillacomb.index.database import Index
from gorillacomb.index.folder_digest import set_first_digests
from gorillacomb.index.rows import EntryRow
from gorillacomb.index.snapshot import IndexSnapshot
from gorillacomb.index.writer import IndexChanges, IndexWriter, NewFolderRow
from gorillacomb.model import SECOND, EntryState, FolderState
from gorillacomb.model import ScanChanges as Sum
from gorillacomb.scan.diff import VisitDiff
from gorillacomb.vault.vault import Vault
from tests.scan.test_selection import NAMES, STEPS, Look, changed_since, look, take
from tests.support.memory import in_memory
from tests.support.trees import Link, Tree, make_tree, rows_in_index, scan, settle

TREE: Tree = {
    "a": {"a": {"a": "1", "b": "22"}, "b": {"c": "3", "link": Link("c"), "empty": ""}},
    "b": {"a": "1"},
    "large": {"one": b"x" * (2 << 20), "two": b"y" * (2 << 20), "small": "s"},
}
SCANS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "min_size": st.integers(0, 3),
            "exclude": st.sampled_from([(), ("a",), ("b/",), ("*/c",)]),
            "quick": st.booleans(),
            "rehash": st.booleans(),
            "part": st.sampled_from(NAMES),
            "changed": st.just(True),
            "workers": st.just(2),
        },
    ),
    min_size=1,
    max_size=3,
)


def unsealed(vault: Path) -> int:
    with Index.read(Vault(vault)) as index:
        found = index.connection.execute("SELECT count(*) FROM folders").fetchone()
        return int(found[0]) - len(sealed(index))


def sealed(index: Index) -> set[int]:
    rows = index.connection.execute("SELECT id FROM folders WHERE seal IS NOT NULL")
    return {folder for (folder,) in rows}


def no_rows_are_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("rows were fetched")

    monkeypatch.setattr(IndexSnapshot, "fingerprints", refuse)
    monkeypatch.setattr(IndexSnapshot, "rows", refuse)


@settings(max_examples=settings().max_examples // 2)
@given(st.lists(st.tuples(STEPS, SCANS), min_size=1, max_size=3))
def test_any_history_with_any_scans(
    history: list[tuple[list[tuple[str, str, str]], list[dict[str, object]]]],
) -> None:
    with tempfile.TemporaryDirectory() as folder, in_memory() as memory:
        top, vault = Path(folder, "top"), memory / "vault"
        make_tree(top, TREE)
        scan(vault, top)
        before: Look = look(top)
        for steps, scans in history:
            for step in steps:
                take(top, step)
            settle(top)
            for options in scans:
                some = dict(options)
                place = top / str(some.pop("part", ""))
                if some.pop("changed", False):
                    some["changed"] = changed_since(before, top)
                    place = top
                scan(vault, place if place.is_dir() else top, **some)
        scan(vault, top, min_size=0, clear_excludes=True)
        scan(memory / "fresh", top)
        assert rows_in_index(vault) == rows_in_index(memory / "fresh")
        assert unsealed(vault) == 0
        assert scan(vault, top).rows_written == 2  # that it began, and that it ended


@pytest.mark.parametrize("workers", [0, 2])
def test_a_second_scan_fetches_no_rows(
    workers: int, tmp_path: Path, vault: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = make_tree(tmp_path / "w", TREE)
    settle(top)
    scan(vault, top, workers=workers)
    no_rows_are_fetched(monkeypatch)
    assert scan(vault, top, workers=workers).files == 8


def test_a_change_fetches_the_rows_of_its_folder_alone(
    tmp_path: Path, vault: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = make_tree(tmp_path / "w", TREE)
    settle(top)
    scan(vault, top)
    (top / "b" / "new").write_text("new")
    fetched: list[int] = []
    fetch = IndexSnapshot.fingerprints

    def watch(self: IndexSnapshot, folder: int, names: tuple[bytes, bytes] | None) -> object:
        fetched.append(folder)
        return fetch(self, folder, names)

    monkeypatch.setattr(IndexSnapshot, "fingerprints", watch)
    scan(vault, top)
    assert len(fetched) == 1


def test_another_least_size_is_settled_once(
    tmp_path: Path, vault: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = make_tree(tmp_path / "w", TREE)
    settle(top)
    scan(vault, top)
    scan(vault, top, min_size=2)
    assert unsealed(vault) == 0
    no_rows_are_fetched(monkeypatch)
    scan(vault, top)
    with pytest.raises(AssertionError, match="rows were fetched"):
        scan(vault, top, min_size=1)


def test_an_index_without_seals_gets_them(tmp_path: Path, vault: Path) -> None:
    """As one that an older version left."""
    top = make_tree(tmp_path / "w", TREE)
    settle(top)
    scan(vault, top)
    folders = 6
    with Index.write(Vault(vault)) as index:
        index.connection.execute("UPDATE folders SET seal = NULL")
    assert unsealed(vault) == folders
    assert scan(vault, top).rows_written == 2 + folders
    assert unsealed(vault) == 0
    assert scan(vault, top).rows_written == 2


def test_seals_that_a_later_python_writes_differently_are_replaced(
    tmp_path: Path, vault: Path
) -> None:
    top = make_tree(tmp_path / "w", TREE)
    settle(top)
    scan(vault, top)
    with Index.write(Vault(vault)) as index:
        index.connection.execute("UPDATE folders SET seal = x'00'")
    report = scan(vault, top)
    assert (report.hashed_files, report.changes) == (0, Sum())
    assert unsealed(vault) == 0
    assert scan(vault, top).rows_written == 2


@given(st.sets(st.integers(1, 6)), st.sets(st.integers(1, 6)))
def test_rows_are_never_written_under_a_seal(put: set[int], gone: set[int]) -> None:
    with in_memory() as memory, Index.write(Vault(memory / "v")) as index:
        row: EntryRow = (b"a", EntryState.HASHED, 0, 1, 1, 1, 1, 1, 8, 1, b"d", None, None, None)
        folders: list[NewFolderRow] = [
            (number, 1, number + 1, b"", 1, FolderState.LISTED, None, None, b"x" * 16)
            for number in range(1, 7)
        ]
        store = IndexWriter(index)
        with index.atomic():
            store.write(1, IndexChanges(new_folders=folders))
            changes = VisitDiff(first=False)
            for folder in put:
                changes.put(folder, row, None)
            for folder in gone:
                changes.leave(folder, row)
            store.write(1, changes.writes)
        assert sealed(index) == {1, 2, 3, 4, 5, 6} - put - gone
        with index.atomic():
            store.write(1, IndexChanges(sealed=[(b"x" * 16, folder) for folder in range(1, 7)]))
            store.put_rows([(folder, row) for folder in put], [(folder, b"b") for folder in gone])
        assert not sealed(index) & (put | gone)


def test_what_wants_to_be_looked_at_has_no_seal(
    tmp_path: Path, vault: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files that were written a moment ago, are left for later, or left out."""
    top = make_tree(tmp_path / "w", TREE)
    settle(top)
    scan(vault, top, quick=True, exclude=("link",))
    assert unsealed(vault) == 2  # a/b and large
    os.utime(top / "b" / "a")
    with monkeypatch.context() as coarse:
        coarse.setattr(volumes_module, "_DEFAULT_GRAIN_NS", 3600 * SECOND)
        scan(vault, top, now=time.time_ns)
    assert unsealed(vault) == 3  # a/b, b and large, which was read just now
    settle(top)
    scan(vault, top, clear_excludes=True)
    assert unsealed(vault) == 0


def test_a_folder_that_was_met_twice_gets_no_seal(tmp_path: Path, vault: Path) -> None:
    top = make_tree(tmp_path / "w", TREE)
    settle(top)
    scan(vault, top)
    with Index.write(Vault(vault)) as index:
        rows = index.connection.execute("SELECT id FROM folders").fetchall()
        set_first_digests(index.connection, [(b"x" * 16, folder) for (folder,) in rows])
        full = index.connection.execute("SELECT DISTINCT folder FROM files").fetchall()
        assert sealed(index) == {folder for (folder,) in rows} - {folder for (folder,) in full}
        assert sealed(index)
