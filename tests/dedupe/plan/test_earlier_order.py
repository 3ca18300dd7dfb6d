"""The order in which two copies were chosen stays, whatever becomes of a third one."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.dedupe.plan.test_choice import goes
from tests.dedupe.plans import Bench, Planned
from tests.support.memory import in_memory
from tests.support.mounts import tmpfs
from tests.support.trees import Tree, make_tree

TEXT = "of three files " * 5
KEEP = ("--keep", "2")


class Change(NamedTuple):
    """What happens on a drive between two scans: 0 or 1, paths from its top."""

    drive: int
    path: str
    text: str | None = TEXT
    """What is written there; None to remove it, if it is there."""
    renamed: str | None = None
    """Or where the folder with this path goes, if it is there."""

    def make(self, drives: Sequence[Path]) -> None:
        path = drives[self.drive] / self.path
        if self.renamed is not None:
            other = drives[self.drive] / self.renamed
            if path.exists() and not other.exists():
                path.rename(other)
        elif self.text is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.text)
            os.utime(path, (1_700_000_000, 1_700_000_000))
        elif path.exists():
            path.unlink()


def letters(drive: int, folder: str, count: int) -> list[Change]:
    return [Change(drive, f"{folder}/i{at}.txt", f"{folder} {at} " * 40) for at in range(count)]


@pytest.fixture(scope="module")
def second_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with tmpfs(tmp_path_factory.mktemp("second"), "64m") as disk:
        yield disk


def benches(
    drives: Sequence[Path], vault: Path, scans: Sequence[Sequence[Change]]
) -> Iterator[Bench]:
    """Scan the drives after each group of changes."""
    bench = Bench(Path("/"), vault)
    for number, drive in enumerate(drives):
        own: Tree = {f"{at}": f"file {at} of drive {number}" for at in range(12)}
        make_tree(drive, {"own": own})  # so many that a drive never loses most of what it has
    for changes in scans:
        for change in changes:
            change.make(drives)
        bench.scan(*drives)
        yield bench


FIRST = [Change(0, "Downloads/z/y/x.txt"), Change(0, "Downloads/z/y/own", "a file of its own")]
SECOND = [Change(0, "Downloads/w/x.txt"), Change(0, "Downloads/w/own", "another file of its own")]
"""The first is chosen for being there earlier, the second would be for lying less deep."""
DRIFT = [[*FIRST, *letters(0, "Downloads/z/y", 2), *SECOND], letters(0, "Downloads/w", 4)]
"""The first has more company at first; then the second has more."""
RENAMED = [
    [
        *(Change(0, f"Downloads/{at}/x.txt") for at in "ab"),
        *(Change(0, f"Downloads/{at}/own", f"of {at}") for at in "ab"),
    ],
    [Change(0, "Downloads/a", renamed="Downloads/a copy")],
    [Change(0, "Downloads/a copy", renamed="Downloads/a")],
]
"""The second is chosen once the first has a copy's name, and the first then has its own again."""
THIRD = [Change(1, "Archive/x.txt")]
LEFT = [Change(1, "Archive/x.txt", None)]
HISTORIES: dict[str, list[list[Change]]] = {
    "at last": [FIRST, SECOND, THIRD],
    "before both": [THIRD, FIRST, SECOND],
    "between them": [FIRST, THIRD, SECOND],
    "with the second": [FIRST, [*SECOND, *THIRD]],
    "at last, and leaves": [FIRST, SECOND, THIRD, LEFT],
    "after the second has more company": [*DRIFT, THIRD],
    "before the second has more company": [DRIFT[0], THIRD, DRIFT[1]],
    "before both, of which the second gets more company": [THIRD, *DRIFT],
    "after the first had a copy's name for a while": [*RENAMED, THIRD],
    "before the first had a copy's name for a while": [THIRD, *RENAMED],
}
"""When the third copy comes."""


@pytest.mark.parametrize(
    ("when", "elsewhere"),
    [*((when, True) for when in HISTORIES), ("at last", False), ("before both", False)],
)
def test_a_third_copy_turns_no_two_files_around(
    tmp_path: Path, second_disk: Path, when: str, elsewhere: bool
) -> None:
    """On another drive, where nothing goes for it; or on this one, where two are to be kept."""
    scans = HISTORIES[when]
    alone = [[it for it in changes if it.drive == 0] for changes in scans]
    with tempfile.TemporaryDirectory(dir=second_disk) as disk:
        drives = tmp_path / "drive", (Path(disk) if elsewhere else tmp_path) / "other"
        *_, bench = benches(drives, tmp_path / "vault", scans)
        found = bench.plan(*(() if elsewhere else KEEP))
    control = tmp_path / "control", tmp_path / "other control"
    *_, bench = benches(control, tmp_path / "vault of control", alone)
    expected = bench.plan()
    pair = "Downloads/z/y/x.txt", "Downloads/w/x.txt"
    if RENAMED[-1] in scans:
        pair = "Downloads/b/x.txt", "Downloads/a/x.txt"
    for plan, (drive, _) in ((expected, control), (found, drives)):
        gone = [goes(plan, os.path.relpath(drive / each, "/")) for each in pair]
        assert gone == [False, True], plan.goes


