"""What a scan finds, in words: hard links, holes, empty files, moves, excludes, and nothing new."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gorillacomb.fs.paths import common_suffix_parts
from tests.support.mounts import of_linux, tmpfs
from tests.support.run import run
from tests.support.trees import HardLink, Link, Tree, age_digests, make_tree, settle


def combed(tmp_path: Path, vault: Path, tree: Tree) -> str:
    top = make_tree(tmp_path / "tree", tree)
    settle(top)
    ran = run("scan", top, vault=vault)
    assert (ran.code, ran.stderr) == (0, b"")
    return ran.out


def test_the_findings_have_at_most_fifteen_lines(tmp_path: Path, vault: Path) -> None:
    tops = [
        make_tree(
            tmp_path / f"tree {number}",
            {
                **{f"{file}": f"{file}" * 100 for file in range(40)},
                "empty": "",
                "left out": "x",
                "out": {"x": "y"},
            },
        )
        for number in range(8)
    ]
    ran = run("scan", *tops, "--exclude", "left*", "--exclude", "out/", vault=vault)
    assert ran.code == 0
    assert len(ran.out.splitlines()) <= 15
    assert "and 7 more roots" in ran.out
    assert "Duplicates: 280 surplus copies in 40 groups" in ran.out
    assert "Empty files: 8" in ran.out
    assert "8 files excluded" in ran.out and "8 folders excluded" in ran.out


def test_hard_links_are_one_copy(tmp_path: Path, vault: Path) -> None:
    out = combed(tmp_path, vault, {"a": "x" * 9000, "b": HardLink("a"), "c": HardLink("a")})
    assert "No two files are the same." in out
    assert run("dupes", "--json", vault=vault).json()["groups"] == []
    make_tree(tmp_path / "tree", {"copy": "x" * 9000})
    assert "1 surplus copy in 1 group" in run("scan", tmp_path / "tree", vault=vault).out
    text = run("dupes", vault=vault).out
    assert "2 copies of 9.0 kB" in text
    assert text.count("hard link of a)") == 2
    (group,) = run("dupes", "--json", vault=vault).json()["groups"]
    assert len(group["files"]) == 4
    blocks = os.stat(tmp_path / "tree/a").st_blocks * 512
    assert group["reclaimable"] == blocks, "one copy of two goes, however many names it has"


def test_holes_take_no_room(tmp_path: Path, vault: Path) -> None:
    tree = make_tree(tmp_path / "tree", {})
    for name in ("a", "b", "c"):
        with open(tree / name, "wb") as file:
            file.truncate(50_000_000)
            file.write(b"head")
    settle(tree)
    ran = run("scan", tree, "--json", vault=vault)
    assert ran.json()["bytes"] == 150_000_000
    assert 0 < ran.json()["redundant_bytes"] < 100_000
    (group,) = run("dupes", "--json", vault=vault).json()["groups"]
    blocks = [os.stat(tree / name).st_blocks * 512 for name in "abc"]
    assert (group["size"], group["reclaimable"]) == (50_000_000, sum(blocks) - max(blocks))


def test_empty_files_are_counted_and_in_no_group(tmp_path: Path, vault: Path) -> None:
    out = combed(tmp_path, vault, {"a": "", "b": "", "in": {"__init__.py": "", "c": "x"}})
    assert "Empty files: 3 (not counted as duplicates)" in out
    assert "No two files are the same." in out
    assert run("dupes", "--json", vault=vault).json()["groups"] == []
    assert run("dupes", vault=vault).out == "No duplicates.\n"
    assert (
        "empty, like any other empty file" in run("explain", tmp_path / "tree/a", vault=vault).out
    )


def test_an_empty_folder(tmp_path: Path, vault: Path) -> None:
    out = combed(tmp_path, vault, {})
    assert "0 files, 0 B, 1 folder" in out
    assert "No two files are the same." in out


def test_a_second_scan_finds_nothing_new(tmp_path: Path, vault: Path) -> None:
    combed(tmp_path, vault, {"a": "x", "in": {"b": "x"}, "link": Link("a"), "empty": ""})
    first = run("dupes", vault=vault).stdout
    age_digests(vault)
    ran = run("scan", tmp_path / "tree", vault=vault)
    assert ran.code == 0
    assert "read 0 files (0 B); nothing changed since the last scan" in ran.out
    assert run("dupes", vault=vault).stdout == first


@pytest.mark.parametrize("workers", ["0", "2"])
def test_changes_are_counted(workers: str, tmp_path: Path, vault: Path) -> None:
    combed(
        tmp_path,
        vault,
        {
            "edited": "before",
            "deleted": "away",
            "moved": "moving",
            "folder": {"a": "1", "b": "2"},
            "stays": "here",
            "deep": {},
        },
    )
    tree = tmp_path / "tree"
    (tree / "edited").write_text("after, and longer")
    (tree / "deleted").unlink()
    (tree / "moved").rename(tree / "deep/moved")
    (tree / "folder").rename(tree / "deep/folder")
    (tree / "new").write_text("new")
    settle(tree)
    ran = run("scan", tree, "--json", "--workers", workers, vault=vault)
    changes = {key: ran.json()[key] for key in ("new", "changed", "moved", "gone", "folders_moved")}
    assert changes == {"new": 1, "changed": 1, "moved": 1, "gone": 1, "folders_moved": 1}


def test_changes_are_told_in_words(tmp_path: Path, vault: Path) -> None:
    combed(tmp_path, vault, {"edited": "before", "deleted": "away", "stays": "here"})
    tree = tmp_path / "tree"
    (tree / "edited").write_text("after, and longer")
    (tree / "deleted").unlink()
    (tree / "new").write_text("new")
    settle(tree)
    out = run("scan", tree, vault=vault).out
    assert "; 1 new, 1 changed, 1 gone\n" in out


def test_other_rights_are_no_move_and_no_edit(tmp_path: Path, vault: Path) -> None:
    """A chmod moves the ctime: the file is read again, and found to be what it was."""
    combed(tmp_path, vault, {"a": "x", "b": "y", "in": {"c": "z" * 2_000_000}})
    tree = tmp_path / "tree"
    for name in ("a", "in/c"):
        (tree / name).chmod(0o600)
    settle(tree)
    age_digests(vault)
    ran = run("scan", tree, "--json", vault=vault)
    changes = {key: ran.json()[key] for key in ("new", "changed", "moved", "gone")}
    assert changes == {"new": 0, "changed": 0, "moved": 0, "gone": 0}
    assert ran.json()["hashed_files"] == 2


def test_a_copy_made_is_new_and_a_copy_deleted_gone(tmp_path: Path, vault: Path) -> None:
    combed(tmp_path, vault, {"a": "x", "b": "x", "c": "x"})
    tree = tmp_path / "tree"
    make_tree(tree, {"in": {"d": "x"}})
    settle(tree)
    document = run("scan", tree, "--json", vault=vault).json()
    assert (document["new"], document["moved"], document["gone"]) == (1, 0, 0)
    (tree / "b").unlink()
    document = run("scan", tree, "--json", vault=vault).json()
    assert (document["new"], document["moved"], document["gone"]) == (0, 0, 1)


def test_one_folder_that_moved_is_one_folder(tmp_path: Path, vault: Path) -> None:
    combed(tmp_path, vault, {"folder": {"a": "1"}, "to": {}})
    (tmp_path / "tree/folder").rename(tmp_path / "tree/to/folder")
    out = run("scan", tmp_path / "tree", vault=vault).out
    assert re.search(r"\b1 folder moved\b", out), out


def test_what_was_left_out_is_said(tmp_path: Path, vault: Path) -> None:
    top = make_tree(tmp_path / "tree", {"a": "x", "b": "x" * 100, "c.tmp": "x", "d": {"e": "x"}})
    ran = run("scan", top, "--exclude", "*.tmp", "--exclude", "d/", "--min-size", "10", vault=vault)
    assert "Not looked at: 1 file excluded; 1 file below min-size; 1 folder excluded" in ran.out
    assert "No two files are the same." in ran.out
    status = run("status", vault=vault).out
    assert "excluded: *.tmp d/" in status
    assert "min-size: 10 B" in status
    # They are remembered, and taken back.
    assert "1 file excluded" in run("scan", top, vault=vault).out
    ran = run("scan", top, "--clear-excludes", "--min-size", "0", vault=vault)
    assert "Not looked at" not in ran.out
    assert "1 group" in ran.out


@of_linux
def test_another_drive_inside_is_not_entered_but_named(tmp_path: Path, vault: Path) -> None:
    tree = make_tree(tmp_path / "tree", {"a": "x"})
    with tmpfs(tree / "inner", "1m") as inner:
        make_tree(inner, {"b": "x"})
        ran = run("scan", tree, vault=vault)
        assert "Not entered: " in ran.out and "--cross-file-systems" in ran.out
        assert "No two files are the same." in ran.out
        ran = run("scan", tree, "--cross-file-systems", vault=vault)
        assert "Not entered" not in ran.out
        assert "1 group" in ran.out
        assert run("roots", "list", "--json", vault=vault).json()["roots"][1]["path"] == str(inner)


def test_the_copy_to_keep_is_named_with_its_reason(tmp_path: Path, vault: Path) -> None:
    combed(
        tmp_path,
        vault,
        {
            "report.txt": "x",
            "Copy of report.txt": "x",
            "New Folder With Items": {"report.txt": "x"},
        },
    )
    kept = tmp_path / "tree/report.txt"
    text = run("dupes", vault=vault).out
    assert f"* {kept}\n    keep: " in text
    explained = run("explain", tmp_path / "tree/Copy of report.txt", vault=vault).out
    assert f"canonical: {kept}" in explained
    assert "because: its path has none of the names that copies get" in explained
    assert "canonical: this one" in run("explain", kept, vault=vault).out


def test_no_copy_is_named_as_the_one_to_keep_before_that_is_known(
    tmp_path: Path, vault: Path
) -> None:
    """The findings come before the folders are related; what is stamped may be another copy."""
    project: Tree = {"package.json": "{}", "src": {"app.js": "a" * 9000, "own.js": "o" * 10}}
    part: Tree = {"src": {"app.js": "a" * 9000}}
    other: Tree = {"one.txt": "t" * 5000, "else": {"two.txt": "t" * 5000}}
    out = combed(tmp_path, vault, {"A": part, "Backup": project, "other": other})
    assert "keep" not in out.replace("which one to keep", "")
    assert " in 2 copies of src/app.js\n" in out
    assert re.search(r" in 2 copies of \w+\.txt, and under other names\n", out)
    kept = run("explain", tmp_path / "tree/A/src/app.js", vault=vault).out
    assert "Backup/src/app.js" in kept


@given(st.lists(st.lists(st.sampled_from([b"a", b"b", b"c"]), min_size=1), min_size=1))
def test_the_common_end_is_the_longest(names: list[list[bytes]]) -> None:
    found = common_suffix_parts([b"/" + b"/".join(each) for each in names])
    ends = [
        b"/".join(names[0][at:])
        for at in range(len(names[0]))
        if all(each[max(0, len(each) - len(names[0]) + at) :] == names[0][at:] for each in names)
    ]
    assert found == (ends[0] if ends else b"")


def test_two_contents_of_one_name_are_told_apart(vault: Path, tmp_path: Path) -> None:
    contents = {"a": "x" * 40_000, "b": "y" * 30_000}
    tree: Tree = {
        f"{name}{number}": {"LICENSE": text}
        for name, text in contents.items()
        for number in range(3)
    }
    ran = run("scan", make_tree(tmp_path / "top", tree), vault=vault)
    lines = [line for line in ran.out.splitlines() if line.endswith("LICENSE")]
    assert len(set(lines)) == len(lines) == 2
    assert lines[0].endswith("in 3 copies of LICENSE")
    assert lines[1].endswith("in 3 copies of another LICENSE")
