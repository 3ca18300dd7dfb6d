"""The watcher: scans what changed once it is quiet, and the whole where nobody tells of changes."""

from __future__ import annotations

import fcntl
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from gorillacomb.bytepaths import below, is_below, readable
from gorillacomb.errors import (
    GorillaCombError,
    Interrupted,
    Refused,
    RootVanished,
    UsageFault,
    VaultError,
    VaultLocked,
)
from gorillacomb.index.contents import counts_by_state
from gorillacomb.index.database import Index
from gorillacomb.index.hard_links import Linked, folders_with, linked_in
from gorillacomb.index.paths import FolderPaths, find_folder
from gorillacomb.index.roots import all_roots
from gorillacomb.index.vault import Vault
from gorillacomb.model import Root, ScanReport
from gorillacomb.model import State as FileState
from gorillacomb.openat import Identity, cause_of, identity_of
from gorillacomb.scan.options import Changed
from gorillacomb.scan.volumes import identify, is_remote
from gorillacomb.vaultmesh.keys import SigningKey
from gorillacomb.watch.cosigner import Cosigner
from gorillacomb.watch.health import Health, RootHealth, State
from gorillacomb.watch.left_out import LeftOut
from gorillacomb.watch.pending import SECOND, Pending, WatchesExhausted

if TYPE_CHECKING:
    from gorillacomb.watch.inotify import Inotify

_TURN = 5.0
"""Seconds after which it looks around, though nothing changed."""
_NICE = 10
_LOCK = "watcher"
_LOCKED_OUT = 0.5
_AFTER_ERROR = 10.0
_LIMIT = "/proc/sys/fs/inotify/max_user_watches"


class Scan(Protocol):
    """Scans roots, or only what changed in them. Raises GorillaCombError."""

    def __call__(
        self, roots: Sequence[bytes], changed: tuple[Changed, ...] | None
    ) -> ScanReport: ...


class Listener(Protocol):
    """Is told what the watcher does."""

    def scanned(self, report: ScanReport, folders: Sequence[bytes] | None) -> None:
        """After a scan of changed folders, by their paths, or None for whole roots."""

    def back(self, root: bytes) -> None:
        """A root that was not there is there again."""

    def troubled(self, cause: str) -> None:
        """Something is wrong, which was not before."""


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """What the user sets."""

    quiet_ns: int
    poll_ns: int
    """How far apart whole scans are where nobody tells of changes."""
    poll_all: bool = False
    """Whether no root is watched, and all are polled."""


@dataclass(slots=True)
class _Root:
    path: bytes
    identity: Identity | None = None
    """Of the folder that is watched; None while it is not there."""
    scanned_ns: int | None = None
    """When a whole scan of it ended last (monotonic); None when one is due."""


