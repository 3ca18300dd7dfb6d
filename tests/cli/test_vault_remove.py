"""The vault deleted: after what waits in quarantines was named, and nothing else is touched."""

from __future__ import annotations

import fcntl
import os
import pty
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

import gorillacomb
from tests.dedupe.drives import look
from tests.support.homes import config_folder
from tests.support.mounts import fill, tmpfs
from tests.support.run import Ran, environment, read_all, refused, run, started
from tests.support.trees import Tree, make_tree, settle
from tests.vaultmesh import dying

SAME: Tree = {f"{number}.txt": f"the same {number} " * 600 for number in range(3)}


@dataclass
class Used:
    """A vault, the drive that it knows, and what waits in quarantine there."""

    drive: Path
    vault: Path
    waiting: int = 0

    def remove(self, *options: str, vault: Path | None = None) -> Ran:
        return run("vault", "remove", *options, vault=self.vault if vault is None else vault)

    def quarantine(self) -> Path:
        [run_folder] = (self.drive / ".gorillacomb/quarantine").iterdir()
        return run_folder


@pytest.fixture
def used(own_home: Path, tmp_path: Path) -> Used:
    drive = make_tree(tmp_path / "drive", {"kept": SAME, "Copy of kept": SAME})
    settle(drive)
    vault = own_home / "vaults/mine"
    assert run("scan", drive, vault=vault).code == 0
    return Used(drive, vault)


@pytest.fixture
def waiting(used: Used, tmp_path: Path) -> Used:
    plan = tmp_path / "plan"
    assert run("dedupe", "-o", plan, vault=used.vault).code == 0
    assert run("dedupe", "--apply", plan, vault=used.vault).code == 0
    used.waiting = 3
    return used


def test_where_nothing_waits(used: Used, own_home: Path) -> None:
    before, keys = look(used.drive), sorted((config_folder(own_home) / "keys").iterdir())
    ran = used.remove()
    refused(ran, 5, str(used.vault), "not confirmed")
    assert "--yes-remove 0" in ran.err
    refused(used.remove("--yes-remove", "1"), 5, "no file is in quarantine, not 1")
    assert run("vault", "check", vault=used.vault).code == 0
    ran = used.remove("--yes-remove", "0")
    assert (ran.code, ran.err) == (0, "")
    assert "for good" in ran.out
    assert list(used.vault.parent.iterdir()) == []
    assert look(used.drive) == before
    assert sorted((config_folder(own_home) / "keys").iterdir()) == keys
    refused(used.remove("--yes-remove", "0"), 4, "there is no vault")
    assert run("scan", used.drive, vault=used.vault).code == 0


def test_what_waits_is_named_first_and_stays(waiting: Used) -> None:
    before = look(waiting.drive)
    folder = waiting.quarantine()
    for options in ((), ("--yes-remove", "0"), ("--yes-remove", "2")):
        ran = waiting.remove(*options)
        refused(ran, 5, "3 files (", str(folder))
        assert "--yes-remove 3" in ran.err
        assert run("vault", "check", vault=waiting.vault).code == 0
    ran = waiting.remove("--yes-remove", "3", "--json")
    assert ran.code == 0
    found = ran.json()
    assert [each["path"] for each in found["quarantine"]] == [str(folder)]
    assert found["quarantine"][0]["files"] == 3
    assert found["quarantine"][0]["bytes"] > 3 * 4096
    assert (found["entries"] > 3, found["index_readable"], found["not_connected"]) == (
        True,
        True,
        [],
    )
    assert not waiting.vault.exists()
    assert look(waiting.drive) == before
    # The quarantine is all that an undo needs.
    assert run("dedupe", "--undo", folder, vault=waiting.vault).code == 0
    back = {path.name for path in (waiting.drive / "Copy of kept").iterdir()}
    assert back == {str(name) for name in SAME}


def answer(used: Used, text: str) -> tuple[int, str]:
    """Run it on a terminal and type something; its code and what it showed."""
    ours, theirs = pty.openpty()
    os.write(ours, text.encode())
    process = started(("vault", "remove"), environment(used.vault), (theirs, theirs, theirs))
    os.close(theirs)
    shown = bytes(read_all({ours: bytearray()})[ours]).decode()
    os.close(ours)
    return process.wait(30), shown


