"""Empty folders: listed, planned, removed and put back by the command line."""

from __future__ import annotations

import os
import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gorillacomb
from gorillacomb.fs.paths import is_below
from tests.dedupe.drives import build, folders
from tests.stamping.trace import contents_on_disk
from tests.support.homes import config_folder
from tests.support.memory import in_memory
from tests.support.run import run
from tests.support.trees import Link, Tree, make_tree, settle

DICE = st.integers(0, 2**32 - 1).map(random.Random)
TREE: Tree = {
    "a": {"b": {"c": {}}},
    "Stuff": {"x": {}, "Mail": {"cur": {}, "new": {}, "tmp": {}}},
    "repository": {".git": {"refs": {}, "objects": {}}},
    "Editor.app": {"Contents": {}},
    "web": {"package.json": "{}", "logs": {}},
    "node_modules": {".cache": {}},
    ".config": {"tool": {}},
    "target": {},
    "link": Link("target"),
    "kept": {".keep": ""},
    "noise": {".DS_Store": "as a system leaves it"},
    "marked": {"in": {}},
    "protected": {},
}
GO = {"a": 3, "Stuff/x": 1}
STAY = {
    "Stuff/Mail": "belongs to a program",
    "repository": "project (.git)",
    "Editor.app": "belongs to a program",
    "web/logs": "project (package.json)",
    "node_modules": "programs make",
    ".config": "hidden",
    "target": "link leads to",
    "marked": "marked keep",
    "protected": "protected by",
}


@pytest.fixture
def top(tmp_path: Path, vault: Path, own_home: Path) -> Path:
    made = make_tree(tmp_path / "Drive", TREE)
    config = config_folder(own_home) / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(f"protect = ['{made}/protected']\n")
    settle(made)
    assert run("scan", made, vault=vault).code == 0
    assert run("mark", "keep", made / "marked/in", vault=vault).code == 0
    return made


def test_all_are_listed_and_what_something_may_need_stays(top: Path, vault: Path) -> None:
    listed = run("folders", "--empty", "--json", vault=vault).json()["empty"]
    found = {os.path.relpath(each["path"], top): each for each in listed}
    assert {inner: each["folders"] for inner, each in found.items() if not each["left_alone"]} == GO
    stay = {inner: each["left_alone"] for inner, each in found.items() if each["left_alone"]}
    assert stay.keys() == STAY.keys()
    for inner, cause in STAY.items():
        assert cause in stay[inner], inner
    with gorillacomb.open_vault(vault) as opened:
        assert opened.empty_folders().to_dict() == {"empty": listed}
    inside = run("folders", "--empty", top / "Stuff", "--json", vault=vault).json()["empty"]
    assert {each["path"] for each in inside} == {f"{top}/Stuff/x", f"{top}/Stuff/Mail"}
    out = run("folders", "--empty", "--all", vault=vault).out
    assert "Empty: 4 folders" in out
    assert "(2 folders in it)" in out
    assert "dedupe --plan --empty-folders" in out
    assert run("folders", "--empty", top / "none", vault=vault).code == 2


def test_a_plan_removes_them_and_an_undo_brings_them_back(
    top: Path, vault: Path, tmp_path: Path
) -> None:
    before = sorted(top.rglob("*"))
    plan = tmp_path / "plan.jsonl"
    shown = run("dedupe", "--empty-folders", vault=vault).out
    assert "4 empty folders would be quarantined, in 2 steps" in shown
    assert "although empty" in shown
    document = run("dedupe", "--empty-folders", "--json", vault=vault).json()
    assert {os.path.relpath(each["path"], top) for each in document["step_list"]} == set(GO)
    assert run("dedupe", "--plan", "--empty-folders", "-o", plan, vault=vault).code == 0
    assert "Would be done: 2 steps" in run("dedupe", "--apply", plan, "--dry-run", vault=vault).out
    done = run("dedupe", "--apply", plan, vault=vault)
    assert "Quarantined: 2 empty folders" in done.out
    gone = {path for path in before if path not in set(top.rglob("*"))}
    assert {os.path.relpath(path, top) for path in gone} == {"a", "a/b", "a/b/c", "Stuff/x"}
    assert "No folder is empty" not in run("folders", "--empty", vault=vault).out
    history = run("dedupe", "--history", "--json", vault=vault).json()["runs"]
    assert [each["steps"] for each in history] == [2]
    items = run("dedupe", "--history", history[0]["run"], "--json", vault=vault).json()["items"]
    assert {each["state"] for each in items} == {"waiting"}
    assert "to put it back" in run("explain", top / "a", vault=vault).out
    only = run("dedupe", "--undo", "--only", top / "a/b", vault=vault)
    assert (only.code, "Put back: 1 empty folder" in only.out) == (0, True)
    assert run("dedupe", "--undo", vault=vault).code == 0
    ours = {path for path in top.rglob("*") if ".gorillacomb" in path.parts}
    assert sorted({*top.rglob("*")} - ours) == before


