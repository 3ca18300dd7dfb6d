"""What is ready for the day that the project is hosted agrees with the rest of the repository."""

from __future__ import annotations

import re
import subprocess
import tomllib

from tests.setup.conftest import PYTHONS
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
