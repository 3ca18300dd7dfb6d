"""The options, callbacks and listener of a watcher."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from gorillacomb.manifest.verify import VerificationReport
from gorillacomb.model import SECOND, ScanReport
from gorillacomb.progress import Progress


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """Options set by the user."""

    quiet_ns: int
    """How long nothing must change in a folder before it is scanned."""
    poll_ns: int
    """Interval of whole scans of roots whose changes are not reported."""
    whole_ns: int = 86_400 * SECOND
    """Interval of whole scans of other roots: some changes are never reported (inotify(7))."""
    scrub_ns: int = 30 * 86_400 * SECOND
    """A file is read again when its last read is this old."""
    scrub_rate: int = 20_000_000
    """Limit for reading again, in bytes per second."""
    poll_all: bool = False
    """Whether to poll all roots and watch none."""


class ScanFunction(Protocol):
    """Scans roots, wholly or in part, as in `ScanOptions`. Raises GorillaCombError."""

    def __call__(
        self,
        roots: Sequence[bytes],
        changed: tuple[bytes, ...] | None = None,
        again: tuple[tuple[int, bytes], ...] | None = None,
        progress: Progress | None = None,
    ) -> ScanReport: ...


@dataclass(frozen=True, slots=True)
class DamageReport:
    """A file whose content changed while its size and times did not."""

    path: bytes
    is_suspect: bool
    """Whether its ctime or inode changed."""
    good: tuple[bytes, ...]
    """Paths of files with the good content."""


class WatchListener(Protocol):
    """Receives what the watcher does."""

    def scanned(self, report: ScanReport, folders: Sequence[bytes] | None) -> None:
        """Handle a completed scan of these folders, None for whole roots."""

    def damaged(self, files: Sequence[DamageReport]) -> None:
        """Handle newly damaged files."""

    def broken(self, manifest: bytes, root: bytes, found: VerificationReport) -> None:
        """Handle a folder that differs from its manifest, or differs in a new way."""

    def back(self, root: bytes) -> None:
        """Handle a root that is available again."""

    def followed(self, named: bytes, root: bytes) -> None:
        """Handle a watched path that leads to another folder now."""

    def troubled(self, cause: str) -> None:
        """Handle a new problem."""

    def recovered(self, cause: str) -> None:
        """Handle a problem that no longer exists."""
