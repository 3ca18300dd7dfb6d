"""Identical folders are those of rmlint, where both mean the same by it.

rmlint's duplicate directories ignore the names of what stands in them, empty files and links; ours
do not. So the tree has no empty files, no links, and names are changed in one place only: there the
two must differ. rmlint names the topmost folders of each kind; what it says of the folders below
follows, and is made explicit here before it is compared.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sysconfig
from collections import defaultdict
from pathlib import Path

import pytest

from gorillacomb.folders.tree import load_tree
from gorillacomb.index.database import Index
from gorillacomb.vault.vault import Vault
from tests.support.trees import scan, settle

PACKAGES = ("asyncio", "email", "http", "importlib", "json", "logging", "unittest", "xml")
Classes = set[frozenset[str]]


def library(top: Path) -> Path:
    """Packages of the standard library, without what the two tools see with different eyes."""
    source = Path(sysconfig.get_paths()["stdlib"])
    for name in PACKAGES:
        shutil.copytree(source / name, top / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in [*top.rglob("*")]:
        if path.is_symlink() or (path.is_file() and not path.stat().st_size):
            path.unlink()
    return top


def plant(top: Path) -> None:
    """Exact copies, one inside another tree, one with an edit, one with a file more."""
    first = library(top / "first")
    shutil.copytree(first, top / "second")
    shutil.copytree(first / "email", top / "first/unittest/email copy")
    shutil.copytree(first, top / "edited")
    with (top / "edited/xml/dom/minidom.py").open("ab") as file:
        file.write(b"# edited\n")
    shutil.copytree(first / "xml", top / "deep/er/xml")
    (top / "deep/er/xml/more.txt").write_text("one file more")
    shutil.copytree(first / "json", top / "json, renamed")
    (top / "json, renamed/decoder.py").rename(top / "json, renamed/other name.py")


def by_rmlint(top: Path) -> Classes:
    words = ["rmlint", "-T", "dd", "--hidden", "--no-with-color", "-o", "json:stdout", str(top)]
    found = json.loads(subprocess.run(words, capture_output=True, check=True).stdout)
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for line in found:
        if line.get("type") == "duplicate_dir":
            groups[line["checksum"]].append(line["path"])
    above: dict[str, str] = {}

    def highest(path: str) -> str:
        while above.setdefault(path, path) != path:
            path = above[path]
        return path

    for group in groups.values():
        for inner in [group[0], *folders_below(group[0])]:
            for other in group[1:]:
                twin = other + inner.removeprefix(group[0])
                if os.path.isdir(twin):
                    above[highest(twin)] = highest(inner)
    classes: defaultdict[str, set[str]] = defaultdict(set)
    for path in list(above):
        classes[highest(path)].add(path)
    return {frozenset(each) for each in classes.values() if len(each) > 1}


def folders_below(path: str) -> list[str]:
    return [folder for folder, _, _ in os.walk(path) if folder != path]


def by_us(top: Path, vault: Path) -> Classes:
    scan(vault, top)
    classes: defaultdict[bytes, set[str]] = defaultdict(set)
    with Index.read(Vault(vault)) as index:
        for folder in load_tree(index).order:
            if folder.files:
                classes[folder.digest].add(os.fsdecode(folder.path(os.fsencode(top))))
    return {frozenset(each) for each in classes.values() if len(each) > 1}


def test_identical_folders_are_those_of_rmlint(tmp_path: Path, vault: Path) -> None:
    if shutil.which("rmlint") is None:
        pytest.skip("MISSING: rmlint, to compare duplicate folders with")
    top = tmp_path.resolve() / "top"
    plant(top)
    settle(top)
    ours, theirs = by_us(top, vault), by_rmlint(top)
    assert len(ours) > 10
    renamed = str(top / "json, renamed")
    json_of_theirs = next(each for each in theirs if renamed in each)
    assert json_of_theirs - {renamed} in ours, "rmlint does not look at names; we do"
    assert theirs - {json_of_theirs} == ours - {json_of_theirs - {renamed}}
