"""Stores are told by what is in them, alike on disk and from the index."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from gorillacomb.classify.kinds.store_kind import StoreKind
from gorillacomb.classify.names import is_version_control
from gorillacomb.classify.store_table import STORES
from gorillacomb.classify.stores import is_opaque, store_kind
from gorillacomb.fs.openat import DiskFolder, OpenFolders
from gorillacomb.index.database import Index
from gorillacomb.index.paths import FolderPaths
from gorillacomb.index.roots import all_roots
from gorillacomb.index.store_queries import StoreLookup, all_folder_names, store_folders
from gorillacomb.vault.vault import Vault
from tests.support.trees import Tree, make_tree, scan, settle

KINDS = [pytest.param(kind, id=f"{at}-{kind.what}") for at, kind in enumerate(STORES)]


def example(pattern: str) -> str:
    """A name that a pattern matches."""
    first = pattern.partition("|")[0]
    return re.sub(r"\[(.)[^]]*\]", r"\1", first).replace("*", "x")


def tree_of(kind: StoreKind, without: str | None = None) -> Tree:
    """A folder with the signs of a kind, but for one."""
    found: dict[str, object] = {"own.bin": "own"}
    signs = [(each, True) for each in kind.folders] + [(each, False) for each in kind.files]
    for pattern, is_folder in signs:
        if without is not None and f"{pattern}/".startswith(f"{without}/"):
            continue
        at = found
        *above, last = [example(part) for part in pattern.split("/")]
        for part in above:
            at = at.setdefault(part, {})  # type: ignore[assignment]
        at.setdefault(last, {"in": "x"} if is_folder else "a file")
    return found  # type: ignore[return-value]


def name_of(kind: StoreKind) -> str:
    return example(kind.named[0]) if kind.named else "srv"


def kind_on_disk(folder: Path) -> StoreKind | None:
    opened = OpenFolders(os.fsencode(folder))
    try:
        return store_kind(os.fsencode(folder.name), DiskFolder(opened, b""))
    finally:
        opened.close()


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_told_by_its_signs(tmp_path: Path, kind: StoreKind) -> None:
    assert kind.source.startswith("https://")
    assert kind_on_disk(make_tree(tmp_path / name_of(kind), tree_of(kind))) is not None
    for at, missing in enumerate((*kind.folders, *kind.files)):
        folder = make_tree(tmp_path / str(at) / name_of(kind), tree_of(kind, missing))
        assert kind_on_disk(folder) is not kind


@pytest.mark.parametrize(
    ("name", "tree"),
    [
        ("crypto", {"sha1": {"sha1.go": "package sha1"}, "sha256": {"sha256.go": "package"}}),
        ("project", {"docker": {"registry": {"Dockerfile": "FROM scratch"}}}),
        ("mine", {"MailData": {"letter.txt": "a letter"}}),
        ("game", {"chunks": {"r.0.0": "a"}, "snapshots": {"1.png": "b"}}),
        ("study", {"README": "a", "config": "b", "data": {"2019": {"01.csv": "c"}}}),
        ("settings", {"backupconfig.json": "{}"}),
        ("build", {"Manifest.plist": "a", "Info.plist": "b"}),
        ("web", {"database.sqlite": "a", "settings.json": "{}", "log.txt": "b"}),
        ("Downloads", {"NoteStore.sqlite": "a", "zotero.sqlite": "b", "DB_CONFIG": "c"}),
        ("lfs", {"objects": {"cup.obj": "a"}}),
        ("Dream.Theater", {"song.mp3": "a"}),
        ("Dave.Matthews.Band", {"song.mp3": "a"}),
    ],
)
def test_ordinary_folders_are_no_stores(tmp_path: Path, name: str, tree: Tree) -> None:
    assert kind_on_disk(make_tree(tmp_path / name, tree)) is None
    assert not is_opaque(os.fsencode(name))


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Index, Path]]:
    """One folder with a store of each kind in a folder of its own, scanned."""
    around = tmp_path_factory.mktemp("stores")
    top = make_tree(
        around / "drive",
        {
            **{f"n{at}": {name_of(kind): tree_of(kind)} for at, kind in enumerate(STORES)},
            "plain": {"objects": {"a": "1"}, "refs": "a file", "HEAD": "a file"},
            "project": {".git": {"HEAD": "h", "objects": {"o": "o"}, "refs": {"r": "r"}}},
        },
    )
    settle(top)
    scan(around / "vault", top)
    with Index.read(Vault(around / "vault")) as index:
        yield index, top


def test_the_index_knows_the_same_stores_as_the_disk(indexed: tuple[Index, Path]) -> None:
    index, top = indexed
    roots = {root.id: root for root in all_roots(index.connection)}
    paths = FolderPaths(index.connection, roots)
    found = set()
    for folder in store_folders(index.connection, all_folder_names(index.connection)):
        place = paths.place(folder)
        assert place is not None
        found.add(Path(os.fsdecode(place[1])))
    on_disk = {
        Path(folder) for folder, _, _ in os.walk(top) if kind_on_disk(Path(folder)) is not None
    }
    assert found == on_disk
    assert {each.relative_to(top).parts[0] for each in found} == {
        f"n{at}" for at in range(len(STORES))
    }


def test_the_outermost_store_around_a_folder(indexed: tuple[Index, Path]) -> None:
    index, top = indexed
    paths = FolderPaths(index.connection, {root.id: root for root in all_roots(index.connection)})
    lookup = StoreLookup(index.connection, paths)
    for folder, _, _ in all_folder_names(index.connection):
        place = paths.place(folder)
        assert place is not None
        parts = Path(os.fsdecode(place[1])).relative_to(top).parts
        around = [top.joinpath(*parts[:at]) for at in range(len(parts) + 1)]
        stores = [each for each in around if kind_on_disk(each) is not None]
        assert lookup.around(folder) == (os.fsencode(stores[0]) if stores else None)


def test_names_that_say_it_alone() -> None:
    assert is_opaque(b"Mine.photoslibrary")
    assert is_opaque(b"X.lrcat-data")
    assert is_opaque(b".git")
    assert is_version_control(b".GIT"), "a plan may spell it so on a disk that folds case"
    assert not is_opaque(b"objects")
