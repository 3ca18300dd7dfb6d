"""Where the space is, against a walk over the tree itself."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gorillacomb.folders.space import largest_entries
from gorillacomb.index.database import Index
from gorillacomb.index.roots import all_roots
from gorillacomb.vault.vault import Vault
from tests.support.memory import in_memory
from tests.support.run import on_terminal, run
from tests.support.trees import Tree, make_tree, scan

_FILES = st.dictionaries(
    st.sampled_from([b"a", b"b", b"odd\xff", b"=1"]),
    st.tuples(st.integers(1, 4), st.sampled_from(b"xyz")).map(lambda it: bytes([it[1]]) * it[0]),
    max_size=3,
)
TREES = st.recursive(
    _FILES,
    lambda inner: st.tuples(
        _FILES, st.dictionaries(st.sampled_from([b"p", b"q", b"r"]), inner, max_size=3)
    ).map(lambda both: {**both[0], **both[1]}),
    max_leaves=8,
)


def walked(top: bytes) -> dict[bytes, tuple[int, int, int]]:
    """Files, bytes and bytes of duplicates of everything in a folder, by path."""
    contents = {
        os.path.join(at, name): Path(os.fsdecode(os.path.join(at, name))).read_bytes()
        for at, _, names in os.walk(top)
        for name in names
    }
    times = Counter(contents.values())
    places = {at: None for at, _, _ in os.walk(top)} | dict.fromkeys(contents)
    found = {}
    for place in places:
        inside = [it for path, it in contents.items() if (path + b"/").startswith(place + b"/")]
        twice = sum(len(it) for it in inside if times[it] > 1)
        found[place] = (len(inside), sum(map(len, inside)), twice)
    return found


@given(tree=TREES, most=st.integers(1, 12), part=st.sampled_from([1, 3, 1000]))
def test_the_figures_are_those_of_the_tree(tree: Tree, most: int, part: int) -> None:
    """Of everything that takes a part of all, the largest are named, each after its folder."""
    with in_memory() as folder:
        top = os.fsencode(make_tree(folder / "tree", tree))
        scan(folder / "vault", Path(os.fsdecode(top)))
        with Index.read(Vault(folder / "vault")) as index:
            roots = [(root.folder, root.path) for root in all_roots(index.connection)]
            found = largest_entries(index.connection, roots, most, part)
        wanted = walked(top)
        for at, entry in enumerate(found):
            assert (entry.files, entry.bytes, entry.duplicate_bytes) == wanted[entry.path]
            assert entry.is_folder == os.path.isdir(entry.path)
            if entry.parent is None:
                assert at == 0 and entry.path == top
            else:
                assert entry.parent < at
                assert found[entry.parent].path == os.path.dirname(entry.path)
        least = max(wanted[top][1] // part, 1)
        large = sorted(
            (size for path, (_, size, _) in wanted.items() if size >= least and path != top)
        )
        assert sorted(each.bytes for each in found[1:]) == large[max(len(large) - most, 0) :]


@pytest.fixture
def drive(tmp_path: Path, vault: Path) -> Path:
    tree: Tree = {
        "Movies": {"talk.mov": "m" * 90_000, "again.mov": "m" * 90_000},
        "Notes": {f"note{n}": f"{n}" * 200 for n in range(30)},
        "empty": {},
    }
    top = make_tree(tmp_path / "Drive", tree)
    scan(vault, top)
    return top


def test_on_the_command_line(drive: Path, vault: Path) -> None:
    lines = run("map", vault=vault).out.splitlines()
    assert lines[0] == "190.0 kB in 32 files; 180.0 kB of that is in files with another copy."
    assert [line.split() for line in lines[1:3]] == [
        ["180.0", "kB", "█" * 12, "Movies/"],
        ["10.0", "kB", "░", "Notes/"],
    ]
    assert lines[3].startswith(f"Next: gorillacomb map {drive}/Movies")
    inside = run("map", drive / "Movies", vault=vault).out.splitlines()
    assert [line.split()[-1] for line in inside[1:3]] == ["again.mov", "talk.mov"]
    assert "and 10 more; --all names them" in run("map", drive / "Notes", vault=vault).out
    assert len(run("map", drive / "Notes", "--all", vault=vault).out.splitlines()) > 30
    assert "0 B in 0 files" in run("map", drive / "empty", vault=vault).out
    for line in on_terminal("map", vault=vault).stdout.splitlines():
        assert len(line) <= 80 or b"gorillacomb" in line, "what is to be copied is not cut"


def test_what_is_not_a_folder_of_the_index(drive: Path, vault: Path) -> None:
    for path in (drive / "Movies/talk.mov", drive / "nothing", drive.parent):
        assert run("map", path, vault=vault).code == 2


def test_two_drives_and_one_that_is_away(drive: Path, vault: Path) -> None:
    other = make_tree(drive.parent / "Other", {"talk.mov": "m" * 90_000, "own": "o" * 10})
    scan(vault, other)
    other.rename(other.with_name("Gone"))
    found: dict[str, Any] = run("map", "--json", vault=vault).json()
    tops = [each for each in found["items"] if each["parent"] is None]
    assert {each["path"] for each in tops} == {str(drive), str(other)}
    assert found["bytes"] == 190_000 + 90_010 == sum(each["bytes"] for each in tops)
    assert found["duplicate_bytes"] == 270_000