@pytest.mark.parametrize("typed", ["\n3\n", "2\n", "y\n"])
def test_the_number_has_to_be_typed(typed: str, waiting: Used) -> None:
    code, shown = answer(waiting, typed)
    assert str(waiting.quarantine()) in shown
    assert "3 files still in quarantine" in shown
    right = typed.strip() == "3"
    assert (code, waiting.vault.exists()) == ((0, False) if right else (5, True))


@pytest.mark.parametrize(("typed", "code"), [("y\n", 0), ("n\n", 5), ("\n", 5)])
def test_a_question_where_nothing_waits(typed: str, code: int, used: Used) -> None:
    assert answer(used, typed)[0] == code
    assert used.vault.exists() == (code == 5)


def test_a_drive_that_is_away_is_named(waiting: Used, tmp_path: Path) -> None:
    waiting.drive.rename(tmp_path / "away")
    ran = waiting.remove("--yes-remove", "0", "--json")
    assert (ran.code, ran.json()["not_connected"]) == (0, [{"path": str(waiting.drive)}])


def test_a_damaged_vault(waiting: Used) -> None:
    for name in ("index.db", "trace.db"):
        (waiting.vault / name).write_bytes(b"nonsense" * 2000)
    ran = waiting.remove("--yes-remove", "0")
    assert ran.code == 0
    assert "cannot be read: it is not known what waits" in ran.out
    assert not waiting.vault.exists()
    assert waiting.quarantine().is_dir()


def test_other_files_are_not_deleted(used: Used) -> None:
    make_tree(used.vault, {"letter": "dear", "trace-old.db": "a former trace"})
    refused(used.remove("--yes-remove", "0"), 5, "letter")
    (used.vault / "letter").unlink()
    assert used.remove("--yes-remove", "0").code == 0


def test_a_link_to_it_is_left_and_named(used: Used, own_home: Path) -> None:
    link = own_home / "link"
    link.symlink_to(used.vault)
    ran = used.remove("--yes-remove", "0", vault=link)
    assert (ran.code, link.is_symlink(), used.vault.exists()) == (0, True, False)
    assert str(link) in ran.out


@pytest.mark.parametrize(
    ("name", "code", "words"), [("lock", 4, "is writing"), ("watcher", 5, "watcher is running")]
)
def test_while_somebody_uses_it(name: str, code: int, words: str, used: Used) -> None:
    with open(used.vault / name, "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        refused(used.remove("--yes-remove", "0"), code, words)
    assert run("vault", "check", vault=used.vault).code == 0


def test_a_full_disk(used: Used, tmp_path: Path) -> None:
    with tmpfs(tmp_path / "disk", "8m") as disk:
        vault = disk / "vault"
        assert run("scan", used.drive, vault=vault).code == 0
        fill(disk)
        assert used.remove("--yes-remove", "0", vault=vault).code == 0
        assert os.listdir(disk) == ["filler"]


@pytest.mark.parametrize("stride", [2, pytest.param(1, marks=pytest.mark.deep)])
def test_killed_at_any_step(stride: int, used: Used, tmp_path: Path) -> None:
    """It is there as it was, or it is gone; the next run clears up."""
    shutil.copytree(used.vault, tmp_path / "copy")
    step, gone = 0, 0
    while True:
        command = ("vault", "remove", "--yes-remove", "0", "--vault", used.vault)
        ran = run(*command, before=(dying.__name__, str(step)))
        assert ran.code in (0, -signal.SIGKILL), ran
        if ran.code == 0:
            break
        if used.vault.exists():
            assert run("vault", "check", vault=used.vault).code == 0, step
        else:
            gone += 1
            shutil.copytree(tmp_path / "copy", used.vault)
        step += stride
    assert gone
    assert step > 6
    left = list(used.vault.parent.iterdir())
    # One may have been killed after it was moved, before it was marked: then all of it is there.
    assert [sorted(os.listdir(path)) for path in left if (path / "unfinished").exists()] == []


def test_in_python(used: Used) -> None:
    vault = gorillacomb.open_vault(used.vault)
    for confirm in (None, True, 1, lambda what: False):
        with pytest.raises(gorillacomb.RefusedForSafety):
            vault.remove(confirm=confirm)
    seen: list[gorillacomb.VaultRemoval] = []

    def agree(what: gorillacomb.VaultRemoval) -> bool:
        seen.append(what)
        return True

    result = vault.remove(confirm=agree)
    assert seen == [result]
    assert (result.waiting_files, result.folder, used.vault.exists()) == (0, used.vault, False)
