"""Bring the index's stamps in line with the trace after a crash, or when the index was lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gorillacomb.errors import VaultRolledBack
from gorillacomb.index import roots as root_table
from gorillacomb.index import stamps
from gorillacomb.index.database import Index
from gorillacomb.index.paths import child_folder
from gorillacomb.index.stamps import StampRoot
from gorillacomb.model import Root
from gorillacomb.vaultmesh.entries import entry_path
from gorillacomb.vaultmesh.ledger import Ledger


def resync(index: Index, ledger: Ledger) -> None:
    """Bring the index's stamps in line with the trace before a scan, if they differ.

    If the index was lost, roots and the folders of canonical files are restored from the trace, as
    not yet listed by any scan. Raises VaultRolledBack when the index reflects entries that the
    trace lacks, or another trace.
    """
    state = stamps.synced_log_size(index.connection)
    if state == (ledger.log, ledger.size):
        return
    if state is not None and (state[0] != ledger.log or state[1] > ledger.size):
        raise VaultRolledBack(
            f"The trace {ledger.path} does not match the index: it was restored from a"
            " backup, or replaced by another one.",
            "Restore the right one; to continue with this one: gorillacomb trace adopt",
        )
    # The trace does not record that newer rules confirmed a stamp.
    confirmed = stamps.rules_of_stamps(index.connection)
    with index.atomic():
        stamps.clear(index.connection)
        if ledger.size > 1:
            _restore(index, ledger, confirmed)
    index.commit()


def _restore(index: Index, ledger: Ledger, confirmed: Mapping[bytes, tuple[int, int]]) -> None:
    """Restore roots and stamps from the trace.

    ``confirmed`` maps contents to their entries in the old index and the rules' versions.
    """
    from gorillacomb.vaultmesh.replay import TraceState  # needed after a crash, or a lost index

    connection = index.connection
    standing = TraceState()
    try:
        standing.replay(ledger.entries())
    except ValueError as error:
        raise VaultRolledBack(
            f"The trace {ledger.path} is not as it was written: {error}.",
            "For details: gorillacomb trace verify. Restore the trace from a backup.",
        ) from None
    roots = {root.uid: root for root in root_table.all_roots(connection)}
    for uid, fields in standing.roots.items():
        if uid not in roots:
            roots[uid] = root_table.add_root(connection, _root_in(fields), 0)
        known = roots[uid]
        stamps.put_root(connection, StampRoot(known.id, uid, known.path, known.volume))
    folders: dict[tuple[str, bytes], int] = {(uid, b""): root.folder for uid, root in roots.items()}

    def folder_at(uid: str, path: bytes) -> int:
        if (uid, path) not in folders:
            above, _, name = path.rpartition(b"/")
            parent = folder_at(uid, above)
            found = child_folder(connection, parent, name)
            if found is None:
                found = root_table.add_folder(connection, roots[uid].id, parent, name)
            folders[uid, path] = found
        return folders[uid, path]

    def rows() -> Iterator[tuple[bytes, int, int, bytes, int]]:
        for digest in standing:
            place = standing.place(digest)
            if place is not None and place.root in roots:
                above, _, name = place.path.rpartition(b"/")
                seq, rules = confirmed.get(digest, (-1, 0))
                rules = max(place.rules, rules) if seq == place.seq else place.rules
                yield digest, place.seq, folder_at(place.root, above), name, rules

    stamps.put_stamps(connection, list(rows()))
    stamps.add_all_folders(connection)


def _root_in(fields: dict[str, object]) -> Root:
    return Root(
        id=0,
        uid=str(fields["root"]),
        folder=0,
        path=entry_path(fields),
        volume=str(fields["volume"]),
        volume_type=str(fields["volume_type"]),
        weak=bool(fields["weak"]),
        inner_path=entry_path(fields, "inner_path"),
    )