@dataclass(slots=True)
class Watcher:
    """Watches over roots; `run` comes back when it is stopped."""

    vault: Vault
    paths: Sequence[bytes]
    options: WatchOptions
    patterns: Callable[[], tuple[str, ...]]
    """Reads the user's settings; returns what they exclude everywhere. Raises UsageFault."""
    scan: Scan
    listener: Listener
    key: SigningKey
    health: Health = field(default_factory=Health)
    pending: Pending = field(init=False)
    _roots: list[_Root] = field(init=False)
    _tree: Inotify | None = None
    _left_out: LeftOut = field(init=False)
    _cosigner: Cosigner = field(init=False)
    _standing: tuple[str, ...] = ()
    """What `patterns` returned."""
    is_running: bool = False
    """Whether KeyboardInterrupt ends `run`, and nothing else."""
    _stopping: bool = False
    _hung_up: bool = False

    def __post_init__(self) -> None:
        self.pending = Pending(self.options.quiet_ns)
        paths = sorted({os.path.realpath(path) for path in self.paths})
        inner = {each for each in paths for top in paths if each != top and is_below(each, top)}
        self._roots = [_Root(path) for path in paths if path not in inner]
        self._left_out = LeftOut(self.vault)
        self._cosigner = Cosigner(self.vault, self.key)

    def queue(self) -> tuple[int, int | None]:
        """How many folders wait, and when something changed last (wall clock, ns)."""
        return len(self.pending), self.pending.last_change_ns

    def stop(self) -> None:
        """Have `run` come back soon; may be called from a signal handler, before KeyboardInterrupt.

        That exception alone may come at a place where Python drops it.
        """
        self._stopping = True

    def read_settings_again(self) -> None:
        """Have the user's settings read, and everything scanned by them; from a signal handler."""
        self._hung_up = True
        self.pending.wake()  # its lock may be taken twice by one thread

    def run(self) -> None:
        """Watch until `stop` or KeyboardInterrupt, which ends it in good order.

        Raises GorillaCombError from the first scan.
        """
        self._standing = self.patterns()
        self._learn_excludes()
        if (
            sys.platform == "linux"
        ):  # of this thread and the workers alone: the pulse is not to wait
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
        if sys.platform == "linux" and not self.options.poll_all:
            from gorillacomb.watch.inotify import Inotify  # cannot be loaded on another system

            self._tree = Inotify(self.pending, self._left_out.holds)
        try:
            self.is_running = True
            if self._stopping:
                return
            self._look_at_roots()
            self._scan_roots([each for each in self._roots if each.identity], first=True)
            self.health.state = State.WATCHING
            while not self._stopping:
                self._turn()
        except (KeyboardInterrupt, Interrupted):
            return
        except BaseException as error:
            self.health.blame("end", f"it ended by an error: {error}")
            raise
        finally:
            self.is_running = False
            self.health.state = State.STOPPED
            if self._tree is not None:
                self._tree.close()

    def _turn(self) -> None:
        """Do what is due, then wait for more."""
        if self._hung_up:
            self._hung_up = False
            self._read_settings()
        self._look_at_roots()
        self._scan_roots([each for each in self._roots if self._is_due(each)])
        changed = self.pending.take()
        if changed:
            self._scan_changed(changed)
        self._note_ledger()
        self.pending.wait(min(_TURN, self.options.poll_ns / SECOND))

    def _read_settings(self) -> None:
        try:
            self._standing = self.patterns()
        except UsageFault as error:
            self._tell("settings", error.message)
            return
        self._tell("settings", None)
        self._learn_excludes()
        for root in self._roots:  # what is no longer left out is to be watched
            root.identity = None

    # Roots.

    def _look_at_roots(self) -> None:
        """Begin to watch roots that are there, and end it for those that are not any more."""
        if self._tree is not None and self._tree.overflowed.is_set():
            self._tree.overflowed.clear()
            self._tell("events", "the system lost events; everything is scanned again")
            for root in self._roots:
                root.scanned_ns = root.identity = None
        for root in self._roots:
            identity = _identity(root.path)
            if identity is None:
                self._away(root)
            elif identity != root.identity:
                root.identity, root.scanned_ns = identity, None
                if self.health.roots.get(root.path) is RootHealth.AWAY:
                    self.listener.back(root.path)
                self._tell(f"root {root.path!r}", None)
                self._watch(root)
            elif self._tree is not None and root.path in self._tree.exhausted:
                self._poll(root)

    def _away(self, root: _Root) -> None:
        root.identity = None
        self.health.roots[root.path] = RootHealth.AWAY
        if self._tree is not None:
            self._tree.drop(root.path)
        self._tell(f"root {root.path!r}", f"{readable(root.path)} is not there")

    def _watch(self, root: _Root) -> None:
        self._left_out.learn_mounts()
        self.health.roots[root.path] = RootHealth.POLLED
        try:
            if self._tree is None or is_remote(identify(root.path).type):
                return
            self._tree.drop(root.path)  # watches on what stood there before
            self._tree.add(root.path)
        except WatchesExhausted:
            self._poll(root)
        except OSError as error:
            cause = f"{readable(root.path)} cannot be watched: {cause_of(error)}"
            self._tell(f"root {root.path!r}", cause)
        else:
            self.health.roots[root.path] = RootHealth.WATCHED

    def _poll(self, root: _Root) -> None:
        """Go on without events: the system has no watches left."""
        assert self._tree is not None
        self._tree.drop(root.path)
        self._tree.exhausted.discard(root.path)
        self.health.roots[root.path] = RootHealth.POLLED
        root.scanned_ns = None
        cause = (
            f"no watches are left for {readable(root.path)}, which is scanned from time to time"
            f" instead (fs.inotify.max_user_watches is {_limit()})"
        )
        self._tell(f"root {root.path!r}", cause)

    def _is_due(self, root: _Root) -> bool:
        """Whether all of a root is to be scanned."""
        if root.identity is None:
            return False
        if root.scanned_ns is None:
            return True
        polled = self.health.roots[root.path] is RootHealth.POLLED
        return polled and time.monotonic_ns() - root.scanned_ns >= self.options.poll_ns

    def _learn_excludes(self) -> None:
        """Read which patterns hold in which root."""
        known: dict[bytes, tuple[str, ...]] = {}
        # One that is half made, the first scan makes anew, or it says what is wrong with it.
        if self.vault.index.exists():
            with suppress(VaultError), self._reading() as (_, roots):
                known = {root.path: root.exclude for root in roots}
        self._left_out.learn_patterns(self._standing, [each.path for each in self._roots], known)

    # Scans.

    def _scan_roots(self, roots: list[_Root], first: bool = False) -> None:
        """Scan whole roots; what changed in them before that comes with it."""
        if not roots:
            return
        paths = [each.path for each in roots]
        self.pending.drop_below(lambda path: any(is_below(path, each) for each in paths))
        report = self._scan(paths, None, fail=first)
        if report is None:
            return
        for root in roots:
            root.scanned_ns = time.monotonic_ns()
        self._tell("events", None)
        self._learn_excludes()

    def _scan_changed(self, changed: tuple[Changed, ...]) -> None:
        there = [each.path for each in self._roots if each.identity is not None]
        mine = tuple(each for each in changed if any(is_below(each.path, top) for top in there))
        if not mine:
            return
        try:
            before = self._linked(mine)
            report = self._scan(there, mine)
            if report is not None:
                self._mark_other_names(before ^ self._linked(mine))
                return
        except VaultError as error:
            self._tell("scan", error.message)
            self.pending.wait(_AFTER_ERROR)
        self.pending.put_back(mine)

    def _scan(
        self, roots: list[bytes], changed: tuple[Changed, ...] | None, fail: bool = False
    ) -> ScanReport | None:
        """Scan, and note what kept us from it; None then. ``fail`` raises that."""
        self.health.scanning = True
        try:
            report = self.scan(roots, changed)
        except Interrupted:
            raise
        except VaultLocked:
            if fail:
                raise
            self.pending.wait(_LOCKED_OUT)
            return None
        except (RootVanished, UsageFault, OSError) as error:  # a root went away at that moment
            if fail:
                raise
            cause = cause_of(error) if isinstance(error, OSError) else error.message
            self._tell("scan", cause)
            self.pending.wait(_LOCKED_OUT)
            return None
        except GorillaCombError as error:
            if fail:
                raise
            self._tell("scan", error.message)
            self.pending.wait(_AFTER_ERROR)
            return None
        finally:
            self.health.scanning = False
        vanished = [readable(path) for path in report.vanished]
        self._tell("scan", f"{vanished[0]} went away while it was read" if vanished else None)
        self._look_for_damage()
        self.listener.scanned(report, None if changed is None else [each.path for each in changed])
        return report

    def _look_for_damage(self) -> None:
        """Whether the index has files whose content changed while size and time did not."""
        with self._reading() as (index, _):
            states = counts_by_state(index.connection)
        files = sum(
            states.get(state, (0, 0))[0] for state in (FileState.DAMAGED, FileState.SUSPECT)
        )
        cause = f"files that may be damaged: {files:,} (gorillacomb scan names them)"
        self._tell("damage", cause if files else None)

    def _linked(self, changed: tuple[Changed, ...]) -> Linked:
        """The files with several names in changed folders, as the index has them."""
        with self._reading() as (index, roots):
            folders = (
                find_folder(index.connection, root, below(each.path, root.path))
                for each in changed
                for root in roots
                if is_below(each.path, root.path)
            )
            return linked_in(index.connection, [each for each in folders if each is not None])

    def _mark_other_names(self, changed: Linked) -> None:
        """Have the folders scanned where changed files have other names, of which nobody tells."""
        if not changed:
            return
        with self._reading() as (index, roots):
            paths = FolderPaths(index.connection, {root.id: root for root in roots})
            for folder in folders_with(index.connection, changed):
                place = paths.place(folder)
                if place is not None:
                    self.pending.mark(place[1])

    @contextmanager
    def _reading(self) -> Iterator[tuple[Index, list[Root]]]:
        with Index.read(self.vault) as index:
            yield index, all_roots(index.connection)

    # What the pulse tells.

    def _note_ledger(self) -> None:
        self._tell("trace", self._cosigner.look())
        self.health.ledger = self._cosigner.ledger

    def _tell(self, what: str, cause: str | None) -> None:
        if self.health.blame(what, cause) and cause is not None:
            self.listener.troubled(cause)


@contextmanager
def only_one(vault: Vault) -> Iterator[None]:
    """Be the only watcher of a vault. Raises Refused."""
    vault.create()
    descriptor = os.open(vault.folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(
                f"Another watcher runs with the vault {vault.folder}.",
                "`gorillacomb pulse` tells how it is.",
            ) from None
        yield
    finally:
        os.close(descriptor)


def is_watched(vault: Vault) -> bool:
    """Whether a watcher has the vault now."""
    try:
        descriptor = os.open(vault.folder / _LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _identity(path: bytes) -> Identity | None:
    try:
        return identity_of(os.stat(path))
    except OSError:
        return None


def _limit() -> str:
    try:
        with open(_LIMIT) as file:
            return file.read().strip()
    except OSError:
        return "unknown"
