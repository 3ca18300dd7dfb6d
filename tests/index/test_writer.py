"""What workers found is written so that the index stays whole, whatever they found."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from gorillacomb.index.database import Index
from gorillacomb.index.paths import AWAY
from gorillacomb.index.writer import IndexChanges, IndexWriter, NewFolderRow
from gorillacomb.model import FolderState
from gorillacomb.vault.vault import Vault
from tests.support.memory import in_memory

TOP, LAST = 0, 7
PLACES = st.integers(TOP, LAST + 3)
"""Folders that are there from the start, and some of those that come; others come in the end."""
CAME_AND_MOVED = st.lists(
    st.tuples(
        st.lists(PLACES, max_size=3),
        st.lists(st.tuples(st.integers(TOP + 1, LAST), PLACES), max_size=4),
    ),
    max_size=8,
)
"""What is written together: new folders by their parents, then moves to parents."""


def row(number: int, parent: int) -> NewFolderRow:
    return (number, 1, parent, b"%d" % number, number, FolderState.LISTED, None, None, None)


@given(CAME_AND_MOVED)
@example([([], [(1, 7)])])
@example([([7], [(1, 8)])])
def test_no_folder_ever_stands_in_itself(
    batches: list[tuple[list[int], list[tuple[int, int]]]],
) -> None:
    """Folders that are moved about while they are walked are met in places that never were."""
    with in_memory() as memory, Index.write(Vault(memory / "v")) as index:
        store = IndexWriter(index)
        rows = [row(number, number - 1) for number in range(TOP + 1, LAST + 1)]
        with index.atomic():
            store.write(1, IndexChanges(new_folders=rows))
        last = LAST
        for came, moves in batches:
            # As a walk does, which meets a folder before what is in it.
            new = [
                row(number, min(parent, number - 1)) for number, parent in enumerate(came, last + 1)
            ]
            last += len(new)
            moved = [(number, min(parent, last), b"%d" % number) for number, parent in moves]
            with index.atomic():
                store.write(1, IndexChanges(new_folders=new, moved=moved))
            above = dict(index.connection.execute("SELECT id, parent FROM folders"))
            for at in above:
                for _ in range(last + 2):  # through all of them, and where those wait that left
                    at = above.get(at, TOP)
                assert at == TOP
            for number, parent, _ in moved[-1:]:
                assert above[number] == parent or number == parent
            assert AWAY not in above
            for at in above:  # and each way back to where something was has an end
                store._stood_at(at, b"file")


def test_folders_that_stand_in_each_other_come_apart() -> None:
    """Where an earlier release wrote that of two, the next walk meets them and ends."""
    with in_memory() as memory, Index.write(Vault(memory / "v")) as index:
        store = IndexWriter(index)
        with index.atomic():
            store.write(1, IndexChanges(new_folders=[row(1, 2), row(2, 1), row(3, TOP)]))
            store.write(1, IndexChanges(moved=[(3, 2, b"3"), (1, TOP, b"1")]))
        above = dict(index.connection.execute("SELECT id, parent FROM folders"))
        assert above == {1: TOP, 2: 1, 3: 2}
