"""Scans by the user's settings alone, which follow what was changed."""

from __future__ import annotations

from collections.abc import Sequence

from gorillacomb.api.scan import recorder_for
from gorillacomb.model import ScanReport
from gorillacomb.progress import Progress
from gorillacomb.scan.options import ScanOptions
from gorillacomb.scan.scanner import scan
from gorillacomb.vault.settings import Settings
from gorillacomb.vault.vault import Vault


def rescan(
    vault: Vault,
    paths: Sequence[bytes],
    settings: Settings,
    changed: tuple[bytes, ...] | None = None,
    again: tuple[tuple[int, bytes], ...] | None = None,
    accept: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
    quiet_ns: int = 0,
    taken: tuple[bytes, ...] = (),
) -> ScanReport:
    """Scan folders, or only some things in them (see `ScanOptions`). Raises as `scan` does.

    ``quiet_ns`` is as in `recorder_for`.
    """
    options = ScanOptions(
        workers=settings.workers if workers is None else workers,
        standing_excludes=settings.exclude,
        standing_min_size=settings.min_size or 0,
        changed=changed,
        again=again,
        accept=accept,
        taken=taken,
        quick=again is not None,  # what was not read at all is no matter of reading it again
    )
    return scan(vault, paths, options, progress, recorder=recorder_for(settings, quiet_ns))
