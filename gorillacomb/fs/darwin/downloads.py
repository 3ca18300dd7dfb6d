"""Ask macOS not to download files that are only in the cloud when this process reads them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from gorillacomb.fs.darwin import figures
from gorillacomb.fs.darwin.library import call

_forbidden: list[bool] = []
"""Not empty once this process forbade them."""


def forbid_downloads() -> bool:
    """Forbid downloads in this process and those that it starts from now on.

    Reading such a file, or listing such a folder, then fails with EDEADLK. Return whether the
    system does as told: setiopolicy_np(3), Apple's technical note TN3150.
    """
    _forbidden.append(True)
    return _set_policy(figures.IOPOL_MATERIALIZE_DATALESS_FILES_OFF)


@contextmanager
def downloads_allowed() -> Iterator[None]:
    """Allow downloads in the block, on macOS, if this process forbade them."""
    if sys.platform != "darwin" or not _forbidden:
        yield
        return
    _set_policy(figures.IOPOL_MATERIALIZE_DATALESS_FILES_ON)
    try:
        yield
    finally:
        _set_policy(figures.IOPOL_MATERIALIZE_DATALESS_FILES_OFF)


def _set_policy(policy: int) -> bool:
    kind = figures.IOPOL_TYPE_VFS_MATERIALIZE_DATALESS_FILES
    try:
        call("setiopolicy_np", kind, figures.IOPOL_SCOPE_PROCESS, policy)
    except OSError:
        return False
    return True
