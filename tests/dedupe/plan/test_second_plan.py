"""One plan is enough: after it is carried out, the next one has no steps."""

from __future__ import annotations

import os
import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.dedupe.acting import slots
from tests.dedupe.drives import look
from tests.dedupe.plans import Bench, Planned
from tests.support.trees import Tree, make_tree

PLACES = (
    *("work/app/c1", "work/app/src/c1", "Backup/c1", "Backup/old/c1", "x/old/c1", "Downloads/c1"),
    *("Copy of c1", "c1", "Temp/c1", "New Folder With Items/c1", "a/b/c/c1", "Documents/c1"),
    *("Backup 2/x/c1", "Desktop/c1 (1)", "Archive/2019/c1"),
)
COPIED: Tree = {f"f{number}.dat": f"file {number}; " * 40 for number in range(3)}


def chain(top: Path, dice: random.Random) -> None:
    """Copies of one folder in random places, some of which have something more beside it."""
    if dice.random() < 0.6:
        make_tree(top, {"work": {"app": {"package.json": "{}", "index.js": "the index"}}})
    sub: Tree = {"sub": {f"g{number}": f"below {number}; " * 40 for number in range(2)}}
    copied = {**COPIED, **(sub if dice.random() < 0.4 else {})}
    for place in dice.sample(PLACES, dice.randint(2, 5)):
        make_tree(top / place, copied)
    for place in ("x", "Backup", "Documents", "a/b", "Temp", "Downloads", "work"):
        if dice.random() < 0.5:
            make_tree(top / place, {"readme": place})
    for path in top.rglob("*"):
        moment = dice.randint(1, 2**30) * 1_000_000_007
        os.utime(path, ns=(moment, moment))


@given(seed=st.integers(0, 2**32 - 1))
def one_plan_is_enough(seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder).resolve() / "drive"
        chain(top, random.Random(seed))
        bench = Bench(top, top.with_name("vault"))
        bench.scan(top)
        before = look(top)
        plan = bench.plan("--min-size", "0")
        code, done = bench.dedupe_json("--apply", plan.file)
        assert (code, done["done"]) == (0, len(plan.steps)), done
        bench.scan(top)
        assert bench.plan("--min-size", "0").goes == {}, plan.goes
        if plan.steps:
            assert bench.dedupe("--undo") == 0
        assert look(top) == before


@pytest.mark.parametrize("examples", [12, pytest.param(500, marks=pytest.mark.deep)])
def test_one_plan_is_enough(examples: int, vault: Path) -> None:
    settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))(
        one_plan_is_enough
    )()


@pytest.fixture
def bench(tmp_path: Path, vault: Path) -> Bench:
    """Here what x/old counts on goes in part: a folder of it, and a file of another one."""
    more: Tree = {"n": "n; " * 90, "m": "m; " * 90, "own": {"file": "file; " * 90}}
    tree: Tree = {
        "work": {"app": {"package.json": "{}", "c1": COPIED}},
        "Backup": {"c1": COPIED, "d": more, "readme": "1"},
        "x": {"old": {"c1": COPIED, "d": more}, "readme": "2"},
        "Papers": {"n": "n; " * 90, "others": "3"},
    }
    made = Bench(make_tree(tmp_path / "drive", tree), vault)
    made.scan(made.folder)
    return made


def nested(plan: Planned, path: str) -> dict[str, str]:
    step = plan.step(path)
    return {plan.inner(each): plan.inner(each, "keep") for each in step.get("nested", ())}


def test_what_a_folder_counts_on_goes_in_part(bench: Bench) -> None:
    plan = bench.plan()
    before = look(bench.folder)
    assert plan.goes == {
        "x/old": "Backup",
        "Backup/c1": "work/app/c1",
        "Backup/d/n": "Papers/n",
    }
    assert nested(plan, "x/old") == {"x/old/c1": "work/app/c1", "x/old/d/n": "Papers/n"}
    assert bench.dedupe_json("--apply", plan.file)[1]["done"] == 3
    bench.scan(bench.folder)
    assert bench.plan().steps == []
    assert bench.dedupe("--undo") == 0
    assert look(bench.folder) == before


def test_it_is_deleted_while_that_third_copy_stands(bench: Bench) -> None:
    assert bench.dedupe("--apply", bench.plan().file) == 0
    (bench.folder / "Papers/n").write_text("changed")
    code, done = bench.dedupe_json("--empty-quarantine", "--yes")
    assert (code, done["done"], len(done["skipped"])) == (3, 1, 2)
    (bench.folder / "Papers/n").write_text("n; " * 90)
    assert bench.dedupe_json("--empty-quarantine", "--yes")[1]["done"] == 2
    assert slots(bench.folder) == []


def test_a_file_that_differs_there_holds_its_folder_back(bench: Bench) -> None:
    plan = bench.plan()
    (bench.folder / "Papers/n").write_text("changed")
    _, done = bench.dedupe_json("--apply", plan.file)
    assert done["done"] == 1
    assert {os.path.relpath(each["path"], bench.folder) for each in done["skipped"]} == {
        "x/old/d/n",
        "Backup/d/n",
    }


def test_folders_do_not_go_for_each_other_in_a_circle(tmp_path: Path, vault: Path) -> None:
    """Of two folders one comes first, and of what is in them the other one, which is preferred."""
    tree: Tree = {"a": {"c": {"c1": COPIED}}, "x": {"old": {"c1": COPIED}, "own": "1"}, "own": "2"}
    bench = Bench(make_tree(tmp_path / "drive", tree), vault)
    bench.scan(bench.folder)
    plan = bench.plan("--prefer", bench.folder / "x/old/c1")
    assert plan.goes == {"a/c/c1": "x/old/c1"}
    assert bench.dedupe_json("--apply", plan.file)[1]["done"] == 1
    bench.scan(bench.folder)
    assert bench.plan("--prefer", bench.folder / "x/old/c1").steps == []
