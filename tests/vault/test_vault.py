"""The vault folder: closed to others, one writer at a time, never another's."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from gorillacomb.errors import VaultError, VaultForeign, VaultLocked
from gorillacomb.index.database import Index
from gorillacomb.vault.vault import (
    ENVIRONMENT,
    Vault,
    config_folder,
    default_vault,
    lock_file,
    state_folder,
    unwritable_error,
)
from tests.support.run import REPOSITORY, command, environment
from tests.support.trees import Link, make_tree, rows_in_index, scan


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in [folder, *folder.iterdir()]}


# Permissions -------------------------------------------------------------------------------------


@pytest.mark.parametrize("umask", [0o000, 0o002, 0o022, 0o027, 0o077])
def test_nobody_else_may_look_in(umask: int, tmp_path: Path) -> None:
    tree = make_tree(tmp_path / "tree", {"a": "x", "b": "x"})
    vault = tmp_path / "new" / "vault"
    for _ in range(2):
        subprocess.run(
            command("scan", tree),
            env=environment(vault),
            umask=umask,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        found = modes(vault)
        assert found.pop("vault") == 0o700
        assert {"index.db", "lock"} <= set(found)
        assert set(found.values()) == {0o600}


def test_the_files_beside_the_index_are_closed_too(vault: Path) -> None:
    """The log and the shared memory exist only while it is open."""
    before = os.umask(0)
    try:
        with Index.write(Vault(vault)) as index, index.atomic():
            index.connection.execute("INSERT INTO touched (digest) VALUES (x'00')")
            index.commit()
            found = modes(vault)
            assert {"index.db-wal", "index.db-shm"} <= set(found)
            assert {mode for name, mode in found.items() if name != "vault"} == {0o600}
            index.connection.execute("BEGIN")
            index.connection.execute("SAVEPOINT step")
    finally:
        os.umask(before)


def test_a_folder_that_was_open_is_closed(vault: Path) -> None:
    vault.mkdir()
    vault.chmod(0o755)
    Vault(vault).create()
    assert modes(vault) == {"vault": 0o700}
    with Index.write(Vault(vault)):
        vault.chmod(0o750)
    with Index.read(Vault(vault)):
        assert modes(vault)["vault"] == 0o700


def test_a_folder_that_is_no_vault_stays_as_it_was(vault: Path) -> None:
    make_tree(vault, {"letter": "dear"})
    vault.chmod(0o755)
    with pytest.raises(VaultError, match="not empty and not a vault"):
        Vault(vault).create()
    assert modes(vault)["vault"] == 0o755


def test_folders_above_are_made(tmp_path: Path) -> None:
    Vault(tmp_path / "a/b/c").create()
    assert (tmp_path / "a/b/c").is_dir()


# Whose it is -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", "index.db"])
def test_what_belongs_to_another_user_is_refused(name: str, vault: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("MISSING: root, to give a file to another user")
    with Index.write(Vault(vault)):
        pass
    os.chown(vault / name, 65534, 65534)
    for opened in (Index.write, Index.read):
        with pytest.raises(VaultForeign, match="uid 65534"):
            opened(Vault(vault))


def test_a_link_in_place_of_the_index_is_refused(vault: Path, tmp_path: Path) -> None:
    with Index.write(Vault(vault)):
        pass
    shutil.move(vault / "index.db", tmp_path / "elsewhere")
    make_tree(vault, {"index.db": Link(str(tmp_path / "elsewhere"))})
    for opened in (Index.write, Index.read):
        with pytest.raises(VaultForeign, match="symbolic link"):
            opened(Vault(vault))


def test_a_link_in_place_of_the_lock_is_not_followed(vault: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("do not cut me short")
    vault.mkdir(mode=0o700)
    make_tree(vault, {"lock": Link(str(precious))})
    with pytest.raises(VaultError, match="lock"):
        Vault(vault).lock()
    assert precious.read_text() == "do not cut me short"


# The lock ----------------------------------------------------------------------------------------


def test_one_writer_at_a_time(vault: Path) -> None:
    first, second = Vault(vault), Vault(vault)
    first.create()
    first.lock()
    with pytest.raises(VaultLocked, match=f"process {os.getpid()}\\b"):
        second.lock()
    first.unlock()
    second.lock()
    with pytest.raises(VaultLocked):
        first.lock()
    second.unlock()


def test_a_lock_that_was_refused_is_still_held_by_the_other(vault: Path) -> None:
    """To fail must not close, cut short or take over what the holder has."""
    with Index.write(Vault(vault)) as index:
        for _ in range(3):
            with pytest.raises(VaultLocked):
                Index.write(Vault(vault))
        assert (vault / "lock").read_text() == f"{os.getpid()}\n"
        with index.atomic():
            index.connection.execute("INSERT INTO touched (digest) VALUES (x'00')")
        index.commit()


def test_readers_need_no_lock_and_see_one_moment(vault: Path) -> None:
    with Index.write(Vault(vault)) as index, Index.read(Vault(vault)) as reader:
        count = "SELECT count(*) FROM touched"
        with index.atomic():
            index.connection.execute("INSERT INTO touched (digest) VALUES (x'00')")
        assert reader.connection.execute(count).fetchone() == (0,)
        index.commit()
        assert reader.connection.execute(count).fetchone() == (0,)
        with Index.read(Vault(vault)) as later:
            assert later.connection.execute(count).fetchone() == (1,)


def test_a_reader_cannot_write(vault: Path) -> None:
    with Index.write(Vault(vault)):
        pass
    with Index.read(Vault(vault)) as reader, pytest.raises(Exception, match="readonly"):
        reader.connection.execute("INSERT INTO touched (digest) VALUES (x'00')")


def test_unlocking_twice_does_no_harm(vault: Path) -> None:
    mine = Vault(vault)
    mine.create()
    mine.lock()
    mine.unlock()
    mine.unlock()


def test_the_lock_goes_with_its_process(vault: Path) -> None:
    script = (
        "import sys, time, pathlib; from gorillacomb.index.database import Index\n"
        "from gorillacomb.vault.vault import Vault\n"
        "index = Index.write(Vault(pathlib.Path(sys.argv[1]))); print(flush=True); time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(vault)],
        env=environment(),
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.readline()
    with pytest.raises(VaultLocked, match=f"process {process.pid}\\b"):
        Index.write(Vault(vault))
    process.kill()
    process.communicate()
    with Index.write(Vault(vault)):
        pass


@pytest.mark.parametrize("spoil", ["newer", "junk"])
def test_an_index_that_cannot_be_opened_leaves_the_lock_free(spoil: str, vault: Path) -> None:
    with Index.write(Vault(vault)) as index:
        if spoil == "newer":
            index.connection.execute("PRAGMA user_version = 99")
    if spoil == "junk":
        (vault / "index.db").write_bytes(b"junk" * 999)
    with pytest.raises(VaultError):
        Index.write(Vault(vault))
    Vault(vault).lock()


def test_the_lock_is_not_handed_down_to_other_programs(vault: Path) -> None:
    mine = Vault(vault)
    mine.create()
    mine.lock()
    child = subprocess.Popen(["sleep", "60"], close_fds=False)
    try:
        mine.unlock()
        with open(vault / "lock") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        child.kill()
        child.wait()


# Places ------------------------------------------------------------------------------------------


@pytest.mark.linux("on macOS it is elsewhere, in a folder below Library: tests/darwin shows where")
def test_the_vault_by_default(monkeypatch: pytest.MonkeyPatch, own_home: Path) -> None:
    assert default_vault() == own_home / ".local/share/gorillacomb"
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert default_vault() == Path("/data/gorillacomb")
    monkeypatch.setenv(ENVIRONMENT, "/named")
    assert default_vault() == Path("/named")
    monkeypatch.setenv(ENVIRONMENT, "~/named")
    assert default_vault() == own_home / "named"
    monkeypatch.setenv(ENVIRONMENT, "")
    assert default_vault() == Path("/data/gorillacomb")


def test_vault_settings_and_anchors_stand_apart(own_home: Path) -> None:
    places = {default_vault(), config_folder(), state_folder()}
    assert len(places) == 3
    assert all(place.is_relative_to(own_home) for place in places)


def test_our_files_are_known_by_their_inodes(vault: Path, own_home: Path) -> None:
    mine = Vault(vault)
    assert mine.own_files() == frozenset()
    with Index.write(mine):
        config_folder().mkdir(parents=True)
        ours = [vault, vault / "index.db", vault / "index.db-wal", vault / "lock", config_folder()]
        assert {(path.stat().st_dev, path.stat().st_ino) for path in ours} <= mine.own_files()
        assert (own_home.stat().st_dev, own_home.stat().st_ino) not in mine.own_files()


def test_our_files_are_not_opened_by_another_name(tmp_path: Path) -> None:
    """A hard link of the index in the tree: to close it would drop the lock on the index."""
    tree, vault = make_tree(tmp_path / "tree", {"a": "x"}), tmp_path / "vault"
    scan(vault, tree)
    os.link(vault / "index.db", tree / "a second name")
    scan(vault, tree)
    row = rows_in_index(vault).get(os.fsencode(tree / "a second name"))
    assert row is None or row[3] is None


def test_none_of_our_folders_is_scanned(own_home: Path, vault: Path) -> None:
    """A home with its vault, settings and state in it: nothing of ours becomes a row."""
    make_tree(own_home, {"mine": "x"})
    for place in (config_folder(), state_folder()):
        make_tree(place, {"ours": "y"})
    scan(default_vault(), own_home)
    scan(default_vault(), own_home)
    assert set(rows_in_index(default_vault())) == {os.fsencode(own_home / "mine")}


def test_an_error_has_words_and_advice() -> None:
    for number in (28, 30, 122, 13, 5):
        error = unwritable_error(Path("/some/vault"), OSError(number, "text"))
        assert "/some/vault" in error.message
        assert os.strerror(number).lower() in error.message
        assert error.hint
        assert error.exit_code == 4


def test_a_vault_that_was_replaced_while_a_writer_waited_for_it(vault: Path) -> None:
    """It locks the vault that is there now, not the one that was moved away."""
    vault.mkdir()
    aside = vault.with_name("aside")

    def replaced_first(descriptor: int) -> None:
        if not aside.exists():
            vault.rename(aside)
            vault.mkdir()
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    descriptor = lock_file(vault / "lock", replaced_first)
    assert os.path.samestat(os.fstat(descriptor), os.stat(vault / "lock"))
    with pytest.raises(VaultLocked):
        Vault(vault).lock()
    os.close(descriptor)
