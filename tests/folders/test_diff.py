"""Two folders compared by the index agree with a walk of the disk, whatever stands in them."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import unicodedata
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gorillacomb.folders.diff import TreeItem, diff_folders, diff_folders_in_index
from gorillacomb.folders.entries import FolderEntries
from gorillacomb.folders.tree import load_tree
from gorillacomb.fs.paths import unicode_key
from gorillacomb.index.database import Index
from gorillacomb.vault.vault import Vault
from tests.support.disks import Disks
from tests.support.run import run
from tests.support.trees import Link, Tree, make_tree, scan, settle

NAMES = st.sampled_from(["a", "b", "c", ".DS_Store", "é"])
TREES: st.SearchStrategy[Tree] = st.recursive(
    st.dictionaries(NAMES, st.sampled_from(["", "1", "2", "33"]), max_size=4),
    lambda inner: st.dictionaries(
        NAMES, st.one_of(inner, st.sampled_from(["", "1", "2"]), st.just(Link("x"))), max_size=4
    ),
    max_leaves=12,
)


def counts(path: Path) -> bool:
    return path.name != ".DS_Store" or path.is_symlink() or path.is_dir()


def on_disk(top: Path) -> dict[bytes, tuple[object, ...]]:
    """What stands in a folder: ten lines that share nothing with ours."""
    found: dict[bytes, tuple[object, ...]] = {}
    for path in filter(counts, sorted(top.rglob("*"))):
        relative = os.fsencode(path.relative_to(top))
        if path.is_symlink():
            found[relative] = ("link", os.fsencode(os.readlink(path)))
        elif path.is_file():
            found[relative] = ("file", path.read_bytes(), os.access(path, os.X_OK))
        elif not any(map(counts, path.iterdir())):
            found[relative] = ("dir", b"")
    return found


@given(TREES, TREES)
def test_any_two_trees(a: Tree, b: Tree) -> None:
    with tempfile.TemporaryDirectory() as folder:
        top, vault = Path(folder, "top"), Path(folder, "vault")
        make_tree(top, {"A": a, "B": b})
        for each in (top / "B").rglob("c"):
            if each.is_file() and not each.is_symlink():
                each.chmod(0o755)
        scan(vault, top)
        with Index.read(Vault(vault)) as index:
            forest = load_tree(index)
            sides = [
                next(each for each in forest.order if each.path(b"") == name)
                for name in (b"/A", b"/B")
            ]
            entries = FolderEntries(index.connection)
            found = diff_folders_in_index(entries, forest, sides[0], sides[1])
        ours, theirs = on_disk(top / "A"), on_disk(top / "B")
        both = ours.keys() & theirs.keys()
        assert found.same == sum(ours[path] == theirs[path] for path in both)
        assert set(found.changed) == {path for path in both if ours[path] != theirs[path]}
        assert {*found.only_a, *(pair[0] for pair in found.moved)} == ours.keys() - theirs.keys()
        assert {*found.only_b, *(pair[1] for pair in found.moved)} == theirs.keys() - ours.keys()
        assert all(ours[here][:2] == theirs[there][:2] for here, there in found.moved)
        contents = [
            {ours[path][1] for path in found.only_a if ours[path][0] == "file"} - {b""},
            {theirs[path][1] for path in found.only_b if theirs[path][0] == "file"} - {b""},
        ]
        assert not contents[0] & contents[1], "what moved was not paired"
        assert (sides[0].digest == sides[1].digest) == (ours == theirs)


PROJECT: Tree = {
    "package.json": "{}",
    "src": {"main.ts": "one\ntwo\n", "old name.ts": "moved"},
    "empty": {},
}


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    a = make_tree(tmp_path / "A", PROJECT)
    b = Path(shutil.copytree(a, tmp_path / "B"))
    (b / "src/main.ts").write_text("one\nthree\n")
    (b / "src/old name.ts").rename(b / "src/new name.ts")
    (b / "notes.txt").write_text("only here")
    settle(tmp_path)
    return a, b


@pytest.mark.parametrize("scanned", [True, False])
def test_the_command(pair: tuple[Path, Path], tmp_path: Path, vault: Path, scanned: bool) -> None:
    if scanned:
        scan(vault, tmp_path)
    ran = run("compare", *pair, "--json", vault=vault)
    assert ran.code == 1
    assert json.loads(ran.stdout) == {
        "same": 2,
        "changed": [{"path": "src/main.ts"}],
        "moved": [
            {"from": {"path": "src/old name.ts"}, "to": {"path": "src/new name.ts"}, "cause": ""}
        ],
        "respelled": [],
        "modes_compared": True,
        "only_a": [],
        "only_b": [{"path": "notes.txt"}],
        "unknown": [],
        "perhaps_damaged": [],
    }
    assert (vault / "index.db").exists() == scanned, "what was not asked for is not remembered"
    text = run("compare", *pair, "--diff", vault=vault)
    assert "2 entries are the same, 1 changed, 1 moved, 0 only in A, 1 only in B." in text.out
    assert "-two" in text.out and "+three" in text.out
    assert run("compare", pair[0], pair[0], vault=vault).code == 0


def test_a_folder_that_is_not_there(pair: tuple[Path, Path], vault: Path) -> None:
    ran = run("compare", pair[0], pair[0] / "nowhere", vault=vault)
    assert ran.code == 2
    assert "nowhere is not a folder" in ran.err


@given(st.dictionaries(st.text("aé e\u0301/", min_size=1, max_size=4), st.binary(max_size=1)))
def test_names_in_another_unicode_form_are_the_same_names(tree: dict[str, bytes]) -> None:
    """Where no two names look alike: each entry has its counterpart, and none is lost."""

    def items(form: Literal["NFC", "NFD"]) -> dict[bytes, TreeItem]:
        return {
            unicodedata.normalize(form, name).encode(): TreeItem("file", content, len(content))
            for name, content in tree.items()
        }

    composed, decomposed = items("NFC"), items("NFD")
    changed = {path: replace(item, key=b"other") for path, item in decomposed.items()}
    for b, same in ((decomposed, True), (changed, False)):
        found = diff_folders(composed, b)
        assert (found.only_a, found.only_b) == ((), ())
        alike = found.same + len(found.moved)
        assert (alike, len(found.changed)) == ((len(composed), 0) if same else (0, len(composed)))
        for path, other in found.respelled.items():
            assert path != other and unicode_key(path) == unicode_key(other)
        assert len(found.respelled) == len(composed.keys() - decomposed.keys())


def test_the_command_says_how_names_differ_that_look_the_same(tmp_path: Path, vault: Path) -> None:
    a = make_tree(tmp_path / "A", {"\u00e9t\u00e9": {"f": "same", "g": "one"}})
    b = make_tree(tmp_path / "B", {"e\u0301te\u0301": {"f": "same", "g": "two"}})
    ran = run("compare", a, b, "--diff", vault=vault)
    assert ran.code == 1
    assert ran.out.count("the same name in another Unicode form: composed (NFC)") == 2
    assert "1 changed, 1 moved, 0 only in A, 0 only in B." in ran.out
    assert "-one" in ran.out and "+two" in ran.out


def test_executable_bits_count_where_both_have_them(
    tmp_path: Path, vault: Path, disks: Disks
) -> None:
    tree: Tree = {"run.sh": "#!/bin/sh", "text": "text"}
    here = make_tree(tmp_path / "tree", tree)
    (here / "run.sh").chmod(0o755)
    (here / "text").chmod(0o644)
    stick = make_tree(disks.plug("vfat", disks.image("vfat"), disks.point("stick")) / "t", tree)
    ran = run("compare", here, stick, vault=vault)
    assert (ran.code, "Executable bits were not compared" in ran.out) == (0, True), ran.out
    (here / "more").touch()
    assert run("compare", here, stick, "--json", vault=vault).json()["changed"] == []


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("inner", ["A", "B"])
def test_a_folder_inside_the_other_is_no_part_of_it(
    known: bool, inner: str, tmp_path: Path, vault: Path
) -> None:
    """What is in it does not move to itself, and is missing around it; a copy of it counts."""
    own: Tree = {"x": "own x", "deep": {"y": "own y"}, "same": "same", "there": "there"}
    top = make_tree(tmp_path / "top", {"same": "same", "else": "there", "sub": {"inner": own}})
    settle(top)
    if known:
        assert run("scan", top, vault=vault).code == 0
    outer = "B" if inner == "A" else "A"
    paths = {inner: top / "sub" / "inner", outer: top}
    ran = run("compare", paths["A"], paths["B"], "--json", vault=vault)
    found = ran.json()
    assert found["same"] == 1, found
    assert [each["path"] for each in found[f"only_{inner.lower()}"]] == ["deep/y", "x"]
    assert found[f"only_{outer.lower()}"] == []
    names = {inner: "there", outer: "else"}
    [moved] = found["moved"]
    assert (moved["from"]["path"], moved["to"]["path"]) == (names["A"], names["B"])
    assert f"{inner} is inside {outer}, which is compared without it." in ran.err


@given(TREES, TREES, st.booleans())
def test_any_tree_with_another_inside(around: Tree, inside: Tree, first: bool) -> None:
    """As if the inner one were elsewhere, and its folder had never been in the outer one."""
    with tempfile.TemporaryDirectory() as folder:
        top, vault = Path(folder).resolve() / "top", Path(folder, "vault")
        make_tree(top, {"O": {**around, "own": "own", "sub": inside}, "control": {}})
        make_tree(top / "control", {"O": {**around, "own": "own"}, "I": inside})
        scan(vault, top)
        sides = [top / "O", top / "O" / "sub"]
        control = [top / "control" / "O", top / "control" / "I"]
        found, expected = (
            run("compare", *(pair if first else pair[::-1]), "--json", vault=vault).json()
            for pair in (sides, control)
        )
        for key in ("same", "changed", "moved", "only_a", "only_b", "unknown"):
            assert found[key] == expected[key], key


@pytest.mark.parametrize("scanned", [True, False])
def test_a_copy_with_the_same_size_and_time_may_be_damaged(
    tmp_path: Path, vault: Path, scanned: bool
) -> None:
    album: Tree = {f"IMG_{number}.jpg": f"picture {number}" for number in range(9)}
    release: Tree = {f"{number}.js": f"version 1.{number}" for number in range(9)}
    a = make_tree(tmp_path / "A", {"album": album, "release": release})
    for number, path in enumerate(sorted((a / "album").iterdir())):
        os.utime(path, ns=(1, (number + 1) * 10**15))
    for path in (a / "release").iterdir():
        os.utime(path, ns=(1, 499_162_500 * 10**9))  # as npm packs all files
    b = Path(shutil.copytree(a, tmp_path / "B"))
    shutil.copy2(a / "album/IMG_3.jpg", a / "once more.jpg")
    damage(b / "album/IMG_3.jpg")
    damage(b / "release/3.js")
    (b / "album/IMG_5.jpg").write_text("picture X")
    if scanned:
        scan(vault, tmp_path)
    found = run("compare", a, b, "--json", vault=vault).json()
    assert [each["path"] for each in found["changed"]] == [
        *("album/IMG_3.jpg", "album/IMG_5.jpg", "release/3.js"),
    ]
    assert found["perhaps_damaged"] == [{"path": "album/IMG_3.jpg"}]
    text = run("compare", a, b, vault=vault).out
    said = "same size and time but other content: one of the two may be damaged"
    assert text.count(said) == 1 and f"album/IMG_3.jpg\n{'':11}{said}\n" in text
    assert "May be damaged, in A or in B: 1 changed file" in text
    if scanned:
        (family,) = run("folders", "--json", vault=vault).json()["families"]
        (other,) = family["others"]
        assert other["perhaps_damaged_paths"] == [{"path": "album/IMG_3.jpg"}]
        assert f"    {said}:\n      album/IMG_3.jpg\n" in run("folders", vault=vault).out


def damage(path: Path) -> None:
    """Change a byte of a file, not its size or mtime."""
    facts = path.stat()
    path.write_bytes(b"#" + path.read_bytes()[1:])
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
