"""Killed anywhere, or denied a call: nothing is lost, and a plan can be carried out or taken back.

A first run under strace(1) tells which system calls there are; then each of them, or in the short
form a sample, is the one at which a run of its own is killed or gets an error.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.dedupe.faults import Bench, Point, by_strace, sample
from tests.support.run import Argument, Ran

pytestmark = by_strace

KILL = "signal=KILL"
NO_SUCH_RENAME = "renameat2:error=EINVAL"
"""A file system on which nothing can be renamed without risk of replacing something."""
DOCUMENTED = (0, 3, 4, 5)


def some(number: int) -> pytest.MarkDecorator:
    """So many points, and all of them in the long campaign."""
    return pytest.mark.parametrize("most", [number, pytest.param(None, marks=pytest.mark.deep)])


class PointNotReached(Exception):
    """A command ended before the call at which it was to be killed.

    How many pages SQLite writes differs a little from run to run, with the times that it stores.
    """


def tried(
    what: str, bench: Bench, points: Sequence[Point], most: int | None, at: Callable[[Point], None]
) -> None:
    """Try points, each from the same beginning; fail with all that went wrong."""
    wrong = []
    unreached = 0
    chosen = list(sample(points, most))
    for point in chosen:
        bench.restore()
        try:
            at(point)
        except PointNotReached:
            unreached += 1
        except AssertionError as error:
            said = str(error)
            wrong.append(f"{point}\n    {said if len(said) < 900 else said[:300] + said[-600:]}")
    print(
        f"{what}: {len(chosen)} of {len(points)} points tried,"
        f" {unreached} not reached, {len(wrong)} went wrong"
    )
    assert not wrong, "\n".join(wrong)
    assert chosen
    # Of a few points any may be one of those; of all, a twentieth at most.
    assert unreached < len(chosen) if most else unreached <= len(chosen) / 20


def killed(bench: Bench, point: Point, *arguments: Argument, also: str = "") -> None:
    ran = bench.faulty(point, KILL, *arguments, also=also)
    if ran.code in (0, 3):
        raise PointNotReached
    assert ran.code == -signal.SIGKILL, ran
    bench.nothing_lost()


def told_clearly(ran: Ran) -> None:
    """It ended as the README says, and in words."""
    assert ran.code in DOCUMENTED, ran
    lines = ran.err.splitlines()
    assert len(lines) <= 2, ran.err
    assert all(line.startswith("gorillacomb: ") for line in lines[:1]), ran.err
    assert lines or ran.stdout, ran


@some(5)
def test_killed_and_carried_out_again(tmp_path: Path, most: int | None) -> None:
    bench = Bench(tmp_path)
    apply: Sequence[Argument] = ("dedupe", "--apply", bench.plan)

    def at(point: Point) -> None:
        killed(bench, point, *apply)
        ran = bench.run(*apply)
        assert ran.code in (0, 3), ran
        bench.nothing_lost()
        bench.whole_steps()
        bench.take_all_back(times=True)
        bench.nothing_waits()

    tried("killed, carried out again", bench, bench.points(*apply), most, at)


@some(3)
@pytest.mark.parametrize("action", ["quarantine", "hardlink", "symlink"])
def test_killed_and_taken_back(tmp_path: Path, action: str, most: int | None) -> None:
    """Whoever wants the files back does not carry the plan out first."""
    bench = Bench(tmp_path, action)
    apply: Sequence[Argument] = ("dedupe", "--apply", bench.plan)

    def at(point: Point) -> None:
        killed(bench, point, *apply)
        bench.take_all_back(times=True)
        bench.nothing_waits()

    tried(f"{action} killed, taken back", bench, bench.points(*apply), most, at)


@some(3)
@pytest.mark.parametrize("then", ["carried out", "taken back"])
def test_killed_where_nothing_can_be_renamed_safely(
    tmp_path: Path, then: str, most: int | None
) -> None:
    """There a file is linked to its new name, then unlinked from its old one."""
    bench = Bench(tmp_path)
    apply: Sequence[Argument] = ("dedupe", "--apply", bench.plan)
    points = [
        point
        for point in bench.points(*apply, also=NO_SUCH_RENAME)
        if str(bench.drive) in point.line and point.call != "renameat2"
    ]
    assert {"linkat", "unlinkat"} <= {point.call for point in points}

    def at(point: Point) -> None:
        killed(bench, point, *apply, also=NO_SUCH_RENAME)
        if then == "carried out":
            ran = bench.run(*apply)
            assert ran.code in (0, 3), ran
            bench.whole_steps()
        bench.take_all_back(times=True)
        bench.nothing_waits()

    tried(f"killed without a safe rename, {then}", bench, points, most, at)


FAULTS = {
    "one call fails": "error=EIO",
    "the disk is full from there on": "error=ENOSPC+",
}


@some(3)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_call_that_fails(tmp_path: Path, fault: str, most: int | None) -> None:
    bench = Bench(tmp_path)
    apply: Sequence[Argument] = ("dedupe", "--apply", bench.plan, "--json")

    def at(point: Point) -> None:
        ran = bench.faulty(point, FAULTS[fault], *apply)
        told_clearly(ran)
        bench.nothing_lost()
        if ran.stdout:
            document = json.loads(ran.stdout)
            done = document["done"] + len(document["skipped"]) + len(document["failed"])
            assert done == len(bench.steps), document
            assert bool(document["skipped"] or document["failed"]) == (ran.code == 3), document
        bench.take_all_back()
        bench.nothing_waits()

    tried(fault, bench, bench.points(*apply), most, at)


@some(3)
@pytest.mark.parametrize("action", ["quarantine", "hardlink", "symlink"])
def test_an_undo_that_is_killed(tmp_path: Path, action: str, most: int | None) -> None:
    bench = Bench(tmp_path, action)
    bench.carry_out()
    bench.save()

    def at(point: Point) -> None:
        killed(bench, point, "dedupe", "--undo")
        bench.take_all_back(times=True)
        bench.nothing_waits()

    tried(f"undo of {action} killed", bench, bench.points("dedupe", "--undo"), most, at)


@some(5)
def test_an_undo_of_one_file_of_a_folder_that_is_killed(tmp_path: Path, most: int | None) -> None:
    bench = Bench(tmp_path)
    bench.carry_out()
    bench.save()
    folder = next(Path(step["path"]) for step in bench.steps if step["kind"] == "folder")
    undo: Sequence[Argument] = ("dedupe", "--undo", "--only", folder / "film/scene.txt")

    def at(point: Point) -> None:
        killed(bench, point, *undo)
        bench.take_all_back()
        bench.nothing_waits()

    tried("undo of one file killed", bench, bench.points(*undo), most, at)


@some(2)
@pytest.mark.parametrize("fault", FAULTS)
def test_an_undo_in_which_a_call_fails(tmp_path: Path, fault: str, most: int | None) -> None:
    bench = Bench(tmp_path)
    bench.carry_out()
    bench.save()

    def at(point: Point) -> None:
        ran = bench.faulty(point, FAULTS[fault], "dedupe", "--undo", "--json")
        told_clearly(ran)
        bench.nothing_lost()
        bench.take_all_back()
        bench.nothing_waits()

    tried(f"undo, {fault}", bench, bench.points("dedupe", "--undo"), most, at)


EMPTY: Sequence[Argument] = ("dedupe", "--empty-quarantine", "--yes", "--json")


def emptied(bench: Bench) -> None:
    """Whatever was left goes with the next try, and not one content with it."""
    ran = bench.run(*EMPTY)
    assert ran.code == 0, ran
    assert bench.set_aside() == []
    bench.nothing_lost()
    bench.nothing_waits()


@some(3)
@pytest.mark.parametrize("action", ["quarantine", "hardlink"])
def test_killed_while_the_quarantine_is_emptied(
    tmp_path: Path, action: str, most: int | None
) -> None:
    bench = Bench(tmp_path, action)
    bench.carry_out()
    bench.save()

    def at(point: Point) -> None:
        killed(bench, point, *EMPTY)
        emptied(bench)

    tried(f"emptying after {action} killed", bench, bench.points(*EMPTY), most, at)


@some(2)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_call_that_fails_while_the_quarantine_is_emptied(
    tmp_path: Path, fault: str, most: int | None
) -> None:
    bench = Bench(tmp_path)
    bench.carry_out()
    bench.save()

    def at(point: Point) -> None:
        told_clearly(bench.faulty(point, FAULTS[fault], *EMPTY))
        bench.nothing_lost()
        emptied(bench)

    tried(f"emptying, {fault}", bench, bench.points(*EMPTY), most, at)


@some(3)
def test_killed_while_files_are_deleted_at_once(tmp_path: Path, most: int | None) -> None:
    bench = Bench(tmp_path, "delete")
    files = sum(step["files"] for step in bench.steps)
    apply: Sequence[Argument] = ("dedupe", "--apply", bench.plan, "--yes-delete", str(files))

    def at(point: Point) -> None:
        killed(bench, point, *apply)
        ran = bench.run(*apply)
        assert ran.code == 0, ran
        bench.nothing_lost()
        bench.whole_steps()
        emptied(bench)

    tried("deleting killed", bench, bench.points(*apply), most, at)
