"""Files of which the file system tells another size: what can be read counts, everywhere."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.run import run
from tests.support.told_sizes import ToldFile, told_sizes
from tests.support.trees import make_tree, settle

LARGE = bytes(range(256)) * 5000
TEXT = b"a document that nobody has the size of before it is read" * 3
SIZES = {"nothing told": TEXT, "less told": TEXT + b"1", "more told": TEXT + b"2", "large": LARGE}


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[tuple[Path, dict[bytes, ToldFile]]]:
    counter = itertools.count()
    files = {
        b"nothing told": ToldFile(0, lambda: TEXT),
        b"less told": ToldFile(20, lambda: TEXT + b"1", 7),
        b"more told": ToldFile(4096, lambda: TEXT + b"2"),
        b"large": ToldFile(0, lambda: LARGE),
        b"large, more told": ToldFile(3 << 20, lambda: LARGE + b"3"),
        b"empty": ToldFile(0, lambda: b""),
        b"true": ToldFile(len(TEXT), lambda: TEXT, 50),
        b"never the same": ToldFile(0, lambda: b"%09d" % next(counter)),
    }
    with told_sizes(tmp_path / "cloud", files) as point:
        yield point, files


def by_name(entries: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {os.path.basename(entry["path"]): entry for entry in entries}


def test_scan_and_unique(
    mount: tuple[Path, dict[bytes, ToldFile]], vault: Path, tmp_path: Path
) -> None:
    point, files = mount
    copies = make_tree(tmp_path / "copies", {"text": TEXT, "large": LARGE})
    settle(copies)
    for again in (False, True):
        ran = run("scan", point, copies, "--json", vault=vault)
        said = ran.json()
        assert set(by_name(said["unstable"])) == {"never the same"}
        assert not said.get("damaged") and not said.get("suspect"), again
    groups = {
        frozenset(os.path.basename(file["path"]) for file in group["files"]): group["size"]
        for group in run("dupes", "--json", vault=vault).json()["groups"]
    }
    assert groups == {
        frozenset({"nothing told", "true", "text"}): len(TEXT),
        frozenset({"large"}): len(LARGE),
    }
    said = run("unique", point, "--json", vault=vault).json()
    assert said["empty_files"] == 1
    told = set(map(os.fsdecode, files)) - {"empty", "true"}
    assert set(by_name(said["unproven"])) == told
    assert "than its file system tells" in by_name(said["unproven"])["nothing told"]["cause"]
    # Nor does such a file vouch for others: nobody sees when it changes.
    said = run("unique", copies, "--json", vault=vault).json()
    assert set(by_name(said["unique"])) == {"large"}
    files[b"nothing told"].content = lambda: TEXT[::-1]
    said = run("scan", point, "--json", vault=vault).json()
    assert not said.get("damaged") and not said.get("suspect"), "it is an edit"


def test_manifest_verify_and_export(
    mount: tuple[Path, dict[bytes, ToldFile]], vault: Path, tmp_path: Path
) -> None:
    point, files = mount
    path = tmp_path / "m.json"
    assert run("manifest", point, "-o", path, vault=vault).code == 3
    files[b"never the same"].content = lambda: b"the same now"
    assert run("manifest", point, "-o", path, vault=vault).code == 0
    entries = by_name(json.loads(path.read_bytes())["predicate"]["files"])
    assert {name: entries[name]["size"] for name in SIZES} == {
        name: len(content) for name, content in SIZES.items()
    }
    assert entries["empty"]["size"] == 0
    said = run("verify", path, "--root", point, "--json", vault=vault).json()
    assert (said["ok"], said["changed"], said["damaged"]) == (len(files), [], [])
    bag = tmp_path / "bag"
    assert run("export", path, "--format", "bagit", "--root", point, "-o", bag).code == 0
    assert (bag / "data/nothing told").read_bytes() == TEXT
    files[b"nothing told"].content = lambda: TEXT[::-1]
    files[b"less told"].content = lambda: b"short"
    files[b"empty"].content = lambda: b"no more"
    said = run("verify", path, "--root", point, "--json", vault=vault).json()
    causes = {name: entry["cause"] for name, entry in by_name(said["changed"]).items()}
    assert causes == {
        "nothing told": "its content is another one",
        "less told": f"5 bytes, was {len(TEXT) + 1}",
        "empty": "7 bytes, was 0",
    }
    assert said["damaged"] == []


def test_proc(vault: Path) -> None:
    """Files of the kernel's own: of 0 bytes, and of 4096 in /sys."""
    for top in ("/proc/sys/net/ipv4/neigh/lo", "/sys/kernel/mm/transparent_hugepage"):
        if not os.path.isdir(top):
            pytest.skip(f"MISSING: {top}")
        assert run("scan", top, "--json", vault=vault).code in (0, 3)
        said = run("unique", top, "--json", vault=vault).json()
        assert said["empty_files"] == 0 and said["unproven"]


def test_what_an_older_version_called_empty(tmp_path: Path, vault: Path) -> None:
    """An index in which such a file stands as an empty one is not believed."""
    files = {b"document": ToldFile(0, lambda: b"")}
    with told_sizes(tmp_path / "cloud", files) as point:
        assert run("scan", point, vault=vault).code == 0
        assert run("unique", point, "--json", vault=vault).json()["empty_files"] == 1
        files[b"document"].content = lambda: TEXT
        said = run("unique", point, "--json", vault=vault).json()
        assert said["empty_files"] == 0
        assert set(by_name(said["unproven"])) == {"document"}


def test_no_step_acts_on_such_a_file(tmp_path: Path, vault: Path) -> None:
    files = {name: ToldFile(100, lambda: TEXT) for name in (b"a.txt", b"b.txt", b"c.txt")}
    files[b"d.txt"] = ToldFile(len(LARGE), lambda: LARGE)
    files[b"e.txt"] = ToldFile(len(LARGE), lambda: LARGE)
    plan = tmp_path / "plan.jsonl"
    with told_sizes(tmp_path / "cloud", files) as point:
        assert run("scan", point, vault=vault).code == 0
        assert run("dedupe", "--plan", "-o", plan, vault=vault).code == 0
        said = run("dedupe", "--apply", plan, "--dry-run", "--json", vault=vault).json()
    assert [os.path.basename(each["path"]) for each in said["steps"]] == ["e.txt"]
    assert said["skipped"]
    assert all("than its file system tells" in each["cause"] for each in said["skipped"])
