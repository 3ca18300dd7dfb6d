"""Plans by the user's own rules: safe, whole, and the same whatever else exists."""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gorillacomb
from tests.dedupe.drives import build
from tests.dedupe.plan.test_choice import (
    FEWER,
    ROOTS,
    Copy,
    plan_of_copies,
    refuse_turned,
    three_copies,
)
from tests.dedupe.plans import Bench
from tests.stamping.trace import contents_on_disk, events
from tests.support.homes import config_folder
from tests.support.memory import in_memory
from tests.support.run import run
from tests.support.trees import Tree, make_tree, settle

DICE = st.integers(0, 2**32 - 1).map(random.Random)
LINES = [
    *("newest", "oldest", "shallowest", "deepest", "shortest-path", "longest-path"),
    *("first-path", "last-path", "shortest-name", "longest-name", "last-name", "numbered"),
    *("not numbered", "plain-name", "prefer", "path-regex [02468]", "not path-regex (?i)trip"),
    *("in */Trip/*", "not in *a*", "in */x/*", "name *.jpg", "not name a*"),
]
LISTS = st.lists(st.sampled_from(LINES), min_size=1, max_size=4, unique=True)
TEXT = "long enough to be found under any name, wherever it may be in the tree\n"


def write_rules(*lines: str) -> None:
    config = config_folder(Path(os.environ["HOME"])) / "config.toml"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(f"rules = {list(lines)!r}\n")


@contextmanager
def rules(lines: Sequence[str]) -> Iterator[None]:
    write_rules(*lines)
    try:
        yield
    finally:
        write_rules()


@given(three_copies(), ROOTS, LISTS)
def test_a_third_copy_turns_no_two_around(
    copies: tuple[Copy, Copy, Copy], roots: Sequence[int], lines: list[str]
) -> None:
    with in_memory() as top, in_memory() as memory, rules(lines):
        plans = []
        for number in (2, 3):
            bench = Bench(top / str(number), memory / str(number))
            plans.append(plan_of_copies(bench, copies[:number], roots))
    refuse_turned(copies, plans, *[[f"{at}/" for at in roots]] * 2)


@given(three_copies(), ROOTS, LISTS)
@FEWER
def test_nor_does_one_that_comes_later(
    copies: tuple[Copy, Copy, Copy], roots: Sequence[int], lines: list[str]
) -> None:
    with in_memory() as top, in_memory() as memory, rules(lines):
        bench = Bench(top / "drive", memory / "vault")
        plans = [plan_of_copies(bench, copies[:2], roots)]
        plans.append(plan_of_copies(bench, copies[2:], roots[2:]))
    refuse_turned(copies, plans, *[[f"{at}/" for at in roots]] * 2)


@given(DICE, LISTS)
@FEWER
def test_no_content_is_lost_and_one_plan_is_enough(dice: random.Random, lines: list[str]) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="gorillacomb-rules-") as name,
        in_memory() as folder,
        rules(lines),
    ):
        drive = Path(name).resolve() / "drive"
        build(drive, dice)
        before = set(contents_on_disk(drive))
        with gorillacomb.open_vault(folder / "vault") as vault:
            vault.scan([drive], workers=0)
            plan = vault.plan()
            gone = {pair.path for step in plan.steps for pair in step.pairs}
            for step in plan.steps:
                assert all(pair.keep not in gone for pair in step.pairs)
            vault.apply(plan, dry_run=False)
            assert set(contents_on_disk(drive)) == before
            vault.scan([drive], workers=0)
            assert [step.path for step in vault.plan().steps] == []


@given(DICE, LISTS)
@FEWER
def test_the_order_of_scans_changes_nothing(dice: random.Random, lines: list[str]) -> None:
    """If the list says something about any two: what was known first decides otherwise."""
    with (
        tempfile.TemporaryDirectory(prefix="gorillacomb-rules-") as name,
        in_memory() as folder,
        rules([each for each in lines if each != "first-path"] + ["first-path"]),
    ):
        tops = [Path(name).resolve() / top for top in ("a", "b")]
        for top in tops:
            build(top, dice)
        plans = []
        for number, order in enumerate((tops, tops[::-1])):
            with gorillacomb.open_vault(folder / f"vault {number}") as vault:
                for top in order:
                    vault.scan([top], workers=0)
                plans.append({(step.path, step.keep) for step in vault.plan().steps})
        assert plans[0] == plans[1]


ALBUM: Tree = {f"p{at}.jpg": f"picture {at} " * 20 for at in range(6)}


