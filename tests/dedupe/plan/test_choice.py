"""Which of several copies stays: whatever else there is, the one that comes first in the order."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gorillacomb.dedupe.plan.index_locations import IndexLocations
from gorillacomb.folders.analysis import GIVEN_UP, load_analysis
from gorillacomb.index.database import Index
from gorillacomb.index.roots import all_roots
from gorillacomb.vault.vault import Vault
from tests.dedupe.plans import Bench, Planned
from tests.folders.forests import NAMES, TEXTS, TREES
from tests.support.memory import in_memory
from tests.support.mounts import tmpfs
from tests.support.trees import Tree, make_tree

PLAIN_PLACES = ["Apps/Tool", "Papers/2019/Trip", "Trip", "z/Trip", "b"]
COPY_PLACES = ["Apps/Tool copy", "Copy of Trip", "New Folder With Items/Trip", "Backup/a/b/Trip"]
PLACES = st.sampled_from(PLAIN_PLACES + COPY_PLACES)
THIRD = st.sampled_from(["Third/Trip", "Trip (1)/Trip", "0", "y/Tool", "Downloads/zz"])
MARKERS: st.SearchStrategy[dict[str, object]] = st.sampled_from(
    [{}, {}, {"package.json": "{}"}, {".git": {"HEAD": "ref"}}]
)


FEWER = settings(max_examples=settings().max_examples // 2)
"""Of properties that scan a drive, or four of them, for each example."""


def files_of(tree: Mapping[Any, Any], at: str = "") -> Iterator[str]:
    """Every file that is not empty, by relative path; links left out."""
    for name, it in tree.items():
        if isinstance(it, dict):
            yield from files_of(it, f"{at}{name}/")
        elif isinstance(it, str) and it:
            yield f"{at}{name}"


@st.composite
def drifted(draw: st.DrawFn, tree: dict[Any, Any]) -> dict[Any, Any]:
    """A tree with a few things more, and a few less."""
    found = {**tree, **draw(MARKERS)}
    for name in draw(st.lists(NAMES, max_size=2)):
        found[name] = draw(st.one_of(TEXTS, TREES))
    for name in draw(st.lists(st.sampled_from(sorted(tree) or ["a"]), max_size=1)):
        found.pop(name, None)
    return found


@st.composite
def three_copies(draw: st.DrawFn) -> tuple[str, str, str, Tree, Tree, Tree]:
    """Two places and a third one, and what is in them."""
    tree: Any = {**draw(TREES), "one": "1" * 9, **draw(MARKERS)}
    first, second = draw(st.lists(PLACES, min_size=2, max_size=2, unique=True))
    other: Any = tree if draw(st.booleans()) else draw(drifted(tree))
    more: Any = draw(drifted(tree))
    return first, second, draw(THIRD), tree, other, more


def put(top: dict[str, object], place: str, tree: Tree) -> None:
    *above, name = place.split("/")
    for part in above:
        top = top.setdefault(part, {})  # type: ignore[assignment]
    top[name] = tree


def plan_of(folder: Path, places: Mapping[str, Tree], *options: str) -> Planned:
    """Scan and plan a new drive; each of the first parts of the places is a root with --roots."""
    with in_memory() as memory:
        return _plan_of(Bench(folder / "drive", memory / "vault"), places, *options)


def _plan_of(bench: Bench, places: Mapping[str, Tree], *options: str) -> Planned:
    tree: dict[str, object] = {"own": "a file of its own"}
    for place, it in places.items():
        put(tree, place, it)
    make_tree(bench.folder, tree)  # type: ignore[arg-type]
    if "--roots" in options:
        bench.scan(*(each for each in sorted(bench.folder.iterdir()) if each.is_dir()))
    else:
        bench.scan(bench.folder)
    return bench.plan()


def goes(plan: Planned, path: str) -> bool:
    """Whether a file goes, by itself or with a folder."""
    gone = [*plan.goes]
    for step in plan.steps:
        gone += [plan.inner(each) for each in (*step.get("nested", ()), *step.get("sidecars", ()))]
    return any(path == each or path.startswith(each + "/") for each in gone)


@given(three_copies(), st.sampled_from([(), ("--roots",)]))
def test_a_third_copy_turns_no_two_around(
    copies: tuple[str, str, str, Tree, Tree, Tree], options: tuple[str, ...]
) -> None:
    """Of two equal files it is never now the one that goes, now the other."""
    first, second, third, tree, other, more = copies
    with tempfile.TemporaryDirectory() as name:
        top = Path(name).resolve()
        two = plan_of(top / "two", {first: tree, second: other}, *options)
        three = plan_of(top / "three", {first: tree, second: other, third: more}, *options)
    for path in set(files_of(tree)) & set(files_of(other)):
        pair = f"{first}/{path}", f"{second}/{path}"
        before, after = (tuple(goes(plan, each) for each in pair) for plan in (two, three))
        assert {before, after} != {(True, False), (False, True)}, (path, two.goes, three.goes)


@pytest.fixture(scope="module")
def second_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A drive of its own, for folders that each example makes."""
    with tmpfs(tmp_path_factory.mktemp("second"), "64m") as disk:
        yield disk


