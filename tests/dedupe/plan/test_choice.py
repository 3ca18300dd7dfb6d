"""Which of several copies stays: whatever else there is, the one that comes first in the order."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gorillacomb.dedupe.plan.index_locations import IndexLocations
from gorillacomb.folders.analysis import GIVEN_UP, load_analysis
from gorillacomb.folders.tree import TreeFolder
from gorillacomb.fs.paths import is_below
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


class Copy(NamedTuple):
    """A copy of a tree."""

    place: str
    tree: Tree
    times: Sequence[int] = (0,)
    """Of what is in the folders right in it, in turn, s."""

    def make(self, drive: Path) -> None:
        """Make it. By the clock, the times of two copies would be the same now and then."""
        top = make_tree(drive / self.place, self.tree)
        for path in top.rglob("*"):
            inner = path.relative_to(top).parts
            turn = sum(map(ord, inner[0])) if len(inner) > 1 else 0
            when = 1_700_000_000 + self.times[turn % len(self.times)]
            os.utime(path, (when, when), follow_symlinks=False)


TIMES = st.lists(st.integers(0, 2), min_size=1, max_size=3)


@st.composite
def suites(draw: st.DrawFn) -> dict[Any, Any]:
    """A tree in which there may be projects, and pictures."""
    tree: Any = {**draw(TREES), "one": "1" * 9, "note": "note " * 30, **draw(MARKERS)}
    for name in draw(st.lists(st.sampled_from(["p1", "p2", "pictures"]), unique=True)):
        count = draw(st.integers(1, 5))
        if name == "pictures":
            tree[name] = {f"i{at}.jpg": f"picture {at} " * 20 for at in range(count)}
        else:
            files = {f"f{at}": f"{name} {at} " * 20 for at in range(count)}
            tree[name] = {**files, **draw(TREES), **draw(MARKERS)}
    return tree  # type: ignore[no-any-return]


@st.composite
def three_copies(draw: st.DrawFn) -> tuple[Copy, Copy, Copy]:
    """Two copies, and a third one, which may be one of a part of them."""
    tree = draw(suites())
    first, second = draw(st.lists(PLACES, min_size=2, max_size=2, unique=True))
    other = tree if draw(st.booleans()) else draw(drifted(tree))
    more = draw(st.sampled_from([tree, *(it for it in tree.values() if isinstance(it, dict))]))
    if draw(st.booleans()):
        more = draw(drifted(more))
    times = [draw(TIMES), draw(TIMES), draw(TIMES)]
    if draw(st.booleans()):
        times[1] = times[0]
    copies = Copy(first, tree, times[0]), Copy(second, other, times[1])
    return (*copies, Copy(draw(THIRD), more, times[2]))


def put(top: dict[str, object], place: str, tree: Tree) -> None:
    *above, name = place.split("/")
    for part in above:
        top = top.setdefault(part, {})  # type: ignore[assignment]
    top[name] = tree


def plan_of(folder: Path, places: Mapping[str, Tree]) -> Planned:
    """Scan and plan a new drive."""
    with in_memory() as memory:
        return _plan_of(Bench(folder / "drive", memory / "vault"), places)


def _plan_of(bench: Bench, places: Mapping[str, Tree]) -> Planned:
    tree: dict[str, object] = {"own": "a file of its own"}
    for place, it in places.items():
        put(tree, place, it)
    make_tree(bench.folder, tree)  # type: ignore[arg-type]
    bench.scan(bench.folder)
    return bench.plan()


def goes(plan: Planned, path: str) -> bool:
    """Whether a file goes, by itself or with a folder."""
    gone = [*plan.goes]
    for step in plan.steps:
        gone += [plan.inner(each) for each in (*step.get("nested", ()), *step.get("sidecars", ()))]
    return any(path == each or path.startswith(each + "/") for each in gone)


ROOTS = st.sampled_from([(0, 0, 0), (0, 0, 1), (0, 1, 0), (0, 1, 1), (0, 1, 2)])
"""Of three copies, the number of the root that each is in."""


def refuse_turned(copies: Sequence[Copy], plans: Sequence[Planned], *tops: Sequence[str]) -> None:
    """Of two equal files it is never now the one that goes, now the other.

    ``tops`` are, for each plan, the folders that the first two copies are in.
    """
    first, second, *_ = copies
    for path in set(files_of(first.tree)) & set(files_of(second.tree)):
        ways = {
            tuple(
                goes(plan, f"{top}{copy.place}/{path}")
                for top, copy in zip(above, copies, strict=False)
            )
            for plan, above in zip(plans, tops, strict=True)
        }
        assert ways != {(True, False), (False, True)}, (path, [plan.goes for plan in plans])


@given(three_copies(), ROOTS)
def test_a_third_copy_turns_no_two_around(
    copies: tuple[Copy, Copy, Copy], roots: Sequence[int]
) -> None:
    """Whether it is there from the beginning or not, and whichever roots they are in."""
    with in_memory() as top, in_memory() as memory:
        plans = []
        for number in (2, 3):
            bench = Bench(top / str(number), memory / str(number))
            plans.append(plan_of_copies(bench, copies[:number], roots))
    refuse_turned(copies, plans, *[[f"{at}/" for at in roots]] * 2)


@given(three_copies(), ROOTS, st.booleans())
@FEWER
def test_a_third_copy_that_comes_or_goes_turns_no_two_around(
    copies: tuple[Copy, Copy, Copy], roots: Sequence[int], comes: bool
) -> None:
    """While the vault stays the same."""
    with in_memory() as top, in_memory() as memory:
        bench = Bench(top / "drive", memory / "vault")
        plans = [plan_of_copies(bench, copies[: 2 if comes else 3], roots)]
        if not comes:
            shutil.rmtree(bench.folder / str(roots[2]) / copies[2].place)
        plans.append(plan_of_copies(bench, copies[2:] if comes else (), roots[2:]))
    refuse_turned(copies, plans, *[[f"{at}/" for at in roots]] * 2)


def plan_of_copies(bench: Bench, copies: Sequence[Copy], roots: Sequence[int]) -> Planned:
    """Make copies, each in the root of that number, and plan for all roots that are there."""
    for at, copy in zip(roots, copies, strict=False):
        make_tree(bench.folder / str(at), {"own": f"a file of root {at}"})
        copy.make(bench.folder / str(at))
    bench.scan(*sorted(bench.folder.iterdir()))
    return bench.plan()


@pytest.fixture(scope="module")
def second_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A drive of its own, for folders that each example makes."""
    with tmpfs(tmp_path_factory.mktemp("second"), "64m") as disk:
        yield disk


