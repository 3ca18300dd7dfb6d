"""The life of a vault: scans over years, while files come, go, change, move and are closed.

After each step the index must be what a new vault would learn from the same disk; how little had
to be read for it, and what is said to have changed, is what the single tests look at.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType

import pytest

import gorillacomb.fs.volumes as volumes_module
from gorillacomb.errors import GorillaCombError
from gorillacomb.fs.volumes import is_online
from gorillacomb.index import content_queries, folder_queries
from gorillacomb.index.database import Index
from gorillacomb.index.duplicate_groups import rebuild_groups
from gorillacomb.index.roots import all_roots, folder_paths
from gorillacomb.model import (
    SECOND,
    EntryState,
    FolderState,
    GroupSummary,
    Root,
    ScanChanges,
    ScanReport,
)
from gorillacomb.progress import NullProgress
from gorillacomb.scan.listing import FolderListing, list_folder
from gorillacomb.scan.options import ScanOptions
from gorillacomb.scan.scanner import scan as scan_paths
from gorillacomb.scan.tasks import WINDOW, RootContext
from gorillacomb.vault.vault import Vault, default_vault
from tests.stamping.trace import check_trace, stamping_scan
from tests.support.audit import listening
from tests.support.homes import config_folder
from tests.support.memory import in_memory
from tests.support.trees import (
    HardLink,
    Link,
    Tree,
    groups_in_index,
    groups_on_disk,
    make_tree,
    rows_in_index,
    scan,
    settle,
)

SECONDS = 20.0
"""How long a scan of a small tree may take before it is said to hang."""
NOBODY = 65534
RECORD_OF_ITSELF = 2
"""Rows that a scan writes for each root when nothing changed: that it began, and that it ended."""


def planted(top: Path, folder_queries: Tree) -> Path:
    """Make a tree whose files are old enough to be trusted."""
    make_tree(top, folder_queries)
    settle(top)
    return top


def roots_of(vault: Path) -> list[Root]:
    with Index.read(Vault(vault)) as index:
        return all_roots(index.connection)


def summaries(vault: Path) -> list[GroupSummary]:
    with Index.read(Vault(vault)) as index:
        return list(content_queries.groups(index.connection))


def state_of(vault: Path, path: Path) -> EntryState:
    return EntryState(rows_in_index(vault)[os.fsencode(path)][0])


def digest_of(vault: Path, path: Path) -> bytes | None:
    return rows_in_index(vault)[os.fsencode(path)][3]


def folders_in(vault: Path, *states: FolderState) -> set[bytes]:
    with Index.read(Vault(vault)) as index:
        connection = index.connection
        paths = folder_paths(connection)
        return {each.path for each in folder_queries.folders_in_states(connection, paths, states)}


def assert_as_new(vault: Path, *tops: Path, **options: object) -> None:
    """The index holds what a new vault would, and its groups are those that its files make."""
    with in_memory() as other:
        new = other / "vault"
        scan(new, *tops, **options)
        assert rows_in_index(vault) == rows_in_index(new)
        assert summaries(vault) == summaries(new)
        assert groups_in_index(vault) == groups_in_index(new)


def assert_groups_follow_files(vault: Path) -> None:
    """The groups that are kept up to date are those that would be made anew."""
    kept = summaries(vault)
    with Index.write(Vault(vault)) as index:
        with index.atomic():
            rebuild_groups(index.connection)
        assert kept == list(content_queries.groups(index.connection))


@contextmanager
def within(seconds: float = SECONDS) -> Iterator[None]:
    """Fail, instead of waiting for ever, when what is done takes longer: a FIFO was opened."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"not done within {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def opened_by_scans() -> Iterator[list[bytes]]:
    """The names of the files and folders that the scanning modules open in this process."""
    names: list[bytes] = []

    def hear(event: str, arguments: tuple[object, ...]) -> None:
        if event != "open":
            return
        frame: FrameType | None = sys._getframe(2)
        while frame and frame.f_globals.get("__name__", "").startswith("tests.darwin.fake"):
            if frame.f_code.co_name == "path_of":
                return  # the made-up macOS opens what it looks up, by O_PATH, in place of a kernel
            frame = frame.f_back
        caller = frame.f_globals.get("__name__", "") if frame else ""
        path = arguments[0]
        ours = ("gorillacomb.scan", "gorillacomb.fs.openat")
        if caller.startswith(ours) and isinstance(path, str | bytes | os.PathLike):
            names.append(os.path.basename(os.fsencode(path)))

    with listening(hear):
        yield names


# Several roots


def test_roots_scanned_at_different_times_share_one_vault(tmp_path: Path, vault: Path) -> None:
    first = planted(tmp_path / "first", {"a": "same", "b": "only here"})
    second = planted(tmp_path / "second", {"deep": {"a": "same"}, "c": "only there"})
    third = planted(tmp_path / "third", {"c": "only there"})

    assert scan(vault, first).changes == ScanChanges(new=2)
    assert groups_in_index(vault) == set()
    assert scan(vault, second).changes == ScanChanges(new=2)
    assert scan(vault, third).changes == ScanChanges(new=1)

    assert len(roots_of(vault)) == 3
    assert groups_in_index(vault) == groups_on_disk(tmp_path)
    again = scan(vault, first, second, third)
    assert (again.changes, again.hashed_files, again.files) == (ScanChanges(), 0, 5)
    assert_as_new(vault, first, second, third)


def test_a_scan_of_one_root_says_nothing_of_another(tmp_path: Path, vault: Path) -> None:
    first = planted(tmp_path / "first", {"a": "same", "gone": "1"})
    second = planted(tmp_path / "second", {"a": "same", "gone": "2"})
    scan(vault, first, second)
    (first / "gone").unlink()
    (second / "gone").unlink()

    assert scan(vault, second).changes == ScanChanges(gone=1)
    assert os.fsencode(first / "gone") in rows_in_index(vault)
    assert scan(vault, first).changes == ScanChanges(gone=1)
    assert_as_new(vault, first, second)


def test_nested_roots_and_other_names_of_one_folder_count_once(tmp_path: Path, vault: Path) -> None:
    top = planted(tmp_path / "top", {"a": "same", "b": {"a": "same", "c": {"d": "1"}}})
    (tmp_path / "link").symlink_to(top)
    other_names = [top / "b", top, top / "b" / "c", tmp_path / "link", top / "b" / ".."]

    report = scan(vault, *other_names)

    assert [root.root.path for root in report.roots] == [os.fsencode(top)]
    assert (report.files, report.hashed_files) == (3, 3)
    assert len(roots_of(vault)) == 1
    assert groups_in_index(vault) == groups_on_disk(top)
    assert scan(vault, tmp_path / "link").changes == ScanChanges()
    assert len(roots_of(vault)) == 1


def test_an_outer_root_takes_in_the_roots_inside_it(tmp_path: Path, vault: Path) -> None:
    inner: Tree = {"keep.txt": "kept", "a.log": "1", "sub": {"b.log": "2", "deep": {"x": "3"}}}
    top = planted(
        tmp_path / "A",
        {"b": inner, "c": {"d": {"e": "elsewhere"}}, "a.log": "outside", "new": "kept"},
    )
    scan(vault, top / "b", exclude=("*.log", "/sub/deep/"))
    scan(vault, top / "c" / "d")
    assert len(roots_of(vault)) == 2

    with opened_by_scans() as opened:
        report = scan(vault, top)

    (root,) = roots_of(vault)
    assert root.path == os.fsencode(top)
    assert set(opened) & {b"keep.txt", b"a.log", b"b.log", b"x", b"e"} == {b"a.log"}, "A/a.log only"
    assert report.hashed_files == 2
    assert report.changes == ScanChanges(new=2)
    assert state_of(vault, top / "b" / "a.log") == EntryState.EXCLUDED
    assert state_of(vault, top / "b" / "sub" / "b.log") == EntryState.EXCLUDED
    assert state_of(vault, top / "a.log") == EntryState.HASHED, "the pattern is that of A/b alone"
    assert folders_in(vault, FolderState.EXCLUDED) == {os.fsencode(top / "b" / "sub" / "deep")}
    pair = {os.fsencode(top / "b" / "keep.txt"), os.fsencode(top / "new")}
    assert groups_in_index(vault) == {frozenset(pair)}
    assert scan(vault, top).rows_written <= RECORD_OF_ITSELF

    assert scan(vault, top, clear_excludes=True).hashed_files == 3
    assert_as_new(vault, top)


def test_a_folder_of_a_root_is_scanned_as_a_part_of_it(tmp_path: Path, vault: Path) -> None:
    part: Tree = {"a": "same", "gone": "1", "edited": "2", "c": {"x": "3"}}
    top = planted(tmp_path / "A", {"b": part, "a": "same", "outside": {"f": "4"}, "gone": "5"})
    scan(vault, top)
    for path in (top / "b" / "gone", top / "gone", top / "outside" / "f"):
        path.unlink()
    planted(top / "b", {"edited": "another", "new": "same"})

    report = scan(vault, top / "b")

    assert len(roots_of(vault)) == 1
    assert report.roots[0].scopes == (os.fsencode(top / "b"),)
    assert not report.roots[0].first
    assert report.changes == ScanChanges(new=1, changed=1, gone=1)
    assert (report.files, report.hashed_files) == (4, 2)
    rows = rows_in_index(vault)
    assert {os.fsencode(top / "gone"), os.fsencode(top / "outside" / "f")} <= rows.keys()
    assert scan(vault, top).changes == ScanChanges(gone=2)
    assert_as_new(vault, top)


def test_a_folder_no_longer_there_is_a_mistake_and_not_a_loss(tmp_path: Path, vault: Path) -> None:
    top = planted(tmp_path / "A", {"b": {"a": "1"}, "a": "2"})
    scan(vault, top)
    known = rows_in_index(vault)
    shutil.rmtree(top / "b")

    with pytest.raises(GorillaCombError, match="does not exist"):
        scan(vault, top / "b")
    assert rows_in_index(vault) == known
    assert scan(vault, top).changes == ScanChanges(gone=1)


# Excludes and the least size


MIXED: Tree = {
    "a.txt": "same",
    "b.log": "same",
    "build": {"c.txt": "same", "deep": {"d.txt": "other", "link": Link("../c.txt")}},
    "e.txt": "other",
}


def test_excluded_is_neither_gone_nor_a_copy_and_comes_back_unread(
    way: dict[str, object], tmp_path: Path, vault: Path
) -> None:
    top = planted(tmp_path / "top", MIXED)
    scan(vault, top, **way)
    known = rows_in_index(vault)
    assert len(groups_in_index(vault)) == 2

    report = scan(vault, top, exclude=("*.log", "build/"), **way)
    assert (report.hashed_files, report.files) == (0, 2)
    rows = rows_in_index(vault)
    assert rows.keys() == known.keys()
    excluded = {path for path in rows if path.endswith(b".log") or b"/build/" in path}
    assert {path for path, row in rows.items() if row[0] == EntryState.EXCLUDED} == excluded
    assert {path: row[3] for path, row in rows.items()} == {p: row[3] for p, row in known.items()}
    assert groups_in_index(vault) == set()
    assert summaries(vault) == []
    folders = {os.fsencode(top / "build"), os.fsencode(top / "build" / "deep")}
    assert folders_in(vault, FolderState.EXCLUDED) == folders
    assert report.changes == ScanChanges()

    again = scan(vault, top, **way)
    assert (again.rows_written <= RECORD_OF_ITSELF, again.changes) == (True, ScanChanges())
    back = scan(vault, top, clear_excludes=True, **way)
    assert back.hashed_files == 0
    assert rows_in_index(vault) == known
    assert folders_in(vault, FolderState.EXCLUDED) == set()
    assert_as_new(vault, top)
    assert back.changes == ScanChanges()


def test_what_was_never_seen_is_read_when_it_is_no_longer_excluded(
    tmp_path: Path, vault: Path
) -> None:
    top = planted(tmp_path / "top", MIXED)
    with opened_by_scans() as opened:
        first = scan(vault, top, exclude=("*.log", "build/"))
    assert first.hashed_files == 2
    assert not {b"b.log", b"build", b"c.txt", b"deep", b"d.txt"} & set(opened)
    assert state_of(vault, top / "b.log") == EntryState.EXCLUDED
    assert os.fsencode(top / "build" / "c.txt") not in rows_in_index(vault)
    assert scan(vault, top).rows_written <= RECORD_OF_ITSELF

    assert scan(vault, top, clear_excludes=True).hashed_files == 3
    assert_as_new(vault, top)


def test_what_happened_behind_an_exclude_comes_to_light(
    way: dict[str, object], tmp_path: Path, vault: Path
) -> None:
    top = planted(tmp_path / "top", {**MIXED, "gone.log": "1"})
    scan(vault, top)
    scan(vault, top, exclude=("*.log", "build/"))
    (top / "gone.log").unlink()
    (top / "build" / "deep" / "d.txt").unlink()
    planted(top, {"b.log": "edit", "build": {"new.txt": "same"}})

    assert scan(vault, top, **way).hashed_files == 0
    assert scan(vault, top, clear_excludes=True, **way).hashed_files == 2
    assert_as_new(vault, top)
    assert_groups_follow_files(vault)


def test_patterns_of_the_settings_are_not_remembered(tmp_path: Path, vault: Path) -> None:
    top = planted(tmp_path / "top", MIXED)
    scan(vault, top, standing_excludes=("*.log",))
    assert state_of(vault, top / "b.log") == EntryState.EXCLUDED
    assert roots_of(vault)[0].exclude == ()
    assert scan(vault, top).hashed_files == 1
    assert_as_new(vault, top)


def test_the_least_size_is_remembered(tmp_path: Path, vault: Path) -> None:
    top = planted(tmp_path / "top", {"a": "12", "b": "12", "c": "12345", "d": "12345", "e": ""})
    report = scan(vault, top, min_size=3)
    assert report.hashed_files == 2
    assert {state_of(vault, top / name) for name in "ab"} == {EntryState.TOO_SMALL}
    assert len(groups_in_index(vault)) == 1
    again = scan(vault, top)
    assert (again.hashed_files, again.rows_written <= RECORD_OF_ITSELF) == (0, True)

    assert scan(vault, top, min_size=0).hashed_files == 2
    assert len(groups_in_index(vault)) == 2
    assert_as_new(vault, top)
    assert scan(vault, top, min_size=3).hashed_files == 0
    assert scan(vault, top, min_size=0).hashed_files == 0, "its digest was known all the time"
    assert_as_new(vault, top)


@pytest.fixture(params=["exclude", "min_size"])
def out_and_in(request: pytest.FixtureRequest) -> tuple[dict[str, object], dict[str, object]]:
    """Options that leave the file ``a`` out, and those that take it in again."""
    if request.param == "exclude":
        return {"exclude": ("a",)}, {"clear_excludes": True}
    return {"min_size": 100}, {"min_size": 0}


def test_a_suspect_file_is_not_cleared_by_being_left_out_for_a_while(
    tmp_path: Path, vault: Path, out_and_in: tuple[dict[str, object], dict[str, object]]
) -> None:
    top = planted(tmp_path / "top", {"a": "good", "b": "good"})
    scan(vault, top)
    good = digest_of(vault, top / "a")
    rewrite(top / "a", b"evil")
    scan(vault, top)
    assert state_of(vault, top / "a") == EntryState.SUSPECT

    scan(vault, top, **out_and_in[0])
    scan(vault, top, **out_and_in[1])

    assert state_of(vault, top / "a") in (EntryState.SUSPECT, EntryState.DAMAGED)
    assert digest_of(vault, top / "a") == good
    assert groups_in_index(vault) == set(), "two different files are no copies"


def test_a_digest_taken_too_early_is_not_trusted_after_being_left_out(
    tmp_path: Path,
    vault: Path,
    out_and_in: tuple[dict[str, object], dict[str, object]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    top = planted(tmp_path / "top", {"a": "1234", "b": "1234"})
    with monkeypatch.context() as coarse:
        coarse.setattr(volumes_module, "_DEFAULT_GRAIN_NS", 3600 * SECOND)
        scan(vault, top, now=time.time_ns)
        assert state_of(vault, top / "a") == EntryState.FRESH
        scan(vault, top, **out_and_in[0])

    with opened_by_scans() as opened:
        scan(vault, top, **out_and_in[1])
    assert b"a" in opened
    assert_as_new(vault, top)


# Files that change


def rewrite(path: Path, content: bytes) -> None:
    """Give a file other content, and the times that it had: only its ctime moves."""
    facts = path.stat()
    assert len(content) == facts.st_size
    path.write_bytes(content)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    settle(path.parent)


@dataclass(frozen=True)
class Step:
    """Something that happens to `STEP_TREE`, and what a scan is to say of it."""

    do: Callable[[Path], object]
    changes: ScanChanges
    hashed: int


STEP_TREE: Tree = {
    "a": "same",
    "copies": {"b": "same", "c": "same", "d": "other", "e": "same"},
    "single": "content of its own",
    "empty": "",
    "link": Link("a"),
    "folder": {"one": "1", "two": "22", "below": {"three": "333"}},
}


def _swap(top: Path) -> None:
    (top / "a").rename(top / "x")
    (top / "single").rename(top / "a")
    (top / "x").rename(top / "single")


def _into_new_folder(top: Path) -> None:
    (top / "new").mkdir()
    (top / "a").rename(top / "new/a")


def _become_folder(top: Path) -> None:
    (top / "single").unlink()
    make_tree(top, {"single": {"inside": "content of its own too"}})


def _become_file(top: Path) -> None:
    shutil.rmtree(top / "folder")
    (top / "folder").write_text("now a file")


def _become_link(top: Path) -> None:
    (top / "single").unlink()
    (top / "single").symlink_to("a")


def _point_elsewhere(top: Path) -> None:
    (top / "link").unlink()
    (top / "link").symlink_to("single")


STEPS = {
    "nothing": Step(lambda top: None, ScanChanges(), 0),
    "new": Step(lambda top: (top / "new").write_text("new"), ScanChanges(new=1), 1),
    "new copy": Step(
        lambda top: (top / "folder" / "new").write_text("same"), ScanChanges(new=1), 1
    ),
    "gone": Step(lambda top: (top / "single").unlink(), ScanChanges(gone=1), 0),
    "copy gone": Step(lambda top: (top / "copies" / "c").unlink(), ScanChanges(gone=1), 0),
    "edit": Step(
        lambda top: (top / "a").write_text("longer than it was"), ScanChanges(changed=1), 1
    ),
    "same-size edit": Step(lambda top: (top / "a").write_text("emas"), ScanChanges(changed=1), 1),
    "emptied": Step(lambda top: (top / "a").write_text(""), ScanChanges(changed=1), 0),
    "filled": Step(lambda top: (top / "empty").write_text("same"), ScanChanges(changed=1), 1),
    "touch": Step(lambda top: os.utime(top / "a"), ScanChanges(changed=1), 1),
    "touch back": Step(lambda top: os.utime(top / "a", (0, 0)), ScanChanges(changed=1), 1),
    "chmod": Step(lambda top: (top / "a").chmod(0o600), ScanChanges(), 1),
    "hard link": Step(lambda top: os.link(top / "a", top / "again"), ScanChanges(new=1), 2),
    "file moved": Step(lambda top: (top / "a").rename(top / "folder/a"), ScanChanges(moved=1), 1),
    "file moved to a new folder": Step(_into_new_folder, ScanChanges(moved=1), 1),
    "file renamed": Step(lambda top: (top / "a").rename(top / "z"), ScanChanges(moved=1), 1),
    "single renamed": Step(lambda top: (top / "single").rename(top / "z"), ScanChanges(moved=1), 1),
    "swapped": Step(_swap, ScanChanges(changed=2), 2),
    "file to folder": Step(_become_folder, ScanChanges(new=1, gone=1), 1),
    "folder to file": Step(_become_file, ScanChanges(new=1, gone=3), 1),
    "file to link": Step(_become_link, ScanChanges(changed=1), 0),
    "link elsewhere": Step(_point_elsewhere, ScanChanges(changed=1), 0),
    "empty folder": Step(lambda top: (top / "void").mkdir(), ScanChanges(), 0),
    "folder gone": Step(lambda top: shutil.rmtree(top / "folder"), ScanChanges(gone=3), 0),
}


@pytest.fixture(params=["whole folders", "parts of folders", "single folders", "large files"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """Options that let a small tree go the ways of a huge one."""
    if request.param == "parts of folders":
        monkeypatch.setattr("gorillacomb.scan.visitor.WINDOW", 1)
        return {}
    if request.param == "single folders":
        return {"budget": 1}  # each is a task of its own, met as what another left over
    return {"hash_limit": 0} if request.param == "large files" else {}


@pytest.mark.parametrize("name", STEPS)
def test_what_happens_to_files_is_noticed(
    name: str, way: dict[str, object], tmp_path: Path, vault: Path
) -> None:
    step = STEPS[name]
    top = planted(tmp_path / "top", STEP_TREE)
    scan(vault, top, **way)
    step.do(top)
    settle(top)

    report = scan(vault, top, **way)

    assert_as_new(vault, top)
    assert_groups_follow_files(vault)
    # Large files come last, and names of one inode are read once then.
    hashed = 1 if name == "hard link" and "hash_limit" in way else step.hashed
    assert report.hashed_files == hashed
    again = scan(vault, top, **way)
    assert (again.changes, again.hashed_files) == (ScanChanges(), 0)
    assert again.rows_written <= RECORD_OF_ITSELF
    assert report.changes == step.changes


def test_a_file_written_a_moment_ago_is_read_again(
    tmp_path: Path, vault: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second write within the clock's grain leaves all times as they were."""
    top = planted(tmp_path / "top", {"a": "same", "b": "same"})
    with monkeypatch.context() as coarse:
        coarse.setattr(volumes_module, "_DEFAULT_GRAIN_NS", 3600 * SECOND)
        assert scan(vault, top, now=time.time_ns).hashed_files == 2
        assert state_of(vault, top / "a") == EntryState.FRESH
        assert len(groups_in_index(vault)) == 1, "its digest is true all the same"
        assert scan(vault, top, now=time.time_ns).hashed_files == 2
    assert scan(vault, top).hashed_files == 2
    assert scan(vault, top).hashed_files == 0
    assert_as_new(vault, top)


def test_content_that_changes_under_the_same_times_is_suspect(tmp_path: Path, vault: Path) -> None:
    top = planted(tmp_path / "top", {"a": "good content", "b": "good content"})
    scan(vault, top)
    good = digest_of(vault, top / "a")
    rewrite(top / "a", b"evil content")

    report = scan(vault, top)

    assert state_of(vault, top / "a") == EntryState.SUSPECT
    assert digest_of(vault, top / "a") == good, "the good digest is not replaced"
    assert groups_in_index(vault) == set()
    assert summaries(vault) == []
    again = scan(vault, top)
    assert (again.hashed_files, state_of(vault, top / "a")) == (0, EntryState.SUSPECT)
    assert scan(vault, top, rehash=True).hashed_files == 2
    assert (state_of(vault, top / "a"), digest_of(vault, top / "a")) == (EntryState.SUSPECT, good)

    rewrite(top / "a", b"good content")
    scan(vault, top)
    assert state_of(vault, top / "a") == EntryState.HASHED
    assert len(groups_in_index(vault)) == 1
    assert_groups_follow_files(vault)
    assert report.changes.gone == report.changes.new == 0


def test_an_edit_of_a_suspect_file_is_an_edit(tmp_path: Path, vault: Path) -> None:
    top = planted(tmp_path / "top", {"a": "good", "b": "good"})
    scan(vault, top)
    rewrite(top / "a", b"evil")
    scan(vault, top)
    planted(top, {"a": "edit"})
    scan(vault, top)
    assert_as_new(vault, top)


def test_rehash_reads_everything_and_changes_nothing(tmp_path: Path, vault: Path) -> None:
    top = planted(tmp_path / "top", STEP_TREE)
    scan(vault, top)
    known = rows_in_index(vault)
    report = scan(vault, top, rehash=True)
    assert report.hashed_files == sum(1 for row in known.values() if row[3] and row[2])
    assert rows_in_index(vault) == known
    assert_groups_follow_files(vault)
    assert report.changes == ScanChanges()


def test_a_file_that_left_an_excluded_content_behind_did_not_move(
    tmp_path: Path, vault: Path
) -> None:
    top = planted(tmp_path / "top", {"x.log": "same", "other": "1"})
    scan(vault, top)
    scan(vault, top, exclude=("*.log",))
    planted(top, {"other": "2 changed", "sub": {"new": "same"}})
    assert scan(vault, top).changes == ScanChanges(new=1, changed=1)


# Large files: read when the walk is over


LARGE: dict[str, object] = {"hash_limit": 100}


def large(mark: str) -> str:
    return mark * 200


def test_a_large_file_under_the_same_times_is_suspect(tmp_path: Path, vault: Path) -> None:
    top = planted(tmp_path / "top", {"a": large("g"), "b": large("g")})
    scan(vault, top, **LARGE)
    good = digest_of(vault, top / "a")
    rewrite(top / "a", large("e").encode())
    scan(vault, top, **LARGE)
    assert (state_of(vault, top / "a"), digest_of(vault, top / "a")) == (EntryState.SUSPECT, good)
    assert groups_in_index(vault) == set()
    assert_groups_follow_files(vault)


def test_a_quick_scan_leaves_single_files_to_the_next_whole_one(
    tmp_path: Path, vault: Path
) -> None:
    top = planted(
        tmp_path / "top", {"a": large("1"), "b": large("1"), "c": "single", "d": {"e": large("22")}}
    )
    quick = scan(vault, top, quick=True, hash_limit=0)
    assert quick.hashed_files == 2
    assert state_of(vault, top / "c") == EntryState.PENDING
    assert groups_in_index(vault) == groups_on_disk(top)
    again = scan(vault, top, quick=True, hash_limit=0)
    assert (again.hashed_files, again.changes) == (0, ScanChanges())
    whole = scan(vault, top)
    assert whole.hashed_files == 2
    assert_as_new(vault, top)
    assert whole.changes == ScanChanges()


def test_a_quick_scan_reads_the_small_ones_at_once(tmp_path: Path, vault: Path) -> None:
    """Of the others those that share their size with one that has the same ends."""
    twin, single = "t" * 70_000, "s" * 70_001
    top = planted(tmp_path / "top", {"a": twin, "b": twin, "single": single, "small": "x" * 60_000})
    assert scan(vault, top, quick=True).hashed_files == 3
    assert state_of(vault, top / "single") == EntryState.PENDING
    assert groups_in_index(vault) == groups_on_disk(top)
    assert scan(vault, top).hashed_files == 1
    assert_as_new(vault, top)


class _AtStage(NullProgress):
    """Does something the moment that a stage begins."""

    def __init__(self, stage: str, action: Callable[[], object]) -> None:
        self._stage = stage
        self._action = action
        self.done = False

    def stage(self, name: str, files: int | None, size: int | None) -> None:
        if name == self._stage and not self.done:
            self.done = True
            self._action()


def _replace_by_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _replace_by_link(path: Path) -> None:
    path.rename(path.with_name("moved away"))
    path.symlink_to("moved away")


def _replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("stage", ["Comparing large files", "Reading the rest"])
@pytest.mark.parametrize("replace_it", [_replace_by_fifo, _replace_by_link, _replace_by_folder])
def test_a_large_file_replaced_before_its_turn_is_not_hashed(
    replace_it: Callable[[Path], None], stage: str, tmp_path: Path, vault: Path
) -> None:
    top = planted(tmp_path / "top", {"single": large("x"), "a": large("yy"), "b": large("yy")})
    victim = top / ("a" if stage.startswith("Comparing") else "single")
    progress = _AtStage(stage, lambda: replace_it(victim))
    with within():
        scan_paths(
            Vault(vault), [os.fsencode(top)], ScanOptions(workers=0, hash_limit=100), progress
        )
    assert progress.done
    entry = rows_in_index(vault).get(os.fsencode(victim))
    assert entry is None or entry[0] == EntryState.OTHER
    assert entry is None or entry[3] is None
    settle(top)
    scan(vault, top, **LARGE)
    assert_as_new(vault, top)


# Folders that move


FAMILY: Tree = {
    "x": {"one": "1", "two": "22", "below": {"three": "333", "deep": {"four": "4444"}}},
    "y": {"five": "55555"},
    "z": {"copy": "333"},
}


def _rename_both(top: Path) -> None:
    (top / "x").rename(top / "w")
    (top / "w" / "below").rename(top / "w" / "renamed")


def _chain(top: Path) -> None:
    (top / "z").rename(top / "zz")
    (top / "y").rename(top / "z")


def _turn_inside_out(top: Path) -> None:
    (top / "x" / "below").rename(top / "below")
    (top / "x").rename(top / "below" / "x")


FOLDER_STEPS: dict[str, tuple[Callable[[Path], object], int]] = {
    "renamed": (lambda top: (top / "x").rename(top / "w"), 1),
    "renamed below": (lambda top: (top / "x/below").rename(top / "x/above"), 1),
    "moved down": (lambda top: (top / "x").rename(top / "y" / "x"), 1),
    "moved down and renamed": (lambda top: (top / "x").rename(top / "z" / "w"), 1),
    "moved up": (lambda top: (top / "x/below/deep").rename(top / "deep"), 1),
    "moved under a name that sorts first": (lambda top: (top / "z").rename(top / "a"), 1),
    "both it and one below renamed": (_rename_both, 2),
    "two in a chain": (_chain, 2),
    "inside out": (_turn_inside_out, 2),
}


@pytest.mark.parametrize("name", FOLDER_STEPS)
def test_a_folder_that_moved_is_not_read_again(
    name: str, way: dict[str, object], tmp_path: Path, vault: Path
) -> None:
    do, moves = FOLDER_STEPS[name]
    top = planted(tmp_path / "top", FAMILY)
    scan(vault, top)
    do(top)

    report = scan(vault, top, **way)

    assert_as_new(vault, top)
    assert_groups_follow_files(vault)
    assert report.hashed_files == 0
    again = scan(vault, top)
    assert (again.changes, again.hashed_files) == (ScanChanges(), 0)
    assert report.changes == ScanChanges(folders_moved=moves)


def test_a_folder_that_moved_and_changed_is_read_where_it_changed(
    way: dict[str, object], tmp_path: Path, vault: Path
) -> None:
    top = planted(tmp_path / "top", FAMILY)
    scan(vault, top)
    (top / "x").rename(top / "y" / "x")
    (top / "y" / "x" / "two").unlink()
    planted(top / "y" / "x", {"one": "edited", "below": {"new": "5"}})

    report = scan(vault, top, **way)

    assert_as_new(vault, top)
    assert report.hashed_files == 2
    assert report.changes == ScanChanges(new=1, changed=1, gone=1, folders_moved=1)


def test_two_folders_that_change_places(tmp_path: Path, vault: Path) -> None:
    top = planted(tmp_path / "top", FAMILY)
    scan(vault, top)
    (top / "x").rename(top / "t")
    (top / "y").rename(top / "x")
    (top / "t").rename(top / "y")
    scan(vault, top)
    assert_as_new(vault, top)
    assert_groups_follow_files(vault)


def test_other_files_in_a_folder_with_a_known_inode_are_no_damage(
    tmp_path: Path, vault: Path
) -> None:
    """An archive gives all its files one time, and a new folder gets the inode of one that went."""
    top = planted(tmp_path / "top", {"old": {"a": "1", "b": "2"}})
    scan(vault, top)
    times = (top / "old" / "a").stat().st_mtime_ns
    (top / "old").rename(top / "new")
    for name, content in (("a", "3"), ("b", "4")):
        other = top / "other"
        other.write_text(content)
        os.utime(other, ns=(times, times))
        other.replace(top / "new" / name)

    scan(vault, top)

    assert [state_of(vault, top / "new" / name) for name in "ab"] == [EntryState.HASHED] * 2
    assert_as_new(vault, top)


def test_a_new_folder_with_the_inode_of_an_old_one(tmp_path: Path, vault: Path) -> None:
    """ext4 gives a new folder the inode that was freed last."""
    top = planted(tmp_path / "top", FAMILY)
    scan(vault, top)
    shutil.rmtree(top / "y")
    planted(top / "z", {"not y": {"six": "666666"}})
    scan(vault, top)
    assert_as_new(vault, top)
    assert_groups_follow_files(vault)


def test_a_folder_that_moved_to_another_root(
    way: dict[str, object], tmp_path: Path, vault: Path
) -> None:
    first = planted(tmp_path / "first", FAMILY)
    second = planted(tmp_path / "second", {"there": {"before": "7"}})
    scan(vault, first)
    scan(vault, second)
    (first / "x").rename(second / "there" / "x")

    report = scan(vault, first, second, **way)

    assert_as_new(vault, first, second)
    assert_groups_follow_files(vault)
    assert report.hashed_files == 0
    assert len(roots_of(vault)) == 2
    again = scan(vault, second, first)
    assert (again.changes, again.hashed_files) == (ScanChanges(), 0)
    assert report.changes == ScanChanges(folders_moved=1)


def test_a_folder_that_moved_is_found_when_only_its_new_root_is_scanned(
    tmp_path: Path, vault: Path
) -> None:
    first = planted(tmp_path / "first", FAMILY)
    second = planted(tmp_path / "second", {"before": "7"})
    scan(vault, first, second)
    (first / "x").rename(second / "w")

    report = scan(vault, second)
    assert report.hashed_files == 0
    assert (report.changes.gone, report.changes.folders_moved) == (0, 1)
    assert scan(vault, first).changes.gone == 0
    assert_as_new(vault, first, second)


def test_a_root_that_moved_into_a_folder_of_its_name(tmp_path: Path, vault: Path) -> None:
    """The folder that stands in the root has the inode that the root had."""
    top = planted(tmp_path / "top", FAMILY)
    stamping_scan(vault, top)
    inner = top.rename(tmp_path / "aside")
    top.mkdir()
    inner.rename(top / "x")
    stamping_scan(vault, top)
    assert_as_new(vault, top)
    assert_groups_follow_files(vault)
    check_trace(vault, top)


def test_a_folder_that_left_for_an_unknown_place_is_gone(tmp_path: Path, vault: Path) -> None:
    top = planted(tmp_path / "top", FAMILY)
    scan(vault, top)
    (top / "x").rename(tmp_path / "x")
    assert scan(vault, top).changes == ScanChanges(gone=4)
    assert_as_new(vault, top)
    (tmp_path / "x").rename(top / "x")
    assert scan(vault, top).changes == ScanChanges(new=4)
    assert_as_new(vault, top)


def test_a_folder_that_moved_into_the_part_that_is_scanned(tmp_path: Path, vault: Path) -> None:
    top = planted(tmp_path / "top", FAMILY)
    scan(vault, top)
    (top / "x").rename(top / "y" / "x")
    part = scan(vault, top / "y")
    assert (part.hashed_files, part.changes) == (0, ScanChanges(folders_moved=1))
    assert scan(vault, top).changes == ScanChanges()
    assert_as_new(vault, top)


# What may not be read


@pytest.fixture
def shared_place() -> Iterator[Path]:
    """A folder that a user without rights reaches and owns."""
    place = Path(tempfile.mkdtemp(prefix="gorillacomb-test-"))
    if os.geteuid() == 0:
        os.chown(place, NOBODY, NOBODY)
    yield place
    for folder, folders, _ in os.walk(place):
        for name in folders:
            os.chmod(os.path.join(folder, name), 0o700)
    shutil.rmtree(place)


@contextmanager
def without_rights() -> Iterator[None]:
    """Be nobody for a while: to root, no file is closed."""
    if os.geteuid() != 0:
        yield
        return
    with tempfile.TemporaryDirectory() as other:
        # What is imported when it is first used may lie where nobody can read it.
        planted(Path(other) / "tree", {"a": "1"})
        scan(Path(other) / "vault", Path(other) / "tree", exclude=("b",))
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


CLOSED: Tree = {"open": {"a": "same"}, "shut": {"b": "same", "c": "1", "sub": {"d": "22"}}}


def test_a_folder_that_is_closed_loses_nothing(shared_place: Path) -> None:
    top, vault = shared_place / "top", shared_place / "vault"
    with without_rights():
        planted(top, CLOSED)
        scan(vault, top)
        known = rows_in_index(vault)
        (top / "shut").chmod(0)

        report = scan(vault, top)

        assert folders_in(vault, FolderState.UNREADABLE) == {os.fsencode(top / "shut")}
        assert rows_in_index(vault) == known
        assert (report.changes, report.files, report.hashed_files) == (ScanChanges(), 1, 0)
        assert scan(vault, top).rows_written <= RECORD_OF_ITSELF

        (top / "shut").chmod(0o755)
        assert (back := scan(vault, top)).hashed_files == 0
        assert folders_in(vault, FolderState.UNREADABLE) == set()
        assert_as_new(vault, top)
        assert back.changes == ScanChanges()


def test_a_folder_that_was_always_closed_is_read_when_it_opens(shared_place: Path) -> None:
    top, vault = shared_place / "top", shared_place / "vault"
    with without_rights():
        planted(top, CLOSED)
        (top / "shut").chmod(0)
        scan(vault, top)
        assert folders_in(vault, FolderState.UNREADABLE) == {os.fsencode(top / "shut")}
        (top / "shut").chmod(0o755)
        assert scan(vault, top).changes == ScanChanges(new=3)
        assert_as_new(vault, top)


def test_a_file_that_is_closed_keeps_its_digest(way: dict[str, object], shared_place: Path) -> None:
    top, vault = shared_place / "top", shared_place / "vault"
    with without_rights():
        planted(top, CLOSED)
        scan(vault, top, **way)
        good = digest_of(vault, top / "shut" / "b")
        (top / "shut" / "b").chmod(0)
        settle(top)

        report = scan(vault, top, **way)

        assert state_of(vault, top / "shut" / "b") == EntryState.UNREADABLE
        assert digest_of(vault, top / "shut" / "b") == good
        assert groups_in_index(vault) == set()
        with Index.read(Vault(vault)) as index:
            paths = folder_paths(index.connection)
            found = list(
                content_queries.files_in_states(index.connection, paths, (EntryState.UNREADABLE,))
            )
        assert [(file.path, file.cause) for file in found] == [
            (os.fsencode(top / "shut" / "b"), "permission denied")
        ]
        assert_groups_follow_files(vault)

        (top / "shut" / "b").chmod(0o644)
        settle(top)
        back = scan(vault, top, **way)
        assert back.hashed_files == 1
        assert_as_new(vault, top)
        assert report.changes == back.changes == ScanChanges()


def test_files_that_can_be_listed_and_not_looked_at_are_not_gone(shared_place: Path) -> None:
    """A folder with ``r`` and without ``x``: names are all that can be had."""
    top, vault = shared_place / "top", shared_place / "vault"
    with without_rights():
        planted(top, CLOSED)
        scan(vault, top)
        known = rows_in_index(vault)
        (top / "shut").chmod(0o444)

        report = scan(vault, top)

        rows = rows_in_index(vault)
        assert rows.keys() == known.keys()
        assert state_of(vault, top / "shut" / "b") == EntryState.UNREADABLE
        assert groups_in_index(vault) == set()
        assert report.changes.gone == report.changes.new == 0

        (top / "shut").chmod(0o755)
        scan(vault, top)
        assert_as_new(vault, top)
        kept = {path: row[3] for path, row in rows.items()}
        assert kept == {path: row[3] for path, row in known.items()}, "until a new one is known"


# What is never opened


def test_links_are_recorded_and_not_followed(tmp_path: Path, vault: Path) -> None:
    outside = planted(tmp_path / "outside", {"secret": "do not read", "folder": {"f": "nor this"}})
    top = planted(
        tmp_path / "top",
        {
            "a": "same",
            "to file": Link("a"),
            "to folder": Link(os.fsencode(outside / "folder")),
            "dangling": Link(b"not/there\xff"),
            "to itself": Link("to itself"),
            "up": Link(".."),
            "out": Link(os.fsencode(outside / "secret")),
        },
    )
    with opened_by_scans() as opened:
        report = scan(vault, top)
    rows = rows_in_index(vault)
    links = [path for path in map(os.fsencode, top.iterdir()) if os.path.islink(path)]
    assert len(links) == 6
    assert {path: rows[path][4] for path in links} == {path: os.readlink(path) for path in links}
    assert {rows[path][0] for path in links} == {EntryState.OTHER}
    assert len(rows) == 7
    assert set(opened) & {b"secret", b"f", *map(os.path.basename, links)} == set()
    assert b"a" in opened
    assert report.files == 1
    assert groups_in_index(vault) == set()
    assert scan(vault, top).rows_written <= RECORD_OF_ITSELF


@pytest.fixture
def odd(tmp_path: Path) -> Iterator[tuple[Path, dict[bytes, int]]]:
    """A tree with a FIFO, a socket and, where one may, devices; names and kinds."""
    top = planted(tmp_path / "top", {"a": "same", "b": "same"})
    os.mkfifo(top / "fifo")
    kinds = {b"fifo": stat.S_IFIFO, b"socket": stat.S_IFSOCK}
    with socket.socket(socket.AF_UNIX) as listening:
        here = os.getcwd()
        os.chdir(top)  # a socket's path may have 107 bytes
        listening.bind("socket")
        os.chdir(here)
        for name, kind in ((b"char", stat.S_IFCHR), (b"block", stat.S_IFBLK)):
            try:
                os.mknod(os.path.join(os.fsencode(top), name), kind | 0o666, os.makedev(1, 5))
            except PermissionError:
                continue
            kinds[name] = kind
        yield top, kinds


@pytest.mark.parametrize("options", [{}, {"hash_limit": 0}, {"rehash": True}, {"quick": True}])
def test_odd_files_are_recorded_and_never_opened(
    options: dict[str, object], odd: tuple[Path, dict[bytes, int]], vault: Path
) -> None:
    top, kinds = odd
    with opened_by_scans() as opened, within():
        report = scan(vault, top, **options)
        scan(vault, top, **options)
    assert b"a" in opened
    assert set(opened) & kinds.keys() == set()
    rows = rows_in_index(vault)
    found = {name: rows[os.path.join(os.fsencode(top), name)] for name in kinds}
    assert {name: stat.S_IFMT(row[1]) for name, row in found.items()} == kinds
    assert {(row[0], row[3]) for row in found.values()} == {(EntryState.OTHER, None)}
    assert report.files == 2
    assert groups_in_index(vault) == groups_on_disk(top)


def _swapped_after_listing(
    monkeypatch: pytest.MonkeyPatch, name: bytes, swap: Callable[[], object]
) -> list[bytes]:
    """Let something happen just after the folder that holds ``name`` was listed."""
    listed: list[bytes] = []

    def list_and_swap(descriptor: int, path: bytes, context: RootContext) -> FolderListing:
        listing = list_folder(descriptor, path, context)
        names = [each for _, each in listing.files + listing.folders]
        if name in names and not listed:
            listed.append(path)
            swap()
        return listing

    monkeypatch.setattr("gorillacomb.scan.visitor.list_folder", list_and_swap)
    return listed


@pytest.mark.parametrize("known", [False, True])
def test_a_file_swapped_for_a_fifo_or_link_is_not_waited_for(
    known: bool, tmp_path: Path, vault: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = planted(tmp_path / "top", {"a": "1", "b": "2", "c": "3"})
    planted(tmp_path, {"secret": "not of this tree"})
    if known:
        scan(vault, top)

    def swap() -> None:
        _replace_by_fifo(top / "a")
        (top / "b").unlink()
        (top / "b").symlink_to(tmp_path / "secret")

    assert (listed := _swapped_after_listing(monkeypatch, b"a", swap)) == []
    with within():
        scan(vault, top)
    assert listed == [b""]
    rows = {os.path.basename(path): row for path, row in rows_in_index(vault).items()}
    assert {name: row[0] for name, row in rows.items()} == {
        b"a": EntryState.OTHER,
        b"b": EntryState.OTHER,
        b"c": EntryState.HASHED,
    }
    assert rows[b"a"][3] is rows[b"b"][3] is None


def test_a_folder_swapped_for_a_link_does_not_lead_out(
    tmp_path: Path, vault: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = planted(tmp_path / "outside", {"secret": "not of this tree"})
    top = planted(tmp_path / "top", {"a": "1", "folder": {"b": "2"}})

    def swap() -> None:
        (top / "folder").rename(tmp_path / "away")
        (top / "folder").symlink_to(outside)

    listed = _swapped_after_listing(monkeypatch, b"folder", swap)
    scan(vault, top)
    assert listed == [b""]
    assert {os.path.basename(path) for path in rows_in_index(vault)} == {b"a"}
    scan(vault, top)
    assert_as_new(vault, top)


OURS = {b"index.db", b"index.db-wal", b"index.db-shm", b"lock", b"trace.db"}


def test_a_scan_of_the_home_leaves_its_own_vault_alone(own_home: Path) -> None:
    planted(own_home, {"notes.txt": "same", "Documents": {"notes.txt": "same"}})
    vault = default_vault()
    assert own_home in vault.parents
    config = planted(config_folder(own_home), {"config.toml": "workers = 1"})
    state = planted(own_home / ".local" / "state" / "gorillacomb", {"anchor": "1"})

    with opened_by_scans() as opened:
        report = scan(vault, own_home)
        again = scan(vault, own_home)

    assert opened.count(b"notes.txt") == 2
    assert not set(opened) & (OURS | {b"config.toml", b"anchor", b"gorillacomb"})
    rows = rows_in_index(vault)
    assert sorted(rows) == [
        os.fsencode(own_home / "Documents" / "notes.txt"),
        os.fsencode(own_home / "notes.txt"),
    ]
    assert report.files == 2
    assert (again.hashed_files, again.changes) == (0, ScanChanges())
    assert all(folder.is_dir() for folder in (vault, config, state))


def test_another_name_of_the_index_is_not_opened_either(tmp_path: Path) -> None:
    """Opening and closing a SQLite file drops the lock that this process holds on it."""
    top = planted(tmp_path / "top", {"a": "same", "backup": {"a": "same"}})
    vault = top / "vault"
    scan(vault, top)
    os.link(vault / "index.db", top / "backup" / "linked.db")
    os.link(vault / "lock", top / "backup" / "linked-lock")
    (top / "backup" / "by link").symlink_to(vault)
    settle(top)

    with opened_by_scans() as opened:
        scan(vault, top)
        scan(vault, top, rehash=True)
        scan(vault, top, hash_limit=0)

    assert b"a" in opened
    assert not set(opened) & (OURS | {b"linked.db", b"linked-lock", b"by link"})


def test_the_vault_itself_is_not_scanned(tmp_path: Path, vault: Path) -> None:
    top = planted(tmp_path / "top", {"a": "1"})
    scan(vault, top)
    known = rows_in_index(vault)
    for inside in (vault, vault / "sub"):
        inside.mkdir(exist_ok=True)
        with pytest.raises(GorillaCombError, match="inside the vault"):
            scan(vault, inside)
    assert rows_in_index(vault) == known


def test_our_own_folders_are_skipped(tmp_path: Path, vault: Path) -> None:
    quarantine: Tree = {"quarantine": {"1": {"a": "same"}}, "lock": ""}
    top = planted(
        tmp_path / "top",
        {"a": "same", ".gorillacomb": quarantine, "b": {".gorillacomb": quarantine, "c": "1"}},
    )
    with opened_by_scans() as opened:
        report = scan(vault, top)
    assert {b".gorillacomb", b"quarantine", b"lock"} & set(opened) == set()
    assert (report.files, report.folders) == (2, 2)
    assert not [path for path in rows_in_index(vault) if b".gorillacomb" in path]
    assert groups_in_index(vault) == set()
    assert scan(vault, top).rows_written <= RECORD_OF_ITSELF


# A folder with more files than one task looks at


HUGE = 3 * WINDOW + 17


def assert_rows_are_the_files(vault: Path, top: Path) -> None:
    """Every name in the folder has a row with its size, and nothing else has one."""
    rows = rows_in_index(vault)
    with os.scandir(os.fsencode(top / "huge")) as entries:
        sizes = {each.path: each.stat(follow_symlinks=False).st_size for each in entries}
    here = os.fsencode(top / "huge") + b"/"
    assert {path: row[2] for path, row in rows.items() if path.startswith(here)} == sizes


def test_a_huge_folder_is_done_in_parts(tmp_path: Path, vault: Path) -> None:
    top = tmp_path / "top"
    (top / "huge").mkdir(parents=True)
    for number in range(HUGE):
        # Every third content stands twice; the copies lie in different parts.
        (top / "huge" / f"{number:05}").write_text(f"{number % (HUGE * 2 // 3)}")
    (top / "huge" / "00000 first link").symlink_to("00000")
    (top / "huge" / "~ last link").symlink_to("00000")
    planted(top, {"beside": {"lone": "12"}, "single": "a content of its own"})

    first = scan(vault, top)
    assert (first.files, first.hashed_files) == (HUGE + 2, HUGE + 2)
    assert_rows_are_the_files(vault, top)
    assert groups_in_index(vault) == groups_on_disk(top)
    assert folders_in(vault, FolderState.UNLISTED) == set()

    for workers in (0, 2):
        again = scan(vault, top, workers=workers)
        assert (again.changes, again.hashed_files, again.files) == (ScanChanges(), 0, HUGE + 2)
        assert again.rows_written <= RECORD_OF_ITSELF

    # A change in each part, of what has a copy in another part and of what has none.
    huge = top / "huge"
    (huge / "00003").unlink()
    (huge / f"{WINDOW + 9:05}").write_text("edited")
    (huge / f"{2 * WINDOW + 9:05}").unlink()
    (huge / f"{HUGE:05}").write_text("new")
    settle(top)
    changed = scan(vault, top)
    assert_rows_are_the_files(vault, top)
    assert groups_in_index(vault) == groups_on_disk(top)
    assert changed.hashed_files == 2
    assert changed.changes == ScanChanges(new=1, changed=1, gone=2)
    assert_groups_follow_files(vault)


def test_a_huge_folder_by_a_pool_is_the_same(tmp_path: Path, vault: Path) -> None:
    top = tmp_path / "top"
    (top / "huge").mkdir(parents=True)
    for number in range(HUGE):
        (top / "huge" / f"{number:05}").write_text(f"{number % 5000}")
    settle(top)
    report = scan(vault, top, workers=2)
    assert report.hashed_files == HUGE
    assert_rows_are_the_files(vault, top)
    assert_as_new(vault, top)
    assert scan(vault, top, workers=2).rows_written <= RECORD_OF_ITSELF


# What a scan says of itself


def test_a_root_that_is_there_is_online(tmp_path: Path, vault: Path) -> None:
    top = planted(tmp_path / "top", {"a": "1"})
    report: ScanReport = scan(vault, top)
    root = report.roots[0].root
    assert is_online(root)
    assert not is_online(replace(root, path=os.fsencode(tmp_path / "elsewhere")))
    assert not is_online(replace(root, volume="uuid:another"))
    top.rename(tmp_path / "renamed")
    assert not is_online(root)


def test_hard_links_are_one_copy(tmp_path: Path, vault: Path) -> None:
    top = planted(
        tmp_path / "top",
        {"a": "same", "b": HardLink("a"), "c": "same", "d": "lone", "e": HardLink("d")},
    )
    scan(vault, top)
    assert groups_in_index(vault) == groups_on_disk(top)
    (group,) = summaries(vault)
    assert (group.names, group.copies) == (3, 2)
    (top / "c").unlink()
    scan(vault, top)
    assert groups_in_index(vault) == set()
    assert summaries(vault) == []


def test_files_that_change_names_are_not_damaged(tmp_path: Path, vault: Path) -> None:
    """Of equal size and mtime, so that under each name nothing but the content differs."""
    top = make_tree(tmp_path / "w", {"a": "one", "b": "two", "c": "six", "d": "ten"})
    for path in top.iterdir():
        os.utime(path, (10**9, 10**9))
    settle(top)
    scan(vault, top)
    for old, new in (("a", "aside"), ("b", "a"), ("c", "b"), ("aside", "c")):
        (top / old).rename(top / new)
    (top / "d").write_text("TEN")  # and this is what damage looks like
    os.utime(top / "d", (10**9, 10**9))
    settle(top)
    scan(vault, top)
    states = {os.path.basename(path): row[0] for path, row in rows_in_index(vault).items()}
    assert states == {b"a": 0, b"b": 0, b"c": 0, b"d": EntryState.SUSPECT}
    fresh = vault.with_name("fresh")
    scan(fresh, top)
    ours, theirs = rows_in_index(vault), rows_in_index(fresh)
    assert all(ours[path] == row for path, row in theirs.items() if path[-1:] != b"d")
