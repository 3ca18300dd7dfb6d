"""Record damaged files in the trace, and find good copies of them."""

from __future__ import annotations

from gorillacomb.fs.paths import join, relative_path
from gorillacomb.index import content_queries, scrub_queries, stamps
from gorillacomb.index.database import Index
from gorillacomb.index.paths import FolderPaths
from gorillacomb.index.roots import all_roots
from gorillacomb.index.scrub_queries import DamageRow
from gorillacomb.model import EntryState
from gorillacomb.vaultmesh import entries
from gorillacomb.vaultmesh.entries import DamageEntry, EntryBody
from gorillacomb.vaultmesh.ledger import Ledger


def record_damage(index: Index, ledger: Ledger, scan: int) -> None:
    """Append newly damaged files to the trace; suspect files are not recorded.

    The index remains in sync with the trace. Raises VaultError.
    """
    connection = index.connection
    found = [
        each for each in scrub_queries.damaged_files(connection) if each.state == EntryState.DAMAGED
    ]
    told = scrub_queries.recorded_damage(connection)
    now = {(each.folder, each.name, each.state) for each in found}
    if now == told:
        return
    new = [each for each in found if (each.folder, each.name, each.state) not in told]
    bodies = _bodies(index, new, scan)
    if bodies:
        ledger.append(bodies)
    with index.atomic():
        scrub_queries.set_recorded_damage(connection, now)
        if bodies:
            stamps.set_synced_log_size(connection, ledger.log, ledger.size)
    index.commit()


def _bodies(index: Index, files: list[DamageRow], scan: int) -> list[EntryBody]:
    roots = {root.id: root for root in all_roots(index.connection)}
    paths = FolderPaths(index.connection, roots)
    found = []
    for each in files:
        place = paths.place(each.folder)
        if place is None:
            continue  # in a folder that is missing from its place, which the next scan handles
        root = roots[place[0]]
        harmed = DamageEntry(
            each.size, each.mtime_ns, each.digest, each.state == EntryState.SUSPECT
        )
        path = relative_path(join(place[1], each.name), root.path)
        found.append(entries.damage_entry(scan, root.uid, path, harmed))
    return found


def good_copies(index: Index, paths: FolderPaths, digest: bytes) -> list[bytes]:
    """Return the paths of files with this content, as far as the index knows."""
    return [file.path for file in content_queries.files_with(index.connection, paths, digest)]