def test_an_index_of_an_earlier_version_has_no_order(tmp_path: Path, second_disk: Path) -> None:
    """The canonical copy is then the first one, as it was; it can be read before it is migrated."""
    with tempfile.TemporaryDirectory(dir=second_disk) as disk:
        drives, vault = (tmp_path / "drive", Path(disk)), tmp_path / "vault"
        *_, bench = benches(drives, vault, [FIRST, SECOND])
        with closing(sqlite3.connect(vault / "index.db")) as database:
            assert database.execute("SELECT count(*) FROM copy_orders").fetchone() == (1,)
            database.executescript("DROP TABLE copy_orders; PRAGMA user_version = 10;")
        loser = os.path.relpath(drives[0] / "Downloads/w/x.txt", "/")
        assert list(bench.plan().goes) == [loser]
        THIRD[0].make(drives)
        bench.scan(*drives)
        assert list(bench.plan().goes) == [loser]


FOLDERS = ["Downloads/a", "Downloads/b/b", "Downloads/c c", "Temp/d"]
THIRD_PLACES = ["Archive/x.txt", "Archive/x.txt", "Downloads/0/x.txt"]
NUMBERS = st.integers(0, 2)


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[list[Change]], list[list[Change]]]:
    """What happens to two copies before each scan, and what happens to a third one meanwhile."""
    pair = draw(st.lists(st.sampled_from(FOLDERS), min_size=2, max_size=2, unique=True))
    scans: list[list[Change]] = [[], [], []]
    scans[0] += [Change(0, f"{folder}/own", f"of {folder}") for folder in pair]
    for folder in pair:
        scans[draw(NUMBERS)].append(Change(0, f"{folder}/x.txt"))
    for _ in range(draw(st.integers(0, 4))):
        changes, folder = scans[draw(NUMBERS)], draw(st.sampled_from(pair))
        match draw(st.sampled_from(["remove", "add", "company", "rename", "rename back"])):
            case "company":
                changes += letters(0, folder, draw(st.integers(1, 6)))
            case "rename":
                changes.append(Change(0, folder, renamed=f"{folder} copy"))
            case "rename back":
                changes.append(Change(0, f"{folder} copy", renamed=folder))
            case kind:
                changes.append(Change(0, f"{folder}/x.txt", TEXT if kind == "add" else None))
    third = Change(draw(st.integers(0, 1)), draw(st.sampled_from(THIRD_PLACES)))
    thirds: list[list[Change]] = [[], [], []]
    thirds[draw(NUMBERS)].append(third)
    thirds[draw(NUMBERS)] += draw(st.sampled_from([[], [], [third._replace(text=None)]]))
    return scans, thirds


@given(histories())
@settings(max_examples=settings().max_examples // 4)
def test_no_history_of_a_third_copy_turns_two_files_around(
    second_disk: Path, history: tuple[list[list[Change]], list[list[Change]]]
) -> None:
    scans, thirds = history
    is_near = any(it.drive == 0 for changes in thirds for it in changes)
    folders = {it.path.rpartition("/")[0] for changes in scans for it in changes}
    found: list[list[Planned]] = []
    tops = []
    with (
        tempfile.TemporaryDirectory() as name,
        tempfile.TemporaryDirectory(dir=second_disk) as disk,
        in_memory() as memory,
    ):
        for with_third in (False, True):
            drives = Path(name).resolve() / f"{with_third}", Path(disk).resolve() / f"{with_third}"
            tops.append(f"{drives[0]}/"[1:])
            both = [
                [*first, *(third if with_third else ())]
                for first, third in zip(scans, thirds, strict=True)
            ]
            options = KEEP if with_third and is_near else ()
            vault = memory / f"{with_third}"
            found.append([it.plan(*options) for it in benches(drives, vault, both)])
    paths = sorted({f"{at}{more}/x.txt" for at in folders for more in ("", " copy")})
    for alone, beside in zip(*found, strict=True):
        for at, first in enumerate(paths):
            for second in paths[at + 1 :]:
                ways = {
                    (goes(plan, top + first), goes(plan, top + second))
                    for plan, top in zip((alone, beside), tops, strict=True)
                }
                assert ways != {(True, False), (False, True)}, (alone.goes, beside.goes)
