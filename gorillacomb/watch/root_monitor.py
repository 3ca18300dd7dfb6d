"""Tracks a watcher's roots: where they are, whether they exist, and how changes are noticed."""

from __future__ import annotations

import os
import sys
import threading
import time
import warnings
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from gorillacomb.fs.openat import FileIdentity, os_error_text, root_identity
from gorillacomb.fs.paths import is_below, path_text
from gorillacomb.fs.real_path import real_path
from gorillacomb.fs.volumes import changes_elsewhere, identify_volume
from gorillacomb.watch.debounce import ChangeQueue
from gorillacomb.watch.exclusions import WatchExclusions
from gorillacomb.watch.health import RootHealth, WatcherHealth
from gorillacomb.watch.options import WatchOptions


class TreeWatcher(Protocol):
    """Watches whole trees with what the system has for it, and queues folders that change."""

    overflowed: threading.Event
    """Set when the system lost events, and each root is to be watched again."""

    def add(self, root: bytes) -> str | None:
        """Watch a whole root, or nothing of it; return the reason if it failed."""

    def drop(self, root: bytes) -> None:
        """Stop watching a root."""

    def failed_roots(self) -> dict[bytes, str | None]:
        """Return the roots that are no longer watched, each once, with the reason.

        The reason is None if the folder disappeared: another may be in its place already.
        """

    def unsure_roots(self) -> set[bytes]:
        """Return the watched roots in which anything may have changed unreported, each once."""

    def look_at_mounts(self, points: Iterable[bytes]) -> None:
        """Look again at paths where something was mounted or unmounted."""

    def watched(self) -> dict[bytes, tuple[int, FileIdentity]]:
        """Return watch and identity of each watched folder, by path."""

    def close(self) -> None:
        """End all watches."""


@dataclass(slots=True)
class _MonitoredRoot:
    path: bytes
    identity: FileIdentity | None = None
    """The watched folder; None while it is missing."""
    scanned_ns: int | None = None
    """When its last whole scan ended (monotonic); None when one is due."""


