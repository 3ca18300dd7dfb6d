"""Folders that moved into each other's places: index and trace agree on what is in them.

Also where a folder has no place, which is so in a suspect root alone: what came to its place, or
moved there, is told of when it is found again or dropped.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from blake3 import blake3

from gorillacomb.index import stamps
from gorillacomb.index.database import Index
from gorillacomb.index.paths import folders_without_place
from gorillacomb.model import ScanReport
from gorillacomb.vault.vault import Vault
from tests.stamping.trace import canonical_paths, check_agree, check_trace, events, stamping_scan
from tests.support.trees import Tree, make_tree, scan, settle


def files(count: int) -> Tree:
    return {f"f{number}": f"the content of file {number}" for number in range(count)}


def is_suspect(report: ScanReport) -> bool:
    [root] = report.roots
    return root.suspect is not None


@pytest.fixture
def top(tmp_path: Path, vault: Path) -> Path:
    """A suspect root in which another folder has the place of one that is away."""
    top = make_tree(tmp_path / "drive", {"in": {"sub": files(9)}, "keep": "kept"})
    settle(top)
    stamping_scan(vault, top)
    (top / "in").rename(tmp_path / "away")
    make_tree(top / "in", {"f1": "another one"})
    assert is_suspect(stamping_scan(vault, top))
    with Index.read(Vault(vault)) as index:
        assert folders_without_place(index.connection)
    return top


def test_what_came_to_a_place_waits_for_the_folder_that_had_it(top: Path, vault: Path) -> None:
    check_agree(vault)
    assert blake3(b"another one").digest() not in canonical_paths(vault)
    size = len(events(vault))
    stamping_scan(vault, top)
    assert events(vault, size) == []
    stamping_scan(vault, top, accept_loss=True)
    check_trace(vault, top)
    gone, *came = events(vault, size)
    assert (gone["event"], gone["path"], gone["files"]) == ("retire", "in", 9)
    assert [(each["event"], each["path"]) for each in came] == [("stamp", "in/f1")]


@pytest.mark.parametrize("place", ["in", "back", "new/in", "in/in"])
@pytest.mark.parametrize("lost", [False, True])
def test_a_folder_that_comes_back(top: Path, vault: Path, place: str, lost: bool) -> None:
    """To its own place, which another one left, or elsewhere; also after a crash."""
    if lost:
        with Index.write(Vault(vault)) as index:
            with index.atomic():
                stamps.clear_synced_log_size(index.connection)
            index.commit()
        stamping_scan(vault, top)
        check_agree(vault)
    if place == "in":
        (top / "in").rename(top / "other")
    (top / place).parent.mkdir(exist_ok=True)
    (top.parent / "away").rename(top / place)
    assert not is_suspect(stamping_scan(vault, top))
    check_trace(vault, top)


@pytest.mark.parametrize("then", ["accepted", "back"])
def test_a_folder_that_moved_to_the_place_of_one_that_is_away(
    tmp_path: Path, vault: Path, then: str
) -> None:
    two: Tree = {"stays": "s", "x": "1", "y": {"z": "2"}}
    top = make_tree(tmp_path / "drive", {"in": files(9), "two": two})
    settle(top)
    stamping_scan(vault, top)
    (top / "in").rename(tmp_path / "away")
    (top / "two").rename(top / "in")
    make_tree(top / "two", {"n": "new"})
    size = len(events(vault))
    assert is_suspect(stamping_scan(vault, top))
    check_agree(vault)
    (top / "in/x").write_text("3")
    (top / "in/y").rename(top / "y")
    stamping_scan(vault, top, changed=(os.fsencode(top), os.fsencode(top / "in")))
    check_agree(vault)
    if then == "back":
        (tmp_path / "away").rename(top / "back")
    report = stamping_scan(vault, top, accept_loss=then == "accepted")
    assert not is_suspect(report)
    check_trace(vault, top)
    whole = {(each["event"], each["path"]) for each in events(vault, size) if "tree" in each}
    assert (("retire", "in") if then == "accepted" else ("moved", "back")) in whole


def test_a_content_that_waits_loses_its_place(tmp_path: Path, vault: Path) -> None:
    """Its other copy is in a folder without a place: it has none in the trace until that has."""
    copy: Tree = {"f2": "the content of file 2"}
    top = make_tree(tmp_path / "drive", {"Copy of in": files(9), "keep": copy})
    settle(top)
    stamping_scan(vault, top)
    content = blake3(b"the content of file 2").digest()
    assert canonical_paths(vault)[content] == os.fsencode(top / "keep/f2")
    (top / "Copy of in").rename(tmp_path / "away")
    make_tree(top / "Copy of in", {"f1": "another one"})
    (top / "keep/f2").write_text("edited")
    assert is_suspect(stamping_scan(vault, top))
    check_agree(vault)
    assert content not in canonical_paths(vault)
    shutil.rmtree(top / "Copy of in")
    (tmp_path / "away").rename(top / "Copy of in")
    stamping_scan(vault, top)
    check_trace(vault, top)


def test_a_folder_in_one_without_a_place_of_which_nothing_was_told(
    tmp_path: Path, vault: Path
) -> None:
    """The scan that found it there was killed before it stamped."""
    top = make_tree(tmp_path / "drive", {"one": files(9), "keep": "kept"})
    settle(top)
    stamping_scan(vault, top)
    (top / "in").mkdir()
    (top / "one").rename(top / "in/one")
    scan(vault, top)
    (top / "in").rename(tmp_path / "away")
    make_tree(top / "in", {"f1": "another one"})
    assert is_suspect(stamping_scan(vault, top))
    check_agree(vault)
    (tmp_path / "away").rename(top / "back")
    stamping_scan(vault, top)
    check_trace(vault, top)


def test_a_folder_moves_into_what_was_in_it(tmp_path: Path, vault: Path) -> None:
    """Of that one, nothing can be told before the folder that was in its place moved."""
    top = make_tree(
        tmp_path / "drive", {"a": {"c": {"k": "0"}, "m": "1"}, "p": {}, "x": {"w": "2"}}
    )
    settle(top)
    stamping_scan(vault, top)
    (top / "x").rename(top / "p/x")
    (top / "a/c").rename(top / "x")
    (top / "x/new").mkdir()
    (top / "a").rename(top / "x/new/a")
    stamping_scan(vault, top)
    check_trace(vault, top)


def test_a_folder_moves_into_one_without_canonical_files(tmp_path: Path, vault: Path) -> None:
    """Nothing is told of that one: the trace has it where another folder is by now."""
    top = make_tree(
        tmp_path / "drive",
        {"a": {"k": "0"}, "p": {"s": "1"}, "x": {"w": "2"}, "y": {"v": "3"}, "z": {"u": "4"}},
    )
    settle(top)
    stamping_scan(vault, top)
    (top / "a/k").unlink()
    stamping_scan(vault, top)
    (top / "a/new").mkdir()
    (top / "z").rename(top / "a/new/z")
    (top / "x").rename(top / "p/x")
    (top / "a").rename(top / "x")
    (top / "y").rename(top / "a")
    stamping_scan(vault, top)
    check_trace(vault, top)