def plan_on_drives(
    drives: tuple[Path, Path], vault: Path, copies: Sequence[tuple[bool, Copy]], *options: str
) -> Planned:
    """Plan for what is on two drives: each copy with whether it is on the second one."""
    for second, drive in enumerate(drives):
        make_tree(drive, {"own": f"a file of drive {second}"})
    for is_second, copy in copies:
        copy.make(drives[is_second])
    bench = Bench(Path("/"), vault)
    bench.scan(*drives)
    return bench.plan(*options)


@given(three_copies(), st.tuples(*[st.booleans()] * 3), st.booleans())
@FEWER
def test_a_third_copy_on_another_drive_turns_no_two_around(
    second_disk: Path,
    copies: tuple[Copy, Copy, Copy],
    on_second: tuple[bool, bool, bool],
    across: bool,
) -> None:
    """Wherever the three are; and unless told so, nothing goes for a copy on another drive."""
    options = ("--across-volumes",) if across else ()
    with (
        in_memory() as top,
        tempfile.TemporaryDirectory(dir=second_disk) as disk,
        in_memory() as memory,
    ):
        plans, tops = [], []
        for number in (2, 3):
            drives = top / f"{number}", Path(disk).resolve() / f"{number}"
            placed = list(zip(on_second, copies, strict=True))[:number]
            plans.append(plan_on_drives(drives, memory / f"{number}", placed, *options))
            tops.append([f"{drives[on]}/"[1:] for on in on_second[:2]])
        for plan in plans:
            for path, keep in plan.goes.items():
                assert across or is_on(second_disk, path) == is_on(second_disk, keep)
    refuse_turned(copies, plans, *tops)


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
    """Neither a file nor a folder, unless it is in such a tree itself.

    Or other steps take other copies of that tree away, so that it is given up for none: even a
    single file, where that is all that two small folders have in common.
    """
    with in_memory() as top, in_memory() as memory:
        bench = Bench(top / "drive", memory / "vault")
        plan = _plan_of(bench, places)
        with Index.read(Vault(bench.vault)) as index:
            analysis = load_analysis(index, lambda path: False)
            roots = {root.id: root for root in all_roots(index.connection)}
            sites = IndexLocations(analysis, roots)

            def around(path: str) -> TreeFolder:
                at = sites.folder_at(os.fsencode(Path(path).parent))
                assert at is not None
                return at

            def copies_around(path: str) -> list[bytes]:
                at: TreeFolder | None = around(path)
                while at is not None:
                    for copies in analysis.kin.copies:
                        if at in copies:
                            return [analysis.path(each) for each in copies]
                    at = at.parent
                return []

            def obeys(step: dict[str, Any]) -> bool:
                ranks = [analysis.rank_in(around(step[name])) for name in ("path", "keep")]
                return ranks[1] != GIVEN_UP or ranks[0] == GIVEN_UP

            obeying = [os.fsencode(step["path"]) for step in plan.steps if obeys(step)]
            for step in plan.steps:
                assert obeys(step) or any(
                    is_below(path, copy) or is_below(copy, path)
                    for copy in copies_around(step["keep"])
                    for path in obeying
                ), (step, plan.goes)


