"""What is called unique, and what is not said to be safe without proof."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import example, given, settings

from gorillacomb.cli.commands.find.unique import command
from gorillacomb.fs import mounts, volumes
from gorillacomb.model import EntryState
from gorillacomb.scan import read_file, root_registry
from gorillacomb.unique import copy_check
from gorillacomb.unique import walk as unique_module
from tests.folders.forests import forests
from tests.support.disks import Disks
from tests.support.memory import in_memory
from tests.support.mounts import bind, of_linux, tmpfs
from tests.support.run import run
from tests.support.stranger import give, ground, run_as_stranger
from tests.support.trees import HardLink, Link, Tree, make_tree, rows_in_index, scan, settle

Document = dict[str, Any]


def unique(vault: Path, path: Path, *options: str | Path) -> tuple[int, set[str], dict[str, str]]:
    """Exit code, paths of unique files, causes of unproven entries by path."""
    ran = run("unique", path, "--json", *options, vault=vault)
    if ran.code not in (0, 1):
        raise AssertionError(ran.err)
    answer = ran.json()
    return (
        ran.code,
        {os.path.relpath(each["path"], path) for each in answer["unique"]},
        {os.path.relpath(each["path"], path): each["cause"] for each in answer["unproven"]},
    )


def combed(top: Path, vault: Path, tree: Tree, **options: object) -> Path:
    make_tree(top, tree)
    settle(top)
    scan(vault, top, **options)
    return top


@settings(max_examples=settings().max_examples * 2 // 3)
@given(forests())
@example({"one": {"a": "1"}, "two": {".DS_Store": "1"}})
def test_any_forest(tree: Tree) -> None:
    with tempfile.TemporaryDirectory() as name, in_memory() as memory:
        top, vault = Path(name).resolve() / "top", memory / "vault"
        combed(top, vault, tree)
        holders: defaultdict[bytes, set[Path]] = defaultdict(set)
        for path in top.rglob("*"):
            if path.is_file() and not path.is_symlink():
                holders[path.read_bytes()].add(path)
        for folder in ("one", "two"):
            lost = set()
            for content, paths in holders.items():
                for path in paths:
                    inside = top / folder in path.parents
                    vouchers = {
                        each
                        for each in paths
                        if top / folder not in each.parents
                        and (is_made(path) or not is_made(each))
                        and each.name != ".DS_Store"
                        and (len(content) >= 64 or each.name == path.name)
                    }
                    if content and inside and not vouchers and path.name != ".DS_Store":
                        lost.add(path.relative_to(top / folder).as_posix())
            code, found, unproven = unique(vault, top / folder)
            assert (found, unproven) == (lost, {})
            assert code == (1 if lost else 0)


def is_made(path: Path) -> bool:
    return "node_modules" in path.parent.parts


def test_nothing_would_be_lost(tmp_path: Path, vault: Path) -> None:
    tree: Tree = {"a.txt": "a", "in": {"b.txt": "bb", "empty": ""}, "link": Link("a.txt")}
    combed(tmp_path / "top", vault, {"A": tree, "B": tree})
    ran = run("unique", tmp_path / "top/A", vault=vault)
    assert ran.code == 0
    assert ran.out.splitlines() == [
        "Nothing would be lost. All 2 files (3 B) also exist in:",
        f"       2 files  {tmp_path}/top/B",
        "Not counted: 1 empty file, 1 symbolic link.",
        f"Next: gorillacomb dedupe --within {tmp_path}/top/A --retire {tmp_path}/top/A"
        "   plan to remove what also exists elsewhere; changes nothing",
    ]


def test_two_copies_do_not_vouch_for_each_other(tmp_path: Path, vault: Path) -> None:
    top = combed(tmp_path / "top", vault, {name: {"a": "content"} for name in "ABC"})
    assert unique(vault, top / "A")[0] == 0
    assert unique(vault, top / "A", "--except", top / "B")[0] == 0
    both = unique(vault, top / "A", "--except", top / "B", "--except", top / "C")
    assert both == (1, {"a"}, {})


@pytest.mark.parametrize(
    "place",
    [
        ".Trash",
        ".Trash-1000/files",
        "$RECYCLE.BIN",
        ".cache/thumbnails",
        "Caches",
        "cache",
        "tmp",
        "Temp",
        "app/tmp",
        "#recycle",
        ".stversions",
        "Recently Deleted",
        "timeshift/snapshots",
        "lost+found",
        ".npm/_cacache",
        "venv/lib/site-packages",
        "My.PhotosLibrary/originals",
        ".snapshots/12",
        ".zfs/snapshot",
        "node_modules/left-pad",
        "app/__pycache__",
        "Photos.photoslibrary/originals",
        "repository/.git",
    ],
)
def test_a_copy_in_a_place_that_empties_itself_does_not_vouch(
    tmp_path: Path, vault: Path, place: str
) -> None:
    top = tmp_path / "top"
    (top / place).mkdir(parents=True)
    (top / place / "a").write_text("content")
    combed(top, vault, {"mine": {"a": "content"}})
    assert unique(vault, top / "mine") == (1, {"a"}, {})
    shutil.copytree(top / "mine", top / "other")
    settle(top)
    scan(vault, top)
    assert unique(vault, top / "mine")[0] == 0


def test_the_root_that_the_user_named_may_be_called_anything(tmp_path: Path, vault: Path) -> None:
    top = combed(tmp_path / "tmp", vault, {"A": {"a": "x"}, "B": {"a": "x"}})
    assert unique(vault, top / "A")[0] == 0


def test_a_quarantine_does_not_vouch(tmp_path: Path, vault: Path) -> None:
    top = combed(tmp_path / "top", vault, {"mine": {"a": "content"}})
    make_tree(top, {".gorillacomb": {"quarantine": {"1": {"a": "content"}}}})
    settle(top)
    scan(vault, top)
    assert unique(vault, top / "mine") == (1, {"a"}, {})
    inner = combed(tmp_path / "other", vault, {"A": {"b": "2"}, "B": {"b": "2"}})
    make_tree(inner / "A", {".gorillacomb": {"quarantine": {"2": {"c": "3"}}}})
    assert unique(vault, inner / "A") == (0, set(), {}), "our own folder is no part of it"


def test_what_the_scan_left_out_is_unproven(tmp_path: Path, vault: Path) -> None:
    tree: Tree = {
        "a": "small",
        "in": {"b": "enough to be read"},
        "log": {"c": "1" * 20},
        "d.log": "2" * 20,
    }
    top = combed(tmp_path / "top", vault, {"A": tree, "B": tree}, exclude=("log/", "*.log"))
    code, found, unproven = unique(vault, top / "A")
    assert (code, found) == (1, set())
    assert unproven == {"log": "excluded", "d.log": "excluded"}
    scan(vault, top, clear_excludes=True, min_size=10)
    code, found, unproven = unique(vault, top / "A")
    assert (code, found, unproven) == (1, set(), {"a": "below min-size"})


def test_what_changed_since_the_scan_is_unproven(tmp_path: Path, vault: Path) -> None:
    tree: Tree = {"a": "1", "in": {"b": "22"}, "c": "333"}
    top = combed(tmp_path / "top", vault, {"A": tree, "B": tree})
    (top / "A/a").write_text("9")
    (top / "A/new").write_text("1")
    (top / "A/new folder").mkdir()
    (top / "A/c").unlink()
    assert unique(vault, top / "A") == (
        1,
        set(),
        {
            "a": "changed since the scan",
            "new": "not in the index",
            "new folder": "not in the index",
        },
    )


def test_a_copy_that_changed_or_went_does_not_vouch(tmp_path: Path, vault: Path) -> None:
    top = combed(tmp_path / "top", vault, {name: {"a": "1", "b": "22"} for name in "AB"})
    (top / "B/a").write_text("9")
    (top / "B/b").unlink()
    assert unique(vault, top / "A") == (1, {"a", "b"}, {})
    answer = run("unique", top / "A", "--json", vault=vault).json()
    causes = {os.path.basename(each["path"]): each["cause"] for each in answer["unique"]}
    assert causes == {
        "a": f"changed since the scan: {top}/B/a",
        "b": f"gone since the scan: {top}/B/b",
    }


def test_a_colon_in_a_path_or_a_cause_confuses_nobody(tmp_path: Path, vault: Path) -> None:
    top = combed(tmp_path / "top", vault, {"A": {"a": "1"}, "B: two": {"b: 3": "1"}})
    (top / "B: two/b: 3").unlink()
    answer = run("unique", top / "A", "--json", vault=vault).json()
    assert answer["unique"][0]["cause"] == f"gone since the scan: {top}/B: two/b: 3"
    lines = run("unique", top / "A", vault=vault).out.splitlines()
    assert lines[2:] == ["  1 of them has a copy that does not count:", "    gone since the scan"]


def test_a_folder_that_became_a_link_to_the_other_does_not_vouch(
    tmp_path: Path, vault: Path
) -> None:
    top = combed(tmp_path / "top", vault, {"A": {"a": "content"}, "B": {"a": "content"}})
    shutil.rmtree(top / "B")
    (top / "B").symlink_to(top / "A")
    assert unique(vault, top / "A") == (1, {"a"}, {})


def test_a_hard_link_keeps_the_content_but_is_no_second_copy(tmp_path: Path, vault: Path) -> None:
    top = combed(tmp_path / "top", vault, {"A": {"a": "content"}, "B": {"a": HardLink("A/a")}})
    ran = run("unique", top / "A", vault=vault)
    assert ran.code == 0
    assert "1 file is elsewhere by a hard link: another name, not a second copy." in ran.out
    assert run("unique", top / "A", "--json", vault=vault).json()["linked_files"] == 1


def test_the_same_folder_seen_through_another_mount_does_not_vouch(
    tmp_path: Path, vault: Path
) -> None:
    top = combed(tmp_path / "top", vault, {"A": {"a": "content"}})
    (tmp_path / "other").mkdir()
    with bind(top / "A", tmp_path / "other") as other:
        scan(vault, other)
        assert unique(vault, top / "A") == (1, {"a"}, {})


def stick(disks: Disks, tree: Tree) -> Path:
    """A FAT volume with a tree that was written long ago, plugged in again."""
    image, point = disks.image("vfat"), disks.point("stick")
    for path in make_tree(disks.plug("vfat", image, point), tree).rglob("*"):
        os.utime(path, (10**9, 10**9))
    disks.unplug(point)
    return disks.plug("vfat", image, point)


def test_a_folder_under_another_spelling_is_no_copy_of_itself(disks: Disks, vault: Path) -> None:
    """Through FUSE it has another inode there; also in an index that took it for another root."""
    top = stick(disks, {"Photos": {"a.jpg": "a", "b.jpg": "b"}})
    scan(vault, top)
    assert unique(vault, top / "Photos") == (1, {"a.jpg", "b.jpg"}, {})
    scan(vault, top / "photos")
    scan(vault, top, file_list=[bytes(top / "photos/A.JPG"), bytes(top / "PHOTOS")])
    assert set(rows_in_index(vault)) == {
        bytes(top / "Photos" / name) for name in ("a.jpg", "b.jpg")
    }
    assert unique(vault, top / "Photos") == (1, {"a.jpg", "b.jpg"}, {})
    assert unique(vault, top / "PHOTOS")[0] == 1


def test_what_was_scanned_under_another_spelling_does_not_vouch(
    disks: Disks, vault: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = stick(disks, {"Photos": {"a.jpg": "a"}})
    scan(vault, top)
    with monkeypatch.context() as before:  # as earlier versions did it
        before.setattr(root_registry, "real_path", os.path.realpath)
        scan(vault, top / "photos")
    assert len(rows_in_index(vault)) == 2
    assert unique(vault, top / "Photos") == (1, {"a.jpg"}, {})


@of_linux
def test_a_path_means_the_drive_that_is_there_now(tmp_path: Path, vault: Path) -> None:
    point = tmp_path / "media" / "stick"
    combed(point, vault, {"stray": "stray"})
    with tmpfs(point, "1M"):
        combed(point, vault, {"A": {"a": "a", "own": "own"}, "B": {"a": "a"}})
        assert unique(vault, point / "A") == (1, {"own"}, {})
        (group,) = run("dupes", point, "--json", vault=vault).json()["groups"]
        assert len(group["files"]) == 2
        assert run("explain", point / "A/a", vault=vault).code == 0
    assert run("explain", point / "stray", vault=vault).code == 0
    assert run("explain", point / "A/a", vault=vault).code == 0, "it is known, though not there"


@of_linux
def test_a_drive_that_is_not_there_vouches_only_when_asked(tmp_path: Path, vault: Path) -> None:
    top = combed(tmp_path / "top", vault, {"a": "content"})
    with tmpfs(tmp_path / "drive", "1M") as drive:
        combed(drive, vault, {"a": "content"})
        assert unique(vault, top)[0] == 0
    assert unique(vault, top) == (1, {"a"}, {})
    ran = run("unique", top, "--count-offline", vault=vault)
    assert ran.code == 0
    assert f"Counted although it is offline: {drive}, last read" in ran.out


@pytest.mark.parametrize("moved", [False, True])
def test_a_root_that_went_is_not_a_drive_that_is_not_there(
    tmp_path: Path, vault: Path, moved: bool
) -> None:
    for name in "AB":
        combed(tmp_path / name, vault, {"a": "1"})
    if moved:
        (tmp_path / "B").rename(tmp_path / "C")
    else:
        shutil.rmtree(tmp_path / "B")
    assert unique(vault, tmp_path / "A", "--count-offline") == (1, {"a"}, {})
    answer = run("unique", tmp_path / "A", "--json", vault=vault).json()
    cause = f"no longer where it was scanned: {tmp_path}/B/a"
    assert [each["cause"] for each in answer["unique"]] == [cause]


def test_a_drive_that_is_there_at_another_place_is_not_counted_unseen(
    tmp_path: Path, vault: Path
) -> None:
    """The copy that is known of may be the file itself."""
    top = combed(tmp_path / "top", vault, {"A": {"a": "content"}})
    (tmp_path / "other").mkdir()
    with bind(top / "A", tmp_path / "other") as other:
        scan(vault, other)
    assert unique(vault, top / "A", "--count-offline") == (1, {"a"}, {})


@of_linux
def test_a_file_that_is_seen_at_another_place_is_no_second_name(
    tmp_path: Path, vault: Path
) -> None:
    top = combed(tmp_path / "top", vault, {"A": {"a": "1" * 64}, "B": {"a": "2", "b": "3"}})
    with bind(top / "A/a", top / "B/a"):
        scan(vault, top)
        assert unique(vault, top / "A") == (1, {"a"}, {})
        (top / "A/b").hardlink_to(top / "A/a")
        time.sleep(0.05)
        scan(vault, top)
        assert unique(vault, top / "A") == (1, {"a", "b"}, {})
        (top / "B/c").hardlink_to(top / "A/a")
        time.sleep(0.05)
        scan(vault, top)
        assert unique(vault, top / "A")[0] == 0


def test_a_link_in_the_place_of_a_folder_holds_nothing(tmp_path: Path, vault: Path) -> None:
    tree: Tree = {"a": "1", "in": {"b": "2"}}
    top = combed(tmp_path / "top", vault, {"A": tree, "B": tree})
    shutil.rmtree(top / "A/in")
    (top / "A/in").symlink_to(top / "B")
    assert unique(vault, top / "A") == (0, set(), {})


def test_what_cannot_be_read_is_unproven() -> None:
    tree: Tree = {"a": "1", "closed": {"b": "2"}, "c": "33"}
    with ground() as home:
        top = make_tree(home / "top", {"A": tree, "B": tree})
        give(top)
        (top / "A/closed").chmod(0)
        (top / "A/c").chmod(0)
        settle(top)
        assert run_as_stranger("scan", top, home=home).code == 3
        ran = run_as_stranger("unique", top / "A", "--json", home=home)
    causes = {os.path.basename(each["path"]): each["cause"] for each in ran.json()["unproven"]}
    assert causes == {"c": "permission denied", "closed": "permission denied"}
    assert ran.code == 1 and not ran.json()["unique"]


def test_a_file_and_a_stranger_are_refused(tmp_path: Path, vault: Path) -> None:
    top = combed(tmp_path / "top", vault, {"A": {"a": "1"}})
    for path, words in (
        (top / "A/a", "is a file"),
        (tmp_path, "is in no folder that was scanned"),
        (top / "nowhere", "does not exist"),
    ):
        ran = run("unique", path, vault=vault)
        assert ran.code == 2 and words in ran.err
    shutil.rmtree(top / "A")
    assert run("unique", top / "A", vault=vault).code == 2


def deep(top: Path) -> Path:
    """Two folders, each with a file that stands deeper than a path may be long."""
    for side in "AB":
        (top / side).mkdir(parents=True)
        down(top / side, "mkdir $name", "echo deep > file")
    time.sleep(0.05)  # longer than the clock's grain; what waits for it cannot go as deep
    return top


def down(top: Path, each: str, last: str) -> None:
    script = f"name={'d' * 200}; for n in $(seq 25); do {each}; cd -P $name; done; {last}"
    subprocess.run(["sh", "-c", script], cwd=top, check=True)


def test_deeper_than_a_path_may_be_long(tmp_path: Path, vault: Path) -> None:
    top = deep(tmp_path / "top")
    scan(vault, top)
    assert unique(vault, top / "A") == (0, set(), {})


@pytest.mark.parametrize(
    "script, cause",
    [
        ("echo other > file", "changed since the scan"),
        ("rm file", "gone since the scan"),
        ("cd -P ..; mv d* e", "gone since the scan"),
        ("cd -P ..; mv d* e; ln -s e $name", "gone since the scan"),
        ("mkdir e; mv file e/f; ln -s e/f file", "changed since the scan"),
    ],
)
def test_deep_copies_that_are_not_what_they_were(
    tmp_path: Path, vault: Path, script: str, cause: str
) -> None:
    top = deep(tmp_path / "top")
    scan(vault, top)
    down(top / "B", ":", script)
    code, found, _ = unique(vault, top / "A")
    assert (code, len(found)) == (1, 1)
    answer = run("unique", top / "A", "--json", vault=vault).json()
    assert answer["unique"][0]["cause"].startswith(f"{cause}: {top}/B/")


def test_a_link_high_above_a_deep_copy_is_not_followed(tmp_path: Path, vault: Path) -> None:
    top = deep(tmp_path / "top")
    scan(vault, top)
    (top / "B").rename(tmp_path / "B")
    (top / "B").symlink_to(tmp_path / "B")
    assert unique(vault, top / "A")[0] == 1


def test_links_on_the_command_line_are_followed(tmp_path: Path, vault: Path) -> None:
    top = combed(tmp_path / "top", vault, {name: {"a": "content"} for name in "AB"})
    link = tmp_path / "link"
    link.symlink_to(top / "B")
    for name in (link, f"{link}/", f"{link}/.", top / "A/../B"):
        assert unique(vault, top / "A", "--except", name) == (1, {"a"}, {})
    ran = run("unique", link, "--except", top / "A", "--json", vault=vault)
    assert ran.code == 1 and ran.json()["path"] == str(top / "B")


def test_a_way_back_after_a_link_is_the_one_that_the_system_goes(
    tmp_path: Path, vault: Path
) -> None:
    tree: Tree = {"other": {"sub": {}, "A": {"f": "only here"}}, "A": {"k": "2"}, "B": {"k": "2"}}
    top = combed(tmp_path / "top", vault, tree)
    (top / "x").symlink_to("other/sub")
    ran = run("unique", top / "x/../A", "--json", vault=vault)
    assert ran.code == 1 and ran.json()["path"] == str(top / "other/A")


def test_what_was_moved_to_the_trash_behind_a_link_does_not_vouch(
    tmp_path: Path, vault: Path
) -> None:
    top = combed(tmp_path / "top", vault, {"A": {"a": "1"}, "B": {"a": "1"}, ".Trash": {}})
    (top / "B").rename(top / ".Trash/B")
    (top / "B").symlink_to(".Trash/B")
    assert unique(vault, top / "A") == (1, {"a"}, {})


@pytest.mark.parametrize("place", [".Trash", ".Trash/x", "p/node_modules/x", "My.photoslibrary"])
def test_a_root_inside_a_trash_does_not_vouch(tmp_path: Path, vault: Path, place: str) -> None:
    (tmp_path / "D" / place).mkdir(parents=True)
    combed(tmp_path / "D/A", vault, {"a": "1"})
    combed(tmp_path / "D" / place, vault, {"a": "1"})
    assert unique(vault, tmp_path / "D/A") == (1, {"a"}, {})


def test_what_a_project_that_is_a_root_builds_does_not_vouch(tmp_path: Path, vault: Path) -> None:
    combed(tmp_path / "A", vault, {"a": "1"})
    combed(tmp_path / "p", vault, {"package.json": "{}", "build": {"a": "1"}})
    assert unique(vault, tmp_path / "A") == (1, {"a"}, {})


def test_what_is_machine_made_does_not_vouch_for_a_library(tmp_path: Path, vault: Path) -> None:
    tree: Tree = {"L": {"My.photoslibrary": {"IMG": "1"}}, "p": {"node_modules": {"IMG": "1"}}}
    top = combed(tmp_path / "top", vault, tree)
    assert unique(vault, top / "L") == (1, {"My.photoslibrary/IMG"}, {})


RESTIC: Tree = {"config": "c", "index": {}, "keys": {}, "snapshots": {}, "data": {"a": "1"}}


@pytest.mark.parametrize("inside", [True, False])
def test_a_store_does_not_vouch_for_what_is_outside_of_one(
    tmp_path: Path, vault: Path, inside: bool
) -> None:
    """A program may rewrite what it keeps for itself; told by what is in it, whatever its name."""
    combed(tmp_path / "A", vault, {"a": "1"})
    combed(tmp_path / "B", vault, {"things": RESTIC if inside else {**RESTIC, "keys": "a file"}})
    assert unique(vault, tmp_path / "A")[:2] == ((1, {"a"}) if inside else (0, set()))


@pytest.mark.parametrize(
    ("name", "size", "vouches"),
    [(".env.example", 500, False), ("b", 63, False), ("b", 64, True), ("a (1)", 5, True)],
)
def test_a_small_file_or_dotfile_is_what_its_name_says(
    tmp_path: Path, vault: Path, name: str, size: int, vouches: bool
) -> None:
    own = ".env" if name.startswith(".") else "a"
    tree: Tree = {"A": {own: "x" * size}, "B": {name: "x" * size}}
    top = combed(tmp_path / "top", vault, tree)
    assert unique(vault, top / "A")[:2] == ((0, set()) if vouches else (1, {own}))
    assert run("dupes", "--json", vault=vault).out.count("canonical") == 2


def test_everything_else_gone(tmp_path: Path, vault: Path) -> None:
    top = combed(tmp_path / "top", vault, {"A": {"a": "1"}, "B": {"a": "1"}})
    assert unique(vault, top / "A", "--except", top) == (1, {"a"}, {})


def test_folders_as_deep_as_they_come(tmp_path: Path, vault: Path) -> None:
    top = tmp_path / "top"
    for side in "AB":
        (top / side).mkdir(parents=True)
        subprocess.run(
            ["sh", "-c", "for n in $(seq 1500); do mkdir d; cd -P d; done; echo deep > file"],
            cwd=top / side,
            check=True,
        )
    time.sleep(0.05)  # longer than the clock's grain; what waits for it cannot go as deep
    try:
        assert run("scan", top, vault=vault).code == 0
        assert run("folders", vault=vault).code == 0
        assert unique(vault, top / "A", "--except", top / "B")[0] == 1
    finally:
        subprocess.run(["rm", "-r", str(top)], check=True)  # Python's own removal recurses


CLOUDY = 4_321


@pytest.fixture
def leave(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Says from now on, to these modules, that files of one size are only in the cloud."""

    def leave(*modules: ModuleType) -> None:
        for module in modules:
            monkeypatch.setattr(module, "is_placeholder", lambda facts: facts.st_size == CLOUDY)
            if hasattr(module, "HAS_PLACEHOLDERS"):
                monkeypatch.setattr(module, "HAS_PLACEHOLDERS", True)

    return leave


