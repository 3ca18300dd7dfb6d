"""The index: made from nothing, brought up to date, kept whole, open to any SQLite tool."""

from __future__ import annotations

import ast
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from gorillacomb.errors import VaultDamaged, VaultError, VaultNewer
from gorillacomb.index import schema
from gorillacomb.index.database import Index
from gorillacomb.vault.vault import Vault
from tests.support.run import REPOSITORY, environment
from tests.support.trees import HardLink, Link, groups_on_disk, make_tree, scan, settle


def plain(vault: Path) -> sqlite3.Connection:
    """The index as any program opens it."""
    return sqlite3.connect(f"file:{vault / 'index.db'}?mode=ro", uri=True)


def layout(vault: Path) -> list[tuple[str, str]]:
    """All tables, indexes and views but those in which the migrations are noted."""
    connection = plain(vault)
    try:
        return connection.execute(
            "SELECT type || ' ' || name, sql FROM sqlite_master"
            " WHERE tbl_name <> '_sqlite_migrations' ORDER BY 1"
        ).fetchall()
    finally:
        connection.close()


# Migrations --------------------------------------------------------------------------------------


def test_an_index_is_made_from_nothing(vault: Path) -> None:
    with Index.write(Vault(vault)) as index:
        assert index.writable
        version = index.connection.execute("PRAGMA user_version").fetchone()[0]
        assert version == schema.VERSION
    tables = {name for name, _ in layout(vault)}
    assert {"table roots", "table folders", "table files", "table groups"} <= tables
    assert {"view all_files", "view duplicate_files", "view folder_paths"} <= tables


def test_opening_again_changes_nothing(vault: Path) -> None:
    with Index.write(Vault(vault)):
        pass
    before, content = layout(vault), (vault / "index.db").read_bytes()
    for _ in range(2):
        with Index.write(Vault(vault)) as index:
            schema.migrate(index.connection)
            assert index.rows_written == 0
    assert layout(vault) == before
    assert (vault / "index.db").read_bytes() == content


def test_an_index_that_was_only_begun_is_finished(vault: Path) -> None:
    """Killed between making the file and its tables."""
    with Index.write(Vault(vault)):
        pass
    whole = layout(vault)
    (vault / "index.db").write_bytes(b"")
    with pytest.raises(VaultDamaged, match="never finished"):
        Index.read(Vault(vault))
    with Index.write(Vault(vault)):
        pass
    assert layout(vault) == whole


def test_an_index_of_an_older_version_is_brought_up_to_date(vault: Path) -> None:
    """As the first version left it: its tables, and a note of which migration made them."""
    with Index.write(Vault(vault)):
        pass
    whole = layout(vault)
    (vault / "index.db").unlink()
    connection = sqlite3.connect(vault / "index.db")
    connection.executescript(
        f"{schema._TABLES_1} CREATE TABLE _sqlite_migrations (id INTEGER PRIMARY KEY,"
        " migration_set TEXT, name TEXT, applied_at TEXT);"
        " INSERT INTO _sqlite_migrations (migration_set, name, applied_at)"
        " VALUES ('gorillacomb.index', 'first_tables', '2026-01-01'); PRAGMA user_version = 1;"
    )
    connection.close()
    (vault / "index.db").chmod(0o600)
    with Index.write(Vault(vault)) as index:
        assert index.connection.execute("PRAGMA user_version").fetchone()[0] == schema.VERSION
    assert layout(vault) == whole


@pytest.mark.parametrize("grouped", [True, False])
def test_an_index_of_digests_without_times_is_made_anew(
    vault: Path, tmp_path: Path, grouped: bool
) -> None:
    """As version 4 left it, after a scan that was finished or one that was cut short."""
    scan(vault, make_tree(tmp_path / "tree", {"a": "1", "b": "1"}))
    whole = layout(vault)
    connection = sqlite3.connect(vault / "index.db")
    connection.executescript(
        "ALTER TABLE folders DROP COLUMN seal; DROP TABLE our_folders;"
        "ALTER TABLE stamps DROP COLUMN rules; ALTER TABLE reflected DROP COLUMN rules;"
        "DROP INDEX file_by_digest; CREATE INDEX file_by_digest"
        " ON files (digest, size, blocks, links, state) WHERE state <= 1 AND size > 0;"
        f" {'' if grouped else 'DROP INDEX group_by_waste;'} PRAGMA user_version = 4"
    )
    connection.close()
    with Index.write(Vault(vault)):
        pass
    if not grouped:
        scan(vault, tmp_path / "tree")
    assert layout(vault) == whole


