"""Lock roots: a run that changes a root, or relies on what is in it, holds the root's lock.

The locks belong to the file system, not to a vault, so that two vaults that know the same files
cannot each remove what the other relies on. The file ``ROOT/.gorillacomb/lock`` is locked; and
since the root of one vault may be inside that of another, so are the root's folder, exclusively,
and every folder above it, shared: granularity as in Gray et al., "Granularity of Locks in a Shared
Data Base", 1975.

A lock holds on one computer only. In a folder that a service syncs to others, the lock file names
the computer while it is held, so that a run on another one is refused once that has arrived there.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress

from gorillacomb.classify.cloud_folders import cloud_folder_around
from gorillacomb.dedupe.quarantine.bases import open_our_folder
from gorillacomb.errors import RefusedForSafety
from gorillacomb.fs import mutations
from gorillacomb.fs.openat import (
    OUR_FOLDER,
    FileIdentity,
    identity_of,
    os_error_text,
    owner_advice,
    owner_text,
)
from gorillacomb.fs.paths import join, path_text

_HOST = re.compile(rb"[^0-9a-z._-]")
"""What is not part of a computer's name."""
_CANNOT = frozenset({errno.EBADF, errno.EINVAL, errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP})
"""The errors of file systems on which folders cannot be locked."""


@contextmanager
def locked_roots(roots: Iterable[bytes]) -> Iterator[None]:
    """Hold the locks of roots, in sorted order. Raises Refused if another run holds one."""
    wanted = sorted(set(roots))
    with ExitStack() as stack:
        taken: dict[FileIdentity, tuple[int, int]] = {}
        for root in wanted:
            _take(stack, root, taken)
        yield


def _take(stack: ExitStack, root: bytes, taken: dict[FileIdentity, tuple[int, int]]) -> None:
    """Lock a root; ``taken`` contains the locks held so far: descriptor and kind by identity.

    A root may also be visible through another mount, and our own lock is not another run's.
    """
    folder = _open_folder(root)
    if folder is None:
        raise RefusedForSafety(f"{path_text(root)} cannot be opened.", "Connect its drive.")
    stack.callback(os.close, folder)
    _lock_folder(folder, fcntl.LOCK_EX, root, taken)
    above = root
    while above != b"/":
        above = os.path.dirname(above)
        at = _open_folder(above)
        if at is None:
            continue  # not readable by us; a process that cannot read it either has no root there
        stack.callback(os.close, at)
        _lock_folder(at, fcntl.LOCK_SH, root, taken)
    try:
        own = open_our_folder(folder, make=True)
        stack.callback(os.close, own)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        file = os.open(b"lock", flags, 0o600, dir_fd=own)
        stack.callback(os.close, file)
    except OSError as error:
        raise _closed_error(root, folder, error) from error
    _lock(file, fcntl.LOCK_EX, root, taken)
    if cloud_folder_around(join(root, OUR_FOLDER)) is not None:
        try:
            _claim(stack, file, root)
        except OSError as error:
            raise _closed_error(root, folder, error) from error


def _claim(stack: ExitStack, file: int, root: bytes) -> None:
    """Write this computer's name into a lock file that is held, until it is released.

    Raises RefusedForSafety if it contains that of another one.
    """
    ours = _HOST.sub(b"_", os.fsencode(os.uname().nodename.partition(".")[0].lower()))
    text = os.pread(file, 256, 0).strip(b"\0 \n")
    if text not in (b"", ours):
        raise RefusedForSafety(
            f"Another computer, {path_text(_HOST.sub(b'_', text))}, is changing files in"
            f" {path_text(root)}, or was interrupted.",
            "Let it finish, and the sync too. If no run is active there, delete"
            f" {path_text(join(root, OUR_FOLDER + b'/lock'))}.",
        )
    stack.callback(mutations.set_size, file, 0)
    mutations.write_at(file, ours, 0)


def _closed_error(root: bytes, folder: int, error: OSError) -> RefusedForSafety:
    """Return the error for a root whose ``.gorillacomb`` is unusable: its owner, and what to do."""
    shown, cause, own = path_text(root), os_error_text(error), os.geteuid()
    owners = {}
    for name in (OUR_FOLDER, OUR_FOLDER + b"/lock"):
        with suppress(OSError):
            owners[name] = os.stat(name, dir_fd=folder, follow_symlinks=False).st_uid
    if not owners:
        return RefusedForSafety(
            f"Locking {shown} failed: .gorillacomb cannot be created in it ({cause}).",
            f"Nothing was done. {owner_advice(shown, error) or 'Check its permissions.'}",
        )
    name = next((name for name, owner in owners.items() if owner != own), OUR_FOLDER)
    path, owner = path_text(join(root, name)), owner_text(owners[name])
    advice = owner_advice(path, error) or f"Look at what is in {path}."
    if owners[name] not in (0, own):
        advice = (
            "Where several people use a drive, let each one scan a folder of their own on it; or"
            f" ask {owner} to delete {path} when it has nothing in quarantine."
        )
    what = f"{path_text(name)} in it, which belongs to {owner}, cannot be used"
    return RefusedForSafety(
        f"Locking {shown} failed: {what} ({cause}).", f"Nothing was done. {advice}"
    )


def _open_folder(path: bytes) -> int | None:
    try:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:
        return None


def _lock_folder(
    descriptor: int, kind: int, root: bytes, taken: dict[FileIdentity, tuple[int, int]]
) -> None:
    try:
        _lock(descriptor, kind, root, taken)
    except OSError as error:
        if error.errno not in _CANNOT:
            raise


def _lock(
    descriptor: int, kind: int, root: bytes, taken: dict[FileIdentity, tuple[int, int]]
) -> None:
    identity = identity_of(os.fstat(descriptor))
    held, held_kind = taken.get(identity, (descriptor, None))
    if held_kind in (kind, fcntl.LOCK_EX):
        return
    try:
        fcntl.flock(held, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        raise RefusedForSafety(
            f"Another run is changing files in {path_text(root)}, or relies on them.",
            "Wait for it to end.",
        ) from None
    taken[identity] = held, kind
