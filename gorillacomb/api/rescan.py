"""Scan with the user's settings alone, so that the index reflects what was changed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from gorillacomb.errors import GorillaCombError, Interrupted, UsageError
from gorillacomb.fs.paths import innermost, is_below
from gorillacomb.fs.volumes import is_online
from gorillacomb.model import ScanReport
from gorillacomb.progress import Progress
from gorillacomb.scan.options import ScanOptions
from gorillacomb.scan.scanner import scan
from gorillacomb.stamping.recorder import StampRecorder
from gorillacomb.vault.settings import Settings, load_settings
from gorillacomb.vault.vault import Vault

if TYPE_CHECKING:
    from gorillacomb.dedupe.roots import LiveRoot

_MOST_SCOPES = 64
"""Folders that are scanned one by one; if there are more, their roots are scanned instead."""


def paths_that_runs_deleted(folders: Iterable[bytes]) -> Iterable[tuple[bytes, int]]:
    """Yield the absolute path of what runs in some folders deleted for good, and when, in ns.

    Only a scan that finds something missing calls it, so that others need not load the code that
    reads journals.
    """
    from gorillacomb.dedupe.quarantine.inventory import deleted_paths

    return deleted_paths(folders)


def recorder_for(settings: Settings, quiet_ns: int = 0) -> StampRecorder:
    """Return the recorder that stamps the files that a scan finds.

    Those in machine-made folders are stamped once they have been quiet for ``quiet_ns``.
    """
    return StampRecorder(
        is_online,
        settings.preferred,
        bool(settings.prefer),
        quiet_ns,
        settings.machine_names,
        settings.choice,
        settings.rules,
    )


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
    """Scan folders, or only some entries in them (see `ScanOptions`). Raises as `scan` does.

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
        deleted=paths_that_runs_deleted,
        quick=again is not None,  # what was never read need not be read again
    )
    return scan(vault, paths, options, progress, recorder=recorder_for(settings, quiet_ns))


def rescan_changed(
    vault: Vault,
    roots: Sequence[LiveRoot],
    folders: Sequence[bytes],
    progress: Progress,
    taken: tuple[bytes, ...] = (),
) -> tuple[str, ...]:
    """Scan folders in which a run changed something, for the index and the trace's stamps.

    ``taken`` are the paths of what was removed. If the scan fails, what was done stays done: the
    returned warning says why it failed. Raises Interrupted.
    """
    scopes: list[bytes] = []
    # Only in roots: copies kept on a drive that is not connected are left to its next scan.
    known = {
        _reachable(each, root.path)
        for each in folders
        if (root := innermost(each, roots)) is not None
    }
    for folder in sorted(known):
        if not any(is_below(folder, each) for each in scopes):
            scopes.append(folder)
    if len(scopes) > _MOST_SCOPES:
        scopes = [root.path for root in roots if any(is_below(each, root.path) for each in scopes)]
    if not scopes:
        return ()
    try:
        rescan(vault, scopes, load_settings(), progress=progress, taken=taken)
    except Interrupted:
        raise
    except UsageError:  # one of them has disappeared since
        around = [os.path.dirname(each) for each in scopes]
        return rescan_changed(vault, roots, around, progress, taken)
    except GorillaCombError as error:
        return (f"{error.message} The index does not show this yet: gorillacomb scan PATH",)
    finally:
        progress.close()
    return ()


def _reachable(folder: bytes, root: bytes) -> bytes:
    """Return the folder, or the innermost one around it in its root that still exists."""
    while folder != root and not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    return folder
