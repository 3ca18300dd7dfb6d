"""One folder by several spellings is one root, and is found under each of them."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from tests.darwin.mac import Mac
from tests.support.trees import Tree, make_tree


@pytest.fixture
def documents(mac: Mac) -> Path:
    drive = mac.volume("Drive", folds_names=True)
    tree: Tree = {"Café": {"a": "one " * 40}, "Copy": {"a": "one " * 40}, "own": "two " * 40}
    return make_tree(drive / "Documents", tree)


def spellings(folder: Path) -> list[Path]:
    here = folder.parent
    return [here / "documents", here / "DOCUMENTS", folder]


def test_two_spellings_are_one_root(mac: Mac, documents: Path) -> None:
    for each in spellings(documents):
        mac.scan(each)
    assert mac.scan(*spellings(documents))["redundant_files"] == 1
    (root,) = mac.run("roots", "list", "--json").json()["roots"]
    assert root["path"] == str(documents)


def test_each_spelling_finds_what_was_scanned(mac: Mac, documents: Path) -> None:
    mac.scan(documents)
    name = "CAFÉ"
    for form in ("NFC", "NFD"):
        for folder in (documents, documents.parent / "documents"):
            path = folder / unicodedata.normalize(form, name) / "A"
            ran = mac.run("explain", path, "--json")
            assert ran.code == 0, ran
            assert ran.json()["path"] == str(documents / "Café/a")
    assert mac.run("unique", documents.parent / "documents").code == 1
    assert mac.run("compare", documents / "CAFE\u0301", documents / "copy").code == 0


def test_exclusive_renames_that_the_volume_lacks_refuse_folders(mac: Mac) -> None:
    """Files then move by links, and folders not at all."""
    drive = mac.volume("Drive")
    make_tree(drive, {"a": {"f": "one " * 40}, "a copy": {"f": "one " * 40}})
    mac.scan(drive)
    plan = mac.folder / "plan"
    assert mac.run("dedupe", "--plan", "-o", plan).code == 0
    mac.machine.renames_exclusively = False
    ran = mac.run("dedupe", "--apply", plan, "--untested-macos")
    assert ran.code == 3 and (drive / "a copy/f").exists(), ran
