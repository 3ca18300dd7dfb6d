"""The quarantine is emptied where not one byte is free: that is when it is needed most."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dedupe.acting import slots
from tests.dedupe.faults import need_strace
from tests.support.disks import Disks
from tests.support.mounts import fill, tmpfs
from tests.support.run import Ran, command, environment, run
from tests.support.trees import Tree, make_tree, settle

BLOCK = 4096
KINDS = ["tmpfs", "ext4", "xfs", "btrfs"]


def content(name: str, lines: int = 40_000) -> str:
    return f"{name}; ".ljust(64, ".") * lines


FILES: Tree = {"kept": {"a": content("a"), "b": content("b")}, "other (1)": {"c": content("a")}}
FOLDERS: Tree = {
    "kept": {"album": {"a": content("a"), "b": content("b"), "deep": {"c": content("c")}}},
    "Copy of kept": {"album": {"a": content("a"), "b": content("b"), "deep": {"c": content("c")}}},
}


@pytest.fixture(params=KINDS)
def disk(request: pytest.FixtureRequest, disks: Disks, tmp_path: Path) -> Iterator[Path]:
    if request.param == "tmpfs":
        with tmpfs(tmp_path / "disk", "24m") as point:
            yield point
    else:
        yield disks.plug(request.param, disks.image(request.param), disks.point("disk"))


def quarantined(disk: Path, vault: Path, tree: Tree) -> Path:
    """Move the copies in a tree into the quarantine; returns where the tree is."""
    top = make_tree(disk / "drive", tree)
    settle(top)
    assert run("scan", top, "--workers", "0", vault=vault).code == 0
    plan = vault.with_name("plan")
    assert run("dedupe", "-o", plan, vault=vault).code == 0
    done = run("dedupe", "--apply", plan, "--json", vault=vault)
    assert (done.code, done.json()["skipped"]) == (0, []), done
    plan.unlink()
    return top


def leave_no_room_in_the_journal(top: Path) -> None:
    """Its last block is full: the next line needs another one."""
    [journal] = top.glob(".gorillacomb/quarantine/*/journal.jsonl")
    with journal.open("ab") as file:
        file.write(b" " * (-(file.tell() + 1) % BLOCK) + b"\n")
    assert journal.stat().st_size % BLOCK == 0


def empty(vault: Path) -> Ran:
    return run("dedupe", "--empty-quarantine", "--yes", "--json", vault=vault)


@pytest.mark.parametrize("tree", [FILES, FOLDERS], ids=["files", "folders"])
@pytest.mark.parametrize("tight", [True, False], ids=["full journal", "some room in the journal"])
def test_a_full_disk(tight: bool, tree: Tree, disk: Path, vault: Path) -> None:
    top = quarantined(disk, vault, tree)
    held = slots(top)
    assert held
    if tight:
        leave_no_room_in_the_journal(top)
    fill(disk)
    ran = empty(vault)
    assert ran.out, ran.err
    assert (ran.code, ran.json()["skipped"], ran.json()["failed"]) == (0, [], []), ran
    assert slots(top) == []
    assert run("dedupe", "--history", "--json", vault=vault).json()["runs"][0]["event"] == "purged"


@pytest.mark.parametrize("tree", [FILES, FOLDERS], ids=["files", "folders"])
def test_a_full_disk_that_the_vault_is_on(tree: Tree, disk: Path) -> None:
    vault = disk / "vault"
    top = quarantined(disk, vault, tree)
    leave_no_room_in_the_journal(top)
    fill(disk)
    ran = empty(vault)
    assert ran.out, ran.err
    assert (ran.code, ran.json()["skipped"], ran.json()["failed"]) == (0, [], []), ran
    assert slots(top) == []
    assert run("vault", "check", vault=vault).code == 0
    assert run("dedupe", "--history", "--json", vault=vault).json()["runs"][0]["event"] == "purged"


def test_a_disk_that_is_still_full_then(disk: Path) -> None:
    """What was deleted makes no room for the trace: that is said, and the journals know it."""
    vault, small = disk / "vault", content("small", 600)
    top = quarantined(disk, vault, {"kept": {"a": small}, "other (1)": {"c": small}})
    fill(disk)
    ran = empty(vault)
    assert ran.code == 0, ran
    assert ran.json()["done"] == 1
    assert "trace does not record" in ran.err
    assert slots(top) == []
    (disk / "filler").unlink()
    assert run("vault", "check", vault=vault).code == 0
    history = run("dedupe", "--history", "--json", vault=vault).json()["runs"]
    assert [each["event"] for each in history] == ["applied"]
    assert run("scan", top, vault=vault).code == 0


@pytest.mark.parametrize("then", ["emptied", "taken back"])
def test_killed_before_the_journal_has_its_line(then: str, tmp_path: Path, vault: Path) -> None:
    """One file is deleted to make room for it. What was begun is known all the same."""
    need_strace()
    with tmpfs(tmp_path / "disk", "24m") as disk:
        top = quarantined(disk, vault, FOLDERS)
        leave_no_room_in_the_journal(top)
        [journal] = top.glob(".gorillacomb/quarantine/*/journal.jsonl")
        before, length = files_in(journal.parent), journal.stat().st_size
        fill(disk)
        second = ["-e", "trace=write", "-e", "inject=write:signal=KILL:when=2", "-P", str(journal)]
        words = ["strace", "-f", "-o", str(tmp_path / "log"), *second]
        emptying = command("dedupe", "--empty-quarantine", "--yes")
        killed = subprocess.run([*words, *emptying], env=environment(vault), capture_output=True)
        assert killed.returncode == -signal.SIGKILL, killed
        assert journal.stat().st_size == length
        left = files_in(journal.parent)
        assert left < before
        assert len(before - left) == 1
        (disk / "filler").unlink()
        assert [*journal.parent.glob(".purging-*")] == [journal.with_name(".purging-s1")]
        if then == "emptied":
            ran = empty(vault)
            assert (ran.code, ran.json()["done"], ran.json()["skipped"]) == (0, 1, []), ran
        else:
            ran = run("dedupe", "--undo", vault=vault)
            assert ran.code == 3, ran
            assert "had been deleted already" in ran.out + ran.err
            assert len(files_in(top / "Copy of kept")) == 2
        assert slots(top) == []
        assert [each.name for each in journal.parent.iterdir()] == ["journal.jsonl"]


def files_in(folder: Path) -> set[Path]:
    return {each for each in folder.rglob("*") if each.is_file() and each.stat().st_size > 10_000}
