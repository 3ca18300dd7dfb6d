"""The power fails at any moment: no byte is lost, and all that is set aside is known to a journal.

See `tests.dedupe.power` for what a disk may have forgotten then.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import pytest

from gorillacomb.dedupe.apply import transaction
from gorillacomb.dedupe.apply.runs import undo_runs_in_base
from gorillacomb.dedupe.apply.undo import finish_interrupted_runs
from gorillacomb.dedupe.compare.snapshot import verify_unchanged
from gorillacomb.dedupe.model import DedupeAction, RunOutcome
from gorillacomb.dedupe.quarantine.journal_entries import STUCK
from gorillacomb.dedupe.quarantine.run import read_run
from gorillacomb.dedupe.quarantine.run_folders import list_runs, run_folder
from gorillacomb.fs.location import ContentDiffers
from gorillacomb.fs.paths import join
from tests.dedupe.acting import Ground, Quiet, live, of_leases, slots, step
from tests.dedupe.apply.test_repair_races import BAD, GOOD, ground_harm, repaired
from tests.dedupe.faults import look
from tests.dedupe.power import Disk, Image, PowerCut
from tests.support.memory import in_memory
from tests.support.trees import Tree, make_tree


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder in memory, since hundreds of drives are made, synced and deleted.

    No file system in particular is needed: what is done to it is recorded.
    """
    with in_memory() as folder:
        yield folder


TREE: Tree = {
    "kept": {"one": "the first", "two": "the second", "all": {"x": "of x", "y": "of y"}},
    "work": {"one": "the first", "two": "the second", "all": {"x": "of x", "y": "of y"}},
}
ALL_STOPS = pytest.mark.parametrize("every", [5, pytest.param(1, marks=pytest.mark.deep)])
"""Stopped after each of so many changes of the disk."""
STOPS = {"killed": PowerCut, "interrupted": KeyboardInterrupt}

Work = Callable[[Path], object]


def apply(top: Path, action: DedupeAction = DedupeAction.QUARANTINE) -> None:
    """Set two files aside that lie in one folder, and then a folder or another file."""
    names = ("one", "two", "all") if action is DedupeAction.QUARANTINE else ("one", "two")
    steps = [step(f"s-{name}", top / "work" / name, top / "kept" / name) for name in names]
    Ground(live(top)).apply(*steps, action=action)


def apply_all_but(top: Path, refused: str) -> None:
    """The same, where a thing is seen to change once it has been set aside."""

    def look_again(*arguments: object) -> None:
        sighting, moved = arguments
        if f"s-{refused}".encode() == moved.inner:  # type: ignore[attr-defined]
            raise ContentDiffers(moved.path, "changed meanwhile")  # type: ignore[attr-defined]
        verify_unchanged(sighting, moved)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transaction, "verify_unchanged", look_again)
        apply(top)


def undo(top: Path) -> None:
    Ground(live(top)).undo()


def repair(top: Path) -> None:
    repaired(top, ground_harm(top))


