"""Many rows in one statement: the same as one by one."""

from __future__ import annotations

import sqlite3
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gorillacomb.sqlite import insert

WIDE = 15
STATEMENT = f"INSERT OR REPLACE INTO things VALUES ({', '.join('?' * WIDE)}, 7)"


def table() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    columns = ", ".join(f"c{number}" for number in range(WIDE + 1))
    connection.execute(f"CREATE TABLE things ({columns}, PRIMARY KEY (c0))")
    return connection


def content(connection: sqlite3.Connection) -> list[tuple[object, ...]]:
    return connection.execute("SELECT * FROM things ORDER BY c0").fetchall()


@given(st.lists(st.integers(0, 300), max_size=300))
def test_rows_are_those_of_an_insert_for_each(keys: list[int]) -> None:
    rows = [(key, at, None, b"\0%d" % key, *range(WIDE - 4)) for at, key in enumerate(keys)]
    together, one_by_one = table(), table()
    insert(together, STATEMENT, [*chain.from_iterable(rows)])
    one_by_one.executemany(STATEMENT, rows)
    assert content(together) == content(one_by_one)
    assert together.total_changes == one_by_one.total_changes


@pytest.mark.parametrize("at", [0, 65, 66, 199])
def test_a_row_that_is_refused(at: int) -> None:
    connection = table()
    rows = [(number, *range(WIDE - 1)) for number in range(200)]
    connection.execute(STATEMENT, (at, *range(WIDE - 1)))
    with pytest.raises(sqlite3.IntegrityError):
        insert(connection, STATEMENT.replace("OR REPLACE ", ""), [*chain.from_iterable(rows)])


def test_bytes_and_null_are_stored_as_they_are() -> None:
    connection = table()
    for value in (b"", b"\0\xff", None, bytearray(b"x"), "text", 1, 1.5):
        found = connection.execute("SELECT ?1, typeof(?1)", (value,)).fetchone()
        kind = {bytes: "blob", bytearray: "blob", str: "text", int: "integer", float: "real"}
        assert found == (value, kind.get(type(value), "null"))
