"""What a watcher is asked to do, who scans for it, and whom it tells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from gorillacomb.manifest.verify import VerificationReport
from gorillacomb.model import SECOND, ScanReport
from gorillacomb.progress import Progress


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """What the user sets."""

    quiet_ns: int
    """A folder is scanned when nothing has changed in it for so long."""
    poll_ns: int
    """How far apart whole scans are where nobody tells of changes."""
    whole_ns: int = 86_400 * SECOND
    """How far apart whole scans are where somebody does: not all is told of (inotify(7))."""
    scrub_ns: int = 30 * 86_400 * SECOND
    """A file is read again when it was last read so long ago."""
    scrub_rate: int = 20_000_000
    """Bytes a second, at the most, that are read again."""
    poll_all: bool = False
    """Whether no root is watched, and all are polled."""


class ScanFunction(Protocol):
    """Scans roots, or only some things in them, as `ScanOptions` says. Raises GorillaCombError."""

    def __call__(
        self,
        roots: Sequence[bytes],
        changed: tuple[bytes, ...] | None = None,
        again: tuple[tuple[int, bytes], ...] | None = None,
        progress: Progress | None = None,
    ) -> ScanReport: ...


@dataclass(frozen=True, slots=True)
class DamageReport:
    """A file whose content changed while size and time did not."""

    path: bytes
    is_suspect: bool
    """Whether its ctime or inode moved."""
    good: tuple[bytes, ...]
    """The paths of files that have the good content."""


class WatchListener(Protocol):
    """Is told what the watcher does."""

    def scanned(self, report: ScanReport, folders: Sequence[bytes] | None) -> None:
        """After a scan of changed folders, by their paths, or None for whole roots."""

    def damaged(self, files: Sequence[DamageReport]) -> None:
        """Files are damaged that were not before."""

    def broken(self, manifest: bytes, root: bytes, found: VerificationReport) -> None:
        """A folder is not what its manifest says, or not in the way that it was before."""

    def back(self, root: bytes) -> None:
        """A root that was not there is there again."""

    def followed(self, named: bytes, root: bytes) -> None:
        """A path that was given to be watched leads to another folder now."""

    def troubled(self, cause: str) -> None:
        """Something is wrong, which was not before."""

    def recovered(self, cause: str) -> None:
        """Something is not wrong any more."""