class Cuts:
    """Tries disks as they may be after a power cut, each once."""

    def __init__(self, folder: Path, tree: Tree = TREE) -> None:
        self.folder, self.tree = folder, tree
        self.top = folder / "Drive"
        self.tried: set[object] = set()
        self.wrong: dict[str, int] = {}
        self.renew()

    def renew(self) -> None:
        """Make the drive once more, as it was at first."""
        shutil.rmtree(self.top, ignore_errors=True)
        make_tree(self.top, self.tree)
        self.at_first = look(self.top)

    def all(self, disk: Disk, where: str, first: int = 0) -> None:
        for image in disk.cuts(first):
            key = image.key(_plain)
            if key not in self.tried:
                self.tried.add(key)
                self._try(image, where)

    def _try(self, image: Image, where: str) -> None:
        top = image.build(self.folder / "after the cut" / "Drive")
        said = None
        try:
            self._comes_back(top)
        except AssertionError as error:
            said = str(error).splitlines()[0]
        finally:
            shutil.rmtree(top)
        if said is not None:
            self.wrong.setdefault(f"{where}: {said}", 0)
            self.wrong[f"{where}: {said}"] += 1

    def _comes_back(self, top: Path) -> None:
        base = os.fsencode(top)
        if (top / ".gorillacomb").is_dir():
            finish_interrupted_runs(base, time.time_ns)
        known = {
            os.fsdecode(join(run_folder(base, name), move.slot))
            for name in list_runs(base)
            for record in read_run(base, name).held()
            for move in record.moves
        }
        orphans = [each.name for each in slots(top) if str(each) not in known]
        assert not orphans, f"no journal knows of {orphans}"
        for _ in range(3):
            undo(top)
        left = [each.name for each in slots(top)]
        assert not left, f"not put back: {left}"
        now = look(top)
        lost = sorted(self.at_first.keys() - now.keys())
        assert not lost, f"lost: {lost}"
        assert now == self.at_first, "not as it was"

    def end(self) -> None:
        print(f"{len(self.tried)} disks tried, {sum(self.wrong.values())} went wrong")
        assert self.tried
        assert not self.wrong, "\n".join(f"{said} ({n} times)" for said, n in self.wrong.items())


@lru_cache(maxsize=1 << 14)
def _plain(content: bytes) -> bytes:
    """A content without the times, inodes and names of runs that a journal has."""
    return re.sub(rb"\d{8}-\d{6}-[0-9a-f]{6}|\d{4,}", b"", content)


@contextmanager
def cuts(folder: Path, tree: Tree = TREE) -> Iterator[Cuts]:
    (folder / "after the cut").mkdir()
    found = Cuts(folder, tree)
    yield found
    found.end()


def stopped(
    tried: Cuts,
    work: Work,
    how: str,
    every: int,
    links: bool = False,
    before: Work = lambda top: None,
    after: Work = undo,
) -> None:
    """Stop something at each of its changes of the disk, and cut the power at each one then.

    ``before`` is done first and is on the disk; what was killed is then ended by ``after``, from
    which the power is cut as well.
    """
    number = 0
    while True:
        tried.renew()
        before(tried.top)
        disk = Disk(tried.top)
        came = False
        try:
            with disk.recording(number, STOPS[how], links):
                work(tried.top)
        except (KeyboardInterrupt, PowerCut):
            came = True
        first = number if came else 0
        if how == "killed" and came:
            with disk.recording(links=links):
                after(tried.top)
        tried.all(disk, f"{how} at {number}", first)
        if not came:
            break
        number += every


@pytest.mark.parametrize("refused", ["one", "two", "all"])
def test_a_step_that_is_taken_back(tmp_path: Path, refused: str) -> None:
    with cuts(tmp_path) as tried:
        disk = Disk(tried.top)
        with disk.recording():
            apply_all_but(tried.top, refused)
        tried.all(disk, "taken back")


ACTIONS = pytest.mark.parametrize(
    "action", [DedupeAction.QUARANTINE, DedupeAction.HARDLINK, DedupeAction.SYMLINK]
)
LINKS = pytest.mark.parametrize("links", [False, True], ids=["renames", "links"])
HOW = pytest.mark.parametrize("how", STOPS)


@LINKS
@HOW
@ACTIONS
@ALL_STOPS
def test_a_plan_that_is_cut_short(
    tmp_path: Path, action: DedupeAction, how: str, links: bool, every: int
) -> None:
    """Interrupted, it takes back what is under way; killed, the next run does."""
    with cuts(tmp_path) as tried:
        stopped(tried, lambda top: apply(top, action), how, every, links)


@LINKS
@HOW
@ACTIONS
@ALL_STOPS
def test_an_undo_that_is_cut_short(
    tmp_path: Path, action: DedupeAction, how: str, links: bool, every: int
) -> None:
    with cuts(tmp_path) as tried:
        stopped(tried, undo, how, every, links, before=lambda top: apply(top, action))


