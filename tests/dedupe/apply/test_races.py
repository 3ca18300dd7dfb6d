"""Races: somebody else changes, swaps, removes what a run compares, moves or counts on.

The run is stopped at every point between its first look and its last one, and the adversary acts
exactly there. Nothing that anybody wrote may be lost then, and what was seen to change may not go.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gorillacomb.dedupe.apply import executor, purge, runs, transaction
from gorillacomb.dedupe.compare import entry_compare, snapshot
from gorillacomb.dedupe.compare.tree_compare import TreeComparer
from gorillacomb.dedupe.model import PlanStep, RunOutcome
from gorillacomb.dedupe.quarantine.inventory import quarantined_runs
from gorillacomb.fs import lease, mutations
from tests.dedupe import adversaries, hammer
from tests.dedupe.acting import Ground, Quiet, contents, files_below, live, slots, step, told
from tests.dedupe.adversaries import (
    Adversary,
    Removes,
    RenamesTheParent,
    WritesAndHidesIt,
    WritesThroughAMap,
)
from tests.support.run import REPOSITORY
from tests.support.trees import Tree, make_tree

CONTENT = {
    name: (f"the content of {name}; " * 8).encode() for name in ("one", "two", "three", "more")
}
FOLDER: Tree = {"one": CONTENT["one"], "two": CONTENT["two"], "in": {"three": CONTENT["three"]}}
FILES = {"victim": "work/copy/in/three", "survivor": "kept/it/in/three"}
"""What the adversary is after."""


Point = tuple[str, int]
"""A call by its name, and which of those it is."""


class Points:
    """The calls by which a run can be stopped; has the adversary act at one of them."""

    def __init__(self, act: Callable[[], object] | None = None, at: Point = ("", 0)) -> None:
        self.act = act
        self.at = at
        self.passed: dict[str, int] = {}
        self.looks_after = False
        """Whether the run looked once more, from the beginning, after the adversary had acted."""
        self.acted = False

    def pass_by(self, name: str) -> None:
        number = self.passed.get(name, 0)
        self.passed[name] = number + 1
        if self.act is not None and (name, number) == self.at:
            self.acted = True
            self.act()

    def some(self) -> list[Point]:
        """Of each name the first point and the last, without those that follow each other."""
        return [
            (name, number)
            for name, count in self.passed.items()
            if name.startswith("before")
            or name in ("after rename_no_replace", "after verify_unchanged")
            for number in sorted({0, count - 1})
        ]

    def all(self) -> list[Point]:
        return [(name, number) for name, count in self.passed.items() for number in range(count)]

    def around(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def stopped(*arguments: Any, **named: Any) -> Any:
            self.pass_by(f"before {name}")
            if name == "verify_unchanged" and self.acted:
                self.looks_after = True
            result = function(*arguments, **named)
            self.pass_by(f"after {name}")
            return result

        return stopped

    def witness(self) -> TreeComparer:
        plain = TreeComparer()
        return replace(
            plain,
            advance=self.around("advance", plain.advance),
            now=self.around("now", plain.now),
            wait=self.around("wait", plain.wait),
        )


@pytest.fixture(autouse=True)
def nobody_tells_who_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the other defences alone with it: there are file systems without leases."""
    for module in (snapshot, entry_compare):
        monkeypatch.setattr(module, "is_open_for_writing", lambda file: None)
    monkeypatch.setattr(lease, "SURELY_CLOSED_NS", 0)


@contextmanager
def stopping(points: Points) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("rename_no_replace", "make_folder", "remove"):
            patch.setattr(mutations, name, points.around(name, getattr(mutations, name)))
        patch.setattr(
            transaction,
            "verify_unchanged",
            points.around("verify_unchanged", snapshot.verify_unchanged),
        )
        for module in (snapshot, purge):
            stand = points.around("verify_kept_copies", snapshot.verify_kept_copies)
            patch.setattr(module, "verify_kept_copies", stand)
        patch.setattr(os, "fsync", points.around("fsync", os.fsync))
        yield


def ground(top: Path) -> Path:
    return make_tree(
        top,
        {
            "work": {"copy": FOLDER},
            "kept": {"it": {**FOLDER, "more": CONTENT["more"]}},
        },
    )


def the_step(top: Path, kind: str) -> PlanStep:
    if kind == "folder":
        return step("s1", top / "work/copy", top / "kept/it")
    return step("s1", top / FILES["victim"], top / FILES["survivor"])


def run(top: Path, kind: str, points: Points) -> RunOutcome:
    with stopping(points):
        return Ground(live(top), points.witness()).apply(the_step(top, kind))


