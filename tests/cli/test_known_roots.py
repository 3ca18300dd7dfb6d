"""``scan`` without a path, and names that people give to roots."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

import gorillacomb
from tests.support.disks import Disks
from tests.support.run import run
from tests.support.trees import Tree, make_tree, settle

MEDIA: Tree = {"a": "one" * 50, "in": {"b": "two" * 50}}


@pytest.fixture
def two(tmp_path: Path, vault: Path) -> tuple[Path, Path]:
    first, second = make_tree(tmp_path / "first", MEDIA), make_tree(tmp_path / "second", MEDIA)
    settle(tmp_path)
    assert run("scan", first, second, vault=vault).code == 0
    return first, second


def test_all_known_roots_are_scanned(two: tuple[Path, Path], vault: Path) -> None:
    for root in two:
        make_tree(root, {"new": "new" * 50})
    ran = run("scan", "--json", vault=vault)
    found = ran.json()
    assert [each["path"] for each in found["roots"]] == [str(root) for root in two]
    assert (ran.code, found["new"], found["absent"], ran.err) == (0, 2, [], "")


def test_one_that_is_away_is_named(two: tuple[Path, Path], vault: Path) -> None:
    first, second = two
    assert run("roots", "name", second, "Old laptop", vault=vault).code == 0
    second.rename(second.with_name("elsewhere"))
    ran = run("scan", vault=vault)
    assert ran.code == 0
    assert f"not scanned: {second}  (Old laptop) is not connected (last scan 20" in ran.err
    assert f"Combed {first}" in ran.out and str(second) not in ran.out
    found = run("scan", "--json", vault=vault).json()
    assert [(each["path"], each["name"]) for each in found["absent"]] == [
        (str(second), "Old laptop")
    ]
    with gorillacomb.open_vault(vault) as opened:
        result = opened.scan(workers=0)
        assert [each.path for each in result.absent] == [bytes(second)]
        assert result.files == 2
    assert run("status", vault=vault).out.count("2 files, 300 B") == 2, "what is away is kept"


def test_none_is_there(two: tuple[Path, Path], vault: Path) -> None:
    for root in two:
        root.rename(root.with_name(f"{root.name} is elsewhere"))
    ran = run("scan", vault=vault)
    assert (ran.code, ran.out) == (3, "")
    assert "None of the known drives and folders is connected" in ran.err
    assert all(str(root) in ran.err for root in two)


def test_nothing_is_known_yet(vault: Path) -> None:
    for options in ((), ("--json",)):
        ran = run("scan", *options, vault=vault)
        assert (ran.code, ran.out) == (2, "")
        assert ran.err.startswith("gorillacomb: No folder has been scanned yet.")
        assert "gorillacomb scan PATH" in ran.err
    assert not vault.exists()


@pytest.mark.parametrize(
    "options",
    [("--exclude", "*.tmp"), ("--clear-excludes",), ("--min-size", "1"), ("--accept-loss",)],
)
def test_what_concerns_one_root_needs_its_path(
    options: tuple[str, ...], two: tuple[Path, Path], vault: Path
) -> None:
    ran = run("scan", *options, vault=vault)
    assert ran.code == 2 and "none was named" in ran.err
    assert run("roots", "list", "--json", vault=vault).json()["roots"][0]["exclude"] == []


def test_a_drive_at_another_place_is_scanned_there(
    tmp_path: Path, vault: Path, disks: Disks
) -> None:
    image = disks.image("ext4")
    before, now = disks.point("before"), disks.point("now")
    disks.plug("ext4", image, before)
    make_tree(before, MEDIA)
    settle(before)
    assert run("scan", before, vault=vault).code == 0
    disks.unplug(before)
    disks.plug("ext4", image, now)
    make_tree(now, {"new": "new"})
    found = run("scan", "--json", vault=vault).json()
    assert [each["path"] for each in found["roots"]] == [str(now)]
    assert (found["new"], found["moved"], found["gone"]) == (1, 0, 0)
    disks.unplug(now)


def test_a_root_that_may_not_be_what_it_was_is_scanned(two: tuple[Path, Path], vault: Path) -> None:
    first, _ = two
    kept = first.with_name("kept")
    kept.mkdir()
    for each in list(first.iterdir()):
        each.rename(kept / each.name)
    assert run("scan", first, vault=vault).code == 3
    for each in list(kept.iterdir()):
        each.rename(first / each.name)
    ran = run("scan", "--json", vault=vault)
    assert ran.code == 0
    assert [each["suspect"] for each in ran.json()["roots"]] == [None, None]


# Names -------------------------------------------------------------------------------------------


def names(vault: Path) -> list[str | None]:
    return [each["name"] for each in run("roots", "list", "--json", vault=vault).json()["roots"]]


def test_a_name_is_shown_beside_the_path(two: tuple[Path, Path], vault: Path) -> None:
    first, second = two
    assert names(vault) == [None, None]
    ran = run("roots", "name", first, "Büro 2019", vault=vault)
    assert (ran.code, ran.out) == (0, f"{first} is called Büro 2019 now.\n")
    assert names(vault) == ["Büro 2019", None]
    for words in (("roots", "list"), ("status",)):
        assert f"{first}  (Büro 2019)\n" in run(*words, vault=vault).out
    status = run("status", "--json", vault=vault).json()
    assert [each["name"] for each in status["roots"]] == ["Büro 2019", None]
    text = run("compare", "Büro 2019", second, "--contents", vault=vault).out
    assert f"A: {first}  (Büro 2019)\n" in text


def test_a_name_stays_changes_and_goes(two: tuple[Path, Path], vault: Path) -> None:
    first, _ = two
    for name in ("one", "another"):
        assert run("roots", "name", first, name, "--json", vault=vault).json()["name"] == name
        run("scan", first, vault=vault)
    assert names(vault) == ["another", None]
    assert "has no name now" in run("roots", "name", "another", "", vault=vault).out
    assert names(vault) == [None, None]


def test_a_name_belongs_to_one_root(two: tuple[Path, Path], vault: Path) -> None:
    first, second = two
    assert run("roots", "name", first, "mine", vault=vault).code == 0
    ran = run("roots", "name", second, "mine", vault=vault)
    assert ran.code == 2 and f"{first} is called 'mine' already" in ran.err
    assert run("roots", "forget", "mine", vault=vault).code == 0
    assert run("roots", "name", second, "mine", vault=vault).code == 0
    assert names(vault) == ["mine"]


@pytest.mark.parametrize("name", [" ", "two\nlines", "\x1b[31m", "x" * 101])
def test_what_is_no_name(name: str, two: tuple[Path, Path], vault: Path) -> None:
    ran = run("roots", "name", two[0], name, vault=vault)
    assert ran.code == 2 and "cannot be the name of a root" in ran.err
    assert names(vault) == [None, None]
    assert run("roots", "name", "nowhere", "x", vault=vault).code == 2


def test_a_root_that_becomes_part_of_another_has_no_name(
    two: tuple[Path, Path], tmp_path: Path, vault: Path
) -> None:
    assert run("roots", "name", two[0], "mine", vault=vault).code == 0
    assert run("scan", tmp_path, "--exclude", "vault", vault=vault).code == 0
    assert names(vault) == [None]
    with sqlite3.connect(vault / "index.db") as index:
        assert index.execute("SELECT count(*) FROM root_names").fetchone() == (0,)


def test_an_older_program_can_use_an_index_with_names(two: tuple[Path, Path], vault: Path) -> None:
    """The version of the schema says so: it would refuse a higher one."""
    versions = []
    for name in (None, "mine"):
        if name:
            assert run("roots", "name", two[0], name, vault=vault).code == 0
        with sqlite3.connect(vault / "index.db") as index:
            versions.append(index.execute("PRAGMA user_version").fetchone())
    assert versions[0] == versions[1]
