"""A scan that is cut short when a folder has left one place and is not yet found in another."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gorillacomb.errors import Interrupted
from gorillacomb.index import database
from gorillacomb.index.database import Index
from gorillacomb.index.paths import AWAY
from gorillacomb.progress import NullProgress
from gorillacomb.scan.options import ScanOptions
from gorillacomb.scan.scanner import scan as scan_paths
from gorillacomb.vault.vault import Vault
from tests.stamping.trace import events, stamping_scan
from tests.support.run import run
from tests.support.trees import Tree, groups_in_index, make_tree, rows_in_index, scan, settle


class Killed(BaseException):
    """What stops a process without a chance to tidy up."""


class StopsAfter(NullProgress):
    """Raises an error when so many tasks are done."""

    def __init__(self, tasks: int, error: type[BaseException]) -> None:
        self.left = tasks
        self.error = error

    def advance(self, files: int, size: int) -> None:
        self.left -= 1
        if not self.left:
            raise self.error


@pytest.fixture
def moved(tmp_path: Path, vault: Path) -> Path:
    """A tree, scanned, in which a folder with forty files then moved into another folder."""
    album: Tree = {f"{number:02}": f"picture {number}" for number in range(40)}
    tree = make_tree(tmp_path / "tree", {"from": {"album": album}, "to": {"x": {"deep": {}}}})
    make_tree(tree / "to/x/deep", {"copy of 07": "picture 7"})
    settle(tree)
    scan(vault, tree)
    (tree / "from/album").rename(tree / "to/x/deep/album")
    return tree


def cut_short(vault: Path, tree: Path, tasks: int, error: type[BaseException]) -> bool:
    """Scan, a folder a task, until so many are done; False when there were not so many."""
    options = ScanOptions(workers=0, budget=1)
    try:
        scan_paths(Vault(vault), [os.fsencode(tree)], options, StopsAfter(tasks, error))
    except (Interrupted, Killed):
        return True
    return False


def known_files(vault: Path) -> int:
    """How many files the index knows, wherever they may stand."""
    with Index.read(Vault(vault)) as index:
        found: int = index.connection.execute("SELECT count(*) FROM files").fetchone()[0]
        return found


@pytest.mark.parametrize("error", [KeyboardInterrupt, Killed])
def test_what_was_known_of_a_moved_folder_is_kept(
    error: type[BaseException], moved: Path, vault: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_COMMIT_AFTER", 0.0)
    for tasks in range(1, 20):
        if not cut_short(vault, moved, tasks, error):
            break
        assert known_files(vault) == 41, f"forgot files that are there, after {tasks} tasks"
    else:
        pytest.fail("no scan came to its end")
    assert tasks > 2
    assert scan(vault, moved).hashed_files == 0
    assert len(rows_in_index(vault)) == 41


@pytest.mark.parametrize("error", [KeyboardInterrupt, Killed])
def test_no_path_is_made_up_for_it(
    error: type[BaseException], moved: Path, vault: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until it is found it is shown where it was, or not at all; never where nothing ever was."""
    monkeypatch.setattr(database, "_COMMIT_AFTER", 0.0)
    top = os.fsencode(moved)
    real = {top + b"/to/x/deep/copy of 07"}
    for number in range(40):
        real |= {top + b"/%s/album/%02d" % (at, number) for at in (b"from", b"to/x/deep")}
    for tasks in range(1, 20):
        stopped = cut_short(vault, moved, tasks, error)
        assert set(rows_in_index(vault)) <= real, f"after {tasks} tasks"
        for group in groups_in_index(vault):
            assert group <= real
        for each in run("dupes", "--json", vault=vault).json()["groups"]:
            assert {os.fsencode(file["path"]) for file in each["files"]} <= real
        if not stopped:
            break


@pytest.mark.parametrize("name", [b"2/1/from", b"2"], ids=["of today", "of 0.1.0"])
def test_other_roots_are_scanned_and_planned_while_its_place_is_not_known(
    name: bytes, tmp_path: Path, vault: Path
) -> None:
    """A folder was displaced in one root; a scan of another chooses among copies."""
    files: Tree = {f"copy of {number}.txt": f"text {number}; " * 99 for number in range(3)}
    away = make_tree(tmp_path / "away", {"from": {"deep": files}, "kept": "kept " * 99})
    others: Tree = {f"{number}.txt": f"text {number}; " * 99 for number in range(3)}
    here = make_tree(tmp_path / "here", {"a": files, "b": others})
    for tree in (away, here):
        settle(tree)
    stamping_scan(vault, away)
    with closing(sqlite3.connect(vault / "index.db")) as connection, connection:
        connection.execute(
            f"UPDATE folders SET parent = {AWAY}, name = ? WHERE name = ?", (name, b"from")
        )
    stamping_scan(vault, here)
    assert {entry["event"] for entry in events(vault)} == {"genesis", "root", "stamp"}
    ran = run("dedupe", "--plan", "-o", tmp_path / "plan", vault=vault)
    assert ran.code == 0, ran
    assert run("explain", here / "a/copy of 1.txt", vault=vault).code == 0
    assert run("scan", away, here, vault=vault).code == 0
    with Index.read(Vault(vault)) as index:
        assert not index.connection.execute(
            f"SELECT 1 FROM folders WHERE parent = {AWAY}"
        ).fetchall()
