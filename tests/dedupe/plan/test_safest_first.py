"""`--free SIZE`: some steps of a plan, the safest ones, that can be done without the others."""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gorillacomb.classify.names import NOISE
from tests.dedupe import drives
from tests.dedupe.drives import contents, look
from tests.dedupe.plan.test_second_plan import chain, messy
from tests.dedupe.plans import Bench, planned
from tests.support.memory import in_memory
from tests.support.trees import HardLink, Tree


def content(name: str, blocks: int = 4) -> str:
    return f"{name}; ".ljust(64, ".") * (blocks * 64)


def without_id(step: dict[str, Any]) -> dict[str, Any]:
    """A step, without what depends on which other steps there are."""
    return {key: step[key] for key in step if key not in ("id", "bytes")}


def part_is_safe(build: Callable[[Path, random.Random], None], seed: int) -> None:
    """Any amount gives steps of the whole plan, which are all done and free what it says."""
    with tempfile.TemporaryDirectory() as folder, in_memory() as memory:
        dice = random.Random(seed)
        top = Path(folder).resolve() / "drive"
        build(top, dice)
        bench = Bench(top, memory / "vault")
        bench.scan(top)
        whole = bench.plan("--min-size", "0")
        if not whole.steps:
            return
        total = sum(step["bytes"] for step in whole.steps)
        wanted = dice.randint(1, total + total // 4 + 1)
        before, held = look(top), contents(top, NOISE).anywhere
        part = bench.plan("--min-size", "0", "--free", str(wanted))
        known = [without_id(step) for step in whole.steps]
        assert all(without_id(step) in known for step in part.steps)
        told = part.header["free"]
        assert told["wanted_bytes"] == wanted
        assert told["omitted_steps"] == len(whole.steps) - len(part.steps)
        assert told["reached"] == (told["freed_bytes_at_least"] >= wanted)
        assert told["reached"] or len(part.steps) == len(whole.steps)
        code, done = bench.dedupe_json("--apply", part.file)
        assert (code, done["done"], done["skipped"]) == (0, len(part.steps), []), done
        assert contents(top, NOISE).outside == held
        assert bench.dedupe("--undo") == 0
        assert look(top) == before
        again = bench.plan("--min-size", "0", "--free", str(wanted))
        assert bench.dedupe("--apply", again.file) == 0
        code, freed = bench.dedupe_json("--empty-quarantine", "--yes")
        assert (code, freed["skipped"]) == (0, []), freed
        least = freed.get("bytes_freed_at_least", freed["bytes_freed"])
        assert least >= told["freed_bytes_at_least"], (freed, told)
        assert contents(top, NOISE).anywhere >= held


def test_the_quarantine_is_emptied_where_a_kept_folder_was_emptied_too() -> None:
    """A folder inside a step has its copy in one whose files all left, and which then left itself.

    Each of its files is kept elsewhere, and that is what counts.
    """
    part_is_safe(messy, 1039)


@pytest.mark.parametrize("build", [chain, messy, drives.build])
@pytest.mark.parametrize("examples", [8, pytest.param(500, marks=pytest.mark.deep)])
def test_a_part_of_a_plan_can_be_done_by_itself(
    examples: int, build: Callable[[Path, random.Random], None], vault: Path
) -> None:
    run = given(seed=st.integers(0, 2**32 - 1))(lambda seed: part_is_safe(build, seed))
    settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))(run)()


@pytest.fixture
def bench(tmp_path: Path, vault: Path) -> Bench:
    return Bench(tmp_path / "drive", vault)


def order_of(bench: Bench, *options: str) -> list[str]:
    """All steps in the order in which more and more space takes them in."""
    found: list[str] = []
    for count in range(1, len(bench.plan(*options).steps) + 1):
        size = 1
        while len((part := bench.plan("--free", str(size), *options)).steps) < count:
            size = part.header["free"]["freed_bytes_at_least"] + 1
        assert len(part.steps) == count
        [new] = set(part.goes) - set(found)
        found.append(new)
    return found


def folder(name: str) -> Tree:
    return {f"{name}-{number}": content(f"{name} {number}") for number in range(3)}


