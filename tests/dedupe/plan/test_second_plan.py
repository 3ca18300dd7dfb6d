"""One plan is enough: after it is carried out, the next one has no steps."""

from __future__ import annotations

import os
import random
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gorillacomb.classify.names import NOISE
from gorillacomb.dedupe.model import PlanOptions, Reference, SafetyRule
from gorillacomb.dedupe.plan.removal_set import RemovalSet, RemovedFolder
from gorillacomb.dedupe.safety.context import FolderContext, PathContext
from gorillacomb.dedupe.safety.policy import SafetyPolicy
from gorillacomb.folders.analysis import load_analysis
from gorillacomb.index.database import Index
from gorillacomb.vault.vault import Vault
from tests.dedupe import drives
from tests.dedupe.acting import slots
from tests.dedupe.drives import contents, look
from tests.dedupe.messy import MessyTree
from tests.dedupe.plans import Bench, Planned
from tests.support.memory import in_memory
from tests.support.trees import HardLink, Tree, make_tree

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


def messy(top: Path, dice: random.Random) -> None:
    MessyTree(top, dice.getrandbits(32)).build()


def one_plan_is_enough(build: Callable[[Path, random.Random], None], seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder, in_memory() as memory:
        top = Path(folder).resolve() / "drive"
        build(top, random.Random(seed))
        bench = Bench(top, memory / "vault")
        bench.scan(top)
        before = look(top)
        held = contents(top, NOISE).anywhere
        plan = bench.plan("--min-size", "0")
        if not plan.steps:
            return
        gone = [step["path"] for step in plan.steps]
        gone += [it["path"] for step in plan.steps for it in step.get("sidecars", ())]
        for step in plan.steps:
            for it in (step, *step.get("nested", ()), *step.get("sidecars", ())):
                assert not any(Path(it["keep"]).is_relative_to(each) for each in gone), it
            told_where_its_files_are_kept(step, gone)
        code, done = bench.dedupe_json("--apply", plan.file)
        assert (code, done["done"], done["skipped"]) == (0, len(plan.steps), []), done
        assert contents(top, NOISE).outside == held
        assert bench.plan("--min-size", "0").goes == {}, plan.goes
        assert bench.dedupe("--undo") == 0
        assert look(top) == before


def told_where_its_files_are_kept(step: dict[str, Any], gone: list[str]) -> None:
    """Follow each file of a folder to the copy that is kept for it, and count by folder."""
    if step["kind"] == "file":
        assert "kept_in" not in step
        return
    keeps = {it["path"]: it["keep"] for it in (step, *step.get("nested", ()))}
    found: Counter[str] = Counter()
    for path in Path(step["path"]).rglob("*"):
        if path.is_symlink() or not path.is_file() or os.fsencode(path.name) in NOISE:
            continue
        around = next(each for each in (path, *path.parents) if str(each) in keeps)
        inside, keep = around.relative_to(step["path"]), Path(keeps[str(around)])
        names = inside.parts
        if names == keep.parts[len(keep.parts) - len(names) :]:
            keep = Path(*keep.parts[: len(keep.parts) - len(names)])
        elif around.is_file():
            keep = keep.parent
        found[str(keep)] += 1
    told = {it["path"]: it["files"] for it in step.get("kept_in", ())}
    assert (told or {step["keep"]: step["files"]}) == dict(found)
    assert list(told.values()) == sorted(told.values(), reverse=True)
    assert sum(found.values()) == step["files"]


@pytest.mark.parametrize("build", [chain, messy, drives.build])
@pytest.mark.parametrize("examples", [10, pytest.param(500, marks=pytest.mark.deep)])
def test_one_plan_is_enough(
    examples: int, build: Callable[[Path, random.Random], None], vault: Path
) -> None:
    run = given(seed=st.integers(0, 2**32 - 1))(lambda seed: one_plan_is_enough(build, seed))
    settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))(run)()


def text(number: int) -> str:
    return f"text {number}; " * 40