def test_they_are_deleted_only_from_the_quarantine(top: Path, vault: Path, tmp_path: Path) -> None:
    plan = tmp_path / "plan.jsonl"
    assert run("dedupe", "--plan", "--empty-folders", "-o", plan, vault=vault).code == 0
    assert run("dedupe", "--apply", plan, vault=vault).code == 0
    young = run("dedupe", "--empty-quarantine", "--older-than", "30d", "--yes", vault=vault)
    assert "empty folder" not in young.out
    assert len(list(top.glob(".gorillacomb/quarantine/*/s*"))) == 2
    done = run("dedupe", "--empty-quarantine", "--yes", vault=vault)
    assert "Deleted: 2 empty folders" in done.out
    assert list(top.glob(".gorillacomb/quarantine/*/s*")) == []


@pytest.mark.parametrize(
    "words",
    [("--action", "delete"), ("--keep", "2"), ("--free", "1GB"), ("--files-only",)],
)
def test_what_makes_no_sense_for_them_is_refused(
    top: Path, vault: Path, words: tuple[str, ...]
) -> None:
    done = run("dedupe", "--empty-folders", *words, vault=vault)
    assert (done.code, "--empty-folders" in done.err) == (2, True)


def test_a_plan_within_a_folder_leaves_the_others(top: Path, vault: Path) -> None:
    with gorillacomb.open_vault(vault) as opened:
        inside = opened.plan(empty_folders=True, within=[top / "a/b"])
        assert [step.path for step in inside.steps] == [os.fsencode(top / "a/b")]
        without = opened.plan(empty_folders=True, protect=[top / "a"])
        assert [step.path for step in without.steps] == [os.fsencode(top / "Stuff/x")]


@settings(max_examples=settings().max_examples // 3)
@given(DICE)
def test_no_file_ever_goes_with_them(dice: random.Random) -> None:
    """On random drives, in which someone writes between the plan and the run."""
    with tempfile.TemporaryDirectory(prefix="gorillacomb-empty-") as name, in_memory() as memory:
        drive = Path(name).resolve() / "drive"
        build(drive, dice)
        for folder in dice.sample(folders(drive), min(4, len(folders(drive)))):
            if folder.is_dir():
                (folder / "nothing" / "in" / "it").mkdir(parents=True)
        with gorillacomb.open_vault(memory / "vault") as vault:
            vault.scan([drive], workers=0)
            plan = vault.plan(empty_folders=True)
            empty = [os.fsdecode(step.path) for step in plan.steps]
            for path in dice.sample(empty, min(2, len(empty))):
                Path(path, "late").write_text("of somebody else")
            before, links = contents_on_disk(drive), sorted(map(str, drive.rglob("*")))
            result = vault.apply(plan, dry_run=False)
            assert contents_on_disk(drive) == before
            for step in result.done:
                assert not os.path.lexists(step.path)
                assert not any(
                    is_below(path, step.path) for found in before.values() for path in found
                )
            if result.done:
                assert vault.undo(result.id).is_complete
            now = (path for path in drive.rglob("*") if ".gorillacomb" not in path.parts)
            assert sorted(map(str, now)) == links
