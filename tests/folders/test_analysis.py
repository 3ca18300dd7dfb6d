"""What is said of folders agrees with a comparison of everything with everything."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path

from hypothesis import example, given

from gorillacomb.folders import content_sets as contents
from gorillacomb.folders.analysis import FolderAnalysis, load_analysis
from gorillacomb.folders.coverage import fully_covered_folders
from gorillacomb.folders.relation import FolderRelation, RelationKind
from gorillacomb.folders.tree import TreeFolder
from gorillacomb.index.database import Index
from gorillacomb.vault.vault import Vault
from tests.folders.forests import Seen, forests, identical, is_own, look, without
from tests.stamping.trace import canonical_paths, stamping_scan
from tests.support.memory import in_memory
from tests.support.trees import Tree, make_tree, scan, settle


@contextmanager
def combed(top: Path, vault: Path, similar: float = 0.5) -> Iterator[FolderAnalysis]:
    """The folders of a tree after a scan of it."""
    settle(top)
    scan(vault, top)
    with Index.read(Vault(vault)) as index:
        yield load_analysis(index, lambda path: False, similar)


def place(folders: FolderAnalysis, folder: TreeFolder) -> Path:
    return Path(os.fsdecode(folders.path(folder)))


IN_A_COPY: Tree = {
    "one": {"a": {"a": "4" * 27}, "b": "3" * 9},
    "two": {"a": "4" * 27, "b": {"a": "1", "b": "222", "album": "3" * 9}},
}
"""All that ``one/a`` holds stands in ``two``, and ``one`` is a copy of another folder."""
WITH_MODULES: Tree = {
    "one": {"a": "222", "node_modules": {"a": "9"}},
    "two": {"a": "222", "b": "1", "src": "555", "album": "777"},
}
"""All that ``one`` holds stands in ``two``, but for what a program made."""


@given(forests())
@example(IN_A_COPY)
@example(WITH_MODULES)
def test_any_forest(tree: Tree) -> None:
    with tempfile.TemporaryDirectory() as name, in_memory() as memory:
        top = make_tree(Path(name).resolve() / "top", tree)
        seen = look(top)
        with combed(top, memory / "vault") as folders:
            check_identical(folders, seen)
            check_amounts(folders, seen)
            check_elsewhere(folders, seen)
            families = folders.families()
            kin = {each: copies for copies in folders.kin.families for each in copies}
            for family, found in zip(families, folders.relations(families), strict=True):
                for each in found:
                    check_relation(folders, seen, each, kin[family.keep])
            for each in folders.pair_relations(folders.pairs(folders.elsewhere())):
                check_relation(folders, seen, each, [each.a, each.b])


def check_identical(folders: FolderAnalysis, seen: dict[Path, Seen]) -> None:
    found = [
        [place(folders, each) for each in group] for group in folders.identical(everything=True)
    ]
    assert {frozenset(group) for group in found} == identical(seen)
    assert sum(map(len, found)) == len({path for group in found for path in group})


def check_amounts(folders: FolderAnalysis, seen: dict[Path, Seen]) -> None:
    own = contents.distinct_amounts(folders.shares)
    exclusive = contents.exclusive_amounts(folders.shares)
    top = min(seen)
    for folder in folders.forest.order:
        here = seen[place(folders, folder)]
        if not folder.machine:
            assert own[folder.first].files == len(here.own)
            assert own[folder.first].bytes == sum(map(len, here.own))
        outside = contents_outside(here, seen[top])
        assert exclusive[folder.first].files == len(here.contents - outside)


def contents_outside(folder: Seen, top: Seen) -> set[bytes]:
    """Contents of the files that do not stand in a folder."""
    inside = folder.path.relative_to(top.path).as_posix() + "/"
    if folder.path == top.path:
        return set()
    return {
        entry[1]  # type: ignore[misc]
        for path, entry in top.entries.items()
        if entry[0] == "file" and not path.startswith(inside)
    }


def check_elsewhere(folders: FolderAnalysis, seen: dict[Path, Seen]) -> None:
    top = seen[min(seen)]
    bare = {
        path
        for path, here in seen.items()
        if here.contents and here.contents <= contents_outside(here, top)
    }
    largest = {path for path in bare if not any(each in bare for each in path.parents)}
    found = {place(folders, each.inner): each for each in fully_covered_folders(folders.shares)}
    assert found.keys() == largest
    for path, each in found.items():
        held: set[bytes] = set()
        for outer in each.outer:
            there = place(folders, outer)
            assert there != path and path not in there.parents
            part = seen[there].contents
            held |= part & contents_outside(seen[path], top) if there in path.parents else part
        assert not each.outer or seen[path].contents <= held


def check_relation(
    folders: FolderAnalysis,
    seen: dict[Path, Seen],
    relation: FolderRelation,
    members: list[TreeFolder],
) -> None:
    apart = [place(folders, each) for each in members]
    a, b = (
        without(seen[path], [seen[each] for each in apart if is_copied_into(path, each)], seen)
        for path in (place(folders, relation.a), place(folders, relation.b))
    )
    for amount, expected in (
        (relation.shared, a.own & b.own),
        (relation.only_a, a.own - b.own),
        (relation.only_b, b.own - a.own),
    ):
        assert (amount.files, amount.bytes) == (len(expected), sum(map(len, expected)))
    in_b = all(b.entries.get(path) == entry for path, entry in a.entries.items())
    in_a = all(a.entries.get(path) == entry for path, entry in b.entries.items())
    assert (relation.kind is RelationKind.IDENTICAL) == (in_a and in_b)
    if relation.kind is RelationKind.CONTAINED:
        assert in_b
    if relation.kind is RelationKind.CONTAINS:
        assert in_a
    if relation.kind is RelationKind.SAME_CONTENT:
        assert a.contents == b.contents
    if relation.kind is RelationKind.CONTENT_CONTAINED:
        assert a.contents <= b.contents
    if relation.kind is RelationKind.OVERLAPPING:
        assert a.contents & b.contents and not (a.contents <= b.contents and a.contents)
        assert not in_b
    if relation.kind is RelationKind.APART:
        assert not a.contents & b.contents
    both = a.entries.keys() & b.entries.keys()
    assert set(map(os.fsdecode, relation.entries.changed)) == {
        path for path in both if a.entries[path] != b.entries[path]
    }
    check_counts(relation, a, b, min(seen))


def check_counts(relation: FolderRelation, a: Seen, b: Seen, top: Path) -> None:
    """Each file and link of the user's in A is counted once: as same, changed, moved or only."""

    def is_users(path: str) -> bool:
        return a.entries[path][0] != "dir" and is_own(a.path / path, a.path, top)

    users, counts = set(filter(is_users, a.entries)), relation.counts
    both = users & b.entries.keys()
    same = {path for path in both if a.entries[path] == b.entries[path]}
    moved = {os.fsdecode(here) for here, _ in relation.entries.moved} & users
    assert counts.same == len(same)
    assert counts.changed == len(both - same)
    assert (counts.moved, counts.only) == (len(moved), len(users - both - moved))
    assert counts.unknown == 0 and sum(counts) == len(users)


