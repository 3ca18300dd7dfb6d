"""What is said of folders agrees with a comparison of everything with everything."""

from __future__ import annotations

import os
import tempfile
from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path

from hypothesis import example, given

from gorillacomb.folders import content_sets as contents
from gorillacomb.folders.analysis import FolderAnalysis, load_analysis
from gorillacomb.folders.candidate_pairs import MOST_PAIRED
from gorillacomb.folders.coverage import fully_covered_folders
from gorillacomb.folders.name_similarity import names_match
from gorillacomb.folders.relation import FolderRelation, RelationKind
from gorillacomb.folders.tree import TreeFolder
from gorillacomb.index.database import Index
from gorillacomb.vault.vault import Vault
from tests.folders.forests import Seen, forests, identical, look, without
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
            relations = [
                (each, list(family.members))
                for family in folders.families()
                for each in folders.relations(family)
            ]
            relations += [
                (folders.relation(*pair), list(pair)) for pair in folders.pairs(folders.elsewhere())
            ]
            for relation, members in relations:
                check_relation(folders, seen, relation, members)
            check_nothing_is_missed(folders, seen)
            check_what_is_shared_is_told(folders, seen)


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


def is_copied_into(path: Path, inner: Path) -> bool:
    """Whether a folder lies in another one and is, by its name, that one copied into itself."""
    alike = inner.name == path.name or names_match(os.fsencode(inner.name), os.fsencode(path.name))
    return path in inner.parents and alike


def check_nothing_is_missed(folders: FolderAnalysis, seen: dict[Path, Seen]) -> None:
    """Of folders that are the same something is said that leads from each of them to the others."""
    groups = [{place(folders, each) for each in family} for family in folders.kin.families]
    groups += [{place(folders, a), place(folders, b)} for a, b in folders.kin.pairs]
    groups += [
        {place(folders, bare.inner), place(folders, outer)}
        for bare in fully_covered_folders(folders.shares)
        for outer in bare.outer
    ]
    top = min(seen)
    for group in identical(seen):
        left = {path for path in group if seen[path].own and not is_made(path, top)}
        waiting = [left.pop()] if left else []
        while waiting:
            first = waiting.pop()
            reached = {second for second in left if is_said(first, second, groups)}
            left -= reached
            waiting += reached
        assert not left, (group, groups)


def check_what_is_shared_is_told(folders: FolderAnalysis, seen: dict[Path, Seen]) -> None:
    """Of two folders that share half of the smaller one right in them the output tells: of the two,
    of those around them, or of others that lead from one to the other; or that what is shared
    stands, in the smaller one, in a folder with nothing of its own.

    Of what stands inside a copy that is not kept the output may be silent; there it is what was
    found that counts. What is scattered over subfolders of other names is not paired.
    """
    top = min(seen)
    families = folders.families()
    elsewhere = folders.elsewhere()
    bare = [place(folders, each.inner) for each in elsewhere]
    copies = [place(folders, each) for one in families for each in one.members if each != one.keep]
    told = [[place(folders, each) for each in family.members] for family in families]
    told += [[place(folders, each) for each in group] for group in folders.identical()]
    told += [[place(folders, each) for each in pair] for pair in folders.pairs(elsewhere)]
    found = [[place(folders, each) for each in family] for family in folders.kin.families]
    holders = holders_of_own(seen)
    for x, y in combinations((path for path in sorted(seen) if not is_made(path, top)), 2):
        shared = seen[x].own & seen[y].own
        right = {each for each in shared if {x, y} <= holders[each]}
        telling = {each for each in right if len(holders[each]) <= MOST_PAIRED}
        if not telling or not is_half(right, seen[x].own, seen[y].own):
            continue
        retold = stands_in(x.parent, copies) or stands_in(y.parent, copies)
        groups = told + found if retold else told
        fewest = min(len(seen[x].own), len(seen[y].own))
        smaller = [each for each in (x, y) if len(seen[each].own) == fewest]
        linked = {
            each
            for each in telling
            if is_linked(holders[each], x, y, groups)
            or any(stands_in(at, smaller) and stands_in(at, bare) for at in holders[each])
        }
        assert linked >= telling, (x, y, telling - linked, groups, bare)


