"""The record of a vault: opening its trace, and keeping it up to date as scans end."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

from gorillacomb.canonical.groups import Groups, Online
from gorillacomb.errors import VaultRolledBack
from gorillacomb.folders.kept_trees import Trees, kept_trees
from gorillacomb.fs.paths import join
from gorillacomb.index import stamps
from gorillacomb.index.database import Index
from gorillacomb.index.paths import FolderPaths
from gorillacomb.index.roots import all_roots
from gorillacomb.index.stamps import FOLDERS_CHANGED
from gorillacomb.model import Progress, Stamps, Tree
from gorillacomb.stamping import stamper
from gorillacomb.stamping.damage import tell_damage
from gorillacomb.stamping.deferral import Unquiet
from gorillacomb.stamping.resync import prepare
from gorillacomb.vault.vault import Vault, config_folder, state_folder
from gorillacomb.vaultmesh.anchor import Anchors
from gorillacomb.vaultmesh.create import begin
from gorillacomb.vaultmesh.entries import Body
from gorillacomb.vaultmesh.keys.key_store import KeyStore
from gorillacomb.vaultmesh.ledger import Ledger
from gorillacomb.vaultmesh.replay import Standing

if TYPE_CHECKING:
    from gorillacomb.folders.analysis import Folders

_MANY = 2_000
"""Contents; to relate all folders for fewer beforehand, perhaps for none, is not worth it."""


def key_store() -> KeyStore:
    """The user's keys."""
    return KeyStore(config_folder() / "keys")


def watcher_keys() -> KeyStore:
    """The keys of the user's watcher, which are not those that sign the trace."""
    return KeyStore(config_folder() / "keys" / "watcher")


def anchors() -> Anchors:
    """The checkpoints that are kept apart from vaults and keys."""
    return Anchors(state_folder() / "anchors")


def read_trace(vault: Vault) -> Ledger:
    """Open the trace of a vault for reading. Raises VaultError."""
    vault.check()
    return Ledger.read(vault.trace, key_store(), anchors())


def write_trace(vault: Vault) -> Ledger:
    """Open the trace of a vault, whose lock the caller holds, to append; begun where there is none.

    Raises VaultError.
    """
    if not os.path.lexists(vault.trace):
        begin(vault.trace, key_store(), anchors())
    return Ledger.write(vault.trace, key_store(), anchors())


def check_index(index: Index, ledger: Ledger) -> str | None:
    """Where the index's stamps are not those of the trace, in words; None when they are.

    An index that is behind the trace is brought up to date by the next scan: nothing is wrong.
    """
    state = stamps.reflected(index.connection)
    if state is None or (state[0] == ledger.log and state[1] < ledger.size):
        return None
    if state != (ledger.log, ledger.size):
        return "the index goes with another trace, or with a longer one"
    standing = Standing()
    try:
        standing.play(ledger.entries())
    except ValueError as error:
        return str(error)
    roots = {root.id: root for root in all_roots(index.connection)}
    paths = FolderPaths(index.connection, roots)
    count = 0
    changed = FOLDERS_CHANGED in stamps.unstamped(index.connection)
    for digest, each in stamps.all_stamps(index.connection):
        count += 1
        known, place = standing.place(digest), paths.place(each.folder)
        if known is None:
            return f"the index has a stamp that the trace lacks: {digest.hex()}"
        if known.seq != each.seq:
            return f"the index has entry {each.seq} for {digest.hex()}, the trace {known.seq}"
        if place is None and changed:
            continue  # of a root that was forgotten, which the next scan tells the trace
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


class TraceNotes:
    """Appends entries that are not about stamps, such as those of a run of dedupe.

    Opened before the work that they tell of: a trace that cannot be written is known by then. The
    index, open for writing, goes on to reflect the trace if it did. Raises VaultError, KeyMissing.
    """

    def __init__(self, index: Index) -> None:
        self._index = index
        self._ledger = write_trace(index.vault)
        try:
            self._ledger.refuse_rolled_back()
            self._ledger.signing_key()
        except BaseException:
            self._ledger.close()
            raise

    def append(self, bodies: Sequence[Body]) -> None:
        """Append entries and sign the new head."""
        index, ledger = self._index, self._ledger
        level = stamps.reflected(index.connection) == (ledger.log, ledger.size)
        ledger.append(bodies)
        if level:
            with index.atomic():
                stamps.set_reflected(index.connection, ledger.log, ledger.size)
            index.commit()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._ledger.close()


def _read_trees(vault: Path, folders: Callable[[Index], Folders]) -> dict[int, Tree]:
    """Which trees are kept, by the index in a vault that another process writes to."""
    with Index.read(Vault(vault)) as index:
        return kept_trees(folders(index))


class TraceRecorder:
    """Stamps in the trace what a scan found."""

    def __init__(
        self,
        online: Online,
        preferred: Callable[[bytes], bool],
        prefers: bool,
        folders: Callable[[Index], Folders],
        quiet_ns: int = 0,
        machine_made: frozenset[bytes] = frozenset(),
    ) -> None:
        """``folders`` reads how the folders of an index relate, by the user's settings.

        What is new in machine-made folders, known by the usual names and those given, is stamped
        when nothing new has come there for ``quiet_ns``.
        """
        self._folders = folders
        self._quiet_ns = quiet_ns
        self._machine_made = machine_made
        self._online = online
        self._preferred = preferred
        self._prefers = prefers
        self._ledger: Ledger | None = None

    def begin(self, index: Index) -> None:
        if stamps.reflected(index.connection) is not None and not index.vault.trace.exists():
            raise VaultRolledBack(
                f"The trace {index.vault.trace} is not there; it is never deleted.",
                "Put it back from a backup; to begin a new one: gorillacomb trace adopt",
            )
        self._ledger = write_trace(index.vault)
        self._ledger.refuse_rolled_back()
        prepare(index, self._ledger)

    def aside(self, index: Index) -> Callable[[], dict[int, Tree]] | None:
        # Which trees are kept is asked for as soon as a content with several copies is stamped.
        if not stamps.are_many_to_stamp(index.connection, _MANY):
            return None
        return partial(_read_trees, index.vault.folder, self._folders)

    def end(
        self,
        index: Index,
        scan: int,
        progress: Progress,
        aside: Callable[[], dict[int, Tree]] | None,
    ) -> Stamps:
        assert self._ledger is not None
        progress.stage("Stamping", None, 0)
        trees = Trees(aside or (lambda: kept_trees(self._folders(index))))
        groups = Groups(index, self._online, self._preferred, trees)
        stamped = stamper.stamp(
            index,
            self._ledger,
            groups,
            self._prefers,
            scan,
            Unquiet(index.connection, groups.paths, self._quiet_ns, self._machine_made),
            lambda count: progress.advance(count, 0),
        )
        tell_damage(index, self._ledger, scan)
        return stamped

    def close(self) -> None:
        if self._ledger is not None:
            self._ledger.close()
            self._ledger = None