@pytest.mark.parametrize("thorough", [False, pytest.param(True, marks=pytest.mark.deep)])
@pytest.mark.parametrize("side", ["victim", "survivor"])
@pytest.mark.parametrize("kind", ["file", "folder"])
@pytest.mark.parametrize("adversary", adversaries.ALL, ids=lambda each: each.__name__)
def test_nothing_is_lost_wherever_somebody_steps_in(
    adversary: Callable[[Path], Adversary], kind: str, side: str, thorough: bool, tmp_path: Path
) -> None:
    points = Points()
    outcome = run(ground(tmp_path / "undisturbed"), kind, points)
    assert [each.id for each in outcome.done] == ["s1"], told([outcome])
    assert {
        "before rename_no_replace",
        "after rename_no_replace",
        "before verify_unchanged",
    } <= points.passed.keys()
    for number, at in enumerate(points.all() if thorough else points.some()):
        stopped_at(tmp_path / str(number), adversary, kind, side, at)


def stopped_at(
    top: Path,
    adversary: Callable[[Path], Adversary],
    kind: str,
    side: str,
    at: Point,
) -> None:
    ground(top)
    foe = adversary(top / FILES[side])
    points = Points(foe, at)
    outcome = run(top, kind, points)
    where = f"{at}: {told([outcome])}"
    if not points.acted:
        assert "wait" in at[0], f"never came {where}"  # the clock had gone on by itself
        return
    wanted = {*CONTENT.values(), *([] if foe.wrote is None else [foe.wrote])}
    assert wanted <= set(contents(top)), f"lost {where}"
    # What it does not take away may go nevertheless.
    takes = side == "victim" and isinstance(foe, Removes | RenamesTheParent)
    if foe.shows and not takes and not foe.missed and points.looks_after:
        assert not outcome.done, f"not noticed {where}"
    if not outcome.done:
        assert told([outcome]), f"not told {where}"
    undone = Ground(live(top)).undo()
    assert wanted <= set(contents(top)), f"lost by undo {where}"
    assert not slots(top) or told(undone), f"neither back nor told {where}"
    if not slots(top):
        assert wanted <= set(contents(top, ours=False))
    foe.close()


