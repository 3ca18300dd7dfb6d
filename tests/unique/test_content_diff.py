"""``compare --contents``: what one folder has and the other lacks, wherever it is there."""

from __future__ import annotations

import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hypothesis import example, given, settings

import gorillacomb
from gorillacomb.index.database import Index
from gorillacomb.model import EntryState
from gorillacomb.vault.vault import Vault
from tests.folders.forests import forests
from tests.support.disks import Disks
from tests.support.memory import in_memory
from tests.support.mounts import of_linux, tmpfs
from tests.support.run import run
from tests.support.trees import HardLink, Link, Tree, make_tree, scan, settle

Line = tuple[str, str, int, int]
"""path, kind, files, bytes."""


def compared(vault: Path, a: object, b: object, *options: str) -> Any:
    ran = run("compare", str(a), str(b), "--contents", "--json", *options, vault=vault)
    if ran.code not in (0, 1, 3):
        raise AssertionError(ran.err)
    return {**ran.json(), "code": ran.code}


def lines(found: Any, side: str) -> list[Line]:
    return [
        (each["path"], each["kind"], each["files"], each["bytes"]) for each in found[f"only_{side}"]
    ]


def combed(vault: Path, *tops: Path) -> None:
    for top in tops:
        settle(top)
    scan(vault, *tops)


def contents(top: Path) -> dict[bytes, set[Path]]:
    """The nonempty contents in a folder, and the paths that have each."""
    found: defaultdict[bytes, set[Path]] = defaultdict(set)
    for path in top.rglob("*"):
        if path.is_file() and not path.is_symlink() and path.name != ".DS_Store":
            found[path.read_bytes()].add(path.relative_to(top))
    found.pop(b"", None)
    return found


def rolled_up(mine: dict[bytes, set[Path]], others: Iterable[bytes]) -> set[tuple[Path, str, int]]:
    """The oracle: of each file alone the highest folder around it that shares nothing."""
    there = set(others)
    shared = {path for content, paths in mine.items() for path in paths if content in there}
    alone = {path for content, paths in mine.items() for path in paths if content not in there}
    found: dict[tuple[Path, str], int] = defaultdict(int)
    for path in alone:
        whole = [
            folder for folder in path.parents if not any(folder in each.parents for each in shared)
        ]
        found[(whole[-1], "folder") if whole else (path, "file")] += 1
    return {(path, kind, files) for (path, kind), files in found.items()}