def is_copied_into(path: Path, inner: Path) -> bool:
    """Whether a copy lies in another one: what is in it need not be in the one around it."""
    return path in inner.parents


@given(forests())
def test_no_folder_is_stitched_together(tree: Tree) -> None:
    """Of two folders what lies in both under one name is canonical in one of them, or in neither.

    The names of what is in them make no difference, as they are the same.
    """
    with tempfile.TemporaryDirectory() as name, in_memory() as memory:
        top = make_tree(Path(name).resolve() / "top", tree)
        settle(top)
        stamping_scan(memory / "vault", top)
        canonical = {Path(os.fsdecode(path)) for path in canonical_paths(memory / "vault").values()}
        contents = {
            path: {each.name: each.read_bytes() for each in path.iterdir() if is_content(each)}
            for path in look(top)
        }
    for x, y in combinations(contents, 2):
        shared = {each for each in contents[x] if contents[y].get(each) == contents[x][each]}
        here, there = (any(path / each in canonical for each in shared) for path in (x, y))
        assert not (here and there), (x, y, shared)


def is_content(path: Path) -> bool:
    return path.is_file() and not path.is_symlink() and path.stat().st_size > 0


def several(text: str, count: int) -> Tree:
    return {f"{text}{number}": f"{text} {number} " * 50 for number in range(count)}


def test_copies_of_two_trees_of_one_name_are_two_families(tmp_path: Path) -> None:
    first, second = several("1", 9), several("2", 5)
    tree: Tree = {
        **{f"a{number}": {"thing": first} for number in range(2)},
        **{f"b{number}": {"thing": second} for number in range(3)},
    }
    top = make_tree(tmp_path / "top", tree)
    with combed(top, tmp_path / "vault") as folders:
        found = [sorted(place(folders, each) for each in one) for one in folders.kin.families]
    assert found == [
        [top / f"a{number}/thing" for number in range(2)],
        [top / f"b{number}/thing" for number in range(3)],
    ]


@given(forests())
def test_the_family_of_a_folder_is_the_one_that_is_told(tree: Tree) -> None:
    with tempfile.TemporaryDirectory() as name, in_memory() as memory:
        top = make_tree(Path(name).resolve() / "top", tree)
        with combed(top, memory / "vault") as folders:
            for family in folders.families():
                for each in family.members:
                    assert folders.around(each) == family
