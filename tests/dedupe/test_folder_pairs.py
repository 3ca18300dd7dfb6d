"""Steps are shown by the two folders that a person thinks of, wherever a plan or a run is shown."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gorillacomb.dedupe.folder_pairs import FolderPairs
from gorillacomb.dedupe.model import KeptPlace, PlanStep, RemovalPair
from tests.dedupe.plans import Bench, planned
from tests.support.run import lines_on_screen, on_terminal, run, width_of
from tests.support.trees import Tree, make_tree


def file_step(path: str, keep: str, size: int = 10, **more: object) -> PlanStep:
    return PlanStep(path, "file", os.fsencode(path), os.fsencode(keep), 1, size, **more)  # type: ignore[arg-type]


def folder_step(path: str, keep: str, files: int, **more: object) -> PlanStep:
    step = "folder", os.fsencode(path), os.fsencode(keep), files, 10 * files
    return PlanStep(path, *step, **more)  # type: ignore[arg-type]


def shown(pairs: FolderPairs) -> list[tuple[str, str, int]]:
    return [(os.fsdecode(each.path), os.fsdecode(each.keep), each.files) for each in pairs]


@pytest.fixture
def drive(tmp_path: Path) -> str:
    return os.fspath(tmp_path)


def test_what_corresponds_is_one_pair(drive: str) -> None:
    names = [f"{sub}/{name}" for sub in ("a", "b/c") for name in ("x", "y")]
    files: Tree = {"x": "", "y": ""}
    make_tree(Path(drive), {"old": {"a": files, "b": {"c": files}, "own": ""}})
    pairs = FolderPairs.of(file_step(f"{drive}/old/{at}", f"{drive}/new/{at}") for at in names)
    assert shown(pairs) == [(f"{drive}/old", f"{drive}/new", 4)]
    [pair] = pairs
    assert pairs.staying(pair) == (1, (b"own",))
    assert pair.kept_in == (KeptPlace(os.fsencode(f"{drive}/new"), 4),)


def test_a_folder_of_which_little_leaves_is_not_the_pair(drive: str) -> None:
    """Two copies of projects in a large folder: each is a pair, not the folder around them."""
    make_tree(Path(drive), {"in": {f"f{number}": "" for number in range(30)}})
    steps = [folder_step(f"{drive}/in/{name}", f"{drive}/out/{name}", 9) for name in "pq"]
    pairs = FolderPairs.of(steps)
    assert shown(pairs) == [(f"{drive}/in/{name}", f"{drive}/out/{name}", 9) for name in "pq"]
    assert [pairs.staying(pair) for pair in pairs] == [(0, ())] * 2
    for number in range(20):
        os.unlink(f"{drive}/in/f{number}")
    assert shown(FolderPairs.of(steps)) == [(f"{drive}/in", f"{drive}/out", 18)]


def test_copies_beside_each_other_are_a_pair_of_one_folder(drive: str) -> None:
    make_tree(Path(drive), {"in": {"f": "", "f (1)": "", "g": "", "g (1)": ""}})
    steps = [file_step(f"{drive}/in/{name} (1)", f"{drive}/in/{name}") for name in "fg"]
    pairs = FolderPairs.of(steps)
    assert shown(pairs) == [(f"{drive}/in", f"{drive}/in", 2)]
    assert [pairs.staying(pair) for pair in pairs] == [(2, (b"f", b"g"))]


def test_what_is_kept_in_many_folders_is_one_pair(drive: str) -> None:
    make_tree(Path(drive), {"in": {f"f{number}": "" for number in range(50)}})
    steps = [file_step(f"{drive}/in/f{at}", f"{drive}/out/{at % 9}/f") for at in range(40)]
    steps += [file_step(f"{drive}/in/f{at}", f"{drive}/main/f{at}") for at in range(40, 49)]
    pairs = FolderPairs.of(steps)
    assert len(pairs) == 2 - 1
    [pair] = pairs
    assert (pair.files, len(pair.kept_in), pair.kept_around) == (49, 10, None)
    steps = [file_step(f"{drive}/in/f{at}", f"{drive}/out/{at % 9}/f") for at in range(30)]
    steps += [file_step(f"{drive}/in/f{at}", f"{drive}/main/f{at}") for at in range(30, 49)]
    pairs = FolderPairs.of(steps)
    large, small = pairs
    assert (large.files, large.kept_around) == (30, os.fsencode(f"{drive}/out"))
    assert (small.files, small.keep) == (19, os.fsencode(f"{drive}/main"))
    assert [pairs.leaving_elsewhere(pair) for pair in pairs] == [19, 30]


def test_a_scattered_folder_is_one_pair(drive: str) -> None:
    names = [f"box {at % 12}/f{at}" for at in range(48)]
    for name in names:
        make_tree(Path(drive), {})
        os.makedirs(os.path.dirname(f"{drive}/in/{name}"), exist_ok=True)
        Path(f"{drive}/in/{name}").touch()
    steps = [
        file_step(f"{drive}/in/{name}", f"{drive}/out/{at % 7}/g{at}")
        for at, name in enumerate(names)
    ]
    [pair] = FolderPairs.of(steps)
    assert (pair.path, pair.files) == (os.fsencode(f"{drive}/in"), 48)
    # A folder that keeps something for a step is not called removed as a whole.
    inside = [*steps, file_step(f"{drive}/in/more", f"{drive}/in/box 0/kept")]
    assert os.fsencode(f"{drive}/in") not in {
        each.path for each in FolderPairs.of(inside) if len(each.steps) > 1
    }


def test_a_retired_folder_is_one_side_of_its_pairs(drive: str) -> None:
    make_tree(Path(drive), {"in": {"a": {f"own {number}": "" for number in range(99)}}})
    steps = [file_step(f"{drive}/in/{sub}/f", f"{drive}/out/{sub}/f") for sub in ("a", "b", "c/d")]
    assert len(FolderPairs.of(steps)) == 3
    pairs = FolderPairs.of(steps, [os.fsencode(f"{drive}/in")])
    assert shown(pairs) == [(f"{drive}/in", f"{drive}/out", 3)]


@pytest.fixture
def bench(tmp_path: Path, vault: Path) -> Bench:
    return Bench(tmp_path / "drive", vault)


NAMES = st.sampled_from(["a", "b", "c"])
PLACES = st.lists(NAMES, min_size=1, max_size=4).map("/".join)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    steps=st.lists(st.tuples(PLACES, PLACES, st.integers(0, 5)), max_size=25),
    others=st.lists(PLACES, max_size=6),
    retired=st.booleans(),
)
def test_each_step_is_in_one_pair_and_the_figures_add_up(
    steps: list[tuple[str, str, int]], others: list[str], retired: bool
) -> None:
    with tempfile.TemporaryDirectory() as top:
        made = []
        for number, (inside, keep, size) in enumerate(steps):
            path = f"{top}/{inside}/{number}"
            os.makedirs(os.path.dirname(path), exist_ok=True)
            Path(path).touch()
            made.append(file_step(path, f"{top}/{keep}/k{number}", size))
        for number, other in enumerate(others):
            os.makedirs(f"{top}/{other}", exist_ok=True)
            Path(f"{top}/{other}/own {number}").touch()
        pairs = FolderPairs.of(made, [os.fsencode(f"{top}/a")] if retired else [])
        assert sorted(step.id for each in pairs for step in each.steps) == sorted(
            step.id for step in made
        )
        assert sum(each.size for each in pairs) == sum(step.size for step in made)
        sizes = [each.size for each in pairs]
        assert sizes == sorted(sizes, reverse=True)
        gone = {step.path for step in made}
        for pair in pairs:
            assert all(step.path.startswith(pair.path + b"/") for step in pair.steps)
            assert sum(place.files for place in pair.kept_in) == pair.files
            walked = list(os.walk(pair.path))
            below = [os.path.join(folder, name) for folder, _, names in walked for name in names]
            staying = pairs.staying(pair)
            assert staying is not None
            assert staying.files == len(set(below) - gone)
            assert pair.files + pairs.leaving_elsewhere(pair) == len(gone & set(below))
            assert all(os.path.join(pair.path, name) in below for name in staying.names)


def test_sidecars_and_several_places_count(drive: str) -> None:
    make_tree(Path(drive), {"in": {"p.jpg": "", "p.xmp": "", "own": ""}})
    also = RemovalPair(os.fsencode(f"{drive}/in/p.xmp"), os.fsencode(f"{drive}/out/p.xmp"))
    step = file_step(f"{drive}/in/p.jpg", f"{drive}/out/p.jpg", sidecars=(also,))
    pairs = FolderPairs.of([step])
    [pair] = pairs
    assert pairs.staying(pair) == (1, (b"own",))
    places = (KeptPlace(b"/k/one", 4), KeptPlace(b"/k/two", 3))
    [pair] = FolderPairs.of([folder_step("/t/x", "/k/one", 7, kept_in=places)])
    assert pair.kept_in == places


SHARED = range(20)


def part(number: int, own: bool) -> Tree:
    """A folder of a project; the copy has a file of its own in each."""
    shared: Tree = {f"f{one}": f"{number} {one}" * 200 for one in range(12)}
    return {**shared, f"own {number}.txt": f"own {number}" * 90} if own else shared


MANY: Tree = {
    name: {"package.json": "{}" * 99, **{f"d{at}": part(at, own) for at in SHARED}}
    for name, own in (("app", False), ("Copy of app", True))
}


def test_hundreds_of_steps_of_a_retired_folder_are_one_pair(bench: Bench, tmp_path: Path) -> None:
    """In the preview, the dry run, the report and the history; single steps with --steps."""
    plan = planned(bench, MANY, "--retire", "@/Copy of app")
    assert len(plan.steps) > 200
    copy, top = bench.folder / "Copy of app", bench.folder
    total = sum(len(names) for _, _, names in os.walk(copy))
    files = sum(step["files"] for step in plan.steps)
    head = f"{files:,} of {total:,} files of {copy} "
    retire = "dedupe", "--retire", copy
    apply = "dedupe", "--apply", plan.file
    for words, verb, stays in (
        (retire, "leave", "these 20 stay: d0/own 0.txt, "),
        ((*apply, "--dry-run"), "leave", "these 20 stay: d0/own 0.txt, "),
        (apply, "were quarantined", "these 20 stay: d0/own 0.txt, "),
    ):
        ran = run(*words, vault=bench.vault)
        assert ran.code == 0, ran
        lines = ran.out.splitlines()
        assert sum(line.endswith(head + verb) for line in lines) == 1, ran.out
        assert sum(stays in line for line in lines) == 1, ran.out
        assert f"      keep: {top}/app" in lines
        assert len(lines) < 20
    name = run("dedupe", "--history", "--json", vault=bench.vault).json()["runs"][0]["run"]
    for verb in ("are in quarantine", "were put back"):
        told = run("dedupe", "--history", name, vault=bench.vault).out.splitlines()
        assert sum(line.endswith(head + verb) for line in told) == 1, told
        assert len(told) < 20
        single = run("dedupe", "--history", name, "--steps", vault=bench.vault).out
        assert all(f"  {step['path']}\n" in single for step in plan.steps)
        assert run("dedupe", "--undo", name, vault=bench.vault).code in (0, 2)
    single = run(*apply, "--dry-run", "--steps", vault=bench.vault).out
    assert all(f"{step['path']}\n" in single for step in plan.steps)
    single = run(*retire, "--steps", "--verbose", vault=bench.vault).out
    assert all(f"  {step['path']}\n" in single for step in plan.steps)


def test_pairs_fit_on_a_terminal(bench: Bench) -> None:
    long = "a folder with a long name, longer than anybody would type by hand " * 2
    tree: Tree = {
        long: {f"{at} {long}": f"{at}" * 9000 for at in range(9)},
        f"Copy of {long}": {
            **{f"{at} {long}": f"{at}" * 9000 for at in range(9)},
            **{f"own {at} {long}": f"own {at}" * 90 for at in range(3)},
        },
    }
    planned(bench, tree)
    for columns in (80, 60):
        ran = on_terminal("dedupe", columns=columns, vault=bench.vault)
        lines = lines_on_screen(ran.stdout)
        at = next(at for at, line in enumerate(lines) if line.startswith("By folder"))
        pair = lines[at + 1 : at + 4]
        assert "9 of 12 files of " in pair[0] and pair[0].endswith(" leave")
        assert "these 3 stay: own 0 a" in pair[1]
        assert pair[2].startswith("      keep: ")
        assert max(map(width_of, pair)) <= columns
