"""A root that lost most of what it had is suspect: what is known is kept, and does not count."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gorillacomb.errors import RootVanished
from gorillacomb.index.database import Index
from gorillacomb.index.roots import all_roots, root_facts
from gorillacomb.model import ScanReport
from gorillacomb.scan.options import ScanOptions
from gorillacomb.scan.scanner import scan as scan_paths
from gorillacomb.vault.vault import Vault
from tests.support.mounts import bind
from tests.support.run import run
from tests.support.trees import Tree, make_tree, settle


def body(number: int) -> str:
    return f"the content of file {number}, longer than a small file may be; " * 3


def names(count: int, first: int = 0) -> list[str]:
    return [f"f{number}" for number in range(first, first + count)]


def files(count: int, first: int = 0) -> Tree:
    return {f"f{number}": body(number) for number in range(first, first + count)}


def scanned(vault: Path, top: Path, **options: Any) -> ScanReport:
    return scan_paths(Vault(vault), [os.fsencode(top)], ScanOptions(workers=0, **options))


def suspect(report: ScanReport) -> str | None:
    [root] = report.roots
    return root.suspect


def known(vault: Path) -> int:
    with Index.read(Vault(vault)) as index:
        return sum(root_facts(index.connection, each).files for each in all_roots(index.connection))


@settings(max_examples=20, deadline=None)
@given(count=st.integers(1, 16), deleted=st.integers(0, 16), deep=st.booleans())
def test_who_is_suspect(
    tmp_path_factory: pytest.TempPathFactory, count: int, deleted: int, deep: bool
) -> None:
    """More than half of at least six, or all of at least two: and then nothing is forgotten."""
    place = tmp_path_factory.mktemp("losses")
    top, vault = place / "drive", place / "vault"
    make_tree(top, {"in": files(count)} if deep else files(count))
    scanned(vault, top)
    deleted = min(deleted, count)
    for name in names(deleted):
        (top / ("in" if deep else ".") / name).unlink()
    expected = 2 * deleted > count and (deleted >= 6 or 2 <= deleted == count)
    for _ in range(2):
        report = scanned(vault, top)
        assert (suspect(report) is not None) == expected
        assert known(vault) == (count if expected else count - deleted)
        assert report.changes.gone == 0 or not expected
    report = scanned(vault, top, accept_loss=True)
    assert suspect(report) is None
    assert known(vault) == count - deleted
    assert suspect(scanned(vault, top)) is None


def test_what_moved_is_not_lost(tmp_path: Path, vault: Path) -> None:
    top = make_tree(tmp_path / "drive", {"a": files(10), "b": files(10, 10), "stays": "x"})
    scanned(vault, top)
    (top / "new").mkdir()
    (top / "a").rename(top / "new/a")
    for name in names(10, 10):
        (top / "b" / name).rename(top / "new" / name)
    report = scanned(vault, top)
    assert suspect(report) is None
    assert (report.changes.moved, report.changes.gone, known(vault)) == (10, 0, 21)


def test_a_root_that_is_as_it_was_again(tmp_path: Path, vault: Path) -> None:
    """Also where others of the same names stood there meanwhile, in folders of the same names."""
    top = make_tree(tmp_path / "drive", {"in": files(9)})
    scanned(vault, top)
    (top / "in").rename(tmp_path / "aside")
    make_tree(top / "in", {"f1": "another one"})
    for _ in range(2):
        assert suspect(scanned(vault, top))
        assert known(vault) == 10
    for words in (["dupes"], ["dedupe"], ["folders"], ["status"], ["explain", top / "in/f1"]):
        assert run(*words, vault=vault).code == 0
    shutil.rmtree(top / "in")
    (tmp_path / "aside").rename(top / "in")
    report = scanned(vault, top)
    assert (suspect(report), report.changes.gone, known(vault)) == (None, 1, 9)


@pytest.mark.parametrize("action", ["quarantine", "delete", "hardlink"])
def test_what_we_set_aside_is_no_loss(tmp_path: Path, vault: Path, action: str) -> None:
    """A root of which a plan takes away most of its files, or all, is what it was."""
    top = make_tree(tmp_path, {"Backup": {"in": files(9), "f0": body(0)}, "own": files(9)})
    tops = [top / "Backup", top / "own"]
    other = vault.with_name("other")
    for top in tops:
        settle(top)
    for each in (vault, other):
        assert run("scan", *tops, vault=each).code == 0
    plan = vault.with_name("plan")
    assert run("dedupe", "--plan", "-o", plan, "--action", action, vault=vault).code == 0
    sure = ["--yes-delete", "10"] if action == "delete" else []
    assert run("dedupe", "--apply", plan, *sure, vault=vault).code == 0
    assert "suspect" not in run("status", vault=vault).out
    assert run("scan", *tops, vault=vault).code == 0
    assert run("scan", *tops, vault=other).code == 0
    done = json.loads(run("dedupe", "--empty-quarantine", "--yes", "--json", vault=vault).out)
    assert (done["files"], done["skipped"]) == (0 if action == "delete" else 10, [])


@pytest.mark.parametrize(("lost", "is_asked"), [(0, False), (1, False), (6, False), (7, True)])
def test_journals_are_read_only_where_most_is_missing(
    tmp_path: Path, vault: Path, lost: int, is_asked: bool
) -> None:
    """Every deletion beside a watcher would read them all, and change nothing."""
    top = make_tree(tmp_path / "drive", files(12))
    scanned(vault, top)
    for name in names(lost):
        (top / name).unlink()
    asked: list[set[bytes]] = []

    def deleted(folders: Iterable[bytes]) -> list[tuple[bytes, int]]:
        asked.append(set(folders))
        return []

    assert (suspect(scanned(vault, top, deleted=deleted)) is not None) == is_asked
    assert asked == ([{os.fsencode(top)}] if is_asked else [])


@pytest.mark.parametrize("action", ["quarantine", "delete"])
def test_what_another_vault_deleted_is_no_loss(tmp_path: Path, vault: Path, action: str) -> None:
    """The journal on the drive has it; but what was put there again, and is lost then, is one."""
    same: Tree = {"x": body(30), "d": files(9)}
    top = make_tree(tmp_path / "drive", {"Backup": same, "in": same, "own": files(1, 20)})
    settle(top)
    other = vault.with_name("other")
    for each in (vault, other):
        assert run("scan", top, vault=each).code == 0
    plan = vault.with_name("plan")
    assert run("dedupe", "--plan", "-o", plan, "--action", action, vault=vault).code == 0
    sure = ["--yes-delete", "10"] if action == "delete" else []
    # Open, what is removed keeps its number: what is made later is never taken for it.
    open_ones = [os.open(each, os.O_RDONLY) for each in (top / "Backup").rglob("*")]
    assert run("dedupe", "--apply", plan, *sure, vault=vault).code == 0
    assert run("dedupe", "--empty-quarantine", "--yes", vault=vault).code == 0
    assert not (top / "Backup").exists()
    (top / "in").rename(tmp_path / "in")
    ran = run("scan", top, "--json", vault=other)
    assert ran.json()["roots"][0]["suspect"] == "10 of its 11 files are not there any more"
    make_tree(top / "in", same)
    assert run("scan", top, vault=other).code == 0
    make_tree(top / "Backup", same)
    assert run("scan", top, vault=other).code == 0
    shutil.rmtree(top / "Backup")
    (top / "in/x").unlink()
    ran = run("scan", top, "--json", vault=other)
    assert ran.json()["roots"][0]["suspect"] == "11 of its 21 files are not there any more"
    for number in open_ones:
        os.close(number)


def test_the_quarantine_of_a_suspect_root_stays(tmp_path: Path, vault: Path) -> None:
    top = make_tree(tmp_path / "drive", {"in": files(9), "a": files(3), "Backup": files(3)})
    settle(top)
    assert run("scan", top, vault=vault).code == 0
    plan = vault.with_name("plan")
    assert run("dedupe", "--plan", "-o", plan, vault=vault).code == 0
    assert run("dedupe", "--apply", plan, vault=vault).code == 0
    shutil.rmtree(top / "in")
    assert run("scan", top, vault=vault).code == 3
    ran = run("dedupe", "--empty-quarantine", "--yes", "--json", vault=vault)
    [problem] = json.loads(ran.out)["skipped"]
    assert (ran.code, "may not be what it was" in problem["cause"]) == (3, True)


def test_copies_that_lost_their_place_are_stamped_when_it_is_known(
    tmp_path: Path, vault: Path
) -> None:
    """Another folder has the name of one that is gone: of that one nobody can tell a path."""
    project: Tree = {"package.json": body(30), **files(9)}
    top = make_tree(tmp_path / "drive", {"a": {"in": project}, "b": {"in": project}})
    settle(top)
    assert run("scan", top, vault=vault).code == 0
    for name in ("a/in", "b"):
        (top / name).rename(tmp_path / f"aside {name[0]}")
    make_tree(top / "a/in", files(1))
    for _ in range(2):
        assert run("scan", top, vault=vault).code == 3
        for words in (["trace", "verify"], ["vault", "check"]):
            assert run(*words, vault=vault).code == 0
    shutil.rmtree(top / "a/in")
    (tmp_path / "aside a").rename(top / "a/in")
    (tmp_path / "aside b").rename(top / "b")
    assert run("scan", top, vault=vault).code == 0
    assert run("trace", "verify", vault=vault).code == 0
    shutil.rmtree(top / "a/in")
    make_tree(top / "a/in", files(1))
    assert run("scan", top, "--accept-loss", vault=vault).code == 0
    assert run("trace", "verify", vault=vault).code == 0


def test_a_part_of_it_tells_nothing(tmp_path: Path, vault: Path) -> None:
    """A look at some folders neither clears a suspect root nor forgets what was in them."""
    top = make_tree(tmp_path / "drive", {"in": files(9), "other": files(3, 20)})
    scanned(vault, top)
    shutil.rmtree(top / "in")
    assert suspect(scanned(vault, top))
    (top / "other/f20").unlink()
    for part in ({"changed": (os.fsencode(top), os.fsencode(top / "other"))}, {}):
        where = top if part else top / "other"
        assert suspect(scanned(vault, where, **part))
        assert known(vault) == 12


def test_a_root_without_our_folder(tmp_path: Path, vault: Path) -> None:
    top = make_tree(tmp_path / "drive", files(3))
    (top / ".gorillacomb").mkdir()
    scanned(vault, top)
    (top / ".gorillacomb").rmdir()
    assert "gorillacomb" in (suspect(scanned(vault, top)) or "")
    (top / ".gorillacomb").mkdir()
    assert suspect(scanned(vault, top)) is None
    (top / ".gorillacomb").rmdir()
    assert suspect(scanned(vault, top, accept_loss=True)) is None
    assert suspect(scanned(vault, top)) is None


@pytest.mark.linux("bind mounts")
def test_a_bind_that_is_not_mounted(tmp_path: Path, vault: Path) -> None:
    """It is of the same volume, so that nothing else tells it from the folder below it."""
    source, point = make_tree(tmp_path / "source", files(1)), tmp_path / "point"
    point.mkdir()
    with bind(source, point):
        scanned(vault, point)
    with pytest.raises(RootVanished, match="is empty"):
        scanned(vault, point)
    assert known(vault) == 1


def test_no_copy_in_a_suspect_root_counts(tmp_path: Path, vault: Path) -> None:
    """For people and scripts: plan, `unique`, `roots`, `status`, the trace."""
    drive, home = tmp_path / "drive", make_tree(tmp_path / "Backup", files(8))
    make_tree(drive, files(8))
    settle(drive)
    settle(home)
    assert run("scan", drive, home, vault=vault).code == 0
    assert run("unique", home, vault=vault).code == 0
    for name in names(7):
        (drive / name).unlink()
    ran = run("scan", drive, "--json", vault=vault)
    assert ran.code == 3, ran
    document = ran.json()
    assert document["roots"][0]["suspect"] == "7 of its 8 files are not there any more"
    assert (document["gone"], document["retired"], document["restamped"]) == (0, 0, 0)
    ran = run("unique", home, "--count-offline", "--json", vault=vault)
    assert (ran.code, len(ran.json()["unique"])) == (1, 8), ran
    plan = tmp_path / "plan.jsonl"
    assert run("dedupe", "--plan", "-o", plan, vault=vault).code == 0
    header, *steps = map(json.loads, plan.read_bytes().splitlines())
    assert not steps
    causes = [each["cause"] for each in header["left_alone"]]
    assert any("may not be what it was" in cause for cause in causes), causes
    ran = run("status", "--json", vault=vault)
    [root] = [each for each in ran.json()["roots"] if each["path"] == str(drive)]
    assert (root["online"], root["files"]) == (False, 8)
    assert root["suspect"]
    assert "--accept-loss" in run("roots", "list", vault=vault).out
    assert run("unique", drive, vault=vault).code == 2
    ran = run("scan", drive, "--accept-loss", "--json", vault=vault)
    assert (ran.code, ran.json()["gone"]) == (0, 7), ran
    assert run("unique", drive, vault=vault).code == 0


def test_a_drive_that_was_restored_is_whole(tmp_path: Path, vault: Path) -> None:
    """All of it is new by its inodes, and stands where it stood."""
    top = make_tree(tmp_path / "drive", {"in": {"deeper": files(9)}, "own": "x"})
    scanned(vault, top)
    top.rename(tmp_path / "worn out")
    shutil.copytree(tmp_path / "worn out", top)
    assert suspect(scanned(vault, top)) is None
    assert known(vault) == 10
