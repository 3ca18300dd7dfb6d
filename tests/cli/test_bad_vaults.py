"""Vaults that cannot be used: one clear line, exit code 4, and nothing of what is in them lost."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gorillacomb.errors import VaultUnwritable
from gorillacomb.vault.vault import Vault
from tests.support.disks import Disks
from tests.support.homes import config_folder
from tests.support.run import Argument, end_of, environment, refused, run, start, until
from tests.support.stranger import STRANGER, give, ground, run_as_stranger
from tests.support.trees import Link, Tree, make_tree, rows_in_index, scan

READING: tuple[tuple[Argument, ...], ...] = (
    ("status", "--json"),
    ("dupes", "--limit", "0"),
    ("roots", "list"),
)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return make_tree(tmp_path / "tree", {"a": "one", "b": {"c": "one", "d": "two"}})


@contextmanager
def held(vault: Path) -> Iterator[None]:
    """Hold a vault's lock, as another run does."""
    with open(vault / "lock", "r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        file.truncate()
        file.write("12345\n")
        file.flush()
        yield


# Locked ------------------------------------------------------------------------------------------


def test_a_locked_vault_is_not_written_but_read(tree: Path, vault: Path) -> None:
    scan(vault, tree)
    with held(vault):
        refused(run("scan", tree, vault=vault), 4, "process 12345", str(vault))
        refused(run("scan", tree, "--json", vault=vault), 4, "process 12345", str(vault))
        refused(run("roots", "forget", tree, vault=vault), 4, "process 12345", str(vault))
        for arguments in READING:
            assert run(*arguments, vault=vault).code == 0, arguments
    assert run("scan", tree, vault=vault).code == 0
    assert len(rows_in_index(vault)) == 3


def test_two_scans_at_once(tmp_path: Path, vault: Path) -> None:
    many: Tree = {f"{number:04}": f"{number}" * 999 for number in range(3000)}
    tree = make_tree(tmp_path / "tree", many)
    first = start("scan", tree, "--workers", "1", vault=vault)
    assert until((vault / "index.db").exists)
    first.send_signal(19)  # SIGSTOP: it holds the lock for as long as we look
    try:
        refused(run("scan", tree, vault=vault), 4, f"process {first.pid}")
    finally:
        first.send_signal(18)
    assert end_of(first).code == 0
    assert len(rows_in_index(vault)) == 3000


def test_the_lock_of_a_run_that_was_killed_is_free(tree: Path, vault: Path) -> None:
    scan(vault, tree)
    (vault / "lock").write_text("999999\n")
    assert run("scan", tree, vault=vault).code == 0


# Newer, and other people's -----------------------------------------------------------------------


def test_an_index_from_a_newer_version(tree: Path, vault: Path) -> None:
    scan(vault, tree)
    database = sqlite3.connect(vault / "index.db")
    database.execute("PRAGMA user_version = 99")
    database.close()
    before = (vault / "index.db").read_bytes()
    for arguments in (("scan", tree), ("roots", "forget", tree), *READING):
        refused(run(*arguments, vault=vault), 4, "newer Gorilla Comb", "99")
    assert (vault / "index.db").read_bytes() == before


def test_a_database_of_another_program(tree: Path, vault: Path) -> None:
    vault.mkdir(mode=0o700)
    for version in (0, 1):
        (vault / "index.db").unlink(missing_ok=True)
        database = sqlite3.connect(vault / "index.db")
        database.execute("CREATE TABLE files (mine TEXT)")
        database.execute("INSERT INTO files VALUES ('precious')")
        database.execute(f"PRAGMA user_version = {version}")
        database.commit()
        database.close()
        for arguments in (("scan", tree), ("status",)):
            refused(run(*arguments, vault=vault), 4, str(vault / "index.db"))
        database = sqlite3.connect(vault / "index.db")
        assert database.execute("SELECT mine FROM files").fetchall() == [("precious",)]
        database.close()


def test_a_vault_of_another_user() -> None:
    with ground() as home:
        tree = make_tree(home / "tree", {"a": "x"})
        vault = home / "vault"
        vault.mkdir(mode=0o700)
        for arguments in (("scan", tree), ("status",)):
            refused(
                run_as_stranger(*arguments, home=home), 4, str(vault), "another user", "(uid 0)"
            )
        assert f"sudo chown -R {STRANGER} {vault}" in run_as_stranger("status", home=home).err
        assert list(vault.iterdir()) == []
        give(vault)
        refused(run("scan", tree, vault=vault), 4, str(vault), f"(uid {STRANGER})")
        assert list(vault.iterdir()) == []


def test_keys_that_a_run_with_sudo_made() -> None:
    with ground() as home:
        tree = make_tree(home / "tree", {"a": "x" * 100})
        keys = config_folder(home) / "keys"
        assert run("keys", "init", env=environment(home / "own", HOME=str(home))).code == 0
        ran = run_as_stranger("scan", tree, home=home)
        assert ran.code == 4
        assert f"{keys} belongs to root" in ran.err and f"sudo chown -R {STRANGER}" in ran.err


def test_a_file_system_that_cannot_hold_a_database(disks: Disks, tree: Path) -> None:
    stick = disks.plug("vfat", disks.image("vfat"), disks.point("stick"))
    for arguments in (("scan", tree), ("status",)):
        ran = run(*arguments, vault=stick / "vault")
        refused(ran, 4, "no locks or no shared memory", "fuse", str(stick / "vault"))
        assert "--vault" in ran.err


def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    vault = Vault(tmp_path / "vault")
    vault.create()
    with pytest.raises(VaultUnwritable, match="no locks or no shared memory"):
        vault.lock()


def test_an_index_of_another_user() -> None:
    with ground() as home:
        tree = make_tree(home / "tree", {"a": "x"})
        assert run_as_stranger("scan", tree, home=home).code == 0
        os.chown(home / "vault/index.db", 0, 0)
        for arguments in (("scan", tree), ("status",)):
            refused(run_as_stranger(*arguments, home=home), 4, str(home / "vault/index.db"))


def test_a_vault_where_one_may_not_write() -> None:
    with ground() as home:
        tree = make_tree(home / "tree", {"a": "x"})
        closed = home / "closed"
        closed.mkdir(mode=0o755)  # root's
        vault = closed / "vault"
        ran = run_as_stranger("scan", tree, home=home, vault=vault)
        refused(ran, 4, str(vault), "permission denied")


@pytest.mark.parametrize("mode", [0o000, 0o100, 0o300, 0o400])
def test_a_vault_whose_mode_was_spoilt(mode: int) -> None:
    with ground() as home:
        tree = make_tree(home / "tree", {"a": "x"})
        assert run_as_stranger("scan", tree, home=home).code == 0
        (home / "vault").chmod(mode)
        refused(run_as_stranger("scan", tree, home=home), 4, str(home / "vault"))
        ran = run_as_stranger("status", home=home)
        if ran.code != 0:
            refused(ran, 4, str(home / "vault"))
        (home / "vault").chmod(0o700)
        assert run_as_stranger("status", "--json", home=home).json()["roots"][0]["files"] == 1


@pytest.mark.parametrize("mode", [0o000, 0o200, 0o400])
def test_an_index_whose_mode_was_spoilt(mode: int) -> None:
    with ground() as home:
        tree = make_tree(home / "tree", {"a": "x"})
        assert run_as_stranger("scan", tree, home=home).code == 0
        (home / "vault/index.db").chmod(mode)
        refused(run_as_stranger("scan", tree, home=home), 4, str(home / "vault/index.db"))


# Not a vault at all ------------------------------------------------------------------------------


def test_a_file_in_place_of_the_vault(tree: Path, vault: Path) -> None:
    vault.write_text("precious")
    for arguments in (("scan", tree), ("status",), ("roots", "forget", tree)):
        refused(run(*arguments, vault=vault), 4, str(vault), "not a folder")
    refused(run("scan", tree, vault=vault / "below"), 4, str(vault))
    assert vault.read_text() == "precious"


def test_a_folder_with_other_files_is_not_made_a_vault(tree: Path, vault: Path) -> None:
    make_tree(vault, {"letter": "dear", "photos": {}})
    vault.chmod(0o755)
    for arguments in (("scan", tree), ("status",), ("roots", "forget", tree)):
        refused(run(*arguments, vault=vault), 4, str(vault), "not empty and not a vault")
    assert sorted(path.name for path in vault.iterdir()) == ["letter", "photos"]
    assert vault.stat().st_mode & 0o777 == 0o755, "other programs may not get at it any more"


def test_a_vault_that_is_not_there(vault: Path) -> None:
    for arguments in (*READING, ("explain", "/tmp"), ("roots", "forget", "/tmp")):
        refused(run(*arguments, vault=vault), 4, str(vault))
    assert not vault.exists()


def test_a_vault_without_an_index(vault: Path) -> None:
    vault.mkdir()
    for arguments in READING:
        refused(run(*arguments, vault=vault), 4, str(vault), "no index")


@pytest.mark.parametrize("name", ["index.db", "lock"])
def test_a_link_in_place_of_our_file(name: str, tree: Path, vault: Path, tmp_path: Path) -> None:
    scan(vault, tree)
    elsewhere = tmp_path / "elsewhere"
    shutil.move(vault / name, elsewhere)
    make_tree(vault, {name: Link(str(elsewhere))})
    before = elsewhere.read_bytes()
    refused(run("scan", tree, vault=vault), 4, str(vault / name))
    if name == "index.db":
        for arguments in READING:
            refused(run(*arguments, vault=vault), 4, str(vault / name), "symbolic link")
    assert elsewhere.read_bytes() == before


@pytest.mark.parametrize("name", ["index.db", "lock"])
@pytest.mark.parametrize("kind", ["folder", "fifo"])
def test_something_else_in_place_of_our_file(name: str, kind: str, tree: Path, vault: Path) -> None:
    scan(vault, tree)
    (vault / name).unlink()
    if kind == "folder":
        (vault / name).mkdir()
    else:
        os.mkfifo(vault / name)
    refused(run("scan", tree, vault=vault), 4, str(vault / name))
    if name == "index.db":
        refused(run("status", vault=vault), 4, str(vault / name))


def test_a_vault_reached_through_a_link(tree: Path, vault: Path, tmp_path: Path) -> None:
    make_tree(tmp_path, {"link": Link(str(vault))})
    vault.mkdir()
    assert run("scan", tree, vault=tmp_path / "link").code == 0
    assert len(rows_in_index(vault)) == 3
    shutil.rmtree(vault)
    refused(run("scan", tree, vault=tmp_path / "link"), 4, str(tmp_path / "link"))


@pytest.mark.parametrize("name", ["-v?#%41 ;&é 日本", "v\udcff", "v\n\x1b[31m"])
def test_a_vault_with_an_odd_name(name: str, tree: Path, tmp_path: Path) -> None:
    vault = tmp_path / name
    assert run("scan", tree, "--vault", vault).code == 0
    assert run("scan", tree, "--workers", "2", "--vault", vault).code == 0
    assert run("status", "--json", "--vault", vault).json()["groups"] == 1
    assert len(list(run("dupes", "--json", vault=vault).json()["groups"])) == 1


def test_the_option_wins_over_the_environment(tree: Path, vault: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    assert run("scan", tree, "--vault", other, vault=vault).code == 0
    assert (other / "index.db").exists()
    assert not vault.exists()