def here(vault: Path, path: Path, capfd: pytest.CaptureFixture[str], *options: str) -> Document:
    """What `unique` says in this process, where a test can change what a file system tells."""
    arguments = [str(path), "--json", "--vault", str(vault), *options]
    code = command.main(arguments, standalone_mode=False)
    document: Document = json.loads(capfd.readouterr().out)
    assert code == (1 if document["unique"] or document["unproven"] else 0)
    return document


def combed_clouds(tmp_path: Path, vault: Path) -> Path:
    tree: Tree = {"a": "2" * CLOUDY}
    return combed(tmp_path / "top", vault, {"A": tree, "B": tree})


@pytest.mark.parametrize("scanned_since", [True, False])
def test_what_is_only_in_the_cloud_is_unproven(
    tmp_path: Path,
    vault: Path,
    leave: Callable[..., None],
    capfd: pytest.CaptureFixture[str],
    scanned_since: bool,
) -> None:
    top = combed_clouds(tmp_path, vault)
    if scanned_since:
        leave(read_file)
        (top / "A/a").touch()
        scan(vault, top)
    leave(unique_module)
    document = here(vault, top / "A", capfd)
    cause = "only in the cloud"
    assert document["unproven"] == [{"path": str(top / "A/a"), "cause": cause}]
    assert document["unique"] == [] and document["vouched_by"] == []