def holders_of_own(seen: dict[Path, Seen]) -> dict[bytes, set[Path]]:
    """The folders right in which a content stands, machine-made ones left out."""
    found: defaultdict[bytes, set[Path]] = defaultdict(set)
    for folder in seen.values():
        for name, entry in folder.entries.items():
            if "/" not in name and entry[0] == "file" and not is_made(folder.path, min(seen)):
                assert isinstance(entry[1], bytes)
                found[entry[1]].add(folder.path)
    return found


def is_half(shared: set[bytes], first: set[bytes], second: set[bytes]) -> bool:
    """Whether it is half of the smaller one, by files and by bytes."""
    return all(
        2 * measure(shared) >= min(measure(first), measure(second)) for measure in (len, total)
    )


def total(texts: set[bytes]) -> int:
    return sum(map(len, texts))


def stands_in(path: Path, folders: Collection[Path]) -> bool:
    return any(each == path or each in path.parents for each in folders)


def is_linked(holders: set[Path], x: Path, y: Path, told: list[list[Path]]) -> bool:
    """Whether what is told leads from where a content stands in one folder to where in another."""
    reached = {path for path in holders if stands_in(path, [x])}
    waiting = [*reached]
    while waiting:
        at = waiting.pop()
        for group in told:
            here = {member for member in group if stands_in(at, [member])}
            # From a member, one step leads into any other; one inside another is another too.
            others = [each for each in group if here - {each}]
            there = {path for path in holders - reached if stands_in(path, others)}
            reached |= there
            waiting += there
    return any(stands_in(path, [y]) for path in reached)


def is_said(first: Path, second: Path, groups: list[set[Path]]) -> bool:
    """Whether the two are, or stand in, or hold, different folders of which something is said."""
    return any(
        x != y and touches(x, first) and touches(y, second)
        for known in groups
        for x in known
        for y in known
    )


def is_made(path: Path, top: Path) -> bool:
    return "node_modules" in path.relative_to(top).parts


def touches(path: Path, other: Path) -> bool:
    return path == other or path in other.parents or other in path.parents


def test_two_that_stand_for_each_other_are_not_both_left_out(tmp_path: Path) -> None:
    """Each of the two albums in the albums stands in a copy that is not kept, for the other one."""
    album: Tree = {
        "b": "7" * 9,
        "a": "3" * 9,
        "src": "y" * 9,
        "album": {"b": "222", "copy": {"album": "7" * 9}},
    }
    tree: Tree = {
        "one": {
            "a": {"b": "8" * 27},
            "album": album,
            "src": {"a": "222", "album": {"a": "5"}, "album (1)": album},
        },
        "two": {"a": "7" * 9, "album": "4" * 27},
    }
    top = make_tree(tmp_path / "top", tree)
    with combed(top, tmp_path / "vault") as folders:
        told = {place(folders, each) for one in folders.families() for each in one.members}
    assert top / "two" in told


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


def test_what_shares_a_name_with_copies_is_not_what_to_keep_of_them(tmp_path: Path) -> None:
    """The small ones stand in a tree that is kept itself."""
    small: Tree = {"other": several("o", 3), "thing": {"README": "read me", "copyright": "me"}}
    thing = several("f", 8)
    tree: Tree = {
        "docs": small,
        "Copy of docs": small,
        "real": {"thing": thing},
        "Downloads": {"thing": thing},
        "thing (1)": thing,
    }
    top = make_tree(tmp_path / "top", tree)
    with combed(top, tmp_path / "vault") as folders:
        named = {place(folders, each): each for each in folders.forest.order}
        told = {place(folders, each.keep): each for each in folders.families()}
        around = {path: folders.around(each) for path, each in named.items()}
    assert set(told) == {top / "real/thing", top / "docs"}
    for copy in ("real/thing", "Downloads/thing", "thing (1)"):
        assert around[top / copy] == told[top / "real/thing"]
    for copy in ("docs", "docs/thing", "Copy of docs/thing"):
        assert around[top / copy] == told[top / "docs"]


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
                assert family.keep not in folders.kin.by_name
                for each in family.members:
                    if each not in folders.kin.by_name:
                        assert folders.around(each) == family
