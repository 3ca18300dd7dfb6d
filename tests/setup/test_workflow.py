"""What is ready for the day that the project is hosted agrees with the rest of the repository."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.mesh.peers.go import go_programs
from tests.setup.conftest import PYTHONS, Words
from tests.support.run import REPOSITORY

WORKFLOW = (REPOSITORY / ".github/workflows/ci.yml").read_text("utf-8")
MAKEFILE = (REPOSITORY / "Makefile").read_text("utf-8")
FORMULA = (REPOSITORY / ".ci/homebrew.rb.in").read_text("utf-8")


def test_every_action_is_pinned_by_its_commit_and_says_its_release() -> None:
    lines = re.findall(r"uses: (.*)", WORKFLOW)
    assert lines
    for line in lines:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line
    assert len(set(lines)) == len({line.partition("@")[0] for line in lines}), "one pin each"


def test_it_runs_the_oldest_and_the_newest_python_on_both_kinds_of_mac() -> None:
    wanted = str([PYTHONS[0], PYTHONS[-1]])
    assert set(re.findall(r"^ +python: (.*)", WORKFLOW, re.MULTILINE)) == {wanted}
    assert "runner: [macos-15, macos-15-intel]" in WORKFLOW


def test_whatever_it_runs_is_there() -> None:
    commands = re.findall(r"run: (.*)", WORKFLOW)
    targets = set(re.findall(r"^([a-z-]+)(?= [a-z]+:|:)", MAKEFILE, re.MULTILINE)) | {"dev"}
    for command in commands:
        for target in re.findall(r"^make ([a-z-]+)", command):
            assert target in targets, command
        for script in re.findall(r"^\.ci/\S+", command):
            file = REPOSITORY / script
            assert file.stat().st_mode & 0o100, script
            subprocess.run(["bash", "-n", file], check=True)
    assert any(command.startswith(".ci/mac-disks") for command in commands)


def test_it_asks_for_no_right_and_names_no_host() -> None:
    assert "permissions:\n  contents: read\n" in WORKFLOW
    assert WORKFLOW.count("persist-credentials: false") == WORKFLOW.count("actions/checkout@")
    assert "://" not in WORKFLOW + FORMULA


def test_a_checker_of_workflows_finds_nothing() -> None:
    """actionlint: keys, expressions, runners' names, and what the scripts in it refer to."""
    checker = go_programs() / "actionlint"
    words: Words = [checker, "-no-color", "-shellcheck=", ".github/workflows/ci.yml"]
    done = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_it_finds_what_is_wrong(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yml"
    bad.write_text(WORKFLOW.replace("matrix.python", "matrix.snake"))
    words: Words = [go_programs() / "actionlint", "-no-color", "-shellcheck=", bad]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1 and '"snake" is not defined' in done.stdout, done


def test_the_formula_is_ruby() -> None:
    if shutil.which("ruby") is None:
        pytest.skip("MISSING: ruby, to check the syntax of the formula with")
    words: Words = ["ruby", "-wc", REPOSITORY / ".ci/homebrew.rb.in"]
    done = subprocess.run(words, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "Syntax OK\n"), done.stderr


def test_the_formula_says_what_the_project_says() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    assert f'desc "{project["description"]}"' in FORMULA
    assert f'license "{project["license"]}"' in FORMULA
    assert f'depends_on "python@{PYTHONS[-1]}"' in FORMULA
    assert set(re.findall(r'"@(.*?)@"', FORMULA)) == {
        "HOMEPAGE",
        "SOURCE_ADDRESS",
        "SOURCE_SHA256",
    }