@pytest.mark.parametrize("before", [True, False])
def test_a_copy_that_is_only_in_the_cloud_does_not_vouch(
    tmp_path: Path,
    vault: Path,
    leave: Callable[..., None],
    capfd: pytest.CaptureFixture[str],
    before: bool,
) -> None:
    """Neither one that the scan knew for one, nor one that left since."""
    top = combed_clouds(tmp_path, vault)
    if before:
        leave(read_file)
        (top / "B/a").touch()
        settle(top)
        scan(vault, top / "B")
    else:
        assert here(vault, top / "A", capfd)["unique"] == []
        leave(copy_check)
    document = here(vault, top / "A", capfd)
    causes = [each["cause"] for each in document["unique"]]
    assert causes == [None if before else f"only in the cloud: {top}/B/a"]


def test_what_a_quick_scan_left_unread_is_unproven_and_vouches_for_nothing(
    tmp_path: Path, vault: Path
) -> None:
    """Also where the digest of what stood there before is still known."""
    large = 3_000_000
    top = combed(tmp_path / "top", vault, {side: {"a": "1" * large, "b": "small"} for side in "AB"})
    (top / "A/new").write_text("2" * (large + 1))
    (top / "A/a").touch()
    (top / "B/a").write_text("1" * (large + 2))
    settle(top)
    scan(vault, top, quick=True)
    assert unique(vault, top / "A") == (1, set(), {"a": "not read yet", "new": "not read yet"})
    assert unique(vault, top / "B")[2] == {"a": "not read yet"}

    (top / "A/new").unlink()
    (top / "A/a").write_text("1" * (large + 2))
    settle(top)
    scan(vault, top / "A")
    assert rows_in_index(vault)[bytes(top / "B/a")][0] == EntryState.PENDING
    assert unique(vault, top / "A") == (1, {"a"}, {})


