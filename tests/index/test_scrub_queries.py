"""Which files a scrub is to read again."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from gorillacomb.index import scrub_queries
from gorillacomb.index.database import Index
from gorillacomb.index.scrub_queries import FIRST
from gorillacomb.vault.vault import Vault
from tests.support.trees import make_tree, scan

NOW = 1_700_000_000 * 10**9
YEAR = 365 * 24 * 3600 * 10**9


def test_a_time_of_reading_that_lies_in_the_future_proves_nothing(
    tmp_path: Path, vault: Path
) -> None:
    """The clock was years ahead at the scan: without this nobody looks for rot until then."""
    top = make_tree(tmp_path / "top", {name: name for name in ("old", "new", "ahead")})
    scan(vault, top)
    times = {b"old": NOW - YEAR, b"new": NOW - 1, b"ahead": NOW + 5 * YEAR}

    @given(st.integers(0, 2 * YEAR))
    def check(age: int) -> None:
        due = (NOW - age, NOW)
        wanted = {name for name, time in times.items() if time < due[0] or time > due[1]}
        found = scrub_queries.due_files(connection, tops, *due, FIRST, 9)
        dated = sorted(wanted - {b"ahead"}, key=times.__getitem__)
        assert [each.name for each in found] == [b"ahead", *dated], "that is due before all others"
        one_by_one, last = [], FIRST
        while batch := scrub_queries.due_files(connection, tops, *due, last, 1):
            [last] = batch
            one_by_one.append(last)
        assert one_by_one == found
        assert scrub_queries.due_totals(connection, tops, *due)[0] == len(wanted)
        assert b"ahead" in wanted

    with Index.write(Vault(vault)) as index:
        connection = index.connection
        connection.executemany(
            "UPDATE files SET checked_ns = ? WHERE name = ?",
            [(time, name) for name, time in times.items()],
        )
        tops = [row[0] for row in connection.execute("SELECT id FROM folders")]
        check()
