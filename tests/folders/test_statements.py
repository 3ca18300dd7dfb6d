"""How much is asked of the index does not grow with the files in it."""

from __future__ import annotations

import os
from pathlib import Path

from gorillacomb.folders.analysis import load_analysis
from gorillacomb.folders.families import find_families
from gorillacomb.folders.path_groups import group_by_path
from gorillacomb.folders.tree import load_tree
from gorillacomb.index.database import Index
from gorillacomb.index.tree_queries import path_batches
from gorillacomb.vault.vault import Vault
from tests.support.trees import Tree, make_tree, scan, settle


def drifted(copies: int, files: int) -> Tree:
    """Copies of one tree with a subfolder for each ten files, another file changed in each copy."""
    return {
        f"copy {copy}": {
            f"folder {at}": {
                f"{number}": f"{number}" + ("!" if number == copy else "")
                for number in range(10 * at, 10 * at + 10)
            }
            for at in range(files // 10)
        }
        for copy in range(copies)
    }


def statements(top: Path, vault: Path) -> int:
    """How many it takes to report all families and pairs of a tree."""
    settle(top)
    scan(vault, top)
    asked: list[str] = []
    with Index.read(Vault(vault)) as index:
        index.connection.set_trace_callback(asked.append)
        folders = load_analysis(index, lambda path: False)
        families = folders.families()
        relations = list(folders.relations(families))
        pairs = list(folders.pair_relations(folders.pairs(folders.elsewhere())))
        index.connection.set_trace_callback(None)
    assert families and all(relation.entries.changed for each in relations for relation in each)
    assert pairs == []
    return len(asked)


def test_statements_do_not_grow_with_files(tmp_path: Path) -> None:
    few = make_tree(tmp_path / "few", {"drive": drifted(3, 20)})
    many = make_tree(tmp_path / "many", {"drive": drifted(12, 100)})
    assert statements(few, tmp_path / "one") == statements(many, tmp_path / "two")


def test_families_of_a_real_index(tmp_path: Path) -> None:
    """What the index says is what the definition is about: names, contents, what counts."""
    tree: Tree = {
        f"copy {copy}": {
            **{f"{at}": f"{at}" for at in range(4)},
            "empty": "",
            ".DS_Store": "noise",
            "src": {"main": "main" if copy else "other"},
            "node_modules": {f"{at}": f"module {at}" for at in range(9)},
        }
        for copy in range(3)
    }
    top = make_tree(tmp_path / "top", tree)
    settle(top)
    scan(tmp_path / "vault", top)
    with Index.read(Vault(tmp_path / "vault")) as index:
        forest = load_tree(index)
        groups = group_by_path(forest, path_batches(index.connection, forest.noise))
        (family,) = find_families(groups).families
    assert [each.name for each in family] == [b"copy 1", b"copy 2"]
    assert {each.counted for each in family} == {5}
    assert os.fsdecode(family[0].path(bytes(top))) == str(top / "copy 1")
