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
MOVES = st.lists(
    st.lists(st.tuples(st.integers(TOP + 1, LAST), st.integers(TOP, LAST)), max_size=4), max_size=8
)


@given(MOVES)
@example([[(1, 7)]])
def test_no_folder_ever_stands_in_itself(batches: list[list[tuple[int, int]]]) -> None:
    """Folders that are moved about while they are walked are met in places that never were."""
    with in_memory() as memory, Index.write(Vault(memory / "v")) as index:
        store = IndexWriter(index)
        rows: list[NewFolderRow] = [
            (number, 1, number - 1, b"%d" % number, number, FolderState.LISTED, None, None, None)
            for number in range(TOP + 1, LAST + 1)
        ]
        with index.atomic():
            store.write(1, IndexChanges(new_folders=rows))
        for moves in batches:
            with index.atomic():
                moved = [(number, parent, b"%d" % number) for number, parent in moves]
                store.write(1, IndexChanges(moved=moved))
            above = dict(index.connection.execute("SELECT id, parent FROM folders"))
            for at in above:
                for _ in range(LAST + 2):  # through all of them, and where those wait that left
                    at = above.get(at, TOP)
                assert at == TOP
            for number, parent in moves[-1:]:
                assert above[number] == parent or number == parent
            assert AWAY not in above
            for at in above:  # and each way back to where something was has an end
                store._stood_at(at, b"file")
