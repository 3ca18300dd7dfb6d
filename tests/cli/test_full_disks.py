"""The vault's disk is read-only or full: exit code 4, and what was committed is kept."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stamping.trace import check_trace
from tests.support.mounts import fill, remount, tmpfs
from tests.support.run import environment, refused, run
from tests.support.trees import Tree, make_tree, rows_in_index, scan, settle


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six thousand names of 150 bytes: an index of three megabytes. It is only read."""
    content: Tree = {
        f"folder {folder}": {
            f"{folder:02}-{file:03}-{'long name ' * 14}": f"{file % 100}" for file in range(200)
        }
        for folder in range(30)
    }
    tree = make_tree(tmp_path_factory.mktemp("full") / "tree", content)
    settle(tree)
    return tree


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with tmpfs(tmp_path / "disk", "1m") as disk:
        yield disk


@pytest.mark.parametrize("size", ["64k", "300k", "1m", "2500k"])
@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_disk_that_fills_up_during_a_scan(
    size: str, workers: str, small_disk: Path, tree: Path
) -> None:
    remount(small_disk, f"size={size}")
    vault = small_disk / "vault"
    ran = run("scan", tree, "--workers", workers, vault=vault)
    refused(ran, 4, str(vault))
    assert "full" in ran.err or "no space left" in ran.err
    remount(small_disk, "size=64m")
    assert run("scan", tree, "--workers", workers, vault=vault).code == 0
    assert len(rows_in_index(vault)) == 6000


def test_a_disk_that_is_full_from_the_start(small_disk: Path, tree: Path) -> None:
    fill(small_disk)
    vault = small_disk / "vault"
    ran = run("scan", tree, vault=vault)
    refused(ran, 4, str(vault))
    assert "full" in ran.err or "no space left" in ran.err


def test_what_was_known_before_the_disk_was_full_is_kept(small_disk: Path, tmp_path: Path) -> None:
    few = make_tree(tmp_path / "few", {"a": "one", "b": "one"})
    settle(few)
    vault = small_disk / "vault"
    scan(vault, few)
    fill(small_disk)
    make_tree(few, {"more": {f"{number:04} {'long ' * 30}": "two" for number in range(5000)}})
    refused(run("scan", few, vault=vault), 4, str(vault))
    remount(small_disk, "size=64m")
    status = run("status", "--json", vault=vault)
    assert status.code == 0
    found = {os.fsdecode(path) for path in rows_in_index(vault)}
    assert {str(few / "a"), str(few / "b")} <= found
    assert run("scan", few, vault=vault).code == 0
    assert len(rows_in_index(vault)) == 5002


@pytest.mark.parametrize("room", [0, 1, 4096, 20_000, 36_000, 60_000, 90_000])
def test_a_disk_that_fills_up_as_the_trace_is_begun(
    room: int, small_disk: Path, tmp_path: Path
) -> None:
    """There is a trace or none: never a file that is none yet, which every command would refuse."""
    few = make_tree(tmp_path / "few", {"a": "one", "b": "one"})
    settle(few)
    vault = small_disk / "vault"
    scan(vault, few)  # the index knows them, the trace is for the command to begin
    assert run("status", vault=vault).code == 0
    fill(small_disk, room)
    ran = run("scan", few, vault=vault)
    if ran.code:
        refused(ran, 4, str(vault))
    remount(small_disk, "size=64m")
    assert run("status", vault=vault).code == 0
    if (vault / "trace.db").exists():
        assert run("trace", "verify", vault=vault).code == 0
    else:
        assert ran.code == 4
    assert run("scan", few, vault=vault).code == 0
    check_trace(vault, few)
    assert [path.name for path in vault.glob("trace*.db")] == ["trace.db"]


def test_reading_from_a_full_disk(small_disk: Path, tmp_path: Path) -> None:
    few = make_tree(tmp_path / "few", {"a": "one", "b": "one"})
    vault = small_disk / "vault"
    scan(vault, few)
    fill(small_disk)
    ran = run("dupes", vault=vault)
    if ran.code != 0:
        refused(ran, 4, str(vault))
    else:
        assert str(few / "a") in ran.out


def test_a_disk_that_is_read_only(small_disk: Path, tmp_path: Path) -> None:
    few = make_tree(tmp_path / "few", {"a": "one", "b": "one"})
    vault = small_disk / "vault"
    scan(vault, few)
    before = (vault / "index.db").read_bytes()
    remount(small_disk, "ro")
    for arguments in (("scan", few), ("roots", "forget", few)):
        ran = run(*arguments, vault=vault)
        refused(ran, 4, str(vault), "read-only")
        assert "--vault" in ran.err
    refused(run("scan", few, vault=small_disk / "another"), 4, str(small_disk / "another"))
    ran = run("dupes", vault=vault)
    if ran.code == 0:
        assert str(few / "a") in ran.out
    else:
        refused(ran, 4, str(vault), "read-only")
    assert (vault / "index.db").read_bytes() == before


def test_a_home_that_is_read_only(small_disk: Path, tmp_path: Path) -> None:
    """The vault by default, where there is none yet."""
    few = make_tree(tmp_path / "few", {"a": "one"})
    remount(small_disk, "ro")
    env = environment(HOME=str(small_disk), GORILLACOMB_VAULT=None)
    refused(run("scan", few, env=env), 4, str(small_disk), "read-only")
