"""A collapse on the command line: what is said before, after, and about what is refused."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.cli.test_review import review
from tests.support.run import run
from tests.support.trees import Tree, make_tree, settle

SRC: Tree = {f"f{number}": f"{number}" * 3000 for number in range(8)}
APP: Tree = {"package.json": "{}", "src": SRC}
DRIVE: Tree = {
    "work": {"App": APP},
    "Backup": {"App": {**APP, "notes.txt": "only here", "src": {**SRC, "f1": "edited"}}},
    "New Folder": {"App": APP},
}


@pytest.fixture
def top(tmp_path: Path, vault: Path) -> Path:
    made = make_tree(tmp_path / "Drive", DRIVE)
    settle(made)
    assert run("scan", made, vault=vault).code == 0
    return made


def said(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def test_the_preview_says_what_will_be_where(top: Path, vault: Path, tmp_path: Path) -> None:
    plan = tmp_path / "one.jsonl"
    words = ("dedupe", "--plan", "--collapse", top / "work/App", "--into", top / "work/App")
    ran = run(*words, "-o", plan, vault=vault)
    text = said(ran.out)
    assert "App: 2 copies leave, 19 files" in text
    assert "keep as it is: work/App" in text
    assert "new beside it: work/App (from copies) (2 files, 15 B)" in text
    assert "Backup/App (2 files copied there)" in text
    assert re.search(r"What is copied needs 15 B; \S+ \S+ are free in", text)
    tried = run("dedupe", "--apply", plan, "--dry-run", vault=vault)
    assert "Would be done: 2 steps, 19 files" in tried.out
    done = run("dedupe", "--apply", plan, vault=vault)
    assert "2 copies were quarantined" in done.out
    assert "Copied to shelves and kept trees: 2 files, 15 B" in done.out
    back = run("dedupe", "--undo", vault=vault)
    assert "Put back: 19 files in 2 steps" in back.out
    assert "Removed again from shelves and kept trees: 2 files" in back.out


def test_single_steps_and_json_name_everything(top: Path, vault: Path) -> None:
    words = ("dedupe", "--collapse", "all", "--into", top / "work/App", "--bring", "all")
    document = json.loads(run(*words, "--json", vault=vault).out)
    kinds = [(each["kind"], each["path"]) for each in document["copies"]]
    assert ("bring", str(top / "work/App/notes.txt")) in kinds
    assert {each["kind"] for each in document["step_list"]} == {"leave"}
    text = said(run(*words, vault=vault).out)
    assert "keep: work/App" in text
    assert "new in it: work/App/notes.txt (1 file, 9 B)" in text
    assert "not brought: another version (1)" in text
    single = said(run(*words, "--steps", vault=vault).out)
    assert "Whole folders: 2" in single
    assert "Backup/src/f1 not brought: it is another version of what the kept tree has" in single
    [shelved] = [each for each in document["copies"] if each["kind"] == "shelve"]
    assert [each["rule"] for each in shelved["items"]] == ["another version"]


def test_what_is_kept_nowhere_else_needs_its_number(top: Path, vault: Path, tmp_path: Path) -> None:
    plan = tmp_path / "one.jsonl"
    wanted = ("--collapse", "all", "--into", top / "work/App")
    run("dedupe", "--plan", *wanted, "-o", plan, vault=vault)
    name = json.loads(run("dedupe", "--apply", plan, "--json", vault=vault).out)["run"]
    shutil.rmtree(top / "work/App (from copies)")
    every = run("dedupe", "--empty-quarantine", "--yes", vault=vault)
    assert every.code == 3
    assert f"dedupe --empty-quarantine {name} --including-unique 2" in every.out
    document = json.loads(run("dedupe", "--empty-quarantine", "--yes", "--json", vault=vault).out)
    assert (document["unique_files"], document["unique_by_run"]) == (2, {name: 2})
    words = ("dedupe", "--empty-quarantine", name, "--yes")
    first = run(*words, vault=vault)
    assert first.code == 3
    assert "Kept nowhere else: 2 files of those" in first.out
    assert f"dedupe --empty-quarantine {name} --including-unique 2" in first.out
    wrong = run(*words, "--including-unique", "1", vault=vault)
    assert (wrong.code, "has 2 files that are kept nowhere else, not 1" in wrong.err) == (5, True)
    unnamed = run("dedupe", "--empty-quarantine", "--including-unique", "2", "--yes", vault=vault)
    assert (unnamed.code, "from one run only" in unnamed.err) == (2, True)
    last = run(*words, "--including-unique", "2", vault=vault)
    assert (last.code, "Deleted: 10 files" in last.out) == (0, True)


def test_a_review_says_what_is_copied_first(top: Path, vault: Path, tmp_path: Path) -> None:
    plan = tmp_path / "one.jsonl"
    wanted = ("--collapse", "all", "--into", top / "work/App")
    run("dedupe", "--plan", *wanted, "-o", plan, vault=vault)
    shown = review(["s", "y", "n"], plan, vault=vault)
    text = said(shown.out)
    assert "lost: nothing, 2 files of it are copied first" in text
    assert "make another plan with --collapse and --into" in text
    done = run("dedupe", "--apply", plan, vault=vault)
    assert "1 copy was quarantined" in done.out


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--bring", "all"), "none to collapse"),
        (("--into", "Drive/work/App"), "none to collapse"),
        (("--collapse", "Drive/work"), "is not one of several copies of a tree"),
        (("--collapse", "all", "--into", "Drive/work"), "is not one of several copies of a tree"),
        (("--collapse", "all", "--keep", "2"), "only quarantines whole copies"),
        (("--collapse", "all", "--action", "hardlink"), "only quarantines whole copies"),
        (("--collapse", "elsewhere"), "elsewhere"),
    ],
)
def test_what_makes_no_sense_is_refused(
    top: Path, vault: Path, words: tuple[str, ...], why: str
) -> None:
    ran = run("dedupe", *words, vault=vault, cwd=top.parent)
    assert ran.code == 2
    assert why in said(ran.err)


def test_nothing_to_collapse_is_said(tmp_path: Path, vault: Path) -> None:
    made = make_tree(tmp_path / "Drive", {"a": {"x": "x"}, "b": {"y": "y"}})
    assert run("scan", made, vault=vault).code == 0
    ran = run("dedupe", "--collapse", "all", vault=vault)
    assert (ran.code, "Nothing can be removed." in ran.out) == (0, True)


COLLAPSE = "gorillacomb dedupe --plan --collapse"


@pytest.mark.parametrize("words", [("overview",), ("folders",)])
def test_reports_about_drifted_copies_lead_to_one_tree(
    top: Path, vault: Path, words: tuple[str, ...], tmp_path: Path
) -> None:
    shown = run(*words, vault=vault).out
    [line] = [each for each in shown.splitlines() if COLLAPSE in each]
    path = line.split(COLLAPSE)[1].split("  ")[0].strip()
    plan = tmp_path / "one.jsonl"
    assert run("dedupe", "--plan", "--collapse", path, "-o", plan, vault=vault).code == 0
    assert "App: 2 copies leave" in run("dedupe", "--apply", plan, "--dry-run", vault=vault).out


@pytest.mark.parametrize("words", [("overview",), ("folders",)])
@pytest.mark.parametrize("drifted", [False, True])
def test_other_copies_do_not(
    tmp_path: Path, vault: Path, words: tuple[str, ...], drifted: bool
) -> None:
    """Neither such as are the same, nor where no shelf can be put beside the kept one."""
    own: Tree = {"notes.txt": "only here"} if drifted else {}
    more = SRC if drifted else {}
    first = make_tree(tmp_path / "App", {**APP, "more": {**more, "x": "x" * 3000}})
    second = make_tree(tmp_path / "Drive", {"App (1)": {**APP, **own}})
    assert run("scan", first, second, vault=vault).code == 0
    assert json.loads(run("folders", "--json", vault=vault).out)["families"]
    assert COLLAPSE not in run(*words, vault=vault).out
