"""The groups that a scan finds are those of a ten-line brute-force oracle, whatever the tree."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gorillacomb import hashing
from tests.support.memory import in_memory
from tests.support.trees import (
    HardLink,
    Link,
    Tree,
    groups_in_index,
    groups_on_disk,
    make_tree,
    rows_in_index,
    scan,
    settle,
)

SPAN = hashing.PROBE_SPAN
CHUNK = hashing.CHUNK
PROCESSES = 2


def _content(size: int, kind: str, value: int) -> bytes:
    """Contents of equal size that differ nowhere, at the start, in the middle or at the end."""
    data = bytearray(b"g" * size)
    place = {"same": None, "first": 0, "middle": size // 2, "last": size - 1}[kind]
    if place is not None and size:
        data[place] = value
    return bytes(data)


_sizes = st.sampled_from([0, 1, 2, 100, 4096, SPAN, 2 * SPAN, 2 * SPAN + 1, CHUNK - 1, CHUNK])
_contents = st.builds(
    _content,
    _sizes,
    st.sampled_from(["same", "first", "middle", "last"]),
    st.integers(min_value=0, max_value=2),
)
_names = st.one_of(
    st.sampled_from([b"a", b"b", b"c", b"Copy of a", b"a (1)", b"\xff\xfe", b"new\nline", b"-rf"]),
    st.binary(min_size=1, max_size=12).filter(
        lambda name: not {0, 0x2F} & set(name) and name not in (b".", b"..", b".gorillacomb")
    ),
)
_folders = st.lists(_names, max_size=3).map(b"/".join)
_entries = st.lists(
    st.one_of(
        st.tuples(st.just("file"), _folders, _names, _contents),
        st.tuples(st.just("hard link"), _folders, _names, st.integers(0, 20)),
        st.tuples(st.just("link"), _folders, _names, st.integers(0, 20)),
        st.tuples(st.just("copy"), _folders, _names, st.integers(0, 20)),
    ),
    max_size=25,
)
Entry = tuple[str, bytes, bytes, bytes | int]


def _grow(top: Path, entries: list[Entry]) -> None:
    """Make a tree from a list of entries; one whose place is taken is left out."""
    made: list[bytes] = []
    for kind, folder, name, what in entries:
        parent = os.path.join(os.fsencode(top), folder)
        path = os.path.join(parent, name)
        try:
            os.makedirs(parent, exist_ok=True)
            if os.path.lexists(path):
                continue
            if isinstance(what, bytes):
                Path(os.fsdecode(path)).write_bytes(what)
            elif not made:
                continue
            elif kind == "hard link":
                os.link(made[what % len(made)], path)
            elif kind == "link":
                os.symlink(made[what % len(made)], path)
                continue
            else:
                source = Path(os.fsdecode(made[what % len(made)]))
                Path(os.fsdecode(path)).write_bytes(source.read_bytes())
        except (FileExistsError, FileNotFoundError, NotADirectoryError):
            continue
        made.append(path)


@given(entries=_entries, quick=st.booleans(), hash_limit=st.sampled_from([0, 1000, CHUNK - 1]))
def test_groups_are_those_of_the_oracle(entries: list[Entry], quick: bool, hash_limit: int) -> None:
    with tempfile.TemporaryDirectory() as folder, in_memory() as memory:
        top, vault = Path(folder) / "tree", memory / "vault"
        top.mkdir()
        _grow(top, entries)
        report = scan(vault, top, quick=quick, hash_limit=hash_limit)
        assert groups_in_index(vault) == groups_on_disk(top)
        again = scan(vault, top, quick=quick, hash_limit=hash_limit)
        assert again.files == report.files
        assert groups_in_index(vault) == groups_on_disk(top)


@given(before=_entries, after=_entries, remove=st.lists(st.integers(0, 30), max_size=10))
@example(before=[("file", b"", b"a", b""), ("file", b"", b"b", b"")], after=[], remove=[0, 1])
@example(
    before=[("file", b"", b"a", b""), ("link", b"", b"\x01", 0), ("copy", b"", b"b", 0)],
    after=[],
    remove=[1, 2],
)
def test_a_second_scan_of_a_changed_tree_equals_a_first_one(
    before: list[Entry], after: list[Entry], remove: list[int]
) -> None:
    with tempfile.TemporaryDirectory() as folder, in_memory() as memory:
        top, vault = Path(folder) / "tree", memory / "vault"
        top.mkdir()
        _grow(top, before)
        scan(vault, top)
        entries = sorted(
            (Path(base) / name for base, folders, names in os.walk(top) for name in names),
            key=str,
        )
        for number in remove:
            if number < len(entries):
                entries[number].unlink(missing_ok=True)
        moved = sorted(path for path in top.iterdir() if path.is_dir() and not path.is_symlink())
        if moved:
            moved[0].rename(top / "moved here")
        _grow(top, after)
        # Where no file is left, what was there counts as lost until that is accepted.
        left = [path for path in top.rglob("*") if path.is_file() and not path.is_symlink()]
        scan(vault, top, accept_loss=not left)
        scan(memory / "fresh", top)
        assert groups_in_index(vault) == groups_on_disk(top)
        assert _settled(vault) == _settled(memory / "fresh")


def _settled(vault: Path) -> dict[bytes, tuple[object, ...]]:
    """All rows; a file read within the clock's grain of its last change counts as read."""
    return {
        path: (max(state - 1, 0) if state < 2 else state, *rest)
        for path, (state, *rest) in rows_in_index(vault).items()
    }


