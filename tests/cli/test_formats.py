"""``dupes`` for scripts: fdupes' format, CSV, and JSON by two names."""

from __future__ import annotations

import base64
import csv
import io
import os
from pathlib import Path

import pytest

from tests.support.run import run
from tests.support.trees import HardLink, groups_on_disk, make_tree, scan, settle


@pytest.fixture
def tree(tmp_path: Path, vault: Path) -> Path:
    tree = make_tree(
        tmp_path / "tree",
        {
            "a, b": "same" * 3000,
            '"quoted"': "same" * 3000,
            b"odd \xff\xfe": "same" * 3000,
            "hard": HardLink("a, b"),
            "=1+1": "other",
            " two  spaces ": "other",
            "new\nline": "third",
            "carriage\rreturn": "third",
            "single": "alone",
        },
    )
    settle(tree)
    scan(vault, tree)
    return tree


def test_fdupes(tree: Path, vault: Path) -> None:
    """A path a line, an empty line after each group, the bytes as they are."""
    (tree / "new\nline").rename(tree / "plain")
    scan(vault, tree)
    ran = run("dupes", "--format", "fdupes", vault=vault)
    assert (ran.code, ran.stderr) == (0, b"")
    assert ran.stdout.endswith(b"\n\n")
    blocks = ran.stdout[:-2].split(b"\n\n")
    assert {frozenset(block.split(b"\n")) for block in blocks} == groups_on_disk(tree)


def test_fdupes_warns_of_names_with_line_ends(tree: Path, vault: Path) -> None:
    ran = run("dupes", "--format", "fdupes", vault=vault)
    assert ran.code == 0
    assert os.fsencode(tree) + b"/new\nline\n" in ran.stdout
    assert "1 path" in ran.err and "--json" in ran.err
    assert len(ran.err.splitlines()) == 1


@pytest.mark.parametrize("option", ["--csv", "--format=csv"])
def test_csv(option: str, tree: Path, vault: Path) -> None:
    ran = run("dupes", option, vault=vault)
    assert (ran.code, ran.stderr) == (0, b"")
    rows = list(csv.DictReader(io.StringIO(ran.out, newline="")))
    assert set(rows[0]) >= {"blake3", "size", "reclaimable", "canonical", "path", "path_b64"}
    groups: dict[str, set[bytes]] = {}
    canonical: dict[str, int] = {}
    for row in rows:
        assert bool(row["path"]) != bool(row["path_b64"])
        path = row["path"].encode() or base64.b64decode(row["path_b64"])
        groups.setdefault(row["blake3"], set()).add(path)
        canonical[row["blake3"]] = canonical.get(row["blake3"], 0) + int(row["canonical"])
        assert int(row["size"]) == os.lstat(path).st_size
    assert {frozenset(paths) for paths in groups.values()} == groups_on_disk(tree)
    assert set(canonical.values()) == {1}


def test_csv_says_the_same_as_json(tree: Path, vault: Path) -> None:
    """What a group frees stands with its canonical copy alone, so that the column adds up."""
    rows = list(csv.DictReader(io.StringIO(run("dupes", "--csv", vault=vault).out, newline="")))
    from_json = [
        {
            "blake3": group["blake3"],
            "size": str(group["size"]),
            "reclaimable": str(group["reclaimable"] if file["canonical"] else 0),
            "canonical": str(int(file["canonical"])),
            "path": file.get("path", ""),
            "path_b64": file.get("path_b64", ""),
        }
        for group in run("dupes", "--json", vault=vault).json()["groups"]
        for file in group["files"]
    ]
    assert [{key: row[key] for key in from_json[0]} for row in rows] == from_json


def test_csv_without_groups_is_its_head(tmp_path: Path, vault: Path) -> None:
    scan(vault, make_tree(tmp_path / "tree", {"a": "1"}))
    rows = list(csv.reader(io.StringIO(run("dupes", "--csv", vault=vault).out)))
    assert [row[0] for row in rows] == ["blake3"]
    assert run("dupes", "--format", "fdupes", vault=vault).stdout == b""


def test_json_has_two_names(tree: Path, vault: Path) -> None:
    first = run("dupes", "--json", vault=vault)
    assert first.stdout == run("dupes", "--format", "json", vault=vault).stdout
    assert len(first.json()["groups"]) == len(groups_on_disk(tree))


def test_formats_for_scripts_show_all_groups(tmp_path: Path, vault: Path) -> None:
    tree = make_tree(
        tmp_path / "tree",
        {"a": {f"{n}": f"{n}" for n in range(30)}, "b": {f"{n}": f"{n}" for n in range(30)}},
    )
    scan(vault, tree)
    assert run("dupes", "--format", "fdupes", vault=vault).stdout.count(b"\n\n") == 30
    assert len(run("dupes", "--csv", vault=vault).out.splitlines()) == 61
    assert len(run("dupes", "--json", vault=vault).json()["groups"]) == 30
    text = run("dupes", vault=vault).out
    assert text.count(" to reclaim:") == 20
    assert "--limit 0" in text
    assert run("dupes", "--limit", "0", vault=vault).out.count(" to reclaim:") == 30