def plan_on_drives(
    drives: tuple[Path, Path], vault: Path, places: Mapping[str, tuple[bool, Tree]], *options: str
) -> Planned:
    """Plan for what is on two drives: each place with whether it is on the second one."""
    for second, drive in enumerate(drives):
        tree: dict[str, object] = {"own": f"a file of drive {second}"}
        for place, (is_second, it) in places.items():
            if is_second == bool(second):
                put(tree, place, it)
        make_tree(drive, tree)  # type: ignore[arg-type]
    bench = Bench(Path("/"), vault)
    bench.scan(*drives)
    return bench.plan(*options)


@given(three_copies(), st.tuples(*[st.booleans()] * 3), st.booleans())
@FEWER
def test_a_third_copy_on_another_drive_turns_no_two_around(
    second_disk: Path,
    copies: tuple[str, str, str, Tree, Tree, Tree],
    on_second: tuple[bool, bool, bool],
    across: bool,
) -> None:
    """Wherever the three are; and unless told so, nothing goes for a copy on another drive."""
    first, second, third, tree, other, more = copies
    a, b, c = on_second
    two = {first: (a, tree), second: (b, other)}
    options = ("--across-volumes",) if across else ()
    with (
        tempfile.TemporaryDirectory() as name,
        tempfile.TemporaryDirectory(dir=second_disk) as disk,
        in_memory() as memory,
    ):
        plans, drives = [], []
        for number, places in enumerate((two, {**two, third: (c, more)})):
            tops = Path(name).resolve() / str(number), Path(disk).resolve() / str(number)
            drives.append((tops[0] / "drive", tops[1] / "drive"))
            tops[0].mkdir()
            plans.append(plan_on_drives(drives[-1], memory / f"{number}", places, *options))
        for plan in plans:
            for path, keep in plan.goes.items():
                assert across or is_on(second_disk, path) == is_on(second_disk, keep)
    for path in set(files_of(tree)) & set(files_of(other)):
        ways = [
            tuple(
                goes(plan, f"{drive[on]}/{place}/{path}"[1:])
                for on, place in ((a, first), (b, second))
            )
            for plan, drive in zip(plans, drives, strict=True)
        ]
        assert set(ways) != {(True, False), (False, True)}, (path, [plan.goes for plan in plans])


def is_on(disk: Path, path: str) -> bool:
    return Path("/", path).is_relative_to(disk)


@st.composite
def parts_of_copies(draw: st.DrawFn) -> dict[str, Tree]:
    """A tree and a copy of it that has more, and other places with what only that one has."""
    tree: Any = {**draw(TREES), **{f"f{at}": f"{at}" * 99 for at in range(5)}}
    part: Any = {**draw(TREES), "two": "2" * 9}
    first, second = draw(st.lists(PLACES, min_size=2, max_size=2, unique=True))
    name = draw(st.sampled_from(["part", "a", "src"]))
    places: dict[str, Tree] = {first: tree, second: {**tree, name: part}}
    for place in draw(st.lists(THIRD, min_size=1, max_size=2, unique=True)):
        places[place] = draw(st.sampled_from([part, {name: part, "own": f"of {place}" * 9}]))
    return places


