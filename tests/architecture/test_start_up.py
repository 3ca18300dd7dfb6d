"""What a command imports before it does anything: a command that needs little starts fast."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.support.run import environment, run
from tests.support.trees import make_tree, scan

HEAVY = {"sqlite3", "tqdm", "sqlite_utils", "blake3", "xxhash", "watchdog", "pathspec"}
HEAVY |= {"multiprocessing", "asyncio", "cryptography"}
_LINE = re.compile(r"^import time:\s*\d+ \|\s*\d+ \|\s*(\S+)$", re.MULTILINE)


def imported(*arguments: str | Path, vault: Path | None = None) -> set[str]:
    """The top names of all modules that a command imported."""
    words = [sys.executable, "-X", "importtime", "-m", "gorillacomb", *map(str, arguments)]
    ran = run(words=[word.encode() for word in words], env=environment(vault))
    assert ran.code == 0
    modules = set(_LINE.findall(ran.err))
    assert "gorillacomb.cli.main" in modules, "the list of imports was not understood"
    return {module.split(".")[0] for module in modules}


@pytest.mark.parametrize(
    "arguments", [("--version",), ("--help",), ("-h",)], ids=lambda words: words[0]
)
def test_what_only_prints_imports_nothing_heavy(arguments: tuple[str, ...]) -> None:
    assert imported(*arguments) & HEAVY == set()


def test_completion_imports_no_database() -> None:
    assert imported("completion", "zsh") & {"tqdm", "sqlite_utils", "blake3", "watchdog"} == set()


def test_questions_do_without_what_only_a_scan_needs(tmp_path: Path, vault: Path) -> None:
    scan(vault, make_tree(tmp_path / "tree", {"a": "x", "b": "x"}))
    for name in ("status", "dupes"):
        assert imported(name, vault=vault) & {"tqdm", "sqlite_utils", "watchdog"} == set()


def test_a_second_scan_in_a_pipe_needs_neither_bar_nor_migrations(
    tmp_path: Path, vault: Path
) -> None:
    tree = make_tree(tmp_path / "tree", {"a": "x", "b": "x"})
    scan(vault, tree)
    assert imported("scan", tree, vault=vault) & {"tqdm", "sqlite_utils", "pathspec"} == set()


def test_the_version() -> None:
    import gorillacomb

    ran = run("--version")
    assert (ran.code, ran.out) == (0, f"gorillacomb {gorillacomb.__version__}\n")
    assert run("-V").stdout == ran.stdout
