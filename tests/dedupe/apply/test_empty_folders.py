"""Empty folders as steps of a plan: they come back as they were, and never take a file along."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gorillacomb.dedupe.apply import empty_folders
from gorillacomb.dedupe.model import EMPTY, PlanStep
from gorillacomb.dedupe.plan_file.serialize import parse_plan
from gorillacomb.fs import mutations
from tests.dedupe.acting import OURS, Ground, files_below, live, slots, told
from tests.dedupe.power import Disk, PowerCut
from tests.support.attributes import attributes, set_attribute
from tests.support.trees import Tree, make_tree

TREE: Tree = {
    "work": {"empty": {"a": {"b": {}}, "c": {}}, "other": {}, "note": "kept"},
    "lonely": {"deep": {}},
}
FOLDERS = ("work/empty", "work/other", "lonely")
OLD_NS = 1_600_000_000_123_456_789


def drive(top: Path) -> Path:
    """Folders with modes, times and attributes that a new one would not have."""
    make_tree(top, TREE)
    set_attribute(top / "work/empty/a", "user.note", b"of a")
    (top / "work/empty/a").chmod(0o711)
    (top / "work/other").chmod(0o750)
    for number, folder in enumerate(sorted(path for path in top.rglob("*") if path.is_dir())):
        os.utime(folder, ns=(OLD_NS, OLD_NS + number))
    return top


def empty(top: Path, *names: str) -> list[PlanStep]:
    return [
        PlanStep(f"s{at}", EMPTY, os.fsencode(top / name), b"", 0, 0)
        for at, name in enumerate(names or FOLDERS)
    ]


def facts(top: Path) -> dict[str, tuple[object, ...]]:
    """All that an undo gives back of each folder; of a file its content."""
    found: dict[str, tuple[object, ...]] = {}
    for path in sorted(top.rglob("*")):
        if OURS in path.parts:
            continue
        here = path.lstat()
        given = attributes(path)
        given.pop("security.selinux", None)
        content = path.read_bytes() if path.is_file() else b""
        inner = str(path.relative_to(top))
        found[inner] = (here.st_ino, here.st_mode, here.st_mtime_ns, given, content)
    return found


def test_they_go_as_a_whole_and_come_back_as_they_were(tmp_path: Path) -> None:
    top = drive(tmp_path / "Drive")
    before, ground = facts(top), Ground(live(top))
    outcome = ground.apply(*empty(top))
    assert (len(outcome.done), told([outcome]), outcome.folders) == (3, [], 0)
    assert outcome.emptied == []
    assert set(facts(top)) == {"work", "work/note"}
    [back] = ground.undo()
    assert ([each.kind for each in back.done], told([back])) == ([EMPTY] * 3, [])
    assert facts(top) == before


def test_a_plan_is_carried_out_once(tmp_path: Path) -> None:
    top = drive(tmp_path / "Drive")
    ground = Ground(live(top))
    ground.apply(*empty(top, "work/other"))
    again = ground.apply(*empty(top, "work/other"))
    assert (again.before, again.done, told([again])) == (1, [], [])


def test_the_folder_around_them_stays(tmp_path: Path) -> None:
    """It is empty now, and is not a step."""
    top = drive(tmp_path / "Drive")
    outcome = Ground(live(top)).apply(*empty(top, "lonely/deep"))
    assert len(outcome.done) == 1
    assert (top / "lonely").is_dir()


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (lambda top: (top / "lonely/deep/late").write_text("x"), "is not empty any more"),
        (lambda top: (top / "lonely/late").symlink_to("x"), "it holds late"),
        (lambda top: os.mkfifo(top / "lonely/late"), "it holds late"),
        (lambda top: (top / "lonely/deep").chmod(0o2755), "special mode"),
        (lambda top: (top / "lonely/.git").mkdir(), "project (.git)"),
        (lambda top: (top / "lonely/.keep").mkdir(), "hidden"),
        (lambda top: [(top / "lonely" / it).mkdir() for it in ("cur", "new", "tmp")], "program"),
        (lambda top: [it.rmdir() for it in (top / "lonely/deep", top / "lonely")], "not there"),
    ],
)
def test_what_is_not_as_planned_stays_with_the_reason(
    tmp_path: Path, change: Callable[[Path], object], cause: str
) -> None:
    top = drive(tmp_path / "Drive")
    change(top)
    before = facts(top)
    outcome = Ground(live(top)).apply(*empty(top, "lonely"))
    assert outcome.done == []
    [said] = told([outcome])
    assert cause in said
    assert facts(top) == before


def test_a_link_in_place_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    top = drive(tmp_path / "Drive")
    (top / "lonely").rename(top / "moved")
    (top / "lonely").symlink_to("moved")
    outcome = Ground(live(top)).apply(*empty(top, "lonely"))
    assert (outcome.done, len(told([outcome]))) == ([], 1)
    assert (top / "moved/deep").is_dir()
    assert (top / "lonely").is_symlink()


def with_act(name: str, act: Callable[[], object], after: bool = False) -> pytest.MonkeyPatch:
    """Have somebody act right before a call of ours, or right after it, the first time."""
    patch, really, done = pytest.MonkeyPatch(), getattr(mutations, name), list[int]()

    def call(*arguments: Any) -> Any:
        first = not done
        done.append(1)
        if first and not after:
            act()
        result = really(*arguments)
        if first and after:
            act()
        return result

    patch.setattr(mutations, name, call)
    return patch


def test_a_file_that_comes_right_before_the_rename_is_put_back_with_its_folder(
    tmp_path: Path,
) -> None:
    top = drive(tmp_path / "Drive")
    late = top / "work/empty/a/b/late"
    patch = with_act("rename_no_replace", lambda: late.write_text("of somebody else"))
    outcome = Ground(live(top)).apply(*empty(top))
    patch.undo()
    assert late.read_text() == "of somebody else"
    assert told([outcome]) == ["is not empty any more: it holds late"]
    assert len(outcome.done) == 2
    assert len(slots(top)) == 2


def test_a_file_that_comes_right_after_the_rename_is_put_back_too(tmp_path: Path) -> None:
    """By a program that has the folder open."""
    top = drive(tmp_path / "Drive")
    opened = os.open(top / "work/empty/a", os.O_RDONLY)

    def write() -> None:
        os.close(os.open("late", os.O_CREAT | os.O_WRONLY, 0o644, dir_fd=opened))

    patch = with_act("rename_no_replace", write, after=True)
    outcome = Ground(live(top)).apply(*empty(top, "work/empty"))
    patch.undo()
    os.close(opened)
    assert (top / "work/empty/a/late").exists()
    assert (outcome.done, len(told([outcome])), slots(top)) == ([], 1, [])


@pytest.mark.parametrize("when", ["before", "between"])
def test_a_file_that_comes_later_keeps_the_folder_in_the_quarantine(
    tmp_path: Path, when: str
) -> None:
    """Nothing that is not empty is deleted, whenever the file comes; and an undo gives it back."""
    top = drive(tmp_path / "Drive")
    opened = os.open(top / "work/empty/a", os.O_RDONLY)
    ground = Ground(live(top))
    assert len(ground.apply(*empty(top, "work/empty")).done) == 1

    def write() -> None:
        os.close(os.open("late", os.O_CREAT | os.O_WRONLY, 0o644, dir_fd=opened))

    if when == "before":
        write()
        [purged] = ground.purge()
    else:
        patch = with_act("remove_folder", write)
        [purged] = ground.purge()
        patch.undo()
    os.close(opened)
    assert (purged.done, len(told([purged]))) == ([], 1)
    assert [path.name for path in files_below(top) if path.name == "late"] == ["late"]
    ground.undo()
    assert (top / "work/empty/a/late").exists()
    assert slots(top) == []


def test_a_folder_that_somebody_made_meanwhile_gets_what_it_lacks(tmp_path: Path) -> None:
    top = drive(tmp_path / "Drive")
    ground = Ground(live(top))
    ground.apply(*empty(top, "work/empty"))
    make_tree(top / "work/empty", {"a": {"mine": "new"}})
    [back] = ground.undo()
    assert (len(back.done), told([back]), slots(top)) == (1, [], [])
    assert (top / "work/empty/a/mine").read_text() == "new"
    assert (top / "work/empty/a/b").is_dir() and (top / "work/empty/c").is_dir()


def test_a_file_in_its_place_is_never_replaced(tmp_path: Path) -> None:
    top = drive(tmp_path / "Drive")
    ground = Ground(live(top))
    ground.apply(*empty(top, "work/empty"))
    (top / "work/empty").write_text("new")
    [back] = ground.undo()
    assert (back.done, len(told([back])), len(slots(top))) == ([], 1, 1)
    assert (top / "work/empty").read_text() == "new"


def test_emptying_the_quarantine_deletes_them(tmp_path: Path) -> None:
    top = drive(tmp_path / "Drive")
    ground = Ground(live(top))
    ground.apply(*empty(top))
    [purged] = ground.purge()
    assert ([each.kind for each in purged.done], told([purged])) == ([EMPTY] * 3, [])
    assert slots(top) == []
    assert set(facts(top)) == {"work", "work/note"}
    assert ground.undo() == []


def at_every_event(
    folder: Path,
    stop: type[BaseException],
    before: Callable[[Path], object],
    work: Callable[[Path], object],
    check: Callable[[Path, dict[str, tuple[object, ...]]], None],
) -> int:
    """Stop something after each of its changes to the disk; returns how many there are."""
    number, came = 0, True
    while came:
        came = False
        top = drive(folder / f"{number}")
        at_first = facts(top)
        before(top)
        try:
            with Disk(top).recording(number, stop):
                work(top)
        except stop:
            came = True
        check(top, at_first)
        number += 1
    return number - 1


def apply(top: Path) -> None:
    Ground(live(top)).apply(*empty(top))


def undo(top: Path) -> None:
    Ground(live(top)).undo()


def all_is_back(top: Path, at_first: dict[str, tuple[object, ...]]) -> None:
    waits = bool(slots(top))
    for _ in range(2):
        undo(top)
    assert slots(top) == []
    now = facts(top)
    if not waits:  # nobody comes to the time of the last folder around them
        for found in (now, at_first):
            found["work"] = found["work"][:2]
    assert now == at_first


@pytest.mark.parametrize("stop", [PowerCut, KeyboardInterrupt])
def test_stopped_anywhere_while_they_are_quarantined(
    tmp_path: Path, stop: type[BaseException]
) -> None:
    assert at_every_event(tmp_path, stop, lambda top: None, apply, all_is_back) > 8


@pytest.mark.parametrize("stop", [PowerCut, KeyboardInterrupt])
def test_stopped_anywhere_while_they_are_put_back(
    tmp_path: Path, stop: type[BaseException]
) -> None:
    assert at_every_event(tmp_path, stop, apply, undo, all_is_back) > 5


def test_stopped_anywhere_while_they_are_deleted(tmp_path: Path) -> None:
    """Then the rest is deleted, or put back."""

    def purge(top: Path) -> None:
        Ground(live(top)).purge()

    def rest_is_deleted(top: Path, at_first: dict[str, tuple[object, ...]]) -> None:
        purge(top)
        assert slots(top) == []
        assert set(facts(top)) == {"work", "work/note"}

    def rest_is_back(top: Path, at_first: dict[str, tuple[object, ...]]) -> None:
        undo(top)
        assert slots(top) == []
        now = facts(top)
        left = {inner: found for inner, found in now.items() if inner not in FOLDERS}
        assert left.keys() <= at_first.keys()

    assert at_every_event(tmp_path / "a", PowerCut, apply, purge, rest_is_deleted) > 5
    assert at_every_event(tmp_path / "b", PowerCut, apply, purge, rest_is_back) > 5


HEADER = (
    b'{"version": 1, "plan": "%032d", "made_ns": "1", "action": "%s", "protect": [], "retire": [],'
    b' "not_a_project": [], "across_volumes": false, "notes": [], "left_alone": []}'
)
LINE = b'{"id": "s1", "kind": "empty", "path": "/a/b", "folders": 1, "files": 0, "bytes": 0,'


@pytest.mark.parametrize(
    ("action", "more"),
    [
        (b"delete", b""),
        (b"quarantine", b', "keep": "/a/c"'),
        (b"quarantine", b', "nested": []'),
        (b"quarantine", b', "folders": -1'),
    ],
)
def test_a_plan_that_says_more_of_one_is_refused(action: bytes, more: bytes) -> None:
    line = LINE.replace(b'"folders": 1, ', b"" if b"folders" in more else b'"folders": 1, ')
    good = [HEADER % (1, b"quarantine"), LINE + b' "reasons": []}']
    assert [step.keep for step in parse_plan(good).steps] == [b""]
    with pytest.raises(ValueError, match="line 2"):
        parse_plan([HEADER % (1, action), line + b' "reasons": []' + more + b"}"])


def test_they_are_done_in_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(empty_folders, "_BATCH", 2)
    top = drive(tmp_path / "Drive")
    assert len(Ground(live(top)).apply(*empty(top)).done) == 3