@given(parts_of_copies())
@FEWER
def test_nothing_goes_for_a_copy_in_a_tree_that_is_given_up(places: dict[str, Tree]) -> None:
    """Neither a file nor a folder, unless it is in such a tree itself."""
    with tempfile.TemporaryDirectory() as name, in_memory() as memory:
        bench = Bench(Path(name).resolve() / "drive", memory / "vault")
        plan = _plan_of(bench, places)
        with Index.read(Vault(bench.vault)) as index:
            analysis = load_analysis(index, lambda path: False)
            roots = {root.id: root for root in all_roots(index.connection)}
            sites = IndexLocations(analysis, roots)
            for step in plan.steps:
                ranks = []
                for path in (step["path"], step["keep"]):
                    at = sites.folder_at(os.fsencode(Path(path).parent))
                    assert at is not None
                    ranks.append(analysis.rank_in(at))
                assert ranks[1] != GIVEN_UP or ranks[0] == GIVEN_UP, (step, plan.goes)


@given(three_copies(), st.sampled_from(PLAIN_PLACES), st.sampled_from(COPY_PLACES))
def test_a_tree_under_a_plain_name_is_never_given_up_for_a_copy(
    copies: tuple[str, str, str, Tree, Tree, Tree], plain: str, copy: str
) -> None:
    """Unless for the third, which has a plain name too."""
    *_, third, tree, _, more = copies
    with tempfile.TemporaryDirectory() as name:
        plan = plan_of(Path(name).resolve() / "drive", {plain: tree, copy: tree, third: more})
    for path, keep in plan.goes.items():
        if path == plain or path.startswith(plain + "/"):
            assert not keep.startswith(copy + "/") and keep != copy, plan.goes


ALBUM = [f"IMG_{number}.jpg" for number in range(10, 22)]


@st.composite
def scattered(draw: st.DrawFn) -> tuple[str, dict[str, dict[str, object]]]:
    """An album, and folders in which some of its pictures lie among other things."""
    album = draw(st.sampled_from(["a/b/Iceland", "Iceland", "Backup/Photos/Iceland", "z/Iceland"]))
    folders: dict[str, dict[str, object]] = {}
    for name in ALBUM:
        for place in draw(
            st.lists(st.sampled_from(["in", "x/y/z/in", "Desk", "dump/1", "dump/2"]), max_size=2)
        ):
            folders.setdefault(place, {"letter.doc": f"to {place}" * 9})[name] = name * 20
    for place in folders:
        for number in range(draw(st.sampled_from([0, 3, 20]))):
            folders[place][f"other {number}.jpg"] = f"{place} {number}" * 20
    return album, folders


@given(scattered())
def test_an_album_stays_whole(scene: tuple[str, dict[str, dict[str, object]]]) -> None:
    album, folders = scene
    places: dict[str, Tree] = {album: {name: name * 20 for name in ALBUM}}
    places |= folders  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory() as name:
        plan = plan_of(Path(name).resolve() / "drive", places)
    assert {goes(plan, f"{album}/{each}") for each in ALBUM} in ({True}, {False}), plan.goes
    if goes(plan, f"{album}/{ALBUM[0]}"):
        assert album in plan.goes, "as a whole, for one that has all of it"


def test_what_is_left_of_an_album_is_told(tmp_path: Path) -> None:
    picture: dict[Any, Any] = {name: name * 20 for name in ALBUM}
    more: dict[Any, Any] = {f"other {number}.jpg": f"{number}" * 99 for number in range(30)}
    few = dict(list(picture.items())[:3])
    plan = plan_of(tmp_path / "it", {"Iceland": picture, "Best of": {**more, **few}})
    assert plan.goes == {}
    assert plan.left == {("Iceland", "album", 3)}
    control = plan_of(tmp_path / "control", {"Iceland": picture, "Downloads": {**more, **few}})
    assert set(control.goes) == {f"Downloads/{name}" for name in few}


