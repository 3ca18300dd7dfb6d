"""A backup put back as the vault: all of it or nothing, and the vault before it is kept."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

import gorillacomb
from gorillacomb.errors import ExitCode
from tests.stamping.trace import stamping_scan
from tests.support.homes import config_folder
from tests.support.mounts import fill, remount, tmpfs
from tests.support.run import Ran, refused, run
from tests.support.trees import Tree, make_tree, settle
from tests.vaultmesh import dying

CONTENT: Tree = {"a": "one" * 400, "b": {"c": "one" * 400, "d": "two"}}


@dataclass
class Saved:
    """A vault that was backed up, and used again after that."""

    drive: Path
    vault: Path
    backup: Path
    before: dict[str, bytes]
    """What the backup has, by name."""

    def restore(self, *options: str | Path, vault: Path | None = None) -> Ran:
        place = self.vault if vault is None else vault
        return run("vault", "restore", self.backup, *options, vault=place)

    def log_size(self, vault: Path | None = None) -> int:
        """The entries of a vault that is sound, whatever the anchor knows."""
        return sound_entries(self.vault if vault is None else vault)

    def beside(self) -> list[Path]:
        """What is beside the vault."""
        return sorted(path for path in self.vault.parent.iterdir() if path != self.vault)


def files_in(folder: Path) -> dict[str, bytes]:
    """What is in a folder, without the locks of a vault."""
    names = set(os.listdir(folder)) - {"lock", "watcher"}
    return {name: (folder / name).read_bytes() for name in names}


def sound_entries(vault: Path) -> int:
    """How many entries a vault has, none of which is damaged."""
    check = gorillacomb.open_vault(vault).check()
    behind = check.trace is not None and "the anchor outside the vault covers" in check.trace
    assert check.is_sound or behind, check
    return check.entries


@pytest.fixture
def saved(own_home: Path, tmp_path: Path) -> Saved:
    drive = make_tree(tmp_path / "drive", CONTENT)
    settle(drive)
    vault = own_home / "vaults" / "mine"
    stamping_scan(vault, drive)
    backup = own_home / "backup"
    assert run("vault", "backup", backup, vault=vault).code == 0
    return Saved(drive, vault, backup, files_in(backup))


def go_on(saved: Saved) -> None:
    """Let the vault learn what the backup does not know."""
    make_tree(saved.drive, {"more": {"e": "three" * 100}})
    settle(saved.drive)
    stamping_scan(saved.vault, saved.drive)


# What is there before ----------------------------------------------------------------------------


@pytest.mark.parametrize("there", ["nothing", "an empty folder", "locks alone"])
def test_where_there_is_no_vault(there: str, saved: Saved) -> None:
    shutil.rmtree(saved.vault if there != "nothing" else saved.vault.parent)
    if there != "nothing":
        saved.vault.mkdir()
    if there == "locks alone":
        make_tree(saved.vault, {"lock": "1\n", "watcher": ""})
    ran = saved.restore("--json")
    assert (ran.code, ran.err) == (0, "")
    found = ran.json()
    assert (found["kept"], found["has_index"], found["needs_adopt"]) == (None, True, False)
    assert found["vault"] == {"path": str(saved.vault)}
    assert found["bytes"] == sum(map(len, saved.before.values()))
    assert files_in(saved.vault) == saved.before
    assert saved.beside() == []
    assert saved.vault.stat().st_mode & 0o077 == 0
    assert found["entries"] == saved.log_size()
    assert run("scan", saved.drive, vault=saved.vault).code == 0
    assert files_in(saved.backup) == saved.before


def test_a_vault_is_replaced_only_when_told_and_kept(saved: Saved) -> None:
    go_on(saved)
    was = files_in(saved.vault)
    ran = saved.restore()
    refused(ran, 5, str(saved.vault))
    assert "--replace" in ran.err
    assert files_in(saved.vault) == was
    assert saved.beside() == []
    ran = saved.restore("--replace")
    assert ran.code == 0, ran.err
    [kept] = saved.beside()
    assert str(kept) in ran.out
    assert "gorillacomb trace adopt" in ran.out
    assert files_in(kept) == was
    assert files_in(saved.vault) == saved.before
    refused(run("scan", saved.drive, vault=saved.vault), 4, "rolled back")
    assert run("trace", "adopt", vault=saved.vault).code == 0
    assert run("scan", saved.drive, vault=saved.vault).code == 0
    assert run("vault", "check", vault=saved.vault).code == 0
    # The one that was kept is a vault, and can be put back in turn.
    assert run("vault", "check", vault=kept).code == 0


def test_a_trace_that_nothing_was_signed_after_needs_no_adopt(saved: Saved) -> None:
    ran = saved.restore("--replace")
    assert (ran.code, "adopt" in ran.out) == (0, False)
    assert run("scan", saved.drive, vault=saved.vault).code == 0


def change(database: Path, *statements: str) -> None:
    with sqlite3.connect(database) as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def remove_databases(vault: Path) -> None:
    for name in files_in(vault):
        (vault / name).unlink()


def instead(name: str, make: Callable[[Path], object]) -> Callable[[Path], object]:
    """Replace a file in a folder by something else."""

    def replace(folder: Path) -> None:
        (folder / name).rename(folder / f"former {name}")
        make(folder / name)

    return replace


DAMAGE: dict[str, Callable[[Path], object]] = {
    "nothing but locks": remove_databases,
    "an index that is a folder": instead("index.db", Path.mkdir),
    "an index that is a link": instead("index.db", lambda path: os.symlink("nowhere", path)),
    "a trace of nonsense": lambda vault: (vault / "trace.db").write_bytes(b"nonsense" * 999),
    "half an index": lambda vault: os.truncate(vault / "index.db", 9000),
    "no trace": lambda vault: (vault / "trace.db").unlink(),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_vault(damage: str, saved: Saved) -> None:
    make_tree(saved.vault, {"lock": "", "watcher": ""})
    DAMAGE[damage](saved.vault)
    names = sorted(os.listdir(saved.vault))
    ran = saved.restore("--replace", "--json")
    assert (ran.code, ran.err) == (0, "")
    kept = [sorted(os.listdir(path)) for path in saved.beside()]
    assert kept == ([] if names == ["lock", "watcher"] else [names])
    assert saved.log_size() == ran.json()["entries"]
    assert run("scan", saved.drive, vault=saved.vault).code == 0


def test_a_folder_that_is_not_a_vault_is_left(saved: Saved, own_home: Path) -> None:
    letters = make_tree(own_home / "Documents", {"letter": "dear"})
    for options in ((), ("--replace",)):
        refused(saved.restore(*options, vault=letters), 4, "not a vault")
    assert files_in(letters) == {"letter": b"dear"}


def test_a_vault_that_a_link_leads_to(saved: Saved, own_home: Path) -> None:
    """The link stays, and leads to the restored vault."""
    link = own_home / "link"
    link.symlink_to(saved.vault)
    ran = saved.restore("--replace", "--json", vault=link)
    assert ran.code == 0, ran.err
    assert link.is_symlink()
    assert ran.json()["vault"] == {"path": str(saved.vault)}
    assert files_in(saved.vault) == saved.before
    assert len(saved.beside()) == 1


def test_a_link_that_leads_to_nothing(saved: Saved, own_home: Path) -> None:
    """Its drive may be away: nothing is created where that will be mounted."""
    link = own_home / "link"
    link.symlink_to(own_home / "away" / "vault")
    refused(saved.restore("--replace", vault=link), 4, "does not exist")
    around = own_home / "around"
    around.symlink_to(own_home / "away")
    refused(saved.restore("--replace", vault=around / "vault"), 4, "does not exist")
    assert not (own_home / "away").exists()


# Backups that are not restored -------------------------------------------------------------------


def write_a_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("x")


WRONG: dict[str, tuple[int, str, Callable[[Path], object]]] = {
    "no trace": (2, "lacks trace.db", lambda at: (at / "trace.db").unlink()),
    "it is a file": (2, "not a directory", write_a_file),
    "it is missing": (2, "no such file", shutil.rmtree),
    "a pipe": (2, "index.db is not a file", instead("index.db", os.mkfifo)),
    "a link": (
        2,
        "trace.db is not a file",
        instead("trace.db", lambda path: os.symlink("former trace.db", path)),
    ),
    "a log beside it": (2, "index.db-wal", lambda at: (at / "index.db-wal").write_bytes(b"x")),
    "a newer index": (
        4,
        "newer Gorilla Comb",
        lambda at: change(at / "index.db", "PRAGMA user_version = 9999"),
    ),
    "a newer trace": (
        4,
        "newer",
        lambda at: change(at / "trace.db", "PRAGMA user_version = 9999"),
    ),
    "an entry was edited": (
        4,
        "not sound",
        lambda at: change(
            at / "trace.db", "UPDATE entries SET entry = cast(entry || ' ' AS BLOB) WHERE seq = 3"
        ),
    ),
    "an entry is missing": (
        4,
        "not sound",
        lambda at: change(at / "trace.db", "DELETE FROM entries WHERE seq = 3"),
    ),
    "a stamp of the index was edited": (
        4,
        "not sound",
        lambda at: change(at / "index.db", "DELETE FROM stamps"),
    ),
    "the index is cut short": (
        4,
        "index.db is damaged",
        lambda at: os.truncate(at / "index.db", 9000),
    ),
    "the trace is empty": (4, "trace.db", lambda at: os.truncate(at / "trace.db", 0)),
    "the index is another program's": (
        4,
        "index.db",
        instead("index.db", lambda path: change(path, "CREATE TABLE x (y)")),
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_backup_that_is_not_sound_changes_nothing(wrong: str, saved: Saved) -> None:
    code, words, damage = WRONG[wrong]
    was = files_in(saved.vault)
    damage(saved.backup)
    ran = saved.restore("--replace")
    refused(ran, code, words, str(saved.backup))
    assert "before" not in ran.err, "the copy that was checked is named"
    assert files_in(saved.vault) == was
    assert saved.beside() == []


def test_a_trace_alone_can_be_restored(saved: Saved) -> None:
    """What the hint of a damaged index says: the next scan builds another one."""
    (saved.backup / "index.db").unlink()
    ran = saved.restore("--replace", "--json")
    assert (ran.code, ran.json()["has_index"]) == (0, False)
    assert run("scan", saved.drive, vault=saved.vault).code == 0
    assert run("vault", "check", vault=saved.vault).code == 0


def test_a_vault_is_no_backup_of_itself(saved: Saved) -> None:
    ran = run("vault", "restore", saved.vault, "--replace", vault=saved.vault)
    refused(ran, 2)
    assert saved.log_size()


@pytest.mark.parametrize("lost", ["moved away", "another one"])
def test_a_lost_key(lost: str, saved: Saved, own_home: Path) -> None:
    """Without it nothing can be checked for sure, and no scan goes on: that is said first."""
    keys = config_folder(own_home) / "keys"
    keys.rename(own_home / "keys")
    if lost == "another one":
        assert run("keys", "init", vault=own_home / "other").code == 0
    ran = saved.restore("--replace")
    refused(ran, 4, "key")
    assert "--without-keys" in ran.err
    ran = saved.restore("--replace", "--without-keys", "--json")
    assert (ran.code, ran.json()["needs_adopt"]) == (0, True)
    assert run("trace", "adopt", vault=saved.vault).code == 0
    assert run("scan", saved.drive, vault=saved.vault).code == 0
    change(saved.backup / "trace.db", "DELETE FROM entries WHERE seq = 3")
    refused(saved.restore("--replace", "--without-keys"), 4, "not sound")


# Others, disks, kills ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "code", "words"), [("lock", 4, "is writing"), ("watcher", 5, "watcher is running")]
)
def test_while_somebody_uses_the_vault(name: str, code: int, words: str, saved: Saved) -> None:
    was = files_in(saved.vault)
    with open(saved.vault / name, "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        refused(saved.restore("--replace"), code, words)
    assert files_in(saved.vault) == was
    assert saved.beside() == []
    assert saved.restore("--replace", "--wait", "9").code == 0


def test_two_at_once(saved: Saved) -> None:
    """Where there is no vault, one of them restores it; told to replace, each keeps the last."""
    shutil.rmtree(saved.vault)
    with ThreadPoolExecutor(4) as pool:
        codes = [ran.code for ran in pool.map(lambda _: saved.restore(), range(4))]
        assert codes.count(0) == 1, codes
        assert set(codes) <= {0, 4, 5}, codes
        assert saved.beside() == []
        ran = list(pool.map(lambda _: saved.restore("--replace"), range(4)))
    done = [each for each in ran if each.code == 0]
    assert done
    assert {each.code for each in ran} <= {0, 4}
    assert len(saved.beside()) == len(done)
    assert files_in(saved.vault) == saved.before


def test_a_full_disk_changes_nothing(tmp_path: Path, saved: Saved) -> None:
    with tmpfs(tmp_path / "disk", "8m") as disk:
        vault = disk / "vault"
        assert saved.restore(vault=vault).code == 0
        was = files_in(vault)
        for room in (0, 4096, 100_000):
            fill(disk, room)
            refused(saved.restore("--replace", vault=vault), 4, "space")
            assert sorted(os.listdir(disk)) == ["filler", "vault"]
            assert {name: files_in(vault)[name] for name in was} == was
            (disk / "filler").unlink()
        remount(disk, "ro")
        refused(saved.restore("--replace", vault=vault), 4, "read-only")
        remount(disk, "rw")
        assert saved.restore("--replace", vault=vault).code == 0


def test_a_mount_point_is_left(tmp_path: Path, saved: Saved) -> None:
    with tmpfs(tmp_path / "disk", "8m") as disk:
        refused(saved.restore(vault=disk), 4, "mount point")
        assert sorted(os.listdir(disk)) in ([], ["lock", "watcher"])
        assert [path.name for path in tmp_path.iterdir() if path.name.startswith("disk-")] == []
        assert saved.restore(vault=disk / "inside").code == 0


def is_whole(folder: Path) -> bool:
    """Whether a folder beside a vault is more than what a killed run left to be cleared up."""
    names = os.listdir(folder)
    return bool(names) and "unfinished" not in names


STRIDES = [3, pytest.param(1, marks=pytest.mark.deep)]


@pytest.mark.parametrize("stride", STRIDES)
@pytest.mark.parametrize("there", [True, False], ids=["replaced", "created"])
def test_killed_at_any_step(there: bool, stride: int, saved: Saved) -> None:
    """There is the old vault or the new one, sound; the next run goes on, and clears up."""
    go_on(saved)
    old, new = saved.log_size(), sound_entries(saved.backup)
    assert old > new
    if not there:
        shutil.rmtree(saved.vault)
    found, step = [], 0
    while True:
        command = ("vault", "restore", saved.backup, "--replace", "--vault", saved.vault)
        ran = run(*command, before=(dying.__name__, str(step)))
        assert ran.code in (0, -signal.SIGKILL), ran
        found.append(saved.log_size() if saved.vault.exists() else 0)
        kept = [path for path in saved.beside() if is_whole(path)]
        assert all(sound_entries(path) in (old, new) for path in kept)
        if ran.code == 0:
            break
        if found[-1] == new:  # begin once more
            shutil.rmtree(saved.vault)
            for path in [path for path in kept if sound_entries(path) == old]:
                path.rename(saved.vault)
        for path in kept:
            shutil.rmtree(path, ignore_errors=True)
        step += stride
    assert step > 10
    assert set(found) == {old if there else 0, new}
    assert all(is_whole(path) for path in saved.beside())


def test_in_python(saved: Saved) -> None:
    vault = gorillacomb.open_vault(saved.vault)
    with pytest.raises(gorillacomb.RefusedForSafety) as error:
        vault.restore(saved.backup)
    assert error.value.exit_code == ExitCode.REFUSED
    result = vault.restore(str(saved.backup), replace=True)
    theirs = saved.restore("--replace", "--json").json()
    ours = dict(result.to_dict())
    assert ours.pop("kept") != theirs.pop("kept")
    assert ours == theirs