EMPTIED: Tree = {
    "kept": {"one": "the first", "two": "the second"},
    "work": {"inner": {"one": "the first", "two": "the second"}},
}


def empty_two_folders(top: Path) -> None:
    """Set two files aside, out of a folder in another one: neither holds anything then."""
    names = ("one", "two")
    steps = [step(f"s-{it}", top / "work/inner" / it, top / "kept" / it) for it in names]
    assert Ground(live(top)).apply(*steps).folders == 2


@HOW
def test_an_undo_of_emptied_folders_that_is_cut_short(tmp_path: Path, how: str) -> None:
    """Each of them is back on the disk before anything is put into it."""
    with cuts(tmp_path, EMPTIED) as tried:
        stopped(tried, undo, how, 1, before=empty_two_folders)


@HOW
@ALL_STOPS
def test_a_run_that_empties_folders_and_is_cut_short(tmp_path: Path, how: str, every: int) -> None:
    with cuts(tmp_path, EMPTIED) as tried:
        stopped(tried, empty_two_folders, how, every)


def undo_some(top: Path) -> None:
    """Put one file back out of the folder that was set aside as a whole, and another step."""
    for name in list_runs(os.fsencode(top)):
        for inner in ("all/deep/z", "two"):
            outcome = RunOutcome(name)
            only = [os.fsencode(top / "work" / inner)]
            undo_runs_in_base(os.fsencode(top), outcome, Quiet(), only=only)


_DEEP: Tree = {
    "two": "the second",
    "one": "the first",
    "all": {"x": "of x", "empty": {}, "deep": {"z": "of z"}},
}
DEEP: Tree = {"kept": _DEEP, "work": {**_DEEP, "own": "only here"}}


@HOW
@ALL_STOPS
def test_an_undo_of_some_files_that_is_cut_short(tmp_path: Path, how: str, every: int) -> None:
    with cuts(tmp_path, DEEP) as tried:
        stopped(tried, undo_some, how, every, before=apply)


@HOW
@ALL_STOPS
def test_an_undo_of_the_rest_that_is_cut_short(tmp_path: Path, how: str, every: int) -> None:
    def before(top: Path) -> None:
        apply(top)
        undo_some(top)

    with cuts(tmp_path, DEEP) as tried:
        stopped(tried, undo, how, every, before=before)


DAMAGED: Tree = {"a": {"picture": BAD}, "b": {"copy": GOOD}}


@of_leases
@HOW
@ALL_STOPS
def test_a_repair_that_is_cut_short(tmp_path: Path, how: str, every: int) -> None:
    with cuts(tmp_path, DAMAGED) as tried:
        stopped(tried, repair, how, every)


@of_leases
@HOW
@ALL_STOPS
def test_an_undo_of_a_repair_that_is_cut_short(tmp_path: Path, how: str, every: int) -> None:
    with cuts(tmp_path, DAMAGED) as tried:
        stopped(tried, undo, how, every, before=repair)


@ACTIONS
def test_interrupted_where_things_are_moved_by_links(tmp_path: Path, action: DedupeAction) -> None:
    """Also between link and unlink, when a file has two names: what came back is not stuck."""
    top = make_tree(tmp_path / "Drive", TREE)
    at_first, number, came = look(top), 0, True
    while came:
        came = False
        try:
            with Disk(top).recording(number, links=True):
                apply(top, action)
        except KeyboardInterrupt:
            came = True
        stuck = [
            record.cause
            for name in list_runs(os.fsencode(top))
            for record in read_run(os.fsencode(top), name).steps.values()
            if record.state == STUCK
        ]
        assert not stuck, f"interrupted at {number}"
        undo(top)
        assert not slots(top)
        assert look(top) == at_first, f"interrupted at {number}"
        number += 1
    assert number > 10
