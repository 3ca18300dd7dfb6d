"""Check that the index's stamps agree with the trace."""

from __future__ import annotations

from gorillacomb.fs.paths import join
from gorillacomb.index import stamps
from gorillacomb.index.database import Index
from gorillacomb.index.paths import FolderPaths, folders_without_place
from gorillacomb.index.roots import all_roots
from gorillacomb.index.stamps import FOLDERS_CHANGED
from gorillacomb.vaultmesh.ledger import Ledger
from gorillacomb.vaultmesh.replay import TraceState


def check_index(index: Index, ledger: Ledger) -> str | None:
    """Describe where the index's stamps differ from the trace; return None if they agree.

    An index that lags behind the trace is not an error: the next scan updates it.
    """
    state = stamps.synced_log_size(index.connection)
    if state is None or (state[0] == ledger.log and state[1] < ledger.size):
        return None
    if state != (ledger.log, ledger.size):
        return "the index goes with another trace, or with a longer one"
    standing = TraceState()
    try:
        standing.replay(ledger.entries())
    except ValueError as error:
        return str(error)
    roots = {root.id: root for root in all_roots(index.connection)}
    paths = FolderPaths(index.connection, roots)
    placeless = folders_without_place(index.connection)
    count = 0
    changed = FOLDERS_CHANGED in stamps.unstamped(index.connection)
    for digest, each in stamps.all_stamps(index.connection):
        count += 1
        known, place = standing.place(digest), paths.place(each.folder)
        if known is None:
            return f"the index has a stamp that the trace lacks: {digest.hex()}"
        if known.seq != each.seq:
            return f"the index has entry {each.seq} for {digest.hex()}, the trace {known.seq}"
        if place is None and (changed or each.folder in placeless):
            continue  # of a forgotten root, which the next scan records, or in a suspect one
        if place is None:
            return f"the index has a stamp without a place: {digest.hex()}"
        root = roots[place[0]]
        if not changed and (known.root, join(root.path, known.path)) != (
            root.uid,
            join(place[1], each.name),
        ):
            return f"the index and entry {known.seq} have {digest.hex()} at different places"
    if count != len(standing):
        return f"the index has {count:,} stamps, the trace {len(standing):,}"
    return None