@given(three_copies(), st.sampled_from(PLAIN_PLACES), st.sampled_from(COPY_PLACES))
def test_a_tree_under_a_plain_name_is_never_given_up_for_a_copy(
    copies: tuple[Copy, Copy, Copy], plain: str, copy: str
) -> None:
    """Unless for the third, which has a plain name too."""
    first, second, third = copies
    both = [Copy(plain, first.tree, first.times), Copy(copy, first.tree, second.times)]
    with in_memory() as top, in_memory() as memory:
        bench = Bench(top, memory / "vault")
        plan = plan_of_copies(bench, [*both, third], (0, 0, 0))
    for path, keep in plan.goes.items():
        if f"{path}/".startswith(f"0/{plain}/"):
            assert not f"{keep}/".startswith(f"0/{copy}/"), plan.goes


def project(number: int, git: Tree | None = None) -> Tree:
    files: dict[Any, Any] = {f"f{at}": f"{number} {at} " * 30 for at in range(number)}
    return {"package.json": "{}", **files, **({".git": git} if git else {})}


NOTE = "note " * 30
GIT: Tree = {"HEAD": "ref: x " * 20}
PARTS = {
    "two projects, each newer in another copy": [
        Copy("z/Trip", {"p1": project(5), "p2": project(2), "note": NOTE}, (0, 2)),
        Copy("Papers/2019/Trip", {"p1": project(5), "p2": project(2), "note": NOTE}, (4, 1)),
        Copy("Third/p1", project(5), (9,)),
    ],
    "a repository in the one that is deeper": [
        Copy("Papers/2019/Trip", {"p1": project(5, GIT), "note": NOTE}),
        Copy("z/Trip", {"p1": project(5), "note": NOTE}),
        Copy("Third/p1", project(5, GIT), (9,)),
    ],
}


@pytest.mark.parametrize("on_second", [False, True])
@pytest.mark.parametrize("name", PARTS)
def test_a_copy_of_a_part_turns_no_two_around(
    tmp_path: Path, second_disk: Path, name: str, on_second: bool
) -> None:
    """What is stamped in that one is stamped in neither of the two: it counts for none of them."""
    copies = PARTS[name]
    plans = []
    for number in (2, 3):
        with tempfile.TemporaryDirectory(dir=second_disk) as disk:
            drives = tmp_path.resolve() / f"{number}", Path(disk).resolve()
            placed = list(zip((False, False, on_second), copies, strict=True))[:number]
            plans.append(plan_on_drives(drives, tmp_path / f"vault {number}", placed))
    tops = [[f"{tmp_path.resolve()}/{number}/"[1:]] * 2 for number in (2, 3)]
    refuse_turned(copies, plans, *tops)
    assert any(plans[0].goes)
    reasons = {reason for plan in plans for each in plan.steps for reason in each["reasons"]}
    assert "chosen before" not in reasons, "nothing was"


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
    with in_memory() as top:
        plan = plan_of(top / "drive", places)
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
    assert plan.steps[0]["reasons"] == [
        "its path has none of the names that copies get, such as 'Copy of letter.txt'"
    ]


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
    assert plan.steps[0]["reasons"] == [
        "its path has none of the names that copies get, such as 'Tool copy'"
    ]


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
