"""Recognize what errors mean: an unplugged drive, a name that disappeared, nothing supported."""

from __future__ import annotations

import errno
from typing import Final

from gorillacomb.fs.openat import FileIdentity, is_same_root, os_error_text

_LOST_NAMES = ("EIO", "ENODEV", "ENXIO", "ENOTCONN", "ESTALE", "ENOMEDIUM")
LOST_DRIVE: Final = frozenset(
    number for name in _LOST_NAMES if (number := getattr(errno, name, None)) is not None
)
"""Errors from a drive that was unplugged; not every system defines all of them."""

VANISHED: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
"""Errors from a path with a component that was removed or replaced."""

UNSUPPORTED: Final = frozenset({errno.ENOTSUP, errno.EOPNOTSUPP})
"""Errors for what a file system cannot do: one number on Linux, two (45 and 102) on macOS."""

LOST_AFTER: Final = 32
"""After this many `LOST_DRIVE` errors in a row, with nothing read in between, the drive is lost."""

_LOST_CAUSES = frozenset(os_error_text(OSError(number, "")) for number in LOST_DRIVE)


def is_lost_drive(error: OSError) -> bool:
    """Return whether an unplugged drive gives this error; a bad sector gives one of them too."""
    return error.errno in LOST_DRIVE


def is_vanished(error: OSError) -> bool:
    """Return whether an error means that a component of the path was removed or replaced."""
    return error.errno in VANISHED


def is_lost_cause(text: str | None) -> bool:
    """Return whether a cause, as written by `os_error_text`, is that of a `LOST_DRIVE` error."""
    return text in _LOST_CAUSES


class DriveFailureCounter:
    """Concludes from failures below a root whether the root itself, or its drive, is lost."""

    def __init__(self, root: bytes, identity: FileIdentity) -> None:
        self._root = root
        self._identity = identity
        self._failures = 0

    @property
    def root_is_there(self) -> bool:
        """Whether the root's path still leads to the original folder."""
        return is_same_root(self._root, self._identity)

    def note(self, failures: int) -> bool:
        """Count `LOST_DRIVE` failures; return whether the root is lost."""
        self._failures += failures
        return self._failures >= LOST_AFTER or bool(failures and not self.root_is_there)

    def note_error(self, error: OSError) -> bool:
        """Count an error below the root, if it is one that counts.

        Return whether the root is lost.
        """
        if is_vanished(error):
            return not self.root_is_there
        return self.note(1) if is_lost_drive(error) else False

    def reset(self) -> None:
        """Reset the count: something was read."""
        self._failures = 0