REPORT: Tree = {"Report": {"notes": text(1)}, "server": {"index": text(2)}}
SITTINGS: dict[str, tuple[Tree, dict[str, str], dict[str, str]]] = {
    "what is left of a folder is contained in another one": (
        {
            "Backup": REPORT,
            "old": {".gitignore": "c9", "Backup": REPORT},
            "new": {"work": {"HealthTrack": {".gitignore": "c9", "src": {"index": text(3)}}}},
        },
        {"old": "new/work/HealthTrack"},
        {"old/Backup": "Backup"},
    ),
    "folders around two copies are alike when something else went": (
        {
            "Backup": {
                "Backup": {
                    "HealthTrack": {".hidden": "c" * 63, "sub": {"deep": {"f": text(1)}}},
                    "Photos 2": {"IMG_5.jpg": text(2), "own18.txt": "o" * 63},
                },
                "HealthTrack": {
                    ".hidden": "c" * 63,
                    "notes.md": "n" * 10,
                    "sub": {"deep": {"f": text(1)}},
                },
                "Photos 2": {"notes.txt": "11", "own18.txt": "o" * 63},
            }
        },
        {
            "Backup/Backup/HealthTrack": "Backup/HealthTrack",
            "Backup/Backup/Photos 2/own18.txt": "Backup/Photos 2/own18.txt",
        },
        {},
    ),
    "a file went out of a folder that goes": (
        {
            "Backup": {"y": {".env": "A", "photo.xmp": "B" * 8}},
            "client": {
                "b": "B" * 8,
                "x": {"Backup": {"y": {".env": "A", "a (1)": "C" * 15, "photo.xmp": "B" * 8}}},
            },
        },
        {"Backup/y": "client/x/Backup/y"},
        {},
    ),
    "what a file stays for was in a tree that is given up": (
        {
            "y": {
                "n": {"package.json": "{}"},
                "x": {
                    "client": {"Copy of package.json": "{}", "b": "C" * 15, "photo.xmp": "E" * 29},
                    "x": {"Temp (1)": {".env": "D" * 22}, "b": "C" * 15},
                },
            }
        },
        {"y/x/client/Copy of package.json": "y/n/package.json", "y/x/x/b": "y/x/client/b"},
        {},
    ),
    "a folder stays for one that was in a tree that is given up": (
        {
            "Apps": {"Tool": {f"f{number}": text(number) for number in range(5)}},
            "Papers": {
                "2019": {
                    "Trip": {
                        **{f"f{number}": text(number) for number in range(5)},
                        "part": {"two": "2" * 9},
                    }
                }
            },
            "Third": {"Trip": {"part": {"two": "2" * 9}, "own": "of third"}},
        },
        {"Apps/Tool": "Papers/2019/Trip", "Papers/2019/Trip/part": "Third/Trip/part"},
        {},
    ),
    "empty files in folders of no content": (
        {
            "Documents": {"Downloads": {"Foo": {"h": text(1)}}},
            "Downloads": {"Copy of stuff": {"index 2.js": ""}, "Foo copy": {"h": text(1)}},
            "Foo": {"sub": {"Copy of stuff copy": {"index 2.js": ""}, "e": "of e"}},
        },
        {
            "Downloads/Foo copy": "Documents/Downloads/Foo",
            "Downloads/Copy of stuff": "Foo/sub/Copy of stuff copy",
        },
        {},
    ),
    "a folder of hard links": (
        {
            "Copy of stuff": {"sub (1)": {"deep": {"f": text(1)}, "main": ""}},
            "old": {
                "Downloads": {
                    "Report": {
                        "client": {"main": HardLink("Copy of stuff/sub (1)/main")},
                        "src": {"app": "of app", "index": text(1)},
                    }
                }
            },
        },
        {
            "Copy of stuff/sub (1)/deep/f": "old/Downloads/Report/src/index",
            "old/Downloads/Report/client": "Copy of stuff/sub (1)",
        },
        {},
    ),
    "a library in which a system left something": (
        {
            "a": {
                "Archive": {
                    "Lib.photoslibrary": {
                        "originals": {"0.jpg": text(1), "Thumbs.db": "x"},
                        "database": {"Photos.sqlite": text(2)},
                    }
                }
            },
            "Downloads": {
                "Archive": {
                    "Lib.photoslibrary": {
                        "originals": {"0.jpg": text(1)},
                        "database": {"Photos.sqlite": text(2)},
                    }
                }
            },
        },
        {"Downloads": "a"},
        {},
    ),
}
"""What took two plans, or was in each: the tree, the one plan, and what is nested in its steps."""


@pytest.mark.parametrize("kind", SITTINGS)
def test_what_took_two_plans(tmp_path: Path, vault: Path, kind: str) -> None:
    tree, goes, inside = SITTINGS[kind]
    bench = Bench(make_tree(tmp_path / "drive", tree), vault)
    bench.scan(bench.folder)
    before = look(bench.folder)
    plan = bench.plan("--min-size", "0")
    assert plan.goes == goes
    assert dict(pair for path in goes for pair in nested(plan, path).items()) == inside
    assert bench.dedupe_json("--apply", plan.file)[1]["done"] == len(goes)
    assert bench.plan("--min-size", "0").steps == []
    assert bench.dedupe("--undo") == 0
    assert look(bench.folder) == before


def test_what_is_nested_in_what_a_folder_counts_on(tmp_path: Path, vault: Path) -> None:
    """Of a folder that goes, a part has its own copy; so has that part of what goes for it."""
    c1: Tree = {"f": text(1), "own": {"o": text(2)}}
    tree: Tree = {"v": c1, "g": c1, "k": {"f": text(1)}, "m": {"o": text(2)}}
    bench = Bench(make_tree(tmp_path / "drive", tree), vault)
    bench.scan(bench.folder)
    with Index.read(Vault(bench.vault)) as index:
        analysis = load_analysis(index, lambda path: False)
        at = {
            analysis.path(each)[len(os.fsencode(bench.folder)) + 1 :]: each
            for each in analysis.forest.order
        }
        going = RemovalSet()
        first = RemovedFolder(at[b"v"], at[b"g"], (), {})
        going.add(first)
        going.add(RemovedFolder(at[b"g"], at[b"k"], (), {at[b"g/own"]: at[b"m"]}))
        assert list(going.standing_pairs(first)) == [
            (at[b"v"], at[b"k"]),
            (at[b"v/own"], at[b"m"]),
        ]


def test_a_link_that_goes_holds_nothing_back() -> None:
    guard = SafetyPolicy(
        *(PlanOptions(), (), (), lambda top, path: False),
        links=[Reference(b"/drive/x/copy", b"/drive/Backup/link")],
    )
    levels = FolderContext(b"/drive/x", None), FolderContext(b"/drive/x/copy", None)
    for path in (b"/drive/x/copy", b"/drive/x/copy/file"):
        site = PathContext(b"/drive", path, path == levels[-1].path, levels)
        guard.gone.clear()
        refusal = guard.refusal_for(site, None)
        assert refusal is not None and refusal.rule is SafetyRule.LINKED
        guard.gone.add(b"/drive/Backup")
        assert guard.refusal_for(site, None) is None


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
