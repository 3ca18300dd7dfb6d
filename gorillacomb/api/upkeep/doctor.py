"""Measure what a folder's volume and this system really do, and say what can be promised there."""

from __future__ import annotations

import os
import platform
import resource
import stat
import sys
import tempfile
from dataclasses import asdict, dataclass, replace
from typing import cast

from gorillacomb import sqlite
from gorillacomb.api.documents.upkeep import DoctorDocument
from gorillacomb.api.paths import PathInput, absolute_path
from gorillacomb.classify.names import CLOSED_ON_MACOS
from gorillacomb.errors import GorillaCombError, UsageError
from gorillacomb.fs.checkup.survey import survey
from gorillacomb.fs.checkup.trials import Trial, run_trials
from gorillacomb.fs.openat import os_error_text
from gorillacomb.fs.real_path import real_path
from gorillacomb.fs.volumes import identify_volume
from gorillacomb.json_paths import path_to_json
from gorillacomb.vault.vault import Vault
from gorillacomb.watch.pulse_check import PulseState

__all__ = ["Checkup", "Trial", "examine"]

_FEW_FILES = 256
_PREFIX = "gorillacomb-doctor-"
_PROMISES = (
    # what is promised, the trials that it needs, what is said otherwise
    (
        ("rename-file", "folder-lock", "sync", "clock"),
        "Files can be quarantined and put back.",
        "Files cannot be quarantined here without risk.",
    ),
    (
        ("rename-folder", "folder-lock", "sync", "clock"),
        "Whole folders can be quarantined and put back.",
        "Whole folders stay where they are; --files-only moves their files.",
    ),
    (
        ("attributes",),
        "What is attached to files (tags, comments) is compared and kept.",
        "What is attached to files is not kept by this volume.",
    ),
    (
        ("acl",),
        "Who else may use a file (its ACL) is compared and kept.",
        "ACLs are not kept by this volume.",
    ),
    (
        ("permissions",),
        "Everything here can be read.",
        "What is in folders that may not be read is not known: it counts for nothing, and is never"
        " taken for missing.",
    ),
    (
        ("identity",),
        "The volume is recognized when it was unplugged: --count-offline can count it.",
        "The volume is not recognized when it was unplugged: it never counts while it is away.",
    ),
    (
        ("hard-link",),
        "Copies can become hard links.",
        "Copies cannot become hard links.",
    ),
    (("reflink",), "Copies can share their blocks.", "Copies cannot share their blocks."),
    (
        ("writers",),
        "A file that a program has open is left alone.",
        "Whether a program has a file open is not known: what is quarantined waits for a day before"
        " it can be deleted.",
    ),
    (
        ("shared-blocks",),
        "It is known how much space a removal frees.",
        "It is not known how much space a removal frees.",
    ),
)
_NEEDED = frozenset({"rename-file", "folder-lock", "sync", "clock", "attributes"})
"""Without these, nothing is to be removed there."""


@dataclass(frozen=True, slots=True)
class Checkup:
    """What was measured, and what follows."""

    path: bytes
    """The folder that was asked about."""
    file_system: str
    volume: str
    """Its identity."""
    system: str
    python: str
    python_build: str
    """When and with what it was built."""
    sqlite: str
    sqlite_build: str
    """From what it was built."""
    trials: tuple[Trial, ...]

    @property
    def is_fit(self) -> bool:
        """Whether all that a removal needs was measured and works."""
        return _NEEDED.issubset(each.name for each in self.trials if each.result == "yes")

    @property
    def promises(self) -> tuple[str, ...]:
        """What this program can promise there, in sentences."""
        return self._sentences(True)

    @property
    def limits(self) -> tuple[str, ...]:
        """What it cannot promise there, in sentences."""
        return self._sentences(False)

    def _sentences(self, kept: bool) -> tuple[str, ...]:
        works = {each.name for each in self.trials if each.result == "yes"}
        return tuple(
            promise if kept else limit
            for names, promise, limit in _PROMISES
            if (works >= set(names)) == kept
        )

    def to_dict(self) -> DoctorDocument:
        """Return the document of ``doctor --json``."""
        document = {
            **path_to_json(self.path),
            "file_system": self.file_system,
            "volume": self.volume,
            "system": self.system,
            "python": self.python,
            "python_build": self.python_build,
            "sqlite": self.sqlite,
            "sqlite_build": self.sqlite_build,
            "trials": [asdict(each) for each in self.trials],
            "promises": list(self.promises),
            "limits": list(self.limits),
            "fit": self.is_fit,
        }
        return cast(DoctorDocument, document)


def examine(path: PathInput = ".") -> Checkup:
    """Measure in a temporary folder beside a folder, or in it where another volume begins.

    Nothing else is changed, and the temporary folder is removed. What is in the folder is counted,
    for ten seconds at most, and not opened. Raises UsageError for a path that
    is not a folder, or beside which nothing can be written.
    """
    place = real_path(absolute_path(path))
    shown = os.fsdecode(place)
    try:
        if not stat.S_ISDIR(os.stat(place).st_mode):
            raise UsageError(f"{shown} is not a folder.", "Name the folder it is in.")
        volume, beside = identify_volume(place), os.path.dirname(place)
        if identify_volume(beside).id != volume.id or not os.access(beside, os.W_OK):
            beside = place
        with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=os.fsdecode(beside)) as folder:
            trials = run_trials(os.fsencode(folder), volume)
    except OSError as error:
        raise UsageError(
            f"{shown} cannot be examined: {os_error_text(error)}.",
            "Name a folder beside which, or in which, a temporary folder can be created.",
        ) from error
    return Checkup(
        place,
        volume.type,
        volume.id,
        f"{platform.system()} {platform.release()} {platform.machine()}",
        platform.python_version(),
        f"{', '.join(platform.python_build())}, {platform.python_compiler()}",
        sqlite.library_version(),
        sqlite.library_build(),
        (*trials, *_downloads(), *survey(place, CLOSED_ON_MACOS), _open_files()),
    )


def with_service(found: Checkup, vault: Vault) -> Checkup:
    """Return what was measured, with whether a watcher keeps a vault up to date."""
    return replace(found, trials=(*found.trials, _service(vault)))


def _service(vault: Vault) -> Trial:
    from gorillacomb.api.watch.pulse import check_watcher  # slow to load
    from gorillacomb.api.watch.service import WATCH, is_service_installed

    installed = is_service_installed(WATCH)
    try:
        status = check_watcher(vault)
    except GorillaCombError as error:
        return Trial("service", "unknown", error.message)
    is_alive = status.state is not PulseState.DEAD
    details = {
        (False, False): "no watcher is installed, and none runs",
        (False, True): "a watcher runs, which is not installed as a service",
        (True, False): f"a watcher is installed, and does not run: {'; '.join(status.causes)}",
        (True, True): "a watcher is installed, and runs",
    }
    return Trial("service", "yes" if is_alive else "no", details[installed, is_alive])


def _open_files() -> Trial:
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return Trial("open-files", "yes" if limit >= _FEW_FILES else "no", f"at most {limit:,} at once")


def _downloads() -> tuple[Trial, ...]:
    if sys.platform != "darwin":
        return ()
    from gorillacomb.fs.darwin.downloads import forbid_downloads

    kept = forbid_downloads()
    return (
        Trial(
            "no-downloads",
            "yes" if kept else "no",
            f"the system {'keeps' if kept else 'cannot keep'} us from downloading files by reading",
        ),
    )
