"""What the server keeps in the state folder: its name, its sessions, its socket."""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import stat
from pathlib import Path

from gorillacomb.errors import RefusedForSafety, VaultError, VaultUnwritable
from gorillacomb.fs.bounded_read import read_bounded
from gorillacomb.fs.durable_files import replace_file
from gorillacomb.fs.openat import os_error_text
from gorillacomb.vault.vault import Vault, create_state_folder, vault_state_folder

__all__ = [
    "forget_host_name",
    "hold_server_lock",
    "own_host_name",
    "read_private",
    "server_folder",
    "write_private",
]

_MOST_BYTES = 1 << 20
_NAME = re.compile(r"gc-[0-9a-f]{16}\.localhost")


def server_folder(vault: Vault) -> Path:
    """Return the folder of a vault's server, for the user alone.

    Raises VaultError, also for one that another user made or may write to.
    """
    folder = vault_state_folder(vault, "server")
    try:
        create_state_folder(folder)
        facts = os.lstat(folder)
    except OSError as error:
        raise _unwritable(folder, error) from error
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.geteuid() or facts.st_mode & 0o022:
        raise VaultError(  # who can write there can begin a session
            f"The folder {folder} belongs to another user, or others may write to it.",
            "Remove it if you did not make it, or: chmod go-w",
        )
    return folder


def own_host_name(vault: Vault) -> str:
    """Return the name under which a vault's server is reached, which no other program has.

    Cookies do not know ports, so that another server on this machine would get those of a name that
    both have. Raises VaultError.
    """
    file = server_folder(vault) / "name"
    found = (read_private(file) or b"").decode("ascii", "replace").strip()
    if not _NAME.fullmatch(found):
        found = f"gc-{secrets.token_hex(8)}.localhost"
        write_private(file, found.encode())
    return found


def forget_host_name(vault: Vault) -> None:
    """Let the server have a new name: others may know the one that it has. Raises VaultError."""
    try:
        (server_folder(vault) / "name").unlink(missing_ok=True)
    except OSError as error:
        raise _unwritable(server_folder(vault), error) from error


def hold_server_lock(vault: Vault) -> int:
    """Return a descriptor that no second server of the vault gets while it is open.

    Raises RefusedForSafety if one runs, VaultError.
    """
    place = server_folder(vault) / "lock"
    try:
        descriptor = os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise _unwritable(place, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise RefusedForSafety(
            "A server of this vault is running already.",
            "gorillacomb serve link prints an address of it.",
        ) from None
    return descriptor


def read_private(file: Path) -> bytes | None:
    """Return what a file contains; None if it does not exist. Raises VaultError."""
    try:
        return read_bounded(file, _MOST_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise VaultError(f"Reading {file} failed: {os_error_text(error)}.") from error


def write_private(file: Path, data: bytes) -> None:
    """Write a file for the user alone, whole or not at all. Raises VaultUnwritable."""
    try:
        replace_file(file, data, 0o600)
    except OSError as error:
        raise _unwritable(file, error) from error


def _unwritable(place: Path, error: OSError) -> VaultUnwritable:
    return VaultUnwritable(
        f"Writing {place} failed: {os_error_text(error)}.",
        "Make room on that disk, or check its permissions.",
    )
