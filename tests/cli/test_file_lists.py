"""``--files-from``: good lines are scanned, junk is listed, and nothing else is looked at."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.support.run import refused, run
from tests.support.trees import HardLink, Link, age_digests, make_tree, rows_in_index, scan, settle


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = make_tree(
        tmp_path / "tree",
        {
            "a": "one",
            "b": "two",
            "unlisted": "three",
            "in": {"c": "four", "d": "four", "deep": {"e": "five"}},
            "link": Link("a"),
            "into": Link("in"),
            "hard": HardLink("a"),
        },
    )
    settle(tree)
    return tree


def below(top: Path, found: set[bytes]) -> set[str]:
    return {os.fsdecode(path).removeprefix(f"{top}/") for path in found}


def listed(*lines: bytes, end: bytes = b"\n") -> bytes:
    return b"".join(line + end for line in lines)


def junk_of(document: Any) -> dict[str, str]:
    return {
        each.get("path", each.get("path_b64")): each["cause"] for each in document["not_listed"]
    }


def test_only_what_is_listed_is_scanned(tree: Path, vault: Path) -> None:
    ran = run(
        "scan", tree, "--files-from", "-", "--json", stdin=b"a\nin/c\n", vault=vault, cwd=tree
    )
    assert (ran.code, ran.stderr) == (0, b"")
    assert ran.json()["files"] == 2
    assert ran.json()["not_listed"] == []
    assert below(tree, set(rows_in_index(vault))) == {"a", "in/c"}


def test_a_list_in_a_file(tree: Path, vault: Path, tmp_path: Path) -> None:
    (tmp_path / "list").write_bytes(os.fsencode(tree) + b"/b\n")
    assert run("scan", tree, "--files-from", tmp_path / "list", vault=vault).code == 0
    assert below(tree, set(rows_in_index(vault))) == {"b"}


def test_without_a_path_the_current_folder_is_meant(tree: Path, vault: Path) -> None:
    assert run("scan", "--files-from", "-", stdin=b"a\n", vault=vault, cwd=tree).code == 0
    assert below(tree, set(rows_in_index(vault))) == {"a"}


def test_junk_is_listed_and_the_good_ones_are_scanned(tree: Path, vault: Path) -> None:
    os.mkfifo(tree / "fifo")
    server = socket.socket(socket.AF_UNIX)
    server.bind(os.path.relpath(tree / "socket"))
    long = b"x" * 300
    lines = listed(
        b"a",
        b"",
        b"  ",
        b"nix",
        b"nul\0inside",
        b"fifo",
        b"socket",
        b"a/below a file",
        b"/etc/passwd",
        b"../outside",
        b"\xff\xfe",
        long,
        b"/" + b"deep/" * 2000,
        b"\x1b[31mred",
    )
    ran = run("scan", tree, "--files-from", "-", "--json", stdin=lines, vault=vault, cwd=tree)
    server.close()
    assert ran.code == 3
    junk = junk_of(ran.json())
    assert junk["nix"] == "no such file or directory"
    assert junk["nul\0inside"] == "not a path"
    assert junk["fifo"] == "neither a file nor a folder"
    assert junk["socket"] == "neither a file nor a folder"
    assert junk["a/below a file"] == "not a directory"
    assert junk["/etc/passwd"] == "not in a folder that is scanned"
    assert junk["//4="] == "no such file or directory"  # path_b64
    assert junk[long.decode()] == "file name too long"
    assert {"  ", "../outside", "/" + "deep/" * 2000, "\x1b[31mred"} <= set(junk)
    assert len(junk) == len(ran.json()["not_listed"]), "something is listed twice"
    assert below(tree, set(rows_in_index(vault))) == {"a"}


def test_junk_is_told_of_in_words(tree: Path, vault: Path) -> None:
    lines = listed(b"a", b"nix 1", b"\x1b[31mnix", b"nix\0", *(b"nix %d" % n for n in range(9)))
    ran = run("scan", tree, "--files-from", "-", stdin=lines, vault=vault, cwd=tree)
    assert ran.code == 3
    assert ran.out.startswith("Combed ")
    assert "nix 1 in the file list cannot be scanned: no such file or directory" in ran.err
    assert "and 9 more" in ran.err
    assert "\x1b" not in ran.err and "\0" not in ran.err


def test_a_list_that_was_made_for_the_other_mode(tree: Path, vault: Path) -> None:
    """The whole of a list that ends with NUL is no path."""
    ran = run("scan", tree, "--files-from", "-", stdin=b"a\0b\0", vault=vault, cwd=tree)
    assert "-0" in ran.err
    assert ran.code in (2, 3)
    ran = run("scan", tree, "--files-from", "-", "-0", stdin=b"a\nb\n", vault=vault, cwd=tree)
    assert ran.code == 3
    assert rows_in_index(vault) == {}


def test_nothing_but_junk(tree: Path, vault: Path) -> None:
    ran = run("scan", tree, "--files-from", "-", "--json", stdin=b"nix\n", vault=vault, cwd=tree)
    assert ran.code == 3
    assert ran.json()["files"] == 0
    assert rows_in_index(vault) == {}


@pytest.mark.parametrize("stdin", [b"", b"\n\n\n"])
def test_an_empty_list_scans_nothing(stdin: bytes, tree: Path, vault: Path) -> None:
    ran = run("scan", tree, "--files-from", "-", "--json", stdin=stdin, vault=vault, cwd=tree)
    assert ran.code == 0
    assert ran.json()["files"] == 0
    assert rows_in_index(vault) == {}


def test_the_last_line_needs_no_end(tree: Path, vault: Path) -> None:
    assert run("scan", tree, "--files-from", "-", stdin=b"a\nb", vault=vault, cwd=tree).code == 0
    assert below(tree, set(rows_in_index(vault))) == {"a", "b"}


def test_lines_that_end_with_nul(tree: Path, vault: Path) -> None:
    odd = b"new\nline \xff"
    make_tree(tree, {odd: "x"})
    for option, end in (("-0", b""), ("--null", b"\0")):
        stdin = b"a\0" + odd + end
        ran = run("scan", tree, "--files-from", "-", option, stdin=stdin, vault=vault, cwd=tree)
        assert (ran.code, ran.stderr) == (0, b"")
    assert set(rows_in_index(vault)) == {os.fsencode(tree) + b"/" + n for n in (b"a", odd)}


def test_a_name_that_is_not_utf_8(tree: Path, vault: Path) -> None:
    make_tree(tree, {b"\xff\xfe": "x"})
    ran = run("scan", tree, "--files-from", "-", stdin=b"\xff\xfe\n", vault=vault, cwd=tree)
    assert ran.code == 0
    assert set(rows_in_index(vault)) == {os.fsencode(tree) + b"/\xff\xfe"}


def test_duplicates_count_once(tree: Path, vault: Path) -> None:
    top = os.fsencode(tree)
    lines = listed(b"a", b"a", b"./a", b"in/../a", top + b"/a", b"//" + top + b"//a")
    ran = run("scan", tree, "--files-from", "-", "--json", stdin=lines, vault=vault, cwd=tree)
    assert ran.code == 0
    assert (ran.json()["files"], ran.json()["hashed_files"]) == (1, 1)


def test_a_listed_folder_is_scanned_with_all_below_it(tree: Path, vault: Path) -> None:
    ran = run("scan", tree, "--files-from", "-", "--json", stdin=b"in\n", vault=vault, cwd=tree)
    assert ran.code == 0
    assert below(tree, set(rows_in_index(vault))) == {"in/c", "in/d", "in/deep/e"}
    assert ran.json()["groups"] == 1


@pytest.mark.parametrize(
    "lines", [b"in\nin/c\n", b"in/c\nin\n", b"in\nin/deep\n", b"in/deep\nin/\n"]
)
def test_a_folder_and_what_is_in_it_count_once(lines: bytes, tree: Path, vault: Path) -> None:
    for reused in (0, 3):
        ran = run("scan", tree, "--files-from", "-", "--json", stdin=lines, vault=vault, cwd=tree)
        document = ran.json()
        assert (ran.code, document["files"]) == (0, 3)
        assert document["hashed_files"] == 3 - reused
        assert document["new"] == 3 - reused
        age_digests(vault)
    assert below(tree, set(rows_in_index(vault))) == {"in/c", "in/d", "in/deep/e"}


def test_links_are_recorded_and_not_followed(tree: Path, vault: Path) -> None:
    lines = b"link\ninto\ninto/c\n"
    ran = run("scan", tree, "--files-from", "-", stdin=lines, vault=vault, cwd=tree)
    assert ran.code == 0
    # The name itself is a link; a link on the way to it leads to where the file is.
    assert below(tree, set(rows_in_index(vault))) == {"link", "into", "in/c"}


def test_a_link_out_of_the_tree(tree: Path, vault: Path, tmp_path: Path) -> None:
    make_tree(tmp_path, {"outside": {"secret": "x"}})
    make_tree(tree, {"out": Link(str(tmp_path / "outside"))})
    ran = run(
        "scan", tree, "--files-from", "-", "--json", stdin=b"out/secret\n", vault=vault, cwd=tree
    )
    assert ran.code == 3
    assert junk_of(ran.json()) == {"out/secret": "not in a folder that is scanned"}
    assert rows_in_index(vault) == {}


@pytest.mark.parametrize(
    "lines", [b"vault/index.db\nvault/lock\n", b"vault\n", b".gorillacomb/x\n"]
)
def test_our_own_files_are_not_opened_when_listed(lines: bytes, tree: Path) -> None:
    """To open and close index.db in the process that has it locked would drop its lock."""
    make_tree(tree, {".gorillacomb": {"x": "quarantined"}})
    vault = tree / "vault"
    scan(vault, tree)
    known = set(rows_in_index(vault))
    for workers in ("0", "2"):
        ran = run(
            *("scan", tree, "--files-from", "-", "--workers", workers),
            stdin=lines,
            vault=vault,
            cwd=tree,
        )
        assert ran.code in (0, 3)
        assert set(rows_in_index(vault)) == known


def test_a_listed_file_keeps_to_the_excludes(tree: Path, vault: Path) -> None:
    """What the root leaves out stays left out, or a scan and a list would disagree about it."""
    assert run("scan", tree, "--exclude", "/in/c", "--exclude", "deep/", vault=vault).code == 0
    before = rows_in_index(vault)
    lines = b"in/c\nin/d\nin/deep/e\n"
    ran = run("scan", tree, "--files-from", "-", stdin=lines, vault=vault, cwd=tree)
    assert ran.code in (0, 3)  # 3: told of as lines that cannot be scanned
    assert rows_in_index(vault) == before


def test_what_is_not_listed_is_not_gone(tree: Path, vault: Path) -> None:
    scan(vault, tree)
    before = rows_in_index(vault)
    (tree / "unlisted").unlink()
    (tree / "b").unlink()
    ran = run("scan", tree, "--files-from", "-", "--json", stdin=b"a\n", vault=vault, cwd=tree)
    assert (ran.code, ran.json()["gone"]) == (0, 0)
    assert rows_in_index(vault) == before
    ran = run("scan", tree, "--json", vault=vault)
    assert (ran.code, ran.json()["gone"]) == (0, 2)


def test_an_edited_file_that_is_listed_is_read_again(tree: Path, vault: Path) -> None:
    scan(vault, tree)
    (tree / "in/c").write_text("new")
    ran = run("scan", tree, "--files-from", "-", "--json", stdin=b"in/c\n", vault=vault, cwd=tree)
    assert (ran.code, ran.json()["changed"], ran.json()["hashed_files"]) == (0, 1, 1)
    assert ran.json()["groups"] == 0, "the group that it left is made anew"


def test_a_long_list(tmp_path: Path, vault: Path) -> None:
    """More names in one folder than one task takes."""
    names = [f"{number:05}" for number in range(9000)]
    tree = make_tree(tmp_path / "tree", dict.fromkeys(names, "same"))
    lines = "\n".join(names[::2]).encode()
    ran = run(
        *("scan", tree, "--files-from", "-", "--workers", "2", "--json"),
        stdin=lines,
        vault=vault,
        cwd=tree,
    )
    assert (ran.code, ran.json()["files"]) == (0, 4500)
    assert below(tree, set(rows_in_index(vault))) == set(names[::2])


def test_a_list_that_is_not_there(tree: Path, vault: Path) -> None:
    refused(run("scan", tree, "--files-from", "nix", vault=vault, cwd=tree), 2, "nix")
    refused(run("scan", tree, "--files-from", tree, vault=vault), 2, str(tree))