ALL: Tree = {
    "kept": {
        "one": folder("one"),
        "two": folder("two"),
        "app": {"package.json": content("app"), **folder("app")},
        "around": {"inner": {"package.json": content("inner"), **folder("inner")}},
        "single.bin": content("single", 40),
        "double.bin": content("double", 60),
    },
    "other": {
        "Copy of two": folder("two"),
        "plain": {"one": folder("one")},
        "app": {"package.json": content("app"), **folder("app")},
        "around": {"inner": {"package.json": content("inner"), **folder("inner")}},
        "single (1).bin": content("single", 40),
        "zz.bin": content("double", 60),
    },
}


def test_the_order(bench: Bench) -> None:
    planned(bench, ALL)
    assert order_of(bench, "--prefer", f"{bench.folder}/kept") == [
        "other/Copy of two",
        "other/single (1).bin",
        "other/plain/one",
        "other/zz.bin",
        "other/app",
        "other/around",
    ]


def test_what_other_steps_make_possible_comes_after_them(bench: Bench) -> None:
    """A project refers to a folder beside it, which can be removed only after it."""
    app: Tree = {"package.json": '{"dependencies": {"lib": "file:../lib"}}' + " " * 99}
    both: Tree = {"app": {**app, **folder("app")}, "lib": folder("lib")}
    tree: Tree = {"kept": {**both, "own": "1"}, "other": {**both, "own": "2"}}
    prefer = ("--prefer", f"{bench.folder}/kept")
    plan = planned(bench, tree, *prefer)
    assert set(plan.goes) == {"other/app", "other/lib"}
    assert order_of(bench, *prefer) == ["other/app", "other/lib"]
    part = bench.plan("--free", "1", *prefer)
    assert bench.dedupe_json("--apply", part.file)[1]["done"] == 1
    alone = plan.file.with_name("alone.jsonl")
    lines = plan.file.read_bytes().splitlines(keepends=True)
    alone.write_bytes(lines[0] + b"".join(each for each in lines[1:] if b"other/lib" in each))
    assert bench.dedupe("--undo") == 0
    skipped = bench.dedupe_json("--apply", alone, "--dry-run")[1]["skipped"]
    assert ["linked" in each["cause"] for each in skipped] == [True]


def test_a_file_with_several_names_counts_with_the_last(bench: Bench) -> None:
    tree: Tree = {
        "kept": {"big.bin": content("big", 50), "small.bin": content("small", 20)},
        "other": {
            "big (1).bin": content("big", 50),
            "big (2).bin": HardLink("other/big (1).bin"),
            "small (1).bin": content("small", 20),
        },
    }
    planned(bench, tree)
    part = bench.plan("--free", "150000")
    assert {"other/big (1).bin", "other/big (2).bin"} <= set(part.goes)
    assert part.header["free"]["reached"]
    assert bench.dedupe("--apply", part.file) == 0
    code, freed = bench.dedupe_json("--empty-quarantine", "--yes")
    assert code == 0
    assert freed["bytes_freed"] >= part.header["free"]["freed_bytes_at_least"] >= 150_000


def test_what_is_left_out_is_told(bench: Bench) -> None:
    planned(bench, ALL)
    whole = bench.plan()
    part = bench.plan("--free", "30kB")
    assert list(part.goes) == ["other/Copy of two"]
    told = part.header["free"]
    rest = [step for step in whole.steps if bench_path(step, bench) not in part.goes]
    assert told["omitted_steps"] == len(rest) == 5
    assert told["omitted_bytes"] == sum(step["bytes"] for step in rest)
    assert told["reached"]
    assert 30_000 <= told["freed_bytes_at_least"] <= part.steps[0]["bytes"]
    more = bench.plan("--free", "1TB").header["free"]
    assert (more["reached"], more["omitted_steps"], more["omitted_bytes"]) == (False, 0, 0)
    assert more["freed_bytes_at_least"] > 300_000


def bench_path(step: dict[str, Any], bench: Bench) -> str:
    return os.path.relpath(step["path"], bench.folder)
