"""Indexes that are damaged: every command says so in a line or two, or does not come across it."""

from __future__ import annotations

import os
import random
import sqlite3
from pathlib import Path

import pytest

from tests.cli.test_bad_vaults import READING
from tests.support.run import Argument, complained, refused, run
from tests.support.trees import Tree, make_tree, rows_in_index, scan, settle


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return make_tree(tmp_path / "tree", {"a": "one", "b": {"c": "one", "d": "two"}})


@pytest.fixture(scope="module")
def many_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree whose index has a few dozen pages; what is damaged is the index alone."""
    content: Tree = {
        f"folder {folder}": {f"file {file:03}": f"{file % 40}" for file in range(50)}
        for folder in range(20)
    }
    tree = make_tree(tmp_path_factory.mktemp("damaged") / "large", content)
    settle(tree)
    return tree


@pytest.fixture
def large(many_files: Path, vault: Path) -> Path:
    """The same, scanned into the vault."""
    scan(vault, many_files)
    return many_files


def fine_or_refused(vault: Path, *arguments: Argument) -> int:
    """A command either does not come across the damage or says so: 4, one or two lines."""
    ran = run(*arguments, vault=vault)
    if ran.code != 0:
        complained(ran, 4, str(vault / "index.db"))
        assert ran.stdout == b"" or "--json" not in arguments
    return ran.code


@pytest.mark.parametrize("size", [100, 500_000])
def test_an_index_of_random_bytes(size: int, tree: Path, vault: Path) -> None:
    vault.mkdir(mode=0o700)
    junk = random.Random(size).randbytes(size)
    (vault / "index.db").write_bytes(junk)
    for arguments in (("scan", tree), ("scan", tree, "--workers", "2"), *READING):
        refused(run(*arguments, vault=vault), 4, str(vault / "index.db"))
    assert (vault / "index.db").read_bytes() == junk, "what is not ours to mend was overwritten"


def test_the_advice_for_a_damaged_index_is_good(tree: Path, vault: Path) -> None:
    vault.mkdir(mode=0o700)
    (vault / "index.db").write_bytes(b"junk" * 1000)
    ran = run("scan", tree, vault=vault)
    refused(ran, 4, str(vault / "index.db"), "damaged")
    assert "move that file away and scan again" in ran.err
    (vault / "index.db").rename(vault / "index.damaged")
    assert run("scan", tree, vault=vault).code == 0
    assert len(rows_in_index(vault)) == 3


@pytest.mark.parametrize("part", [0.02, 0.5, 0.99])
def test_an_index_that_was_cut_short(part: float, large: Path, vault: Path) -> None:
    index = vault / "index.db"
    os.truncate(index, int(index.stat().st_size * part))
    codes = {
        fine_or_refused(vault, *arguments)
        for arguments in (*READING, ("scan", large), ("scan", large, "--workers", "2"))
    }
    assert 4 in codes


def test_an_empty_index_is_made_anew(tree: Path, vault: Path) -> None:
    vault.mkdir(mode=0o700)
    (vault / "index.db").touch()
    for arguments in READING:
        refused(run(*arguments, vault=vault), 4, str(vault / "index.db"))
    assert run("scan", tree, vault=vault).code == 0
    assert run("status", "--json", vault=vault).json()["groups"] == 1


def test_any_page_overwritten(large: Path, vault: Path, tmp_path: Path) -> None:
    """Random bytes over one page after the other: no traceback, no surprise, from any command."""
    index = vault / "index.db"
    sound = index.read_bytes()
    size = page_size(index)
    pages = len(sound) // size
    chance = random.Random(7)
    commands: list[tuple[Argument, ...]] = [
        ("dupes", "--limit", "0"),
        ("scan", large),
        ("scan", large, "--workers", "2"),
        ("explain", large / "folder 7/file 007"),
    ]
    codes = []
    for number in range(0, pages, max(1, pages // 7)):
        for arguments in commands:
            spoilt = bytearray(sound)
            spoilt[number * size : (number + 1) * size] = chance.randbytes(size)
            fresh_index(vault, bytes(spoilt))
            codes.append(fine_or_refused(vault, *arguments))
    assert codes.count(4) >= len(codes) // 4
    assert (large / "folder 7/file 007").read_text() == "7"


def test_single_bytes_flipped(large: Path, vault: Path) -> None:
    """Damage so small that SQLite may not notice it: wrong values, but never a traceback."""
    index = vault / "index.db"
    sound = index.read_bytes()
    chance = random.Random(11)
    for number in range(8):
        spoilt = bytearray(sound)
        for _ in range(20):
            spoilt[chance.randrange(100, len(spoilt))] ^= 1 << chance.randrange(8)
        for arguments in READING[number % 2 :: 2]:
            fresh_index(vault, bytes(spoilt))
            ran = run(*arguments, vault=vault)
            if ran.code != 0:
                complained(ran, 4)
        fresh_index(vault, bytes(spoilt))
        # A wrong digest looks like a damaged file (1), a wrong state like one unread (3).
        ran = run("scan", large, "--workers", str(number % 3), vault=vault)
        assert ran.code in (0, 1, 3, 4), ran


def test_values_that_no_version_writes(large: Path, vault: Path) -> None:
    """A sound database with impossible rows in it."""
    index = vault / "index.db"
    sound = index.read_bytes()
    changes = (
        "UPDATE files SET state = 77 WHERE name = CAST('file 007' AS BLOB)",
        "UPDATE files SET size = 'much' WHERE name = CAST('file 007' AS BLOB)",
        "UPDATE files SET digest = 'text' WHERE name = CAST('file 007' AS BLOB)",
        "UPDATE files SET name = 'text' WHERE name = CAST('file 007' AS BLOB)",
        "UPDATE files SET mtime_ns = NULL WHERE name = CAST('file 007' AS BLOB)",
        "UPDATE folders SET state = 77",
        "DELETE FROM folders WHERE id % 3 = 0",
        "DELETE FROM roots",
        "UPDATE roots SET exclude = 'not json'",
        "UPDATE roots SET path = 'text'",
        "DROP TABLE groups",
        "DROP TABLE touched",
    )
    for number, change in enumerate(changes):
        scanning = ("scan", large, "--workers", f"{number % 2 * 2}")
        for arguments in (("status",), ("dupes", "--json"), ("scrub",), scanning):
            fresh_index(vault, sound)
            database = sqlite3.connect(index)
            try:
                database.execute(change)
                database.commit()
            except sqlite3.IntegrityError:
                continue  # the schema itself does not allow it
            finally:
                database.close()
            ran = run(*arguments, vault=vault)
            assert ran.code in (0, 1, 3, 4), (change, arguments, ran)


@pytest.mark.parametrize(
    ("change", "arguments"),
    [
        ("UPDATE files SET digest = 'text'", ("explain", "folder 7/file 007")),
        ("UPDATE groups SET reclaimable = 'much'", ("dupes",)),
        ("UPDATE scans SET finished_ns = 'late'", ("roots", "list")),
        ("UPDATE scans SET finished_ns = 'late'", ("status",)),
        ("DELETE FROM roots", ("folders",)),
        ("DELETE FROM roots", ("folders", "--json")),
    ],
)
def test_values_that_are_met_first_when_they_are_printed(
    change: str, arguments: tuple[str, ...], large: Path, vault: Path
) -> None:
    database = sqlite3.connect(vault / "index.db")
    database.execute(change)
    database.commit()
    database.close()
    ran = run(*arguments, vault=vault, cwd=large)
    complained(ran, 4, str(vault / "index.db"))


def page_size(index: Path) -> int:
    database = sqlite3.connect(index)
    try:
        found: int = database.execute("PRAGMA page_size").fetchone()[0]
        return found
    finally:
        database.close()


def fresh_index(vault: Path, content: bytes) -> None:
    """Put an index in place, without the log of the one before."""
    for name in ("index.db-wal", "index.db-shm"):
        (vault / name).unlink(missing_ok=True)
    (vault / "index.db").write_bytes(content)
