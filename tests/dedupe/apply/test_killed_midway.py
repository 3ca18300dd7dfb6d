"""Killed after each change of the disk: folders get their times back, names are never without.

In one process, so that every point is tried; `test_killed_apply` kills real ones.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gorillacomb.dedupe.model import DedupeAction
from gorillacomb.fs import mutations
from tests.dedupe.acting import Ground, live, slots, step
from tests.dedupe.apply.test_power_cut import TREE, apply, undo
from tests.dedupe.faults import folder_times, look
from tests.dedupe.power import Disk, PowerCut
from tests.support.trees import make_tree

ACTIONS = pytest.mark.parametrize(
    "action", [DedupeAction.QUARANTINE, DedupeAction.HARDLINK, DedupeAction.SYMLINK]
)
OLD_NS = 1_600_000_000_123_456_789


def ground(top: Path) -> Path:
    make_tree(top, TREE)
    for folder in sorted(path for path in top.rglob("*") if path.is_dir()):
        os.utime(folder, ns=(OLD_NS, OLD_NS))
    return top


def killed_everywhere(
    folder: Path, before: Callable[[Path], object], work: Callable[[Path], object]
) -> int:
    """Kill something after each change that it makes, then take all back; returns how often.

    Where all is back already, nothing waits, and nobody comes to the time of the last folder.
    """
    number, came = 0, True
    while came:
        came = False
        top = ground(folder / f"{number}")
        at_first = look(top)
        before(top)
        try:
            with Disk(top).recording(number, PowerCut):
                work(top)
        except PowerCut:
            came = True
        waits = bool(slots(top))
        for _ in range(2):
            undo(top)
        assert not slots(top), f"killed at {number}"
        assert look(top) == at_first, f"killed at {number}"
        if waits:
            assert set(folder_times(top).values()) == {OLD_NS}, f"killed at {number}"
        number += 1
    return number - 1


@ACTIONS
def test_a_plan(tmp_path: Path, action: DedupeAction) -> None:
    assert killed_everywhere(tmp_path, lambda top: None, lambda top: apply(top, action)) > 10


@ACTIONS
def test_an_undo(tmp_path: Path, action: DedupeAction) -> None:
    assert killed_everywhere(tmp_path, lambda top: apply(top, action), undo) > 5


def test_an_undo_on_a_copy_of_the_drive(tmp_path: Path) -> None:
    """There the inodes are others than the journal says."""

    def set_aside(top: Path) -> None:
        apply(top, DedupeAction.HARDLINK)
        subprocess.run(["cp", "-a", top, f"{top} copied"], check=True)
        top.rename(f"{top} worn out")
        Path(f"{top} copied").rename(top)

    assert killed_everywhere(tmp_path, set_aside, undo) > 5


@ACTIONS
def test_a_folder_that_somebody_else_wrote_to_keeps_its_time(
    tmp_path: Path, action: DedupeAction
) -> None:
    """Also when it was a run that was killed which wrote there before."""
    number, top = 0, tmp_path
    while not slots(top) or folder_times(top)["work"] == OLD_NS:
        top = ground(tmp_path / f"{number}")
        with pytest.raises(PowerCut), Disk(top).recording(number, PowerCut):
            apply(top, action)
        number += 1
    (top / "work/new").write_text("of somebody else")
    later = time.time_ns() + 3_600_000_000_000
    os.utime(top / "work", ns=(later, later))
    undo(top)
    assert not slots(top)
    assert folder_times(top)["work"] > OLD_NS


READER = """
import os, sys
name, stop = sys.argv[1:]
parent = os.getppid()
missing = seen = 0
print("ready", flush=True)
while not os.path.exists(stop) and os.getppid() == parent:
    try:
        os.close(os.open(name, os.O_RDONLY))
        seen += 1
    except FileNotFoundError:
        missing += 1
print(missing, seen, flush=True)
"""


@pytest.mark.parametrize("action", [DedupeAction.HARDLINK, DedupeAction.SYMLINK])
def test_a_name_is_never_without_a_file(
    tmp_path: Path, action: DedupeAction, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who opens the file in a loop finds one each time, through 250 exchanges there and back."""
    monkeypatch.setattr(os, "fsync", lambda file: None)  # it is slow, and no power is cut
    top = make_tree(
        tmp_path / "Drive", {"kept": {"one": "the first"}, "work": {"one": "the first"}}
    )
    name, stop = top / "work/one", tmp_path / "stop"
    words = [sys.executable, "-S", "-c", READER, str(name), str(stop)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "ready\n"
        ground = Ground(live(top))
        for number in range(125):
            plan = step(f"s{number}", name, top / "kept/one")
            [done] = ground.apply(plan, action=action, uid=f"{number:032}").done
            assert done.path == os.fsencode(name)
            ground.undo()
        stop.touch()
        missing, seen = map(int, reader.stdout.readline().split())
    assert seen
    assert not missing
    assert name.stat().st_nlink == 1
    assert not name.is_symlink()


def test_where_nothing_can_be_exchanged_the_link_is_put_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on most FUSE drives; there is no link in the quarantine then."""
    top = ground(tmp_path / "Drive")

    def cannot(*arguments: object) -> None:
        raise mutations.CannotMove("it cannot")

    monkeypatch.setattr(mutations, "rename_exchange", cannot)
    apply(top, DedupeAction.HARDLINK)
    assert (top / "work/one").samefile(top / "kept/one")
    assert [each.read_text() for each in slots(top)] == ["the first", "the second"]
    undo(top)
    assert not slots(top)
    assert set(folder_times(top).values()) == {OLD_NS}
    assert not (top / "work/one").samefile(top / "kept/one")


@pytest.mark.parametrize("action", [DedupeAction.HARDLINK, DedupeAction.SYMLINK])
def test_a_link_put_after_leads_to_what_was_compared(
    tmp_path: Path, action: DedupeAction, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing can be exchanged, somebody may replace what stays before the link is made."""
    top = make_tree(
        tmp_path / "Drive", {"kept": {"one": "the first"}, "work": {"one": "the first"}}
    )
    made = getattr(mutations, name := "link" if action is DedupeAction.HARDLINK else "symlink")

    def cannot(*arguments: object) -> None:
        raise mutations.CannotMove(95, "it cannot")

    def late(*arguments: object) -> None:
        if not (top / "work/one").exists():
            (top / "new").write_text("another")
            (top / "new").rename(top / "kept/one")
        made(*arguments)

    monkeypatch.setattr(mutations, "rename_exchange", cannot)
    monkeypatch.setattr(mutations, name, late)
    outcome = Ground(live(top)).apply(step("s1", top / "work/one", top / "kept/one"), action=action)
    assert not outcome.done
    assert (top / "work/one").read_text() == "the first"
    assert (top / "kept/one").read_text() == "another"
    assert not slots(top)
