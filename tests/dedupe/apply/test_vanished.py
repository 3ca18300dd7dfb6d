"""A folder that goes away at any moment of a run fails its own step, and no other."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gorillacomb.api import rescan as rescanning
from gorillacomb.dedupe.apply import runs
from gorillacomb.dedupe.model import DedupeAction, Plan, PlanOptions, PlanStep
from tests.dedupe.acting import Ground, Quiet, live, step
from tests.dedupe.plans import Bench
from tests.support.trees import Tree, make_tree

SAME = "the same in both; " * 9
LOOKS = tuple(
    name
    for name in ("open", "stat", "lstat", "listdir", "scandir", "fstat", "listxattr", "readlink")
    if hasattr(os, name)
)


@contextmanager
def at_look(number: int, act: Callable[[], object]) -> Iterator[list[int]]:
    """Do something right before the n-th look at the disk; yields how many there were."""
    real = {name: getattr(os, name) for name in LOOKS}
    looks = [0]

    def watched(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            looks[0] += 1
            if looks[0] == number:
                for name, each in real.items():
                    setattr(os, name, each)
                act()
            return function(*arguments, **options)

        return call

    try:
        for name, each in real.items():
            setattr(os, name, watched(each))
        yield looks
    finally:
        for name, each in real.items():
            setattr(os, name, each)


def drive(top: Path) -> tuple[Ground, list[PlanStep]]:
    folders: Tree = {
        f"{side}{number}": {"in": {"a": f"{SAME}{number}"}} for side in "vk" for number in "012"
    }
    made = make_tree(top, folders)
    steps = [step(f"s{it}", made / f"v{it}/in/a", made / f"k{it}/in/a") for it in "012"]
    return Ground(live(made)), steps


def take_away(path: Path) -> None:
    if path.exists():
        path.rename(path.with_name("gone"))


@pytest.mark.parametrize("gone", ["v1", "k1/in"])
@pytest.mark.parametrize("action", [DedupeAction.QUARANTINE, DedupeAction.HARDLINK, None])
def test_a_folder_goes_away(tmp_path: Path, action: DedupeAction | None, gone: str) -> None:
    """Of a run, or of a dry run where there is no action."""
    number, more = 1, True
    while more:
        top = tmp_path / str(number)
        field, steps = drive(top)
        with at_look(number, partial(take_away, top / gone)) as looks:
            if action is None:
                options = PlanOptions()
                plan = Plan("0" * 32, 1, options, tuple(steps))
                rehearsed = runs.dry_run(
                    plan, field.roots, field.guard(options), field.witness, Quiet()
                )
                done = [each.id for each, trouble in rehearsed if trouble is None]
            else:
                outcome = field.apply(*steps, action=action)
                done = [each.id for each in outcome.done]
                assert len(outcome.done + outcome.skipped + outcome.failed) == 3
        assert {"s0", "s2"} <= set(done), number
        number, more = number + 4, number <= looks[0]
    assert number > 60


def test_the_index_follows_the_others_when_a_folder_goes_before_it_is_scanned(
    tmp_path: Path, vault: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder: Tree = {"in": {"f": {"a": SAME, "b": "2" * 99}}}
    top = make_tree(
        tmp_path / "drive",
        {"x": {**folder, "own": "1"}, "x (1)": {**folder, "own": "2"}, "y": {"c": "3" * 99}},
    )
    make_tree(top, {"y (1)": {"c": "3" * 99, "own": "4"}})
    bench = Bench(top, vault)
    bench.scan(top)
    plan = bench.plan()
    assert len(plan.steps) == 2
    really = rescanning.rescan
    times: list[int] = []

    def rescan(*arguments: Any, **options: Any) -> object:
        if not times:
            (top / "x").rename(tmp_path / "taken away")
        times.append(1)
        return really(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(rescanning, "rescan", rescan)
        code, document = bench.dedupe_json("--apply", plan.file)
    assert (code, document["done"]) == (0, 2)
    assert len(times) == 2
    assert bench.plan().steps == []


def test_what_a_drive_that_went_away_does_to_many_is_told_once(tmp_path: Path, vault: Path) -> None:
    files: Tree = {f"{number:03}": {"f": f"{number}; {SAME}"} for number in range(40)}
    tree: Tree = {"data": {**files, "own": "1"}, "Backup": files}
    bench = Bench(make_tree(tmp_path / "drive", tree), vault)
    bench.scan(bench.folder)
    plan = bench.plan("--files-only").file
    bench.folder.rename(tmp_path / "pulled out")
    for options in (("--dry-run",), ()):
        assert bench.dedupe("--apply", plan, *options) == 3
        assert bench.printed.count("is in no scanned folder that is there now") == 1
        assert "and 39 more" in bench.printed
        assert len(bench.printed.splitlines()) < 10
