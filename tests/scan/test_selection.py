"""Scans of the folders alone in which something changed leave the index that a whole scan would."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gorillacomb.index import roots
from gorillacomb.index.database import Index
from gorillacomb.index.roots import folder_paths
from gorillacomb.vault.vault import Vault
from tests.stamping.trace import check_trace, stamping_scan
from tests.support.memory import in_memory
from tests.support.trees import Tree, make_tree, rows_in_index, scan, settle

Look = dict[Path, tuple[int, frozenset[tuple[str, int, int, int, int]]]]


def look(top: Path) -> Look:
    """Each folder: its inode, and of what stands in it name, inode, size, mode and times."""
    found: Look = {}
    for folder, _, _ in os.walk(top):
        entries = set()
        for each in os.scandir(folder):
            facts = each.stat(follow_symlinks=False)
            size = 0 if each.is_dir(follow_symlinks=False) else facts.st_size
            # A folder's times change with what is in it, which is that folder's business.
            ctime = 0 if each.is_dir(follow_symlinks=False) else facts.st_ctime_ns
            entries.add((each.name, facts.st_ino, size, facts.st_mode, ctime))
        found[Path(folder)] = os.stat(folder).st_ino, frozenset(entries)
    return found


def changed_since(before: Look, top: Path) -> tuple[bytes, ...]:
    """The folders that a watcher would name: those whose listing is another one."""
    now = look(top)
    return tuple(os.fsencode(path) for path, facts in now.items() if before.get(path) != facts)


def folders_in_index(vault: Path) -> set[bytes]:
    with Index.read(Vault(vault)) as index:
        paths = folder_paths(index.connection)
        places = (paths.place(row[0]) for row in index.connection.execute("SELECT id FROM folders"))
        return {place[1] for place in places if place}


def check(vault: Path, top: Path, fresh: Path) -> None:
    scan(fresh, top)
    ours, theirs = rows_in_index(vault), rows_in_index(fresh)
    assert {path: row[1:] for path, row in ours.items()} == {
        path: row[1:] for path, row in theirs.items()
    }
    assert folders_in_index(vault) == folders_in_index(fresh)


NAMES = ("a", "b", "c")
PLACES = st.lists(st.sampled_from(NAMES), min_size=1, max_size=4).map("/".join)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), PLACES, st.sampled_from(["1", "22", "22", ""])),
        st.tuples(st.just("delete"), PLACES, st.just("")),
        st.tuples(st.just("move"), PLACES, PLACES),
        st.tuples(st.just("link"), PLACES, PLACES),
        st.tuples(st.just("copy"), PLACES, PLACES),
    ),
    min_size=1,
    max_size=6,
)


def take(top: Path, step: tuple[str, str, str]) -> None:
    """Do a step, if it can be done."""
    what, place, other = step
    path, target = top / place, top / other
    try:
        if what == "write":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(other)
        elif what == "delete":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        elif what == "move":
            target.parent.mkdir(parents=True, exist_ok=True)
            path.rename(target)
        elif what == "link":
            os.link(path, target)
        elif path.is_dir() and not target.is_relative_to(path):
            shutil.copytree(path, target)
    except OSError:
        return  # a file where a folder was wanted, or the other way round


@given(st.lists(STEPS, min_size=1, max_size=4))
def test_any_history(batches: list[list[tuple[str, str, str]]]) -> None:
    with tempfile.TemporaryDirectory() as name, in_memory() as folder:
        top, vault = Path(name, "top"), folder / "vault"
        tree: Tree = {"a": {"a": {"a": "1", "b": "22"}, "b": {"c": "3"}}, "b": {"a": "1"}}
        make_tree(top, tree)
        stamping_scan(vault, top)
        for number, batch in enumerate(batches):
            before = look(top)
            for step in batch:
                take(top, step)
            changed = changed_since(before, top)
            if changed:
                stamping_scan(vault, top, changed=changed)
            check(vault, top, folder / f"fresh {number}")
            check_trace(vault, top)


def test_only_what_is_named_is_looked_at(tmp_path: Path, vault: Path) -> None:
    top = make_tree(tmp_path / "w", {"a": {"x": "1", "in": {"y": "2"}}, "b": {"z": "3"}})
    scan(vault, top)
    for path in ("a/x", "a/in/y", "b/z"):
        (top / path).write_text("more than before")
    report = scan(vault, top, changed=(os.fsencode(top / "a"),))
    assert (report.files, report.changes.changed) == (1, 1)
    report = scan(vault, top, changed=(os.fsencode(top / "a" / "in"),))
    assert (report.files, report.changes.changed) == (1, 1)


def test_what_is_left_out_of_a_root_stays_out(tmp_path: Path, vault: Path) -> None:
    top = make_tree(tmp_path / "w", {"a": {"x": "1"}, "out": {"in": {"y": "2"}}})
    settle(top)
    scan(vault, top, exclude=("out",))
    before = rows_in_index(vault)
    (top / "out" / "in" / "new").write_text("new")
    ours = top / ".gorillacomb" / "in"
    ours.mkdir(parents=True)
    (ours / "x").write_text("ours")
    for path in (
        top / "out",
        top / "out" / "in",
        ours,
        top / "never there",
        top / "a" / "nor this",
    ):
        scan(vault, top, changed=(os.fsencode(path),))
        assert rows_in_index(vault) == before


def test_a_huge_folder_and_a_new_tree_are_read_wholly(tmp_path: Path, vault: Path) -> None:
    top = make_tree(tmp_path / "w", {"a": {"x": "1"}})
    scan(vault, top)
    make_tree(
        top / "new", {"in": {"in": {"y": "2"}}, "many": {str(n): f"{n}" for n in range(5000)}}
    )
    report = scan(vault, top, changed=(os.fsencode(top),), workers=2)
    assert (report.files, report.changes.new) == (5001, 5001)
    check(vault, top, tmp_path / "fresh")


def test_scans_are_not_remembered_for_ever(
    tmp_path: Path, vault: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index keeps of each root the last ones, and the last whole one."""
    monkeypatch.setattr(roots, "KEPT_SCANS", 3)
    top = make_tree(tmp_path / "w", {"a": {"x": "1"}})
    other = scan(vault, make_tree(tmp_path / "other", {"y": "2"})).scan
    whole = scan(vault, top).scan
    last = [scan(vault, top, changed=(os.fsencode(top / "a"),)).scan for _ in range(10)]
    with Index.read(Vault(vault)) as index:
        kept = index.connection.execute("SELECT id FROM scans ORDER BY id").fetchall()
        assert [number for (number,) in kept] == [other, whole, *last[-3:]]
