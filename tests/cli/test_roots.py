"""``roots``: what is known, and to forget one of them without touching its files."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from tests.support.run import refused, run
from tests.support.trees import Link, groups_in_index, make_tree, rows_in_index, scan, settle


@pytest.fixture
def two(tmp_path: Path, vault: Path) -> tuple[Path, Path]:
    """Two roots with copies in each and across both."""
    first = make_tree(tmp_path / "first", {"a": "across", "b": "twice", "c": "twice"})
    second = make_tree(tmp_path / "second", {"in": {"d": "across", "e": "alone"}})
    settle(tmp_path)
    scan(vault, first)
    scan(vault, second)
    return first, second


def state_of(top: Path) -> dict[str, tuple[int, int, str]]:
    """Everything about the files of a tree that a command could change."""
    found = {}
    for folder, _, names in os.walk(top):
        for name in names:
            path = Path(folder, name)
            facts = path.stat()
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            found[str(path)] = (facts.st_mtime_ns, facts.st_ctime_ns, digest)
    return found


def test_list(two: tuple[Path, Path], vault: Path) -> None:
    ran = run("roots", "list", vault=vault)
    assert ran.code == 0
    for root, files in zip(two, (3, 2), strict=True):
        assert str(root) in ran.out
        assert f"  {files} files" in ran.out


def test_list_of_an_empty_vault(two: tuple[Path, Path], vault: Path) -> None:
    for root in two:
        assert run("roots", "forget", root, vault=vault).code == 0
    assert "gorillacomb scan PATH" in run("roots", "list", vault=vault).out
    assert run("roots", "list", "--json", vault=vault).json() == {"roots": []}
    assert run("dupes", vault=vault).out == "No duplicates.\n"


def test_forget(two: tuple[Path, Path], vault: Path) -> None:
    first, second = two
    before = state_of(first), state_of(second)
    ran = run("roots", "forget", first, vault=vault)
    assert (ran.code, ran.stderr) == (0, b"")
    assert str(first) in ran.out and "3 files" in ran.out
    assert (state_of(first), state_of(second)) == before
    assert {os.fsdecode(path) for path in rows_in_index(vault)} == {
        str(second / "in/d"),
        str(second / "in/e"),
    }
    assert groups_in_index(vault) == set()
    assert run("status", "--json", vault=vault).json()["redundant_files"] == 0
    refused(run("explain", first / "a", vault=vault), 2, str(first / "a"))


def test_a_forgotten_root_comes_back_with_a_scan(two: tuple[Path, Path], vault: Path) -> None:
    first = two[0]
    before = rows_in_index(vault), groups_in_index(vault)
    assert run("roots", "forget", first, vault=vault).code == 0
    assert run("scan", first, vault=vault).code == 0
    assert (rows_in_index(vault), groups_in_index(vault)) == before


def test_a_group_that_lost_a_copy_stays_with_the_others(
    two: tuple[Path, Path], vault: Path
) -> None:
    first, second = two
    assert run("roots", "forget", second, vault=vault).code == 0
    top = os.fsencode(first)
    assert groups_in_index(vault) == {frozenset({top + b"/b", top + b"/c"})}


@pytest.mark.parametrize("how", ["slash", "relative", "dots", "id", "link"])
def test_a_root_has_many_names(
    how: str, two: tuple[Path, Path], vault: Path, tmp_path: Path
) -> None:
    first, second = two
    make_tree(tmp_path, {"link": Link("first")})
    uid = run("roots", "list", "--json", vault=vault).json()["roots"][0]["root"]
    name = {
        "slash": f"{first}/",
        "relative": "first",
        "dots": f"{second}/in/../../first",
        "id": uid,
        "link": str(tmp_path / "link"),
    }[how]
    assert run("roots", "forget", name, vault=vault, cwd=tmp_path).code == 0
    (left,) = run("roots", "list", "--json", vault=vault).json()["roots"]
    assert left["path"] == str(second)


def test_a_drive_that_is_reached_through_a_link(tmp_path: Path, vault: Path) -> None:
    """Scanned by the name of a link, it can be asked about by that name."""
    make_tree(tmp_path, {"drive": {"a": "x", "b": "x"}, "link": Link("drive")})
    link = tmp_path / "link"
    assert run("scan", link, vault=vault).code == 0
    assert run("explain", link / "a", vault=vault).code == 0
    assert "2 files" in run("explain", link, vault=vault).out
    assert str(tmp_path / "drive/a") in run("dupes", link, vault=vault).out


def test_a_root_that_is_gone_from_the_disk(two: tuple[Path, Path], vault: Path) -> None:
    first = two[0]
    first.rename(first.with_name("sold"))
    assert "offline" in run("roots", "list", vault=vault).out
    listed = run("roots", "list", "--json", vault=vault).json()["roots"]
    assert [root["online"] for root in listed] == [False, True]
    assert "offline" in run("dupes", vault=vault).out
    assert run("roots", "forget", first, vault=vault).code == 0
    assert len(run("roots", "list", "--json", vault=vault).json()["roots"]) == 1


def test_what_is_no_root(two: tuple[Path, Path], vault: Path, tmp_path: Path) -> None:
    before = rows_in_index(vault)
    for name in (tmp_path, two[1] / "in", tmp_path / "nix", "f" * 32, "\x1b[31m"):
        ran = run("roots", "forget", name, vault=vault)
        refused(ran, 2, "There is no root")
        assert "\x1b" not in ran.err
    assert rows_in_index(vault) == before


def test_forget_in_json(two: tuple[Path, Path], vault: Path) -> None:
    ran = run("roots", "forget", two[0], "--json", vault=vault)
    assert ran.code == 0
    assert ran.json()["forgotten"]["path"] == str(two[0])


def test_roots_alone_lists_them(tmp_path: Path, vault: Path) -> None:
    top = make_tree(tmp_path / "drive", {"a": "one"})
    assert run("scan", top, vault=vault).code == 0
    listed = run("roots", "list", vault=vault)
    assert run("roots", vault=vault) == listed and str(top) in listed.out
    assert run("roots", "--json", vault=vault).json()["roots"][0]["path"] == str(top)
    assert "forget" in run("roots", "--help", vault=vault).out
    assert run("roots", "--nonsense", vault=vault).code == 2
    assert run("roots", "nonsense", vault=vault).code == 2
