"""``--json``: exactly one document on stdout, with the keys that scripts rely on."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import pytest

from tests.support.run import Argument, environment, refused, run
from tests.support.trees import HardLink, Link, age_digests, make_tree, settle

ODD = b"not utf-8 \xff\xfe"
SCAN_KEYS = {
    *("scan", "roots", "files", "bytes", "hashed_files", "hashed_bytes", "reused_files"),
    *("read_again_young", "damaged", "suspect"),
    *("unreadable", "unstable", "placeholders", "groups", "redundant_files", "redundant_bytes"),
    "seconds",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = make_tree(
        tmp_path / "tree",
        {
            "one": "same" * 2000,
            "copies": {"Copy of one": "same" * 2000, ODD: "same" * 2000},
            "hard": HardLink("one"),
            "single": "alone",
            "empty": "",
            "link": Link("one"),
            b"dangling \xff": Link(b"\xff"),
            ODD + b" folder": {"é 日本 \U0001f98d": "ape", "new\nline\t\"'\\": "ape"},
        },
    )
    os.mkfifo(tree / "fifo")
    settle(tree)
    return tree


def path_of(document: dict[str, Any]) -> bytes:
    """The path of a file or folder: text or base64, exactly one of the two."""
    assert ("path" in document) != ("path_b64" in document), document
    if "path" in document:
        path: str = document["path"]
        assert "\udc00" not in path
        return path.encode()
    data = base64.b64decode(document["path_b64"], validate=True)
    with pytest.raises(UnicodeDecodeError):
        data.decode()
    return data


def report(*arguments: Argument, vault: Path) -> Any:
    """The document of a command that has nothing to complain of."""
    ran = run(*arguments, "--json", vault=vault)
    assert (ran.code, ran.stderr) == (0, b""), ran
    assert ran.stdout.endswith(b"}\n")
    return ran.json()


def test_scan(tree: Path, vault: Path) -> None:
    document = report("scan", tree, vault=vault)
    assert set(document) >= SCAN_KEYS
    assert isinstance(document["scan"], int)
    (root,) = document["roots"]
    assert path_of(root) == os.fsencode(tree)
    assert document["files"] == root["files"] == 8
    sizes = 4 * 8000 + 5 + 0 + 2 * 3
    assert document["bytes"] == root["bytes"] == sizes
    assert document["hashed_bytes"] == sizes
    assert document["hashed_files"] == 7, "an empty file has nothing to be read"
    assert document["reused_files"] == 1
    assert document["unreadable"] == document["unstable"] == []
    assert (document["placeholders"], document["groups"]) == (0, 2)
    assert document["redundant_files"] == 3, "the hard link is no copy"
    assert document["redundant_bytes"] > 0
    assert document["seconds"] > 0
    age_digests(vault)
    again = report("scan", tree, vault=vault)
    assert (again["hashed_files"], again["reused_files"], again["new"]) == (0, 8, 0)
    assert again["scan"] > document["scan"]
    assert again["redundant_bytes"] == document["redundant_bytes"]


def test_scan_with_progress_prints_the_same(tree: Path, vault: Path) -> None:
    ran = run("scan", tree, "--json", "--progress", vault=vault)
    assert ran.json()["files"] == 8
    assert ran.stderr != b""


def test_scan_of_a_root_that_is_not_utf_8(tmp_path: Path, vault: Path) -> None:
    tree = make_tree(tmp_path / os.fsdecode(b"root \xff"), {"a": "x"})
    (root,) = report("scan", tree, vault=vault)["roots"]
    assert path_of(root) == os.fsencode(tree)
    (known,) = report("roots", "list", vault=vault)["roots"]
    assert path_of(known) == os.fsencode(tree)
    assert path_of(report("explain", tree / "a", vault=vault)) == os.fsencode(tree / "a")
    assert run("roots", "forget", tree, vault=vault).code == 0


def test_status(tree: Path, vault: Path) -> None:
    scanned = report("scan", tree, vault=vault)
    document = report("status", vault=vault)
    assert path_of(document["vault"]) == os.fsencode(vault)
    (root,) = document["roots"]
    assert path_of(root) == os.fsencode(tree)
    for key in ("files", "bytes"):
        assert root[key] == scanned[key]
    assert root["online"] is True
    for key in ("groups", "redundant_files", "redundant_bytes"):
        assert document[key] == scanned[key]


def test_roots_list(tree: Path, vault: Path, tmp_path: Path) -> None:
    other = make_tree(tmp_path / "other", {"a": "x"})
    report("scan", tree, vault=vault)
    report("scan", other, vault=vault)
    document = report("roots", "list", vault=vault)
    assert [path_of(root) for root in document["roots"]] == [
        os.fsencode(tree),
        os.fsencode(other),
    ]
    assert len({root["root"] for root in document["roots"]}) == 2


def test_dupes(tree: Path, vault: Path) -> None:
    report("scan", tree, vault=vault)
    document = report("dupes", vault=vault)
    big, small = document["groups"]
    assert set(big) >= {"blake3", "size", "reclaimable", "reasons", "files"}
    assert (big["size"], small["size"]) == (8000, 3)
    assert len(bytes.fromhex(big["blake3"])) == 32
    assert big["reclaimable"] > 0
    assert all(isinstance(reason, str) and reason for reason in big["reasons"])
    for group in document["groups"]:
        assert [file["canonical"] for file in group["files"]].count(True) == 1
        for file in group["files"]:
            assert set(file) >= {"canonical", "hardlink_of"}
    top = os.fsencode(tree)
    assert {path_of(file) for file in big["files"]} == {
        top + b"/one",
        top + b"/hard",
        top + b"/copies/Copy of one",
        top + b"/copies/" + ODD,
    }
    links = {path_of(file): file["hardlink_of"] for file in big["files"]}
    linked = {path: path_of(first) for path, first in links.items() if first is not None}
    assert linked in ({top + b"/one": top + b"/hard"}, {top + b"/hard": top + b"/one"})
    assert {path_of(file) for file in small["files"]} == {
        top + b"/" + ODD + b" folder/" + name
        for name in ("é 日本 \U0001f98d".encode(), b"new\nline\t\"'\\")
    }


def test_dupes_of_a_folder_and_of_a_file(tree: Path, vault: Path) -> None:
    report("scan", tree, vault=vault)
    both = report("dupes", vault=vault)["groups"]
    assert report("dupes", tree, vault=vault)["groups"] == both
    assert report("dupes", tree / "copies", vault=vault)["groups"] == both[:1]
    assert report("dupes", tree / "one", vault=vault)["groups"] == both[:1]
    assert report("dupes", tree / os.fsdecode(ODD + b" folder"), vault=vault)["groups"] == both[1:]
    assert report("dupes", tree / "single", vault=vault)["groups"] == []
    assert report("dupes", tree / "link", vault=vault)["groups"] == []
    assert report("dupes", "--min-size", "1kB", vault=vault)["groups"] == both[:1]
    assert report("dupes", "--limit", "1", vault=vault)["groups"] == both[:1]
    assert report("dupes", "--limit", "0", vault=vault)["groups"] == both


def test_no_groups_at_all(tmp_path: Path, vault: Path) -> None:
    report("scan", make_tree(tmp_path / "tree", {"a": "1", "b": "2"}), vault=vault)
    assert report("dupes", vault=vault) == {"groups": []}


def test_explain_a_file(tree: Path, vault: Path) -> None:
    report("scan", tree, vault=vault)
    document = report("explain", tree / "copies/Copy of one", vault=vault)
    assert set(document) >= {"path", "kind", "canonical", "reasons", "copies"}
    assert path_of(document) == os.fsencode(tree / "copies/Copy of one")
    assert document["kind"] == "file"
    top = os.fsencode(tree)
    assert path_of(document["canonical"]) in (top + b"/one", top + b"/hard")
    assert document["reasons"]
    assert len(document["copies"]) == 4
    odd = report("explain", tree / "copies" / os.fsdecode(ODD), vault=vault)
    assert path_of(odd) == top + b"/copies/" + ODD
    assert odd["copies"] == document["copies"]


def test_explain_what_is_no_copy(tree: Path, vault: Path) -> None:
    report("scan", tree, vault=vault)
    single = report("explain", tree / "single", vault=vault)
    assert path_of(single["canonical"]) == os.fsencode(tree / "single")
    assert len(single["copies"]) == 1
    for name, kind in (("link", "symbolic link"), ("fifo", "FIFO"), ("empty", "file")):
        document = report("explain", tree / name, vault=vault)
        assert set(document) >= {"path", "kind", "canonical", "reasons", "copies"}
        assert (document["kind"], document["copies"]) == (kind, [])


def test_explain_a_folder(tree: Path, vault: Path) -> None:
    report("scan", tree, vault=vault)
    document = report("explain", tree / "copies", vault=vault)
    assert document["kind"] == "folder"
    assert path_of(document) == os.fsencode(tree / "copies")
    assert set(document) >= {"path", "kind", "canonical", "reasons", "copies"}


def test_what_could_not_be_read(tree: Path, vault: Path) -> None:
    lines = b"one\nnix\nbad \xff\n"
    ran = run("scan", tree, "--files-from", "-", "--json", stdin=lines, vault=vault, cwd=tree)
    assert ran.code == 3
    assert {path_of(each) for each in ran.json()["not_listed"]} == {b"nix", b"bad \xff"}


def test_an_error_leaves_stdout_empty(tmp_path: Path, vault: Path) -> None:
    refused(run("scan", tmp_path / "nix", "--json", vault=vault), 2)
    for arguments in (("status",), ("dupes",), ("explain", tmp_path), ("roots", "list")):
        refused(run(*arguments, "--json", vault=vault), 4)


@pytest.mark.parametrize("locale", ["C", "nix"])
def test_output_is_utf_8_whatever_the_locale(locale: str, tmp_path: Path, vault: Path) -> None:
    name = "é 日本 \U0001f98d"
    tree = make_tree(tmp_path / "tree", {name: "ape", f"Copy of {name}": "ape"})
    env = environment(vault, LC_ALL=locale, LANG=locale, PYTHONCOERCECLOCALE="0", PYTHONUTF8="0")
    assert run("scan", tree, "--json", env=env).code == 0
    for option in ("--format=text", "--json", "--csv", "--format=fdupes"):
        ran = run("dupes", option, env=env)
        assert ran.code == 0
        assert ran.stdout.count(f"{tree}/{name}".encode()) >= 1, option