@pytest.mark.parametrize("third", [False, True])
def test_folders_around_projects_are_in_the_order_of_these(tmp_path: Path, third: bool) -> None:
    """Else what is stamped decides between them, and a third copy may be what is stamped."""
    project: Tree = {"package.json": "{}", "a.js": "code " * 99}
    places = {"z/Trip": project, "Papers/2019/Trip": project, **({"0": project} if third else {})}
    bench = Bench(tmp_path / "drive", tmp_path / "vault")
    for at, (place, it) in enumerate(places.items()):
        make_tree(bench.folder / place, it)
        for each in (bench.folder / place).iterdir():
            os.utime(each, (1_700_000_000 + at, 1_700_000_000 + at))
    bench.scan(bench.folder)
    plan = bench.plan()
    assert plan.goes == {"z": "Papers/2019", **({"Papers/2019/Trip": "0"} if third else {})}
    assert plan.step("z")["reasons"][-1] == "in a project worked on more recently"


def test_an_excluded_file_makes_no_copy_the_better_one(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "drive", tmp_path / "vault")
    tree: Tree = {
        "Documents": {"letter.txt": "dear " * 99, "film.part": "half " * 99},
        "Copies": {"Copy of letter.txt": "dear " * 99},
    }
    make_tree(bench.folder, tree)
    bench.scan(bench.folder, options=("--exclude", "*.part"))
    plan = bench.plan()
    assert plan.goes == {"Copies/Copy of letter.txt": "Documents/letter.txt"}
    assert plan.steps[0]["reasons"] == ["not under a name of a copy, such as 'Copy of letter.txt'"]


def test_the_reasons_are_those_of_the_two_folders(tmp_path: Path) -> None:
    tree: dict[Any, Any] = {f"f{number}": f"{number}" * 99 for number in range(8)}
    places: dict[str, Tree] = {
        "Apps/Tool": {"package.json": "{}", **tree},
        "Apps/Tool copy": {"package.json": "{}", **tree},
        "New Folder With Items/Tool": {
            "package.json": "{}",
            **tree,
            ".git": {"HEAD": "x"},
            "f0": "new",
        },
    }
    plan = plan_of(tmp_path / "it", places)
    assert plan.goes == {"Apps/Tool copy": "Apps/Tool"}
    assert plan.steps[0]["reasons"] == ["not under a name of a copy, such as 'Tool copy'"]


@pytest.mark.parametrize("late", ["Trip", "0"])
def test_what_was_chosen_before_stays(tmp_path: Path, late: str) -> None:
    """Unless it lost something, or has the name of a copy."""
    bench = Bench(tmp_path / "drive", tmp_path / "vault")
    trip: Tree = {"plan.txt": "first " * 99, "bill.txt": "paid " * 99}
    make_tree(bench.folder, {"b": {"c": {"Trip": trip}}})
    bench.scan(bench.folder)
    make_tree(bench.folder / late, trip)
    bench.scan(bench.folder)
    plan = bench.plan()
    assert plan.goes == {late: "b/c/Trip"}
    assert plan.steps[0]["reasons"] == ["chosen before"]
    (bench.folder / "b/c/Trip/bill.txt").unlink()
    bench.scan(bench.folder)
    assert bench.plan().goes == {"b/c/Trip": late}


def test_one_with_the_name_of_a_copy_does_not_stay(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "drive", tmp_path / "vault")
    trip: Tree = {"plan.txt": "first " * 99, "bill.txt": "paid " * 99}
    make_tree(bench.folder, {"Trip copy": trip})
    bench.scan(bench.folder)
    make_tree(bench.folder / "z/y/x/Trip", trip)
    bench.scan(bench.folder)
    assert bench.plan().goes == {"Trip copy": "z/y/x/Trip"}


def test_a_tree_leaves_only_for_one_with_every_path(tmp_path: Path) -> None:
    picture: dict[Any, Any] = {f"{number}.txt": f"cover {number} " * 99 for number in range(6)}
    rome, oslo = {**picture, "hotel": picture}, {**picture, "museum": picture}
    plan = plan_of(tmp_path / "it", {"Rome": rome, "Oslo": oslo})
    assert not {"Rome", "Oslo"} & plan.goes.keys()
    control = plan_of(tmp_path / "control", {"Rome": {**picture, "Rome": picture}, "Oslo": picture})
    assert control.goes in ({"Rome": "Oslo"}, {"Oslo": "Rome", "Rome/Rome": "Rome"})