TREE: Tree = {
    "a": {f"file{n}": f"content {n % 7}" * 50 for n in range(40)},
    "b": {f"d{n}": {"x": b"x" * n, "y": b"y" * 3_000, "z": {}} for n in range(60)},
    "big": {
        "one": b"1" * (CHUNK + 5),
        "two": b"1" * (CHUNK + 5),
        "three": b"1" * CHUNK + b"22222",
        "alone": b"7" * (CHUNK * 2),
        "linked": HardLink("big/alone"),
    },
    "empty": {"1": b"", "2": b""},
    "link": Link("a/file1"),
    "wide": {f"w{n:05}": b"%d" % (n % 50) for n in range(5_000)},
}


def test_any_number_of_workers_and_any_batch_give_the_same_index(tmp_path: Path) -> None:
    top = make_tree(tmp_path / "tree", TREE)
    settle(top)
    wanted = None
    for workers, budget in [(0, 2000), (1, 1), (2, 7), (PROCESSES, 300), (4, 2000), (8, 10**9)]:
        vault = tmp_path / f"vault-{workers}-{budget}"
        report = scan(vault, top, workers=workers, budget=budget)
        found = rows_in_index(vault), groups_in_index(vault), report.files, report.folders
        wanted = wanted or found
        assert found == wanted, (workers, budget)
        again = scan(vault, top, workers=workers, budget=budget)
        assert (again.hashed_files, again.files) == (0, report.files)
    assert wanted is not None
    assert wanted[1] == groups_on_disk(top)


@pytest.mark.parametrize("workers", [0, PROCESSES])
def test_a_second_scan_reads_nothing_and_writes_no_row(tmp_path: Path, workers: int) -> None:
    top = make_tree(tmp_path / "tree", TREE)
    settle(top)
    first = scan(tmp_path / "vault", top, workers=workers)
    before = rows_in_index(tmp_path / "vault")
    second = scan(tmp_path / "vault", top, workers=workers)
    assert first.hashed_files > 5_000
    assert second.hashed_files == second.hashed_bytes == 0
    assert second.reused_files == first.files
    assert second.rows_written == 2, "the line in `scans`, written and finished, and nothing else"
    assert rows_in_index(tmp_path / "vault") == before


def test_quick_reads_only_what_can_be_a_duplicate(tmp_path: Path) -> None:
    top = make_tree(
        tmp_path / "tree",
        {
            "own size": b"1" * 1_000,
            "same size 1": b"2" * 2_000,
            "same size 2": b"3" * 2_000,
            "large own size": b"4" * (3 * CHUNK),
            "large near miss 1": b"5" * (2 * CHUNK) + b"a",
            "large near miss 2": b"5" * (2 * CHUNK) + b"b",
            "large twin 1": b"6" * (2 * CHUNK + 9),
            "large twin 2": b"6" * (2 * CHUNK + 9),
        },
    )
    settle(top)
    report = scan(tmp_path / "vault", top, quick=True, hash_limit=0)
    assert report.hashed_files == 4, "the small ones of one size, and the large twins"
    assert groups_in_index(tmp_path / "vault") == groups_on_disk(top)
    again = scan(tmp_path / "vault", top, quick=True, hash_limit=0)
    assert again.hashed_files == 0
    assert again.rows_written == 2
    full = scan(tmp_path / "vault", top)
    assert full.hashed_files == 4, "the rest, and nothing twice"


def test_a_large_file_with_several_names_is_read_once(tmp_path: Path) -> None:
    top = make_tree(
        tmp_path / "tree",
        {
            "a": b"1" * (2 * CHUNK),
            "b": HardLink("a"),
            "c": {"d": HardLink("a"), "e": b"1" * (2 * CHUNK)},
        },
    )
    settle(top)
    report = scan(tmp_path / "vault", top)
    assert report.hashed_files == 2
    digests = {row[3] for row in rows_in_index(tmp_path / "vault").values()}
    assert len(digests) == 1
    assert None not in digests