@pytest.mark.parametrize("after", range(1, 12))
def test_migrations_that_were_cut_short_are_finished(
    after: int, vault: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever was written when it stopped, the next run goes on, and loses nothing."""
    reference = vault.with_name("reference")
    with Index.write(Vault(reference)):
        pass
    script = (
        "import os, sys, pathlib\n"
        "from gorillacomb.sqlite import open_writer\n"
        "from gorillacomb.index import schema\n"
        "left = int(sys.argv[2])\n"
        "def count(statement):\n"
        "    global left\n"
        "    left -= statement.split()[0] in ('CREATE', 'INSERT', 'PRAGMA', 'COMMIT', 'BEGIN')\n"
        "    if left <= 0: os._exit(9)\n"
        "connection = open_writer(pathlib.Path(sys.argv[1]))\n"
        "connection.set_trace_callback(count)\n"
        "schema.migrate(connection)\n"
    )
    Vault(vault).create()
    done = subprocess.run(
        [sys.executable, "-c", script, str(vault / "index.db"), str(after)], env=environment()
    )
    assert done.returncode == 9
    with Index.write(Vault(vault)):
        pass
    assert layout(vault) == layout(reference)


def test_a_newer_index_is_left_alone(vault: Path) -> None:
    with Index.write(Vault(vault)) as index:
        index.connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    for opened in (Index.write, Index.read):
        with pytest.raises(VaultNewer, match=f"schema {schema.VERSION + 1}"):
            opened(Vault(vault))


def test_there_is_nothing_to_read_before_the_first_scan(vault: Path) -> None:
    vault.mkdir()
    with pytest.raises(VaultError, match="no index"):
        Index.read(Vault(vault))
    assert list(vault.iterdir()) == []


# Transactions ------------------------------------------------------------------------------------

ADD = "INSERT INTO touched (digest) VALUES (x'00')"


def count(vault: Path) -> int:
    connection = plain(vault)
    try:
        found: int = connection.execute("SELECT count(*) FROM touched").fetchone()[0]
        return found
    finally:
        connection.close()


def test_every_commit_is_on_the_disk_when_it_returns(vault: Path) -> None:
    with Index.write(Vault(vault)) as index:
        assert index.connection.execute("PRAGMA synchronous").fetchone()[0] == 2  # FULL
        assert index.connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"


def test_what_was_not_committed_is_dropped(vault: Path) -> None:
    with Index.write(Vault(vault)) as index, index.atomic():
        index.connection.execute(ADD)
    assert count(vault) == 0


def test_a_step_is_whole_or_not_at_all(vault: Path) -> None:
    """One that is cut short takes nothing of the steps before it along."""
    with Index.write(Vault(vault)) as index:
        with index.atomic():
            index.connection.execute(ADD)
        for error in (ValueError, KeyboardInterrupt, SystemExit):
            with pytest.raises(error), index.atomic():
                index.connection.execute(ADD)
                raise error
        with index.atomic():
            index.connection.execute(ADD)
        index.commit()
        index.commit()
    assert count(vault) == 2


def test_a_transaction_is_ended_when_it_is_due(
    vault: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr("gorillacomb.index.database.time.monotonic", lambda: now)
    with Index.write(Vault(vault)) as index:
        with index.atomic():
            index.connection.execute(ADD)
        index.commit_if_due()
        assert count(vault) == 0
        now += 1.0
        with index.atomic():
            index.connection.execute(ADD)
        index.commit_if_due()
        assert count(vault) == 2
        assert not index.connection.in_transaction


def test_closing_frees_the_lock_even_in_the_middle_of_a_step(vault: Path) -> None:
    with pytest.raises(ValueError), Index.write(Vault(vault)) as index, index.atomic():
        raise ValueError
    with Index.write(Vault(vault)):
        pass


# Views -------------------------------------------------------------------------------------------


@pytest.fixture
def tree(tmp_path: Path, vault: Path) -> Path:
    tree = make_tree(
        tmp_path / "tree",
        {
            "one": "same" * 2000,
            "in": {"deep": {"two": "same" * 2000, "three": "alone"}},
            "hard": HardLink("one"),
            "link": Link("one"),
            "empty": "",
            b"odd \xff": "same" * 2000,
        },
    )
    settle(tree)
    scan(vault, tree)
    return tree


def test_all_files_can_be_asked_with_plain_sqlite(tree: Path, vault: Path) -> None:
    connection = plain(vault)
    connection.text_factory = bytes
    rows = connection.execute(
        "SELECT path, size, modified, blake3, state FROM all_files"
    ).fetchall()
    connection.close()
    top = os.fsencode(tree)
    by_path = {row[0]: row for row in rows}
    assert set(by_path) == {
        top + b"/" + name for name in (b"one", b"in/deep/two", b"in/deep/three", b"hard", b"empty")
    } | {top + b"/odd \xff"}
    assert by_path[top + b"/one"][1] == 8000
    assert by_path[top + b"/one"][3] == by_path[top + b"/hard"][3]
    assert len(by_path[top + b"/one"][3]) == 64
    assert by_path[top + b"/one"][2][:2] == b"20"


def test_duplicate_files_can_be_asked_with_plain_sqlite(tree: Path, vault: Path) -> None:
    connection = plain(vault)
    connection.text_factory = bytes
    rows = connection.execute(
        "SELECT blake3, size, copies, reclaimable, path FROM duplicate_files"
    ).fetchall()
    connection.close()
    groups: dict[bytes, set[bytes]] = {}
    for digest, size, copies, reclaimable, path in rows:
        groups.setdefault(digest, set()).add(path)
        assert (size, copies) == (8000, 3)
        assert reclaimable > 0
    assert {frozenset(paths) for paths in groups.values()} == groups_on_disk(tree)


def test_the_command_of_sqlite_can_ask_too(tree: Path, vault: Path) -> None:
    import shutil

    tool = shutil.which("sqlite3")
    if tool is None:
        pytest.skip("MISSING: the command sqlite3, to ask the index with it")
    done = subprocess.run(
        [tool, "-readonly", vault / "index.db", "SELECT count(*) FROM all_files"],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "6")


# One SQLite --------------------------------------------------------------------------------------

_SCAN_AND_TELL = """
import sys
from pathlib import Path
from gorillacomb.vault.vault import Vault
from gorillacomb.scan.scanner import scan
from gorillacomb.scan.options import ScanOptions

scan(Vault(Path(sys.argv[1])), [sys.argv[2].encode()], ScanOptions(workers=int(sys.argv[3])))
others = ("pysqlite3", "sqlean", "apsw")
print([name for name, module in sys.modules.items() if module and name.split(".")[0] in others])
maps = Path("/proc/self/maps").read_text().splitlines()
print(sorted({line.split(maxsplit=5)[5] for line in maps if "sqlite" in line.lower()}))
"""


@pytest.mark.parametrize("workers", ["0", "2"])
@pytest.mark.parametrize("second", [False, True])
def test_one_sqlite_in_a_process(workers: str, second: bool, tmp_path: Path, vault: Path) -> None:
    """Closing a file in one SQLite drops the locks of another: even where a second one is at hand.

    ``pysqlite3`` is imported by other libraries of their own accord when it is installed.
    """
    tree = make_tree(tmp_path / "tree", {"a": "x", "b": "x"})
    extra = make_tree(tmp_path / "installed", {})
    if second:
        package = "from sqlite3 import *\nfrom sqlite3 import dbapi2, OperationalError\n"
        make_tree(
            extra, {"pysqlite3": {"__init__.py": package, "dbapi2.py": "from sqlite3 import *"}}
        )
        make_tree(extra, {"sqlean": {"__init__.py": package, "dbapi2.py": "from sqlite3 import *"}})
    done = subprocess.run(
        [sys.executable, "-c", _SCAN_AND_TELL, str(vault), str(tree), workers],
        env=environment(PYTHONPATH=f"{REPOSITORY}:{extra}"),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    others, mapped = (ast.literal_eval(line) for line in done.stdout.splitlines())
    assert others == []
    libraries = {name for name in mapped if "_sqlite3" not in Path(name).name}
    libraries -= {str(path) for path in vault.iterdir()}
    assert len({os.path.realpath(name) for name in libraries}) <= 1, libraries
    assert not any("pysqlite" in name for name in mapped)


def test_one_module_knows_sqlite() -> None:
    found = set()
    for path in (REPOSITORY / "gorillacomb").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            for name in names:
                if name.split(".")[0] in ("sqlite3", "pysqlite3", "sqlean", "apsw"):
                    found.add(path.name)
    assert found == {"sqlite.py"}


def test_sql_stands_in_the_index_alone() -> None:
    """A question to a database is asked by a function with a name, in that database's store."""
    words = ("SELECT ", "INSERT INTO ", "DELETE FROM ", "UPDATE ", "PRAGMA ")
    stores = ("sqlite.py", "vaultmesh/store.py", "tokens/store.py")
    for path in (REPOSITORY / "gorillacomb").rglob("*.py"):
        part = path.relative_to(REPOSITORY / "gorillacomb").as_posix()
        if part.startswith("index/") or part in stores:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not node.value.startswith(words), f"{part}:{node.lineno}"