def test_what_hides_its_writing_is_noticed_until_the_rename(tmp_path: Path) -> None:
    """fclones #84: with the time and the size kept, only the ctime tells, and a rename sets it."""
    ground(tmp_path)
    foe = WritesAndHidesIt(tmp_path / FILES["victim"])
    plain = executor.PlanExecutor._act

    def acting(*arguments: Any) -> None:
        foe()
        plain(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(executor.PlanExecutor, "_act", acting)
        outcome = Ground(live(tmp_path)).apply(the_step(tmp_path, "file"))
    assert not outcome.done
    assert told([outcome]) == ["differs"], "it was taken back, and compared once more"
    assert (tmp_path / FILES["victim"]).read_bytes() == foe.wrote
    foe.close()


@pytest.mark.parametrize("side", ["victim", "survivor"])
def test_a_map_dirtied_between_two_looks(side: str, tmp_path: Path) -> None:
    """A page dirtied right after the sync gives no further sign, so that look must not count."""
    ground(tmp_path)
    foe = WritesThroughAMap(tmp_path / FILES[side])
    plain = os.fsync

    def synced(descriptor: int) -> None:
        plain(descriptor)
        foe.map[0:1] = foe.map[0:1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", synced)
        moves = Points(foe, ("before rename_no_replace", 0))
        with stopping(moves):
            witnessed = replace(moves.witness(), wait=TreeComparer().wait)
            outcome = Ground(live(tmp_path), witnessed).apply(the_step(tmp_path, "file"))
    assert not outcome.done
    assert set(told([outcome])) <= {"changed meanwhile", "was to stay, and changed meanwhile"}
    assert CONTENT["three"] in contents(tmp_path, ours=False)
    foe.close()


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_interrupted_right_after_the_rename(kind: str, tmp_path: Path) -> None:
    """Ctrl-C can come between the system's rename and our noting it."""
    ground(tmp_path)
    before = files_below(tmp_path)
    plain = mutations.rename_no_replace
    calls = []

    def moved(*arguments: Any) -> None:
        plain(*arguments)
        calls.append(arguments)
        if len(calls) == 1:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mutations, "rename_no_replace", moved)
        with pytest.raises(KeyboardInterrupt):
            Ground(live(tmp_path)).apply(the_step(tmp_path, kind))
    assert files_below(tmp_path) == before
    assert not slots(tmp_path)


def test_an_interrupted_undo_tells_what_is_back(tmp_path: Path) -> None:
    """Many steps are synced and noted together; Ctrl-C does not leave those before it unsaid."""
    ground(tmp_path)
    for folder in ("work/copy", "work/copy/in"):  # which then are not emptied
        (tmp_path / folder / "own").write_text("own")
    steps = [
        step(name, tmp_path / f"work/copy/{name}", tmp_path / f"kept/it/{name}")
        for name in ("one", "two", "in/three")
    ]
    steps = [replace(each, id=f"s{number}") for number, each in enumerate(steps)]
    field = Ground(live(tmp_path))
    assert len(field.apply(*steps).done) == 3
    [waiting] = quarantined_runs(field.roots)
    outcome = RunOutcome(waiting.run)
    plain = mutations.rename_no_replace
    calls = []

    def moved(*arguments: Any) -> None:
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        plain(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mutations, "rename_no_replace", moved)
        with pytest.raises(KeyboardInterrupt):
            runs.undo_runs_in_base(waiting.base, outcome, Quiet())
    assert [each.id for each in outcome.done] == ["s2", "s1"]
    assert [path.name for path in slots(tmp_path)] == ["s0"]
    [left] = quarantined_runs(field.roots)
    assert left.steps == 1


BEFORE_PURGE = [each for each in adversaries.ALL if each is not adversaries.ChangesTheMode]


@pytest.mark.parametrize("kind", ["file", "folder"])
@pytest.mark.parametrize("adversary", BEFORE_PURGE, ids=lambda each: each.__name__)
def test_what_has_no_survivor_any_more_stays_in_quarantine(
    adversary: Callable[[Path], Adversary], kind: str, tmp_path: Path
) -> None:
    """Between applying and emptying weeks may pass, in which the survivor is worked on."""
    ground(tmp_path)
    foe = adversary(tmp_path / FILES["survivor"])
    field = Ground(live(tmp_path))
    assert field.apply(the_step(tmp_path, kind)).done
    foe()
    emptied = field.purge()
    foe.close()
    assert not any(each.done for each in emptied)
    assert told(emptied)
    assert {*CONTENT.values()} <= set(contents(tmp_path))
    assert all(not each.failed for each in field.undo())
    assert (tmp_path / FILES["victim"]).read_bytes() == CONTENT["three"]


@pytest.mark.parametrize("where", ["before fsync", "before verify_kept_copies", "before remove"])
@pytest.mark.parametrize("kind", ["file", "folder"])
@pytest.mark.parametrize("side", ["victim", "survivor"])
def test_somebody_writes_while_the_quarantine_is_emptied(
    side: str, kind: str, where: str, tmp_path: Path
) -> None:
    """Through a file opened before all this began, which leads into the quarantine by now."""
    ground(tmp_path)
    foe = adversaries.Writes(tmp_path / FILES[side])
    assert Ground(live(tmp_path)).apply(the_step(tmp_path, kind)).done
    seen = where != "before remove"  # after its own last look nothing can be noticed
    if seen:
        points = Points(foe, (where, 0))
        with stopping(points):
            emptied = Ground(live(tmp_path), points.witness()).purge()
        assert points.acted
        assert told(emptied), "not noticed"
    else:
        plain = purge._remove

        def removing(*arguments: Any) -> None:
            foe()
            plain(*arguments)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(purge, "_remove", removing)
            emptied = Ground(live(tmp_path)).purge()
    if side == "victim" or seen:
        assert foe.wrote in contents(tmp_path)
        assert CONTENT["three"] in contents(tmp_path)
    foe.close()
    undone = Ground(live(tmp_path)).undo()
    if kind == "file" and side == "victim":
        assert told(undone) == [], "a file that was not deleted can be put back"
        assert (tmp_path / FILES["victim"]).read_bytes() == foe.wrote


@contextmanager
def hammering() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", hammer.__name__],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def say(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(line + "\n")
    process.stdin.flush()


@pytest.mark.parametrize("tries", [50, pytest.param(1_000, marks=pytest.mark.deep)])
def test_another_process_hammers_at_the_files(tries: int, tmp_path: Path) -> None:
    """Each content is afterwards in exactly as many files as the other process left it in."""
    ended: Counter[str] = Counter()
    with hammering() as process:
        assert process.stdout is not None
        for number in range(tries):
            top = tmp_path / str(number)
            ground(top)
            make_tree(top, {"work": {"x": CONTENT["more"]}, "kept": {"x": CONTENT["more"]}})
            (top / "own").mkdir()
            before = contents(top)
            field = Ground(live(top))
            steps = [
                step("s1", top / "work/copy", top / "kept/it"),
                step("s2", top / "work/x", top / "kept/x"),
            ]
            say(process, json.dumps([str(top), number]))
            time.sleep(number % 7 / 1000)
            outcome = field.apply(*steps)
            undone = field.undo() if number % 2 else []
            say(process, "stop")
            acts, changed = json.loads(process.stdout.readline())
            undone += field.undo()
            expected = Counter(before)
            expected.update({content.encode(): by for content, by in changed.items()})
            assert +expected == contents(top), (number, told([outcome, *undone]))
            assert min(expected.values()) >= 0
            assert not slots(top) or told(undone), number
            ended["done"] += len(outcome.done)
            ended["not done"] += 2 - len(outcome.done)
            ended["acts"] += acts
            shutil.rmtree(top)
    assert ended["done"], "nothing was ever done"
    assert ended["acts"] > tries
    assert ended["not done"], "it never came in between"