@pytest.mark.parametrize("name", [".trashed-1700000000-a.jpg", ".pending-1700000000-a.jpg"])
def test_what_a_phone_threw_away_does_not_vouch(tmp_path: Path, vault: Path, name: str) -> None:
    top = combed(tmp_path / "top", vault, {"A": {"a.jpg": "1"}, "DCIM": {name: "1"}})
    assert unique(vault, top / "A") == (1, {"a.jpg"}, {})


def test_what_is_listed_but_cannot_be_looked_at_is_unproven(
    tmp_path: Path,
    vault: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """As network and FUSE file systems do with names that they cannot take back."""
    top = combed(tmp_path / "top", vault, {"A": {"a": "1", "b": "2"}, "B": {"b": "2"}})
    real = os.stat

    def stat(path: Any, **options: Any) -> os.stat_result:
        if path == b"a":
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        return real(path, **options)

    monkeypatch.setattr(os, "stat", stat)
    document = here(vault, top / "A", capfd)
    cause = "no such file or directory"
    assert document["unproven"] == [{"path": str(top / "A/a"), "cause": cause}]
    assert document["unique"] == []


@of_linux
def test_one_folder_of_a_server_mounted_twice_does_not_vouch_for_itself(
    tmp_path: Path,
    vault: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Device and inode may differ between the two mounts; two disks in memory stand for them."""
    with tmpfs(tmp_path / "one", "1M") as one, tmpfs(tmp_path / "two", "1M") as two:
        real = mounts.mounts

        def shares() -> list[mounts.Mount]:
            return [
                replace(each, type="nfs4", source="server:/share")
                if each.point in (bytes(one), bytes(two))
                else each
                for each in real()
            ]

        monkeypatch.setattr(mounts, "mounts", shares)
        monkeypatch.setattr(volumes, "mounts", shares)
        monkeypatch.setattr(volumes, "_REMOTE_GRAIN_NS", 20 * volumes.MILLISECOND)
        for top in (one, two):
            combed(top, vault, {"A": {"a": "1"}, "B": {"b": "2"}})
        scan(vault, one)
        for names in (["--except", str(one / "B")], ["--except", str(two / "B")], []):
            document = here(vault, one / "A", capfd, *names)
            assert [each["path"] for each in document["unique"]] == [str(one / "A/a")]
        (one / "C").mkdir()
        combed(two, vault, {"C": {"a": "1"}})
        assert here(vault, one / "A", capfd)["unique"] == []
        assert here(vault, one / "A", capfd, "--except", str(one / "C"))["unique"] != []
