"""The watcher: scan changed folders once they are quiet, and whole roots without change events."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

from gorillacomb.errors import Interrupted, OutputLost, UsageError, VaultError
from gorillacomb.fs.openat import os_error_text
from gorillacomb.fs.paths import is_below
from gorillacomb.index.database import Index
from gorillacomb.index.roots import all_roots
from gorillacomb.model import SECOND
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh.keys.keys import Ed25519SigningKey
from gorillacomb.watch.cosigner import Cosigner, CosigningProgress
from gorillacomb.watch.debounce import ChangeQueue
from gorillacomb.watch.exclusions import WatchExclusions
from gorillacomb.watch.health import WatcherHealth, WatcherState
from gorillacomb.watch.manifest_guard import GuardedFolder, ManifestGuard, ReadGuarded
from gorillacomb.watch.options import ScanFunction, WatchListener, WatchOptions
from gorillacomb.watch.root_monitor import RootMonitor
from gorillacomb.watch.scan_runner import ScanRunner
from gorillacomb.watch.scrubber import Scrubber

_TURN = 5.0
"""Seconds between checks when nothing changes."""
_NICE = 10


class Watcher:
    """Watches roots; `run` returns when it is stopped."""

    def __init__(
        self,
        vault: Vault,
        paths: Sequence[bytes],
        options: WatchOptions,
        patterns: Callable[[], tuple[str, ...]],
        scan: ScanFunction,
        listener: WatchListener,
        key: Ed25519SigningKey,
        guarded: Sequence[GuardedFolder],
        read_guarded: ReadGuarded,
    ) -> None:
        """Prepare to watch; ``patterns`` reads the settings and returns the general excludes.

        It may raise UsageError. ``key`` is the watcher's own.
        """
        self.health = WatcherHealth(troubled=listener.troubled, recovered=listener.recovered)
        self.is_running = False
        """Whether KeyboardInterrupt only ends `run`."""
        self.head_seen: Callable[[int], object] = lambda size: None
        """Called often with the size of the trace that was cosigned last."""
        self._vault = vault
        self._options = options
        self._patterns = patterns
        self._pending = ChangeQueue(options.quiet_ns)
        self._left_out = WatchExclusions(vault)
        self._listener = listener
        self._roots = RootMonitor(
            paths,
            options,
            self._pending,
            self._left_out,
            self.health,
            listener.back,
            self._follow,
        )
        self._cosigner = Cosigner(vault, key, self.health)
        self._scans = ScanRunner(
            vault,
            scan,
            listener,
            self.health,
            self._pending,
            lambda: self._roots.paths,
            CosigningProgress(self._cosigner),
        )
        self._scrubbing = Scrubber(vault, options, self._scans, self._roots.present, self.health)
        self._guards = ManifestGuard(guarded, read_guarded, vault, self.health, listener)
        self._standing: tuple[str, ...] = ()
        self._stopping = self._hung_up = False
        self._ending: OutputLost | None = None

    def queue(self) -> tuple[int, int | None]:
        """Return how many folders wait, and when something last changed (wall clock, ns)."""
        return len(self._pending), self._pending.last_change_ns

    def stop(self) -> None:
        """Make `run` return soon; call it in a signal handler before raising KeyboardInterrupt.

        The exception alone may occur at a place where Python drops it.
        """
        self._stopping = True

    def reload_settings(self) -> None:
        """Have the settings read again and everything rescanned; may run in a signal handler."""
        self._hung_up = True
        self._pending.wake()  # its lock is reentrant

    def line_written(self, error: OSError | None) -> None:
        """Note whether a line for the user could be written, or why not; from any thread.

        A closed pipe does not recover: `run` ends, so that the service manager can start us again
        with another one. A line that the disk refuses is dropped, and the next one tried.
        """
        if isinstance(error, BrokenPipeError):
            self._ending = OutputLost(
                "Printing what the watcher does failed: nobody reads it any more.",
                "Try: start it again with its output in a file, or piped to a program that stays.",
            )
            self._stopping = True
            self._pending.wake()
            return
        why = error.strerror if isinstance(error, TimeoutError) else error and os_error_text(error)
        cause = f"its lines cannot be printed, and are dropped: {why}"
        self.health.set_problem("output", cause if error else None)

    def run(self) -> None:
        """Watch until `stop` or KeyboardInterrupt, which ends it cleanly.

        Raises GorillaCombError from the first scan, OutputLost when nobody reads the output.
        """
        try:
            self.is_running = True
            if self._stopping:
                return
            if sys.platform == "linux":
                # Only this thread and the workers: the pulse must not wait.
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
            self._standing = self._patterns()
            self._learn_excludes()
            self._roots.poll_presence()
            with self.health.busy():
                self._scan_whole(self._roots.present())
            self.health.state = WatcherState.WATCHING
            while not self._stopping:
                self._turn()
            if self._ending is not None:
                raise self._ending
        except (KeyboardInterrupt, Interrupted):
            return
        except BaseException as error:
            self.health.set_root_problem("end", f"it ended by an error: {error}")
            raise
        finally:
            self.is_running = False
            self.health.state = WatcherState.STOPPED
            self._roots.close()

    def _turn(self) -> None:
        """Do what is due, then wait for more."""
        if self._hung_up:
            self._hung_up = False
            self._read_settings()
        self._roots.poll_presence()
        self._guards.follow(self._roots.paths)
        with self._scans.report_failures(), self.health.busy():
            self._scan_whole(self._roots.due())
            self._scan_changed()
            self._scans.look_again_at_links()
            self._stamp_later()
            self._guards.compare_due()
            self._scrubbing.scrub_next()
        self._cosigner.cosign_if_new()
        if self.health.trace is not None:
            self.head_seen(self.health.trace.head.size)
        self._pending.wait(min(_TURN, self._options.poll_ns / SECOND, self._scrubbing.wait()))

    def _follow(self, named: bytes, root: bytes) -> None:
        """Handle a given path that leads to another folder now, which is to be watched."""
        self._listener.followed(named, root)
        self._learn_excludes()

    def _scan_whole(self, roots: list[bytes]) -> None:
        if roots:
            self._roots.scanned(self._scans.whole(roots))
            self._guards.mark(roots)
            self.health.set_problem("lost", None)
            self._learn_excludes()

    def _scan_changed(self) -> None:
        there = self._roots.present()
        changed = [
            each for each in self._pending.take() if any(is_below(each, root) for root in there)
        ]
        if changed:
            roots = [root for root in there if any(is_below(each, root) for each in changed)]
            self._guards.mark(changed)
            self._scans.changed(roots, tuple(changed))

    def _stamp_later(self) -> None:
        """Stamp what was deferred until its folders were quiet, as any scan does."""
        there = self._roots.present()
        if there and self._scans.is_stamp_due:
            self._scans.changed(there, tuple(there))

    def _read_settings(self) -> None:
        try:
            self._standing = self._patterns()
        except UsageError as error:
            self.health.set_problem("settings", error.message)
            return
        self.health.set_problem("settings", None)
        self._learn_excludes()
        self._roots.rewatch()

    def _learn_excludes(self) -> None:
        """Read the exclude patterns of each root."""
        known: dict[bytes, tuple[str, ...]] = {}
        # The first scan repairs an incomplete index, or reports what is wrong with it.
        if self._vault.index.exists():
            with suppress(VaultError), Index.read(self._vault) as index:
                known = {root.path: root.exclude for root in all_roots(index.connection)}
        self._left_out.learn_patterns(self._standing, self._roots.paths, known)
