"""Watched manifests: what was deployed is compared with its manifest whenever something changes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

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
    """A folder and what must stand in it."""

    file: bytes
    """The path of the manifest, as it was read when the watcher began."""
    root: bytes
    """Absolute, links resolved."""
    manifest: Manifest


class ManifestGuard:
    """Compares guarded folders; what is wrong is in the health while it lasts, and told once."""

    def __init__(
        self,
        guarded: Sequence[GuardedFolder],
        vault: Vault,
        health: WatcherHealth,
        listener: WatchListener,
    ) -> None:
        self._guarded = {each.file: each for each in guarded}
        self._vault = vault
        self._health = health
        self._listener = listener
        self._due: set[bytes] = set()
        self._known: dict[bytes, VerificationReport] = {}

    def mark(self, folders: Iterable[bytes]) -> None:
        """Something changed in folders, or they were scanned wholly."""
        for path in folders:
            self._due |= {
                file
                for file, each in self._guarded.items()
                if is_below(path, each.root) or is_below(each.root, path)
            }

    def compare_due(self) -> None:
        """Compare what is due. Raises Interrupted."""
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
