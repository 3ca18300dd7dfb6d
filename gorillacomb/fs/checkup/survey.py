"""Count what a folder has only in the cloud, and what in it cannot be read: nothing is opened."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from gorillacomb.fs.checkup.trials import Trial, TrialResult
from gorillacomb.fs.darwin.privacy import privacy_advice_for
from gorillacomb.fs.openat import OUR_FOLDER, is_placeholder, os_error_text

_SECONDS = 10.0
"""A survey ends after this time: it is to tell what a folder is like, not to scan it."""
_CLOSED = frozenset({errno.EPERM, errno.EACCES})


@dataclass(slots=True)
class _Survey:
    """What was met."""

    entries: int = 0
    placeholders: int = 0
    """Files and folders whose contents are only in the cloud."""
    bytes: int = 0
    """Of those files."""
    closed: int = 0
    """Folders that may not be listed."""
    causes: set[str] = field(default_factory=set)
    is_whole: bool = True


def survey(top: bytes, never_open: Collection[bytes] = ()) -> tuple[Trial, Trial]:
    """Return what was found below a folder: what is only in the cloud, and what may not be read.

    Names are in neither. A folder that is only in the cloud is not listed, which would download it;
    nor are those with one of the names ``never_open``, which the system closes to everybody.
    """
    found = _Survey()
    end = time.monotonic() + _SECONDS
    for facts in _entries(top, found, never_open):
        found.entries += 1
        if is_placeholder(facts):
            found.placeholders += 1
            found.bytes += facts.st_size
        if time.monotonic() > end:
            found.is_whole = False
            break
    least = "" if found.is_whole else "at least "
    seen = f"of {least}{found.entries:,} files and folders"
    cloudy = f"{least}{found.placeholders:,} {seen} are only in the cloud ({found.bytes:,} bytes)"
    advice = privacy_advice_for(found.causes)
    folders = "folder" if found.closed == 1 else "folders"
    closed = f"{least}{found.closed:,} {folders} may not be read" + (
        f": {advice}" if advice else ""
    )
    return (
        Trial("placeholders", "yes" if found.is_whole else "unknown", cloudy),
        Trial("permissions", _result(found), closed if found.closed else "all may be read"),
    )


def _result(found: _Survey) -> TrialResult:
    return "no" if found.closed else "yes" if found.is_whole else "unknown"


def _entries(top: bytes, found: _Survey, never_open: Collection[bytes]) -> Iterator[os.stat_result]:
    """Yield the stat of everything below a folder on its volume."""
    stack = [top]
    device = os.stat(top).st_dev
    while stack:
        try:
            with os.scandir(stack.pop()) as listing:
                for entry in listing:
                    if entry.name == OUR_FOLDER or entry.name in never_open:
                        continue
                    facts = entry.stat(follow_symlinks=False)
                    yield facts
                    is_here = facts.st_dev == device and not is_placeholder(facts)
                    if is_here and entry.is_dir(follow_symlinks=False):
                        stack.append(entry.path)
        except OSError as error:
            if error.errno in _CLOSED:
                found.closed += 1
                found.causes.add(os_error_text(error))