@settings(max_examples=settings().max_examples // 2)
@given(forests())
@example({"one": {"a": "1"}, "two": {".DS_Store": "1"}})
@example({"one": {"a": "1", "in": {"b": "1", "c": "2"}}, "two": {"x": {"y": "2"}}})
def test_any_forest(tree: Tree) -> None:
    with tempfile.TemporaryDirectory() as name, in_memory() as memory:
        top, vault = Path(name).resolve() / "top", memory / "vault"
        make_tree(top, {"one": {}, "two": {}, **tree})
        combed(vault, top)
        one, two = contents(top / "one"), contents(top / "two")
        with gorillacomb.open_vault(vault).compare_contents(top / "one", top / "two") as found:
            for side, mine, theirs in ((found.a, one, two), (found.b, two, one)):
                entries = list(side.only())
                assert {
                    (Path(os.fsdecode(each.path)), each.kind, each.files) for each in entries
                } == rolled_up(mine, theirs)
                sizes = [each.size for each in entries]
                assert sizes == sorted(sizes, reverse=True)
                alone = {
                    os.fsencode(p) for c, paths in mine.items() for p in paths if c not in theirs
                }
                assert {each.path for each in side.only(single_files=True)} == alone
                assert side.only_files == len(alone)
                assert side.only_contents == len(mine.keys() - theirs.keys())
                assert side.only_content_size == sum(map(len, mine.keys() - theirs.keys()))
                assert (side.unproven, list(side.unknown())) == (0, [])
            assert found.is_same == (one.keys() == two.keys())
            assert found.is_complete


def test_contents_count_and_not_where_they_are(tmp_path: Path, vault: Path) -> None:
    a = make_tree(
        tmp_path / "a",
        {
            "Photos": {"2019": {"1": "one" * 100, "2": "two" * 100}, "3": "three" * 100},
            "kept": {"x": "elsewhere" * 9, "y": "only y" * 2},
            "same": "elsewhere" * 9,
        },
    )
    b = make_tree(tmp_path / "b", {"deep": {"deeper": {"named": "elsewhere" * 9}}, "own": "b" * 70})
    combed(vault, a, b)
    found = compared(vault, a, b)
    assert lines(found, "a") == [("Photos", "folder", 3, 1100), ("kept/y", "file", 1, 12)]
    assert lines(found, "b") == [("own", "file", 1, 70)]
    assert (found["a"]["shared_files"], found["b"]["shared_files"]) == (2, 1)
    assert (found["a"]["only_files"], found["a"]["only_bytes"]) == (4, 1112)
    assert (found["code"], found["a"]["online"]) == (1, True)
    single = lines(compared(vault, a, b, "--files"), "a")
    assert [path for path, *_ in single] == ["Photos/3", "Photos/2019/1", "Photos/2019/2", "kept/y"]
    text = run("compare", a, b, "--contents", vault=vault).out
    assert "Only in A: 4 files, 1.1 kB of 6 (1.3 kB)" in text
    assert "     1.1 kB  Photos/  (3 files)" in text
    assert "Only in B: 1 file, 70 B of 2" in text
    assert "1 more" not in text


def test_the_other_way_round_is_the_mirror(tmp_path: Path, vault: Path) -> None:
    a = make_tree(tmp_path / "a", {"x": "1" * 100, "z": "3" * 99})
    b = make_tree(tmp_path / "b", {"x": "2" * 100, "y": "1" * 100})
    combed(vault, a, b)
    there, back = compared(vault, a, b), compared(vault, b, a)
    for here, other in (("a", "b"), ("b", "a")):
        assert there[f"only_{here}"] == back[f"only_{other}"]
        assert there[here] == back[other]


def test_folders_that_hold_the_same(tmp_path: Path, vault: Path) -> None:
    a = make_tree(tmp_path / "a", {"x": "1" * 100, "empty": "", "link": Link("x"), "none": {}})
    b = make_tree(tmp_path / "b", {"in": {"y": "1" * 100, "z": "1" * 100}})
    combed(vault, a, b)
    found = compared(vault, a, b)
    assert (found["code"], found["only_a"], found["only_b"]) == (0, [], [])
    assert (found["a"]["empty_files"], found["a"]["links"]) == (1, 1)
    text = run("compare", a, b, "--contents", vault=vault).out
    assert "Only in A: nothing that B lacks" in text
    assert "Not compared, as they have no content: 1 empty file, 1 symbolic link." in text


def test_a_folder_inside_the_other(tmp_path: Path, vault: Path) -> None:
    top = make_tree(
        tmp_path / "top",
        {"old": {"x": "1" * 100, "mine": "2" * 100}, "x": "1" * 100, "new": "3" * 100},
    )
    combed(vault, top)
    ran = run("compare", top / "old", top, "--contents", vault=vault)
    assert "A is inside B, which is compared without it." in ran.err
    found = compared(vault, top / "old", top)
    assert lines(found, "a") == [("mine", "file", 1, 100)]
    assert lines(found, "b") == [("new", "file", 1, 100)]
    assert (found["a"]["files"], found["b"]["files"]) == (2, 2)
    other = compared(vault, top, top / "old")
    assert (other["only_a"], other["only_b"]) == (found["only_b"], found["only_a"])


def test_a_folder_and_itself(tmp_path: Path, vault: Path) -> None:
    top = make_tree(tmp_path / "top", {"a": {"x": "1" * 100}})
    combed(vault, top)
    ran = run("compare", top / "a", top / "a", "--contents", vault=vault)
    assert "A and B are one folder" in ran.err
    assert (ran.code, ran.out.count("nothing that")) == (0, 2)


def test_what_was_not_read_is_unproven(tmp_path: Path, vault: Path) -> None:
    """On neither side: not what only one has, and no reason to call the other's file there."""
    a = make_tree(tmp_path / "a", {"in": {"small": "1" * 10, "big": "2" * 100}, "out.tmp": "3"})
    b = make_tree(tmp_path / "b", {"big": "2" * 100, "small": "1" * 10})
    settle(tmp_path)
    scan(vault, a, min_size=50, exclude=("*.tmp",))
    scan(vault, b)
    found = compared(vault, a, b)
    assert {(each["path"], each["cause"]) for each in found["unproven_a"]} == {
        ("in/small", "below min-size"),
        ("out.tmp", "excluded"),
    }
    assert lines(found, "b") == [("small", "file", 1, 10)]
    assert (found["only_a"], found["a"]["unproven"], found["code"]) == ([], 2, 1)
    (b / "small").unlink()
    scan(vault, b)
    assert compared(vault, a, b)["code"] == 3
    text = run("compare", a, b, "--contents", vault=vault).out
    assert "Unproven in A: 2 entries with unknown content" in text
    assert (
        "  in/small: below min-size" in run("compare", a, b, "--contents", "--all", vault=vault).out
    )


def test_a_file_that_keeps_changing_is_unproven(tmp_path: Path, vault: Path) -> None:
    a = make_tree(tmp_path / "a", {"log": "1" * 100, "x": "2" * 100})
    b = make_tree(tmp_path / "b", {"log": "1" * 100, "x": "2" * 100})
    combed(vault, a, b)
    with Index.write(Vault(vault)) as index:
        index.connection.execute(
            "UPDATE files SET state = ?, digest = NULL, cause = 'changed 3 times'"
            " WHERE name = CAST('log' AS BLOB) AND folder = (SELECT min(folder) FROM roots)",
            (EntryState.UNSTABLE,),
        )
    found = compared(vault, a, b)
    assert found["unproven_a"] == [{"path": "log", "cause": "changed 3 times"}]
    assert (found["only_a"], lines(found, "b")) == ([], [("log", "file", 1, 100)])


def test_a_folder_that_could_not_be_listed_is_unproven(tmp_path: Path, vault: Path) -> None:
    a = make_tree(tmp_path / "a", {"out": {"x": "1" * 100}, "y": "2" * 100})
    b = make_tree(tmp_path / "b", {"y": "2" * 100})
    settle(tmp_path)
    scan(vault, a, b, exclude=("out/",))
    found = compared(vault, a, b)
    assert [(each["path"], each["cause"]) for each in found["unproven_a"]] == [("out", "excluded")]
    assert (found["code"], found["a"]["unproven"]) == (3, 1)


@of_linux
def test_a_drive_that_is_away(tmp_path: Path, vault: Path) -> None:
    """It is answered for from the index, which says so, and when it was scanned."""
    point = tmp_path / "usb"
    a = make_tree(tmp_path / "a", {"x": "1" * 100, "y": "2" * 100})
    with tmpfs(point, "4M"):
        make_tree(point, {"deep": {"x": "1" * 100, "z": "3" * 100}})
        combed(vault, a, point)
    found = compared(vault, a, point)
    assert (found["a"]["online"], found["b"]["online"]) == (True, False)
    assert int(found["b"]["last_scan_ns"]) > time.time_ns()  # the clock of these scans
    assert lines(found, "a") == [("y", "file", 1, 100)]
    assert lines(found, "b") == [("deep/z", "file", 1, 100)]
    ran = run("compare", a, point, "--contents", vault=vault)
    assert "not connected now" in ran.out and "last scan " in ran.out
    assert run("compare", a, point / "deep", "--contents", vault=vault).code == 1


def test_drives_that_were_scanned_at_one_place_have_ids_and_names(
    tmp_path: Path, vault: Path, disks: Disks
) -> None:
    point = disks.point("usb")
    first: Tree = {"x": "1" * 100}
    second: Tree = {"deep": {"y": "1" * 100, "z": "3" * 100}}
    for name, tree in (("first", first), ("second", second)):
        disks.plug("ext4", disks.image("ext4", name), point)
        (point / "lost+found").rmdir()
        make_tree(point, tree)
        combed(vault, point)
        disks.unplug(point)
    roots = run("roots", "list", "--json", vault=vault).json()["roots"]
    assert [root["online"] for root in roots] == [False, False]
    by_id = compared(vault, *(root["root"] for root in roots))
    assert run("roots", "name", roots[1]["root"], "Old laptop", vault=vault).code == 0
    by_name = compared(vault, roots[0]["root"], "Old laptop")
    assert lines(by_id, "b") == lines(by_name, "b") == [("deep/z", "file", 1, 100)]
    assert by_id["only_a"] == []
    assert by_name["b"]["name"] == "Old laptop"
    assert (
        "  (Old laptop)"
        in run("compare", roots[0]["root"], "Old laptop", "--contents", vault=vault).out
    )


def test_hard_links(tmp_path: Path, vault: Path) -> None:
    """Two names are two files, but take their bytes once; over both sides they are one copy."""
    top = make_tree(
        tmp_path / "top",
        {
            "a": {
                "in": {"1": "mine" * 100, "2": HardLink("a/in/1")},
                "out": {"3": HardLink("a/in/1")},
                "both": "both" * 100,
            },
            "b": {"linked": HardLink("a/both")},
        },
    )
    combed(vault, top)
    found = compared(vault, top / "a", top / "b")
    assert sorted(lines(found, "a")) == [("in", "folder", 2, 400), ("out", "folder", 1, 400)]
    side = found["a"]
    assert (side["only_files"], side["only_bytes"], side["only_contents"]) == (3, 400, 1)
    assert (side["linked_files"], found["b"]["linked_files"]) == (1, 1)
    text = run("compare", top / "a", top / "b", "--contents", vault=vault).out
    assert "1 file is in both by hard links" in text


def test_copies_count_as_often_as_they_are_there(tmp_path: Path, vault: Path) -> None:
    a = make_tree(tmp_path / "a", {"x": {"1": "mine" * 100, "2": "mine" * 100}, "s": "s" * 10})
    b = make_tree(tmp_path / "b", {"s": "s" * 10})
    combed(vault, a, b)
    side = compared(vault, a, b)["a"]
    assert (side["only_files"], side["only_bytes"]) == (2, 800)
    assert (side["only_contents"], side["only_content_bytes"]) == (1, 400)
    text = run("compare", a, b, "--contents", vault=vault).out
    assert "2 files, 800 B of 3 (810 B); 1 different content, 400 B" in text


def test_a_copy_in_a_quarantine_is_not_there(tmp_path: Path, vault: Path) -> None:
    b = make_tree(tmp_path / "b", {"one": "same" * 100, "two": "same" * 100})
    a = make_tree(tmp_path / "a", {"x": "same" * 100, "y": "last" * 100})
    make_tree(b, {"left": "last" * 100, "right": "last" * 100})
    settle(tmp_path)
    for top in (b, a):
        assert run("scan", top, vault=vault).code == 0
    plan = tmp_path / "plan.jsonl"
    assert run("dedupe", "--plan", "-o", plan, "--within", b, vault=vault).code == 0
    assert run("dedupe", "--apply", plan, vault=vault).code == 0
    for name in os.listdir(b):
        if name != ".gorillacomb":
            (b / name).unlink()  # what was kept for what is in the quarantine
    run("scan", b, "--accept-loss", vault=vault)
    assert list((b / ".gorillacomb").rglob("STEP*")) or any((b / ".gorillacomb").rglob("*"))
    found = compared(vault, a, b)
    assert lines(found, "a") == [("", "folder", 2, 800)]
    assert found["b"]["files"] == 0


def test_names_that_are_not_text(tmp_path: Path, vault: Path) -> None:
    a = make_tree(tmp_path / "a", {b"\xff\n": {b"\xfe": "1" * 100}, "s": "s" * 10})
    b = make_tree(tmp_path / "b", {"s": "s" * 10})
    combed(vault, a, b)
    [entry] = compared(vault, a, b)["only_a"]
    assert entry["path_b64"] == "/wo="
    ran = run("compare", a, b, "--contents", vault=vault)
    assert "\\xff\\n/" in ran.out


def test_version_control_is_one_line(tmp_path: Path, vault: Path) -> None:
    a = make_tree(
        tmp_path / "a", {".git": {"objects": {"1": "x" * 100, "2": "y" * 100}, "HEAD": "h"}}
    )
    b = make_tree(tmp_path / "b", {"HEAD": "h", "own": "o" * 3})
    combed(vault, a, b)
    [entry] = compared(vault, a, b)["only_a"]
    assert (entry["path"], entry["files"], entry["whole"]) == (".git", 2, False)
    assert "the rest exists elsewhere" in run("compare", a, b, "--contents", vault=vault).out


def test_what_cannot_be_asked(tmp_path: Path, vault: Path) -> None:
    a = make_tree(tmp_path / "a", {"x": "1"})
    combed(vault, a)
    for words, expected in (
        ((a, tmp_path / "b", "--contents"), "does not exist, nor is it in the index"),
        ((a, a / "x", "--contents"), "is a file"),
        ((a, tmp_path, "--contents"), "in no folder that was scanned"),
        ((a, a, "--files"), "--files needs --contents"),
        ((a, a, "--contents", "--diff"), "--diff compares by path"),
    ):
        ran = run("compare", *words, vault=vault)
        assert ran.code == 2 and expected in ran.err, ran.err
