"""Folders that a run emptied go with it and come back with it; no others do."""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gorillacomb.dedupe.apply import emptied_folders, runs
from gorillacomb.dedupe.apply.undo import finish_interrupted_runs
from gorillacomb.dedupe.model import DedupeAction, PlanStep, RunOutcome
from gorillacomb.dedupe.quarantine.inventory import quarantined_runs
from gorillacomb.fs import mutations
from tests.dedupe.acting import OURS, Ground, Quiet, files_below, live, slots, step, told
from tests.dedupe.drives import killed, look
from tests.support.attributes import set_attribute
from tests.support.trees import Tree, make_tree

SAME = "the same in both; " * 9
TREE: Tree = {
    "Backup": {"dump": {"x": {"y": {"a": SAME}, "b": SAME + "b"}, "c": SAME + "c"}, "own": "1"},
    "data": {"a": SAME, "b": SAME + "b", "c": SAME + "c"},
}
INNER = {"a": "x/y/a", "b": "x/b", "c": "c"}


def drive(top: Path) -> Path:
    made = make_tree(top, TREE)
    for number, name in enumerate(["x/y", "x", ""]):
        folder = made / "Backup/dump" / name
        folder.chmod(0o750 + number)
        os.utime(folder, ns=(1, 1_600_000_000_000_000_000 + number))
    return made


def steps(top: Path, names: str = "abc") -> list[PlanStep]:
    return [step(f"s{it}", top / "Backup/dump" / INNER[it], top / "data" / it) for it in names]


def folders_below(top: Path) -> set[str]:
    return {
        str(path.relative_to(top))
        for path in top.rglob("*")
        if path.is_dir() and OURS not in path.parts
    }


def test_they_go_and_come_back_as_they_were(tmp_path: Path) -> None:
    top = drive(tmp_path)
    before, field = look(top), Ground(live(top))
    outcome = field.apply(*steps(top))
    assert (len(outcome.done), outcome.folders, len(outcome.emptied)) == (3, 3, 0)
    assert folders_below(top) == {"Backup", "data"}
    [back] = field.undo()
    assert (len(back.done), back.folders, back.failed) == (3, 3, [])
    assert look(top) == before


DEEP = "/".join(f"level {number}" for number in range(40))
"""So deep that the way up from what is kept ends long before this one does."""


@pytest.mark.parametrize("keep", ["a", "data/a", "other/a"])
def test_they_may_lie_deeper_than_what_is_kept(tmp_path: Path, keep: str) -> None:
    top = make_tree(tmp_path / "drive", {"own": "1"})
    for place in (keep, f"{DEEP}/a"):
        (top / place).parent.mkdir(parents=True, exist_ok=True)
        (top / place).write_text(SAME)
    before, field = look(top), Ground(live(top, *([top / "other"] if "other" in keep else [])))
    outcome = field.apply(step("s1", top / DEEP / "a", top / keep))
    assert (len(outcome.done), outcome.folders) == (1, 40)
    [back] = field.undo()
    assert (len(back.done), back.folders, back.failed) == (1, 40, [])
    assert look(top) == before


def test_a_journal_that_went_up_to_the_top_of_all_is_valid(tmp_path: Path) -> None:
    """As versions before this one wrote it for a folder that lay deeper than the kept copy."""
    top = drive(tmp_path)
    before, field = look(top), Ground(live(top))
    field.apply(*steps(top))
    [journal] = top.glob(f"{OURS}/quarantine/*/journal.jsonl")
    lines = [json.loads(line) for line in journal.read_bytes().splitlines()]
    for line in lines:
        if line.get("emptied"):
            line["moves"][0] |= {"keep": "/", "keep_inside": False}
    journal.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    [back] = field.undo()
    assert (len(back.done), back.folders, back.failed) == (3, 3, [])
    assert look(top) == before


def test_one_around_whole_trees_that_went_stays(tmp_path: Path) -> None:
    """One picture in four places: nothing elsewhere has the tree that this folder was."""
    inner: Tree = {"cover.jpg": SAME}
    top = make_tree(
        tmp_path, {"Rome": {**inner, "hotel": inner}, "Oslo": {**inner, "museum": inner}}
    )
    field = Ground(live(top))
    outcome = field.apply(
        step("s1", top / "Rome/hotel", top / "Oslo/museum"),
        step("s2", top / "Rome/cover.jpg", top / "Oslo/cover.jpg"),
    )
    assert (len(outcome.done), outcome.folders) == (2, 0)
    assert folders_below(top) == {"Oslo", "Oslo/museum", "Rome"}


