"""Errors that mean a drive was pulled out, and errors that mean a name vanished."""

from __future__ import annotations

import errno
from typing import Final

from gorillacomb.fs.openat import FileIdentity, is_same_root, os_error_text

_LOST_NAMES = ("EIO", "ENODEV", "ENXIO", "ENOTCONN", "ESTALE", "ENOMEDIUM")
LOST_DRIVE: Final = frozenset(
    number for name in _LOST_NAMES if (number := getattr(errno, name, None)) is not None
)
"""Errors that a drive gives which was pulled out; not every system has all of them."""

VANISHED: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
"""Errors of a path of which a part was removed or replaced."""

LOST_AFTER: Final = 32
"""So many errors of `LOST_DRIVE`, and nothing read in between: the drive is gone."""

_LOST_CAUSES = frozenset(os_error_text(OSError(number, "")) for number in LOST_DRIVE)


def is_lost_drive(error: OSError) -> bool:
    """Whether an error is one that a pulled drive gives; a bad sector gives one too."""
    return error.errno in LOST_DRIVE


def is_vanished(error: OSError) -> bool:
    """Whether an error says that a part of the path was removed or replaced."""
    return error.errno in VANISHED


def is_lost_cause(text: str | None) -> bool:
    """Whether a cause, as `os_error_text` writes it, is that of an error of `LOST_DRIVE`."""
    return text in _LOST_CAUSES


class DriveFailureCounter:
    """Tells from the failures below a root when the root itself is gone, or its drive."""

    def __init__(self, root: bytes, identity: FileIdentity) -> None:
        self._root = root
        self._identity = identity
        self._failures = 0

    @property
    def root_is_there(self) -> bool:
        """Whether the root's path still leads to the folder that it led to at first."""
        return is_same_root(self._root, self._identity)

    def note(self, failures: int) -> bool:
        """Count failures of `LOST_DRIVE`; returns whether the root is lost."""
        self._failures += failures
        return self._failures >= LOST_AFTER or bool(failures and not self.root_is_there)

    def note_error(self, error: OSError) -> bool:
        """Count an error met below the root, if it counts; returns whether the root is lost."""
        if is_vanished(error):
            return not self.root_is_there
        return self.note(1) if is_lost_drive(error) else False

    def reset(self) -> None:
        """Forget the failures: something was read."""
        self._failures = 0