@pytest.mark.parametrize("lines", [["newest"], ["oldest"], ["last-path"], ["shortest-path"]])
def test_an_album_stays_whole(tmp_path: Path, vault: Path, lines: list[str]) -> None:
    """Though each of the two has pictures that are newer: in stamps as in the plan."""
    top = make_tree(tmp_path / "top", {"Rome": ALBUM, "Roma": {**ALBUM, "own.jpg": "own " * 30}})
    for folder, odd in (("Rome", 1), ("Roma", 0)):
        for at in range(6):
            when = 10**9 + (at if at % 2 == odd else at - 3)
            os.utime(top / folder / f"p{at}.jpg", (when, when))
    os.utime(top / "Roma/own.jpg", (10**9 - 9,) * 2)
    settle(top)
    with rules(lines), gorillacomb.open_vault(vault) as opened:
        opened.scan([top], workers=0)
        kept = {Path(os.fsdecode(each.canonical.path)).parent for each in opened.duplicates()}
        stamps = {str(each["path"]).split("/")[0] for each in events(vault) if "blake3" in each}
        steps = opened.plan().steps
    assert len(kept) == 1
    assert {step.path for step in steps} <= {os.fsencode(top / "Rome")}
    assert stamps <= {"Roma", next(iter(kept)).name}


def test_a_list_for_one_place_is_as_if_it_was_preferred(tmp_path: Path, vault: Path) -> None:
    top = make_tree(
        tmp_path / "top",
        {"Trip": {**ALBUM, "notes.txt": TEXT}, "Downloads": {"Trip": {**ALBUM, "notes.txt": TEXT}}},
    )
    with gorillacomb.open_vault(vault) as opened:
        opened.scan([top], workers=0)
        preferred = opened.plan(prefer=[top / "Downloads"]).steps
        [usual] = opened.plan().steps
        with rules([f"in {top}/Downloads"]):
            listed = opened.plan().steps
    assert usual.path == os.fsencode(top / "Downloads/Trip")
    assert {each.path for each in listed} == {os.fsencode(top / "Trip")}
    assert [(each.path, each.keep) for each in listed] == [
        (each.path, each.keep) for each in preferred
    ]


def test_a_changed_list_makes_a_new_choice_once(tmp_path: Path, vault: Path) -> None:
    """At the next scan; and taking it out of the settings makes the old choice again."""
    top = make_tree(tmp_path / "top", {"a": {"x.txt": TEXT}, "b": {"x.txt": TEXT}, "c": "own"})
    settle(top)

    def told() -> list[tuple[object, object]]:
        start = len(events(vault)) if vault.exists() else 0
        assert run("scan", top, "--workers", "0", vault=vault).code == 0
        return [(each["event"], each.get("path")) for each in events(vault, start)]

    assert ("stamp", "a/x.txt") in told()
    assert told() == []
    write_rules("last-path")
    assert run("explain", top / "b/x.txt", "--json", vault=vault).json()["canonical"] == {
        "path": str(top / "b/x.txt")
    }
    assert told() == [("restamp", "b/x.txt")]
    assert told() == []
    (top / "z").mkdir()
    (top / "z/x.txt").write_text(TEXT)
    assert told() == [("restamp", "z/x.txt")]
    write_rules()
    assert told() == [("restamp", "a/x.txt")]
    assert told() == []
    write_rules("not in */zzz/*")
    assert told() == told() == []


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("newst", "did you mean 'newest'"),
        ("in {top}/Phots", "Did you mean {top}/Photos?"),
        ("on Archiv", "Did you mean Archive?"),
        ("on Elsewhere", "gorillacomb roots name"),
    ],
)
def test_what_is_unknown_is_an_error_with_the_nearest(
    tmp_path: Path, vault: Path, rule: str, said: str
) -> None:
    top = make_tree(tmp_path / "top", {"Photos": {"x.txt": TEXT}, "b": {"x.txt": TEXT}})
    assert run("scan", top, vault=vault).code == 0
    assert run("roots", "name", top, "Archive", vault=vault).code == 0
    write_rules(rule.format(top=top))
    for words in (["dedupe", "--plan"], ["explain", top / "b/x.txt", "--rules"]):
        done = run(*words, vault=vault)
        assert done.code == 2
        assert said.format(top=top) in " ".join(done.err.split())


def test_explain_shows_the_list_at_work(tmp_path: Path, vault: Path) -> None:
    top = make_tree(tmp_path / "top", {"a": {"x.txt": TEXT}, "b": {"x.txt": TEXT, "y.txt": TEXT}})
    write_rules(f"in {top}/b", "last-name")
    assert run("scan", top, vault=vault).code == 0
    out = run("explain", top / "a/x.txt", "--rules", vault=vault).out
    assert f"2* in {top}/b: leaves 2, because by your rule 'in {top}/b'" in out
    assert f"not {top}/a/x.txt" in out
    assert "* last-name: leaves 1" in out
    assert "older: not needed" in out
    status = " ".join(run("status", vault=vault).out.split())
    assert f"Rules: in {top}/b; last-name" in status
    document = run("explain", top / "a/x.txt", "--rules", "--json", vault=vault).json()
    effects = {each["rule"]: each for each in document["rules"]}
    assert effects[f"in {top}/b"]["dropped"] == [{"path": str(top / "a/x.txt")}]
    assert effects["last-name"] == {
        "rule": "last-name",
        "own": True,
        "left": 1,
        "dropped": [{"path": str(top / "b/x.txt")}],
        "reason": "by your rule 'last-name'",
    }
    assert run("explain", top / "a/x.txt", "--json", vault=vault).json()["rules"] is None