def test_one_that_holds_something_more_stays(tmp_path: Path) -> None:
    top = drive(tmp_path)
    (top / "Backup/dump/x/y/somebody's").mkdir()
    outcome = Ground(live(top)).apply(*steps(top))
    assert outcome.folders == 0
    assert folders_below(top) == {
        *("Backup", "data", "Backup/dump", "Backup/dump/x", "Backup/dump/x/y"),
        "Backup/dump/x/y/somebody's",
    }


@pytest.mark.parametrize("kind", ["attribute", "sticky"])
def test_one_that_is_special_stays(tmp_path: Path, kind: str) -> None:
    top = drive(tmp_path)
    if kind == "attribute":
        set_attribute(top / "Backup/dump/x", "user.note", b"ask Ann first")
    else:
        (top / "Backup/dump/x").chmod(0o1777)
    outcome = Ground(live(top)).apply(*steps(top))
    assert (outcome.folders, len(outcome.emptied)) == (1, 2)
    assert folders_below(top) == {"Backup", "data", "Backup/dump", "Backup/dump/x"}


def test_one_that_somebody_else_emptied_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its last file was removed by a person after the run had taken another one out."""
    top = drive(tmp_path)
    mine = top / "Backup/dump/x/y/mine"
    mine.touch()
    really = emptied_folders.EmptiedFolders.set_aside

    def remove_first(self: Any) -> None:
        mine.unlink()
        really(self)

    monkeypatch.setattr(emptied_folders.EmptiedFolders, "set_aside", remove_first)
    outcome = Ground(live(top)).apply(*steps(top))
    assert (outcome.folders, len(outcome.emptied)) == (0, 3)
    assert (top / "Backup/dump/x/y").is_dir()


def test_one_into_which_something_comes_at_that_moment_is_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = drive(tmp_path)
    really = mutations.rename_no_replace

    def come(source: int, name: bytes, target: int, new_name: bytes) -> None:
        if name == b"x":
            os.close(os.open(b"x/new", os.O_CREAT | os.O_WRONLY, dir_fd=source))
        really(source, name, target, new_name)

    field = Ground(live(top))
    with monkeypatch.context() as patch:
        patch.setattr(mutations, "rename_no_replace", come)
        assert field.apply(*steps(top)).folders == 1
    assert (top / "Backup/dump/x/new").exists()
    field.undo()
    assert (top / "Backup/dump/x/y/a").read_text() == SAME
    assert (top / "Backup/dump/x/new").exists()


@pytest.mark.parametrize("last_first", [True, False])
@pytest.mark.parametrize("second", ["1" * 32, "2" * 32])
def test_two_runs_are_taken_back_in_any_order(
    tmp_path: Path, second: str, last_first: bool
) -> None:
    """Of one plan or of two: each folder comes back with its own mode."""
    top = drive(tmp_path)
    before, field = look(top), Ground(live(top))
    everything = steps(top)
    assert field.apply(*everything[:2], uid="1" * 32).folders == 2
    first = {each.run for each in quarantined_runs(field.roots)}
    assert field.apply(*everything, uid=second).folders == 1
    assert folders_below(top) == {"Backup", "data"}
    waiting = sorted(
        quarantined_runs(field.roots), key=lambda each: each.run in first, reverse=not last_first
    )
    for each in waiting:
        outcome = RunOutcome(each.run)
        runs.undo_runs_in_base(each.base, outcome, Quiet())
        assert not outcome.failed
    now = look(top)
    assert now.keys() == before.keys()
    assert all(now[path][:4] == before[path][:4] for path in before)
    assert not last_first or now == before


def test_a_folder_that_was_made_again_will_do(tmp_path: Path) -> None:
    top = drive(tmp_path)
    field = Ground(live(top))
    field.apply(*steps(top))
    make_tree(top, {"Backup": {"dump": {"x": {"new": "since"}}}})
    [back] = field.undo()
    assert (len(back.done), back.failed) == (3, [])
    assert (top / "Backup/dump/x/new").read_text() == "since"
    assert not list((top / OURS / "quarantine").glob("*/+*"))


def test_a_file_in_the_place_of_a_folder_is_told_and_stays(tmp_path: Path) -> None:
    top = drive(tmp_path)
    field = Ground(live(top))
    field.apply(*steps(top))
    make_tree(top, {"Backup": {"dump": {"x": "a file since"}}})
    [back] = field.undo()
    assert [each.path for each in back.done] == [os.fsencode(top / "Backup/dump/c")]
    failed = {os.path.relpath(os.fsdecode(each.path), top) for each in back.failed}
    assert failed == {f"Backup/dump/{it}" for it in ("x", "x/y", "x/y/a", "x/b")}
    assert (top / "Backup/dump/x").read_text() == "a file since"
    assert len(slots(top)) == 2
    (top / "Backup/dump/x").unlink()
    [again] = field.undo()
    assert not again.failed
    assert (top / "Backup/dump/x/y/a").read_text() == SAME


@pytest.mark.parametrize("action", [DedupeAction.QUARANTINE, DedupeAction.DELETE])
def test_they_are_deleted_with_what_they_held(tmp_path: Path, action: DedupeAction) -> None:
    top = drive(tmp_path)
    field = Ground(live(top))
    field.apply(*steps(top), action=action)
    field.purge()
    assert not slots(top)
    assert not list((top / OURS / "quarantine").glob("*/+*"))
    assert folders_below(top) == {"Backup", "data"}


def test_they_wait_for_what_they_held(tmp_path: Path) -> None:
    """Something in them cannot be deleted: when that is put back, so are they."""
    top = drive(tmp_path)
    field = Ground(live(top))
    field.apply(*steps(top))
    (top / "data/b").write_text("changed since")
    [purged] = field.purge()
    assert len(purged.done) == 2
    assert len(told([purged])) == 1
    [back] = field.undo()
    assert oct((top / "Backup/dump/x").stat().st_mode) == oct(0o40751)
    assert [each.path for each in back.done] == [os.fsencode(top / "Backup/dump/x/b")]


@pytest.mark.parametrize("action", [DedupeAction.QUARANTINE, DedupeAction.DELETE])
def test_killed_at_any_change(tmp_path: Path, action: DedupeAction) -> None:
    """Nothing is lost, what was half done is ended, and what can be taken back is whole."""
    number, died = -2, True
    while died:
        number += 3
        top = drive(tmp_path / f"{action}{number}")
        before, field = look(top), Ground(live(top))
        died = killed(partial(field.apply, *steps(top), action=action), number)
        base = os.fsencode(top)
        finish_interrupted_runs(base, lambda: 1)
        assert not [each for each in told(field.undo()) if "deleted" not in each]
        if action is DedupeAction.QUARANTINE:
            now = look(top)
            assert now.keys() == before.keys()
            assert all(now[path][:4] == before[path][:4] for path in before)
        else:
            assert set(files_below(top).values()) == set(files_below(top / "data").values()) | {
                b"1"
            }
    assert number > 20


def test_one_that_another_folder_counted_on(tmp_path: Path) -> None:
    """What stayed for a folder went file by file for a third copy: that is compared then."""
    files: dict[str | bytes, str] = {name: f"{SAME}{name}" for name in "ab"}
    inner: Tree = {"in": {**files}}
    top = make_tree(tmp_path, {"v": inner, "k": inner, "third": {**files}})
    pairs = [(top / "v/in" / name, top / "third" / name) for name in "ab"]
    field = Ground(live(top))
    outcome = field.apply(
        step("s1", top / "v", top / "k", nested=pairs),
        *(step(f"s{name}", top / "k/in" / name, top / "third" / name) for name in "ab"),
    )
    assert (len(outcome.done), outcome.folders) == (3, 2)
    assert folders_below(top) == {"third"}
    (top / "third/b").write_text("changed")
    [purged] = field.purge()
    assert [each.id for each in purged.done] == ["sa"]
    (top / "third/b").write_text(files["b"])
    [purged] = field.purge()
    assert sorted(each.id for each in purged.done) == ["s1", "sb"]
    assert not list((top / OURS / "quarantine").glob("*/[s+]*"))
