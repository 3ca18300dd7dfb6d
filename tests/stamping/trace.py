"""Scans that stamp, and what the trace says after them."""

from __future__ import annotations

import os
from pathlib import Path

from blake3 import blake3

from gorillacomb.fs.openat import OUR_FOLDER
from gorillacomb.fs.volumes import is_online
from gorillacomb.index import stamps
from gorillacomb.index.content_queries import copy_order
from gorillacomb.index.database import Index
from gorillacomb.index.paths import FolderPaths
from gorillacomb.index.roots import all_roots
from gorillacomb.json_paths import path_from_json
from gorillacomb.model import ScanReport
from gorillacomb.progress import Progress
from gorillacomb.scan.options import ScanOptions
from gorillacomb.scan.scanner import scan
from gorillacomb.stamping.consistency import check_index
from gorillacomb.stamping.recorded_paths import RecordedPaths
from gorillacomb.stamping.recorder import StampRecorder
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh import jcs
from gorillacomb.vaultmesh.audit import audit
from gorillacomb.vaultmesh.open import open_trace_for_reading
from gorillacomb.vaultmesh.replay import TraceState
from tests.support.trees import an_hour_on, check_seals


def _prefers_none(path: bytes) -> bool:
    return False


def stamping_scan(
    vault: Path, *tops: Path, progress: Progress | None = None, **options: object
) -> ScanReport:
    """Scan folders into a vault and its trace."""
    options.setdefault("workers", 0)
    options.setdefault("now", an_hour_on)
    recorder = StampRecorder(is_online, _prefers_none, False)
    paths = [os.fsencode(top) for top in tops]
    wanted = ScanOptions(**options)  # type: ignore[arg-type]
    report = scan(Vault(vault), paths, wanted, progress, recorder=recorder)
    check_seals(vault)
    return report


def events(vault: Path, start: int = 0) -> list[dict[str, object]]:
    """The entries of the trace from ``start`` on."""
    with open_trace_for_reading(Vault(vault)) as ledger:
        return [jcs.parse_own(entry) for _, entry in ledger.entries(start)]


def contents_on_disk(*tops: Path) -> dict[bytes, set[bytes]]:
    """Paths by content, of all files that are not empty or our own; links are not followed."""
    found: dict[bytes, set[bytes]] = {}
    for top in tops:
        for folder, folders, names in os.walk(os.fsencode(top)):
            if OUR_FOLDER in folders:
                folders.remove(OUR_FOLDER)
            for name in names:
                path = os.path.join(folder, name)
                if os.path.isfile(path) and not os.path.islink(path) and os.path.getsize(path):
                    with open(path, "rb") as file:
                        found.setdefault(blake3(file.read()).digest(), set()).add(path)
    return found


def canonical_paths(vault: Path) -> dict[bytes, bytes]:
    """The path of each content's canonical file, from the trace alone."""
    with open_trace_for_reading(Vault(vault)) as ledger:
        played = TraceState()
        played.replay(ledger.entries())
        found = {}
        for digest in played:
            place = played.place(digest)
            assert place is not None
            root = path_from_json(played.roots[place.root])
            found[digest] = os.path.join(root, place.path)
        return found


def stamps_in_index(vault: Path) -> dict[bytes, bytes]:
    """The same from the index."""
    with Index.read(Vault(vault)) as index:
        roots = {root.id: root for root in all_roots(index.connection)}
        paths = FolderPaths(index.connection, roots)
        found = {}
        for digest, stamp in stamps.all_stamps(index.connection):
            place = paths.place(stamp.folder)
            assert place is not None
            found[digest] = os.path.join(place[1], stamp.name)
        return found


def check_agree(vault: Path) -> None:
    """The trace can be replayed, and index and trace know the same of each canonical file."""
    with Index.read(Vault(vault)) as index, open_trace_for_reading(Vault(vault)) as ledger:
        assert check_index(index, ledger) is None
        played = TraceState()
        played.replay(ledger.entries())
        paths = RecordedPaths(index, all_roots(index.connection))
        for digest, stamp in stamps.all_stamps(index.connection):
            place = played.place(digest)
            assert place is not None
            assert (place.seq, (place.root, place.path)) == (stamp.seq, paths.of_file(stamp))
        check_orders(index)


def check_orders(index: Index) -> None:
    """The order of the copies has all of them, the canonical one first, where it was decided."""
    undecided = set(stamps.unstamped(index.connection))
    for digest, stamp in stamps.all_stamps(index.connection):
        if digest not in undecided:
            files = {file[:2] for file in stamps.holders_of(index.connection, digest)}
            order = copy_order(index.connection, digest)
            if len(files) > 1:
                assert (order[0], len(order)) == ((stamp.folder, stamp.name), len(files))
            assert set(order) == (files if len(files) > 1 else set())


def check_trace(vault: Path, *tops: Path) -> None:
    """The trace is sound, and has one canonical file for each content on the disk, no other."""
    with open_trace_for_reading(Vault(vault)) as ledger:
        result = audit(ledger)
    assert result.ok, result
    on_disk = contents_on_disk(*tops)
    by_trace = canonical_paths(vault)
    assert {d.hex(): by_trace[d] for d in by_trace.keys() - on_disk.keys()} == {}, "gone"
    assert {d.hex(): on_disk[d] for d in on_disk.keys() - by_trace.keys()} == {}, "not stamped"
    for digest, path in by_trace.items():
        assert path in on_disk[digest]
    assert stamps_in_index(vault) == by_trace
    check_agree(vault)