class RootMonitor:
    """Watches roots for changes where the system supports it, and polls the others."""

    def __init__(
        self,
        paths: Iterable[bytes],
        options: WatchOptions,
        pending: ChangeQueue,
        left_out: WatchExclusions,
        health: WatcherHealth,
        back: Callable[[bytes], None],
        followed: Callable[[bytes, bytes], None] = lambda named, root: None,
    ) -> None:
        """Prepare to monitor; ``back`` is called with a root that is available again.

        ``followed`` is called with a path that leads to another folder than before, and that
        folder, before it is watched. A root inside another one is watched with it.
        """
        self._options = options
        self._pending = pending
        self._left_out = left_out
        self._health = health
        self._back = back
        self._followed = followed
        self._leads = {each: real_path(each) for each in map(os.path.abspath, paths)}
        """Where each path leads, or led when it last existed."""
        left_out.learn_mounts()
        tops = self._outermost(self._leads.values())
        self._roots = {path: _MonitoredRoot(path) for path in tops}
        self._covered: set[bytes] = set()
        self._tree: TreeWatcher | None = None
        if not options.poll_all:
            try:
                self._tree = _tree_watcher(pending, left_out)
            except (ImportError, OSError) as error:
                cause = error.strerror if isinstance(error, OSError) else error
                health.set_problem("events", f"no changes are told of, all is polled: {cause}")

    @property
    def paths(self) -> list[bytes]:
        """All roots."""
        return sorted(self._roots)

    def present(self) -> list[bytes]:
        """Return the roots that exist."""
        return [root.path for root in self._roots.values() if root.identity is not None]

    def due(self) -> list[bytes]:
        """Return the existing roots that are due for a whole scan."""
        now = time.monotonic_ns()
        return [path for path in self.present() if self._is_due(self._roots[path], now)]

    def scanned(self, paths: Sequence[bytes]) -> None:
        """Note that these roots were scanned wholly."""
        for path in paths:
            self._roots[path].scanned_ns = time.monotonic_ns()

    def rewatch(self) -> None:
        """Watch all roots from scratch at the next look, since the exclusions changed."""
        for root in self._roots.values():
            root.identity = None

    def poll_presence(self) -> None:
        """Start watching roots that appeared, and stop watching those that disappeared."""
        if self._tree is not None:
            self._hear(self._tree)
        mounted = self._left_out.learn_mounts()
        missing = self._follow()
        self._look_at_mounts(mounted)
        for root in self._roots.values():
            identity = None if root.path in missing else root_identity(root.path)
            if identity is None:
                self._lose(root, missing.get(root.path, root.path))
            elif identity != root.identity:
                was_away = self._health.roots.get(root.path) is RootHealth.AWAY
                root.identity, root.scanned_ns = identity, None
                self._watch(root)
                if was_away:
                    self._back(root.path)

    def watched(self) -> dict[bytes, tuple[int, FileIdentity]]:
        """Return the folders whose changes the system reports, as `InotifyWatcher.watched`."""
        return {} if self._tree is None else self._tree.watched()

    def close(self) -> None:
        """Stop watching all roots."""
        if self._tree is not None:
            self._tree.close()

    def _hear(self, tree: TreeWatcher) -> None:
        """Check for lost events and failed watches since the last call."""
        unsure = tree.unsure_roots() & self._roots.keys()
        for path in unsure:
            self._roots[path].scanned_ns = None
        if tree.overflowed.is_set():
            tree.overflowed.clear()
            unsure |= self._roots.keys()
            for root in self._roots.values():
                root.scanned_ns = root.identity = None
        if unsure:
            self._health.set_problem("lost", "the system lost events; everything is scanned again")
        for path, cause in tree.failed_roots().items():
            tree.drop(path)
            if path not in self._roots:
                continue
            if cause is None:
                self._roots[path].identity = None
            else:
                self._poll(self._roots[path], cause)

    def _is_due(self, root: _MonitoredRoot, now: int) -> bool:
        if root.scanned_ns is None:
            return True
        polled = self._health.roots[root.path] is RootHealth.POLLED
        apart = self._options.poll_ns if polled else self._options.whole_ns
        return now - root.scanned_ns >= apart

    def _follow(self) -> dict[bytes, bytes]:
        """Follow paths that lead elsewhere now, such as a replaced link.

        Returns the roots to which no given path leads any more, each with its former path.
        """
        missing: dict[bytes, bytes] = {}
        found: set[bytes] = set()
        news: list[tuple[bytes, bytes]] = []
        for named, before in self._leads.items():
            if not os.path.isdir(named):
                missing[before] = named
                continue
            root = before if os.path.realpath(named) == before else real_path(named)
            found.add(root)
            if root != before:
                news.append((named, root))
        self._leads |= news
        away = {root for root in missing if not any(is_below(root, each) for each in found)}
        self._move_roots(self._outermost(found) | self._outermost(away))
        for named, root in news:
            self._followed(named, root)
        return {root: missing[root] for root in away}

    def _move_roots(self, paths: set[bytes]) -> None:
        """Replace the set of roots."""
        for path in self._roots.keys() - paths:
            self._set(self._roots.pop(path), None, None)
            if self._tree is not None:
                self._tree.drop(path)
        for path in paths - self._roots.keys():
            self._roots[path] = _MonitoredRoot(path)

    def _outermost(self, paths: Collection[bytes]) -> set[bytes]:
        """Return the paths that are not watched as a part of another one."""
        points = self._left_out.points
        return {
            path
            for path in paths
            if not any(
                path != top and is_below(path, top) and not _is_mounted_in(top, path, points)
                for top in paths
            )
        }

    def _look_at_mounts(self, changed: Iterable[bytes]) -> None:
        """Handle mount points that appeared or disappeared."""
        for point in changed:
            self._pending.mark(os.path.dirname(point))
            if self._left_out.knows_files_in(point):
                self._covered.add(point)
        for point in list(self._covered):
            is_in_root = any(point != path and is_below(point, path) for path in self._roots)
            covers = is_in_root and point in self._left_out.points and point not in self._roots
            cause = (
                f"something is mounted on {path_text(point)}, and not watched: end the watcher, and"
                " name that folder too"
            )
            self._health.set_problem(f"mount {point!r}", cause if covers else None)
            if not covers:
                self._covered.remove(point)
        if self._tree is not None:
            self._tree.look_at_mounts(changed)

    def _lose(self, root: _MonitoredRoot, named: bytes) -> None:
        root.identity = None
        if self._tree is not None:
            self._tree.drop(root.path)
        self._set(root, RootHealth.AWAY, f"{path_text(named)} is not there")

    def _watch(self, root: _MonitoredRoot) -> None:
        try:
            remote = changes_elsewhere(identify_volume(root.path).type)
        except OSError as error:
            self._poll(root, os_error_text(error))
            return
        if self._tree is None or remote:
            self._set(root, RootHealth.POLLED, None)
            return
        self._tree.drop(root.path)  # watches on what was there before
        cause = self._tree.add(root.path)
        if cause is None:
            self._set(root, RootHealth.WATCHED, None)
        else:
            self._poll(root, cause)

    def _poll(self, root: _MonitoredRoot, cause: str) -> None:
        """Continue without events."""
        root.scanned_ns = None
        self._set(
            root,
            RootHealth.POLLED,
            f"{path_text(root.path)} cannot be watched, and is scanned from time to time: {cause}",
        )

    def _set(self, root: _MonitoredRoot, health: RootHealth | None, cause: str | None) -> None:
        """Record a root's health; None for one that is no longer monitored."""
        if health is None:
            self._health.roots.pop(root.path, None)
        else:
            self._health.roots[root.path] = health
        self._health.set_problem(f"root {root.path!r}", cause)


def _tree_watcher(pending: ChangeQueue, left_out: WatchExclusions) -> TreeWatcher | None:
    """Return what watches trees on this system; None if nothing does.

    Raises OSError if the system allows no more of it, ImportError if watchdog came without it.
    """
    # Neither can be loaded on the other system.
    if sys.platform == "linux":
        from gorillacomb.watch.inotify import InotifyWatcher

        return InotifyWatcher(pending, left_out.holds)
    if sys.platform == "darwin":
        # What the causes of the watcher's state say too.
        warnings.filterwarnings("ignore", "Failed to import fsevents", UserWarning)
        from gorillacomb.watch.fsevents import FSEventsWatcher

        return FSEventsWatcher(pending, left_out.holds)
    return None


def _is_mounted_in(top: bytes, path: bytes, points: Iterable[bytes]) -> bool:
    """Return whether a path below a root is on something else that was mounted there."""
    return any(each != top and is_below(each, top) and is_below(path, each) for each in points)
