"""What a command imports before it does anything: a command that needs little starts fast."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

import gorillacomb
from tests.api.test_figures import age
from tests.support.run import environment, run
from tests.support.trees import age_digests, make_tree, scan

HEAVY = {"sqlite3", "tqdm", "sqlite_utils", "blake3", "xxhash", "watchdog", "pathspec"}
HEAVY |= {"multiprocessing", "asyncio", "cryptography"}
HEAVY |= {"fastapi", "starlette", "pydantic", "uvicorn", "jinja2", "anyio"}
PACKAGE = Path(gorillacomb.__file__).parent
_LINE = re.compile(r"^import time:\s*\d+ \|\s*\d+ \|\s*(\S+)$", re.MULTILINE)


def imported_modules(*arguments: str | Path, vault: Path | None = None) -> set[str]:
    """The full names of all modules that a command imported."""
    words = [sys.executable, "-X", "importtime", "-m", "gorillacomb", *map(str, arguments)]
    ran = run(words=[word.encode() for word in words], env=environment(vault))
    assert ran.code in (0, 1)  # `pulse` has 1 for a watcher that never ran
    modules = set(_LINE.findall(ran.err))
    assert "gorillacomb.cli.main" in modules, "the list of imports was not understood"
    return modules


def imported(*arguments: str | Path, vault: Path | None = None) -> set[str]:
    """The top names of all modules that a command imported."""
    return {module.split(".")[0] for module in imported_modules(*arguments, vault=vault)}


def own_modules(*arguments: str | Path, vault: Path | None = None) -> list[str]:
    """The modules of ours that a command imported, without the empty ones that make a package."""
    found = imported_modules(*arguments, vault=vault)
    return sorted(
        module
        for module in found
        if module.startswith("gorillacomb.")
        and not (PACKAGE / module.partition(".")[2].replace(".", "/")).is_dir()
    )


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


def test_what_asks_an_index_once_hashes_nothing(tmp_path: Path, vault: Path) -> None:
    scan(vault, make_tree(tmp_path / "tree", {"a": "x", "b": "x"}))
    age(vault)  # only what was not written just now is worth remembering
    for words in (("status",), ("roots", "list")):
        assert imported(*words, vault=vault) & {"blake3", "xxhash"} == set()


def test_a_second_scan_in_a_pipe_needs_neither_bar_nor_migrations(
    tmp_path: Path, vault: Path
) -> None:
    tree = make_tree(tmp_path / "tree", {"a": "x", "b": "x"})
    scan(vault, tree)
    assert imported("scan", tree, vault=vault) & {"tqdm", "sqlite_utils", "pathspec"} == set()


def test_the_version() -> None:
    ran = run("--version")
    assert (ran.code, ran.out) == (0, f"gorillacomb {gorillacomb.__version__}\n")
    assert run("-V").stdout == ran.stdout


MOST_MODULES = {"--version": 2, "status": 51, "dupes": 56, "pulse": 39, "scan": 97}
"""How many modules of ours a command may import. Each takes about half a millisecond, as much as
looking at a hundred files: who needs another one raises the number here, and says what for.

Five of ``dupes`` and six of ``scan`` read what the user marked; four of ``dupes`` are the rows of
the table of stores.
Two of ``status`` are its use case and that of the roots, which Python programs share with it. Two
of each are the commands that it suggests."""


def test_a_command_imports_no_more_modules_than_it_needs(tmp_path: Path, vault: Path) -> None:
    """Of a vault with a trace and without a quarantine, as most have, and nothing to read again."""
    tree = make_tree(tmp_path / "tree", {"a": "x", "b": "x"})
    assert run("scan", tree, vault=vault).code == 0
    age_digests(vault)
    for name, most in MOST_MODULES.items():
        words = (name, tree) if name == "scan" else (name,)
        found = own_modules(*words, vault=vault)
        assert len(found) <= most, "\n".join([name, *found])


def test_a_scan_that_finds_nothing_new_needs_no_rules_about_what_is_kept(
    tmp_path: Path, vault: Path
) -> None:
    tree = make_tree(tmp_path / "tree", {"a": "x", "b": "x"})
    assert run("scan", tree, vault=vault).code == 0
    age_digests(vault)
    rules = {
        "gorillacomb.canonical.keep_criteria",
        "gorillacomb.classify.copy_name_table",
        "gorillacomb.classify.store_table",
        "gorillacomb.stamping.stamper",
    }
    assert imported_modules("scan", tree, vault=vault) & rules == set()

    (tree / "new").write_text("y")
    assert rules <= imported_modules("scan", tree, vault=vault)


def test_a_scan_of_a_small_tree_starts_no_processes(tmp_path: Path, vault: Path) -> None:
    tree = make_tree(tmp_path / "tree", {"a": "x", "b": "x"})
    assert "multiprocessing" not in imported("scan", tree, vault=vault)
    assert "multiprocessing" in imported("scan", tree, "--workers", "1", vault=vault)


def test_status_reads_no_journal_where_no_run_has_left_anything(
    tmp_path: Path, vault: Path
) -> None:
    photo = "x" * 1000
    tree = make_tree(tmp_path / "tree", {"photo.bin": photo, "photo copy.bin": photo})
    assert run("scan", tree, vault=vault).code == 0
    journals = "gorillacomb.dedupe.quarantine.journal_entries"
    unneeded = {journals, "gorillacomb.dedupe.model", "gorillacomb.hashing", "blake3", "textwrap"}
    assert imported_modules("status", vault=vault) & unneeded == set()

    plan = tmp_path / "plan.jsonl"
    assert run("dedupe", "--plan", "-o", plan, vault=vault).code == 0
    assert run("dedupe", "--apply", plan, vault=vault).code == 0
    assert journals in imported_modules("status", vault=vault)


def test_garbage_is_collected_again_when_a_command_begins() -> None:
    """It is not while modules are imported; a watcher that runs for months needs it."""
    script = """
import gc
import gorillacomb.__main__
assert not gc.isenabled()
from gorillacomb.cli.main import cli
assert cli.get_command(None, "watch") is not None
assert gc.isenabled()
frozen = gc.get_freeze_count()
assert frozen
cli.get_command(None, "status")
assert gc.get_freeze_count() == frozen, "what was made since would never be collected"
"""
    words = [sys.executable.encode(), b"-c", script.encode()]
    ran = run(words=words, env=environment())
    assert ran.code == 0, ran.err
