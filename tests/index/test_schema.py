"""The conditions that partial indexes have are those that queries have: else SQLite passes by."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gorillacomb.index.database import Index
from gorillacomb.index.schema import DIGEST_INDEX, has_content, has_gap
from gorillacomb.model import EntryState
from gorillacomb.vault.vault import Vault


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    with Index.write(Vault(tmp_path / "v")) as opened:
        opened.connection.execute(DIGEST_INDEX)
        yield opened


@pytest.mark.parametrize(
    ("query", "used"),
    [
        (f"FROM files WHERE {has_content()} AND digest = ?", "file_by_digest"),
        (f"FROM files WHERE {has_content('files')} AND digest = ?", "file_by_digest"),
        (f"FROM files AS other WHERE {has_content('other')} AND digest = ?", "file_by_digest"),
        (f"FROM files WHERE {has_gap()} AND state = ?", "file_by_gap"),
        (f"FROM files AS other WHERE {has_gap('other')} AND other.state = ?", "file_by_gap"),
    ],
)
def test_a_query_uses_the_partial_index(index: Index, query: str, used: str) -> None:
    plan = index.connection.execute(f"EXPLAIN QUERY PLAN SELECT folder {query}", (2,)).fetchall()
    assert used in plan[0][3]


def test_the_conditions_say_what_the_states_mean(index: Index) -> None:
    rows = [(1, b"%d %d" % (state, size), state, size) for state in EntryState for size in (0, 5)]
    index.connection.executemany(
        "INSERT INTO files (folder, name, state, mode, size, mtime_ns, ctime_ns, inode, links,"
        " blocks, checked_ns) VALUES (?, ?, ?, 0, ?, 0, 0, 0, 1, 0, 0)",
        rows,
    )

    def states(condition: str) -> set[tuple[int, int]]:
        return set(index.connection.execute(f"SELECT state, size FROM files WHERE {condition}"))

    assert states(has_content()) == {(EntryState.HASHED, 5), (EntryState.FRESH, 5)}
    assert {state for state, _ in states(has_gap())} == set(EntryState) - {
        EntryState.HASHED,
        EntryState.OTHER,
    }
