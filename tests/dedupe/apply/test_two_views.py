"""One file seen through two mounts is one file; two vaults that know two files leave one."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.dedupe.acting import Ground, contents, live, step, told
from tests.support.mounts import bind, of_linux
from tests.support.run import Ran, end_of, environment, run, start
from tests.support.trees import Tree, make_tree, settle

TREE: Tree = {"d": {"a": "of a; " * 50, "in": {"b": "of b; " * 50}}, "single": "alone; " * 50}
CONTENTS = {b"of a; " * 50, b"of b; " * 50, b"alone; " * 50}


@contextmanager
def overlay(folder: Path, point: Path) -> Iterator[Path]:
    """A folder seen through an overlay, which has a device number of its own."""
    upper, work = (point.with_name(f"{point.name}-{each}") for each in ("upper", "work"))
    for each in (upper, work, point):
        each.mkdir(exist_ok=True)
    if os.geteuid() != 0:
        pytest.skip("MISSING: root, to mount something")
    options = f"lowerdir={folder},upperdir={upper},workdir={work}"
    words = ["mount", "-t", "overlay", "-o", options, "overlay", str(point)]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"MISSING: the right to mount an overlay ({done.stderr.strip()})")
    try:
        yield point
    finally:
        subprocess.run(["umount", str(point)], check=True)


VIEWS = {"bind": bind, "overlay": overlay}


@pytest.fixture(params=VIEWS)
def views(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """A folder, and the same folder seen through another mount."""
    real = make_tree(tmp_path.resolve() / "real", TREE)
    settle(real)
    other = tmp_path.resolve() / "other"
    other.mkdir()
    with VIEWS[request.param](real, other):
        yield real, other


def plan_and_apply(vault: Path, plan: Path, *more: str) -> Ran:
    made = run("dedupe", "--plan", "-o", plan, *more, vault=vault)
    assert made.code == 0, made.err
    return run("dedupe", "--apply", plan, "--json", vault=vault)


@pytest.mark.parametrize("more", [(), ("--across-volumes",)], ids=["plain", "across"])
def test_both_are_roots_of_one_vault(
    views: tuple[Path, Path], more: tuple[str, ...], vault: Path, tmp_path: Path
) -> None:
    real, other = views
    assert run("scan", real, other, vault=vault).code == 0
    ran = plan_and_apply(vault, tmp_path / "plan", *more)
    assert ran.json()["done"] == 0, ran.out
    assert set(contents(real, ours=False)) == CONTENTS


def test_each_is_the_root_of_a_vault(views: tuple[Path, Path], vault: Path, tmp_path: Path) -> None:
    for number, root in enumerate(views):
        own = vault.with_name(f"vault{number}")
        assert run("scan", root, vault=own).code == 0
        ran = plan_and_apply(own, tmp_path / f"plan{number}", "--across-volumes")
        assert ran.json()["done"] == 0, ran.out
    assert set(contents(views[0], ours=False)) == CONTENTS


@of_linux
@pytest.mark.parametrize("across", [False, True])
@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("what", ["d", "single"])
def test_a_plan_that_takes_them_for_two(
    views: tuple[Path, Path], what: str, backward: bool, across: bool, tmp_path: Path
) -> None:
    real, other = reversed(views) if backward else views
    field = Ground(live(real, other))
    outcome = field.apply(step("s1", real / what, other / what), across_volumes=across)
    assert told([outcome])
    assert not outcome.done
    field.purge()
    assert set(contents(views[0], ours=False)) == CONTENTS
    # What the kernel remembers of an overlay may be older than what lies below it.
    Path("/proc/sys/vm/drop_caches").write_text("2")
    assert set(contents(views[0], ours=False)) == CONTENTS


def copies(top: Path) -> Path:
    made = make_tree(top.resolve(), {"one": TREE, "two": TREE})
    settle(made)
    return made


def mutual(vault: Path, top: Path, tmp_path: Path) -> tuple[list[Path], list[Path]]:
    """Two vaults, each with a plan to remove what the other one's keeps."""
    vaults, plans = [], []
    for stays, goes in (("one", "two"), ("two", "one")):
        vaults.append(vault / f"keeps-{stays}")
        plans.append(tmp_path / f"plan-{stays}")
        assert run("scan", top, vault=vaults[-1]).code == 0
        made = run("dedupe", "--plan", "-o", plans[-1], "--prefer", top / stays, vault=vaults[-1])
        assert made.code == 0, made.err
        lines = plans[-1].read_bytes().splitlines()[1:]
        assert lines
        assert all(json.loads(each)["path"].startswith(str(top / goes)) for each in lines)
    return vaults, plans


def test_two_vaults_one_after_the_other(vault: Path, tmp_path: Path) -> None:
    top = copies(tmp_path / "top")
    vaults, plans = mutual(vault, top, tmp_path)
    first = run("dedupe", "--apply", plans[0], "--json", vault=vaults[0])
    assert (first.code, first.json()["done"]) == (0, len(plans[0].read_bytes().splitlines()) - 1)
    second = run("dedupe", "--apply", plans[1], "--json", vault=vaults[1])
    assert (second.code, second.json()["done"]) == (3, 0)
    for each in vaults:
        run("dedupe", "--empty-quarantine", "--yes", vault=each)
    assert set(contents(top, ours=False)) == CONTENTS


@pytest.mark.parametrize("tries", [3, pytest.param(30, marks=pytest.mark.deep)])
def test_two_vaults_at_the_same_time(vault: Path, tmp_path: Path, tries: int) -> None:
    for number in range(tries):
        around = tmp_path / str(number)
        top = copies(around / "top")
        vaults, plans = mutual(vault.with_name(f"vault{number}"), top, around)
        environments = [environment(each) for each in vaults]
        running = [
            start("dedupe", "--apply", plan, "--json", env=env)
            for plan, env in zip(plans, environments, strict=True)
        ]
        ended = [end_of(each) for each in running]
        done = [json.loads(each.stdout)["done"] if each.stdout else 0 for each in ended]
        assert sorted(map(bool, done)) == [False, True], ended
        assert {each.code for each in ended} in ({0, 3}, {0, 5})  # it waits for no lock
        for each in vaults:
            run("dedupe", "--empty-quarantine", "--yes", vault=each)
        assert set(contents(top, ours=False)) == CONTENTS
