"""Watched manifests: compare a deployed folder with its manifest whenever something changes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from gorillacomb.errors import GorillaCombError, Interrupted
from gorillacomb.fs.openat import os_error_text
from gorillacomb.fs.paths import is_below, path_text
from gorillacomb.manifest.io import paths_below
from gorillacomb.manifest.model import Manifest
from gorillacomb.manifest.verify import VerificationReport, verify
from gorillacomb.vault.vault import Vault
from gorillacomb.watch.health import WatcherHealth
from gorillacomb.watch.options import WatchListener


@dataclass(frozen=True, slots=True)
class GuardedFolder:
    """A folder, and the manifest that it must match."""

    file: bytes
    """The path of the manifest."""
    place: bytes
    """The folder's path as given: a link in it may be redirected one day."""
    manifest: Manifest
    """As it was read when the watcher started, or when another folder took the place."""
    is_signed: bool
    """Whether it is signed by one of the user's keys."""
    root: bytes = b""
    """The folder's real path."""

    def found(self) -> GuardedFolder:
        """Return a copy with the root to which the place leads now."""
        return replace(self, root=os.path.realpath(self.place))


ReadGuarded = Callable[[bytes], GuardedFolder]
"""Reads a manifest and the place that it describes. Raises GorillaCombError."""


class ManifestGuard:
    """Compares guarded folders; reports a difference once, and in the health while it lasts."""

    def __init__(
        self,
        guarded: Sequence[GuardedFolder],
        read: ReadGuarded,
        vault: Vault,
        health: WatcherHealth,
        listener: WatchListener,
    ) -> None:
        self._guarded = {each.file: each.found() for each in guarded}
        self._read = read
        self._vault = vault
        self._health = health
        self._listener = listener
        self._due: set[bytes] = set()
        self._known: dict[bytes, VerificationReport] = {}

    def mark(self, folders: Iterable[bytes]) -> None:
        """Mark guarded folders for comparison after a change or a whole scan of these folders."""
        for path in folders:
            self._due |= {
                file
                for file, each in self._guarded.items()
                if is_below(path, each.root) or is_below(each.root, path)
            }

    def follow(self, tops: Sequence[bytes]) -> None:
        """Follow places that lead to other folders now; ``tops`` are watched.

        Each new folder is compared with the manifest that it contains, if one of the user's keys
        signed that; otherwise with the former one, so that nobody else decides what must be there.
        """
        for file, known in self._guarded.items():
            moved = known.found()
            if moved.root != known.root:
                self._guarded[file] = self._brought(moved)
                self._known.pop(file, None)
                self._due.add(file)
            is_watched = any(is_below(moved.root, top) for top in tops)
            cause = (
                f"{path_text(moved.place)} leads to {path_text(moved.root)} now, which is in no"
                " folder that is watched"
            )
            self._health.set_problem(f"guard {file!r}", None if is_watched else cause)

    def _brought(self, moved: GuardedFolder) -> GuardedFolder:
        """Return what to guard after another folder took the place."""
        try:
            brought = self._read(moved.file).found()
        except GorillaCombError:
            return moved  # it contains no manifest
        return brought if brought.is_signed and brought.root == moved.root else moved

    def compare_due(self) -> None:
        """Compare the marked folders. Raises Interrupted."""
        while self._due:
            self._compare(self._guarded[self._due.pop()])

    def _compare(self, guarded: GuardedFolder) -> None:
        what = f"manifest {guarded.file!r}"
        try:
            found = verify(
                guarded.manifest,
                guarded.root,
                both=False,
                ignored=paths_below(guarded.root, guarded.file),
                own=self._vault.own_files(),
            )
        except Interrupted:
            raise
        except (GorillaCombError, OSError) as error:
            cause = os_error_text(error) if isinstance(error, OSError) else error.message
            self._health.set_problem(what, f"{path_text(guarded.file)}: {cause}")
            return
        if not found.differs and not found.incomplete:
            self._known.pop(guarded.file, None)
            self._health.set_problem(what, None)
            return
        told = ", ".join(f"{len(each):,} {kind}" for kind, each in found.kinds().items() if each)
        self._health.set_problem(
            what,
            f"{path_text(guarded.root)} is not as {path_text(guarded.file)} says: {told}"
            " (gorillacomb verify names them)",
        )
        if self._known.get(guarded.file) != found:
            self._known[guarded.file] = found
            self._listener.broken(guarded.file, guarded.root, found)
