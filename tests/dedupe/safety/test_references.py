"""What another file refers to by its path stays: real tools make the files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.dedupe.plans import Bench
from tests.support.trees import Tree, make_tree

PLAIN: Tree = {"f": "one " * 100, "g": "two " * 100, "h": "three " * 100}
Maker = Callable[[Path], Tree]


@pytest.fixture
def bench(tmp_path: Path, vault: Path) -> Bench:
    return Bench(tmp_path / "drive", vault)


def git(folder: Path, *arguments: str | Path) -> None:
    subprocess.run(
        ["git", "-c", "protocol.file.allow=always", "-C", folder, *arguments],
        check=True,
        capture_output=True,
        env={
            **os.environ,
            "GIT_CONFIG_GLOBAL": os.devnull,
            **dict.fromkeys(("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"), "a"),
            **dict.fromkeys(("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"), "a@b"),
        },
    )


def repository(folder: Path) -> Path:
    make_tree(folder, PLAIN)
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "one")
    return folder


def copied(source: Path, target: Path) -> Path:
    shutil.copytree(source, target, symlinks=True)
    return target


def environment(folder: Path) -> Path:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    return folder


def lines(*texts: str) -> str:
    return "\n".join(texts) + "\n"


def test_the_repository_of_a_worktree(bench: Bench) -> None:
    top = bench.folder
    repo = repository(top / "Backup" / "repo")
    git(repo, "worktree", "add", "-q", top / "wt", "-b", "side")
    copied(repo, top / "repo")
    bench.scan(top)
    plan = bench.plan("--prefer", top / "repo")
    assert plan.told("Backup/repo", "linked")["cause"] == (
        f"holds what {top}/wt/.git line 1 leads to"
    )
    assert not any(path.startswith("Backup") for path in plan.goes)


def test_the_worktree_of_a_repository(bench: Bench) -> None:
    top = bench.folder
    repo = repository(top / "repo")
    git(repo, "worktree", "add", "-q", top / "Backup" / "wt", "-b", "side")
    copied(top / "Backup" / "wt", top / "wt")
    bench.scan(top)
    plan = bench.plan("--prefer", top / "wt", "--within", top / "Backup")
    assert plan.told("Backup/wt", "linked")["cause"] == (
        f"is where {repo}/.git/worktrees/wt/gitdir line 1 leads to"
    )
    assert plan.goes == {}


def test_a_repository_from_which_another_one_borrows_objects(bench: Bench) -> None:
    top = bench.folder
    repo = repository(top / "Old" / "repo")
    copied(repo, top / "repo")
    git(top, "clone", "-q", "--shared", repo, top / "clone")
    git(top / "clone", "remote", "remove", "origin")  # it refers to the repository too
    bench.scan(top)
    plan = bench.plan("--prefer", top / "repo")
    assert plan.told("Old/repo", "linked")["cause"] == (
        f"holds what {top}/clone/.git/objects/info/alternates line 1 leads to"
    )
    assert not any(path.startswith("Old/repo") for path in plan.goes)


def test_where_a_submodule_has_its_files(bench: Bench) -> None:
    """Moved by hand out of its project: the configuration says where to."""
    top = bench.folder
    project = repository(top / "project")
    repository(top / "part")
    git(project, "submodule", "--quiet", "add", top / "part", "sub")
    shutil.move(project / "sub", top / "Temp" / "sub")
    config = project / ".git/modules/sub/config"
    git(top, "config", "--file", config, "core.worktree", top / "Temp" / "sub")
    copied(top / "Temp" / "sub", top / "sub")
    bench.scan(top)
    plan = bench.plan("--prefer", top / "sub")
    assert plan.told("Temp/sub", "linked")["cause"] == (
        f"is where {project}/.git/modules/sub/config line 6 leads to"
    ), plan.header["left_alone"]


def test_a_submodule_that_goes_with_its_project_is_in_nobodys_way(bench: Bench) -> None:
    top = bench.folder
    repository(top / "part")
    project = repository(top / "Temp" / "project")
    git(project, "submodule", "--quiet", "add", "../../part", "sub")
    copied(project, top / "project")
    bench.scan(top)
    assert bench.plan().goes == {"Temp/project": "project"}


def test_an_environment_made_before_its_project_was_copied(bench: Bench) -> None:
    top = bench.folder
    make_tree(top / "Old" / "proj", {**PLAIN, "pyproject.toml": "[project]\nname = 'x'\n"})
    environment(top / "Old" / "proj" / ".venv")
    copied(top / "Old" / "proj", top / "proj")
    bench.scan(top)
    plan = bench.plan()
    cause = plan.told("Old/proj", "linked")["cause"]
    assert cause.startswith(f"holds what {top}/proj/.venv/"), cause
    assert plan.goes == {}


def test_a_copy_whose_environment_names_the_kept_one_goes(bench: Bench) -> None:
    top = bench.folder
    make_tree(top / "proj", {**PLAIN, "pyproject.toml": "[project]\nname = 'x'\n"})
    environment(top / "proj" / ".venv")
    copied(top / "proj", top / "Old" / "proj")
    bench.scan(top)
    assert bench.plan().goes == {"Old/proj": "proj"}


KINDS: dict[str, tuple[Maker, str]] = {
    "an interpreter": (
        lambda top: {
            "a": {"py": {"bin": {"python3": "program " * 20}, **PLAIN}},
            "Copy of a": {"py": {"bin": {"python3": "program " * 20}, **PLAIN}},
            "e": {"pyvenv.cfg": f"home = {top}/Copy of a/py/bin\n"},
        },
        "holds what @/e/pyvenv.cfg line 1 leads to",
    ),
    "a source folder on the path of an environment": (
        lambda top: {
            "a": PLAIN,
            "Copy of a": PLAIN,
            "lib": {"site-packages": {"x.pth": lines("# of x", f"{top}/Copy of a")}},
        },
        "is where @/lib/site-packages/x.pth line 2 leads to",
    ),
    "the source of an editable package": (
        lambda top: {
            "a": {"src": PLAIN},
            "Copy of a": {"src": PLAIN},
            "site-packages": {
                "__editable___x_finder.py": f"MAPPING = {{'x': '{top}/Copy of a/src'}}\n"
            },
        },
        "holds what @/site-packages/__editable___x_finder.py line 1 leads to",
    ),
    "the project of an editable package": (
        lambda top: {
            "a": PLAIN,
            "Copy of a": PLAIN,
            "site-packages": {
                "x-1.dist-info": {
                    "direct_url.json": f'{{"dir_info": {{}}, "url": "file://{top}/Copy%20of%20a"}}'
                }
            },
        },
        "is where @/site-packages/x-1.dist-info/direct_url.json line 1 leads to",
    ),
    "a package beside the project": (
        lambda top: {
            "a": PLAIN,
            "Copy of a": PLAIN,
            "app": {"package.json": lines("{", '"dependencies": {"x": "file:../Copy of a"}}')},
        },
        "is where @/app/package.json line 2 leads to",
    ),
    "a package by way of a link": (
        lambda top: {
            "a": PLAIN,
            "Copy of a": PLAIN,
            "app": {"package.json": f'{{"dependencies": {{"x": "link:{top}/../here/Copy of a"}}}}'},
        },
        "is where @/app/package.json line 1 leads to",
    ),
    "an environment of which a script is the only trace": (
        lambda top: {
            "a": {"bin": {"python": "program " * 20}, **PLAIN},
            "Copy of a": {"bin": {"python": "program " * 20}, **PLAIN},
            "e": {
                "bin": {
                    "activate": "x",
                    "tool": lines("#!/bin/sh", f"'''exec' \"{top}/Copy of a/bin/python\" \"$0\""),
                },
            },
        },
        "is where @/e/bin/tool line 2 leads to",
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_file_names_stays_and_the_plan_says_where(bench: Bench, kind: str) -> None:
    maker, cause = KINDS[kind]
    top = bench.folder
    make_tree(top, maker(top))
    (top.parent / "here").symlink_to(top)
    if (top / "e/bin/tool").exists():
        (top / "e/bin/tool").chmod(0o755)
    bench.scan(top)
    plan = bench.plan()
    assert cause.replace("@", str(top)) in [it["cause"] for it in plan.header["left_alone"]]
    assert not any(path.startswith("Copy of a") for path in plan.goes), plan.goes
    # What is in the way is that text alone.
    for path in top.rglob("*"):
        if path.is_file() and b"Copy" in path.read_bytes():
            path.write_bytes(path.read_bytes().replace(b"Copy", b"copy"))
    bench.scan(top)
    assert bench.plan().goes == {"Copy of a": "a"}


def test_what_leads_nowhere_or_out_of_what_was_scanned_is_in_nobodys_way(bench: Bench) -> None:
    top = bench.folder
    gone = f'{{"dependencies": {{"x": "file:{top}/gone", "y": "file:/usr", "z": "file:..//"}}}}'
    make_tree(top, {"a": PLAIN, "Copy of a": PLAIN, "app": {"package.json": gone}})
    bench.scan(top)
    assert bench.plan().goes == {"Copy of a": "a"}


def test_a_reference_that_turns_up_after_the_plan(bench: Bench) -> None:
    top = bench.folder
    make_tree(top, {"a": PLAIN, "Copy of a": PLAIN, "app": {"package.json": "{}"}})
    bench.scan(top)
    plan = bench.plan()
    assert plan.goes == {"Copy of a": "a"}
    (top / "app/package.json").write_text('{"dependencies": {"x": "file:../Copy of a"}}')
    code, done = bench.dedupe_json("--apply", plan.file)
    assert (code, done["done"]) == (3, 0)
    (skipped,) = done["skipped"]
    assert skipped["cause"] == f"is where {top}/app/package.json line 1 leads to (linked)"
    assert (top / "Copy of a/f").exists()


def test_a_fifo_or_a_huge_file_under_such_a_name_is_passed_over(bench: Bench) -> None:
    top = bench.folder
    make_tree(top, {"a": PLAIN, "Copy of a": PLAIN, "app": {"package.json": "{" + " " * (2 << 20)}})
    (top / "e").mkdir()
    os.mkfifo(top / "e/pyvenv.cfg")
    bench.scan(top)
    assert bench.plan().goes == {"Copy of a": "a"}
