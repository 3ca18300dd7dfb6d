"""What a witness cosigned last of each log, in two places, so that a restored backup is noticed.

A record is a counter and the signed note: the log's signature lines that were verified, and our
cosignatures. It is written to the vault first (temporary file, fsync, rename, fsync of the folder),
then to a place apart, and only then may anything of it leave the machine. So the vault is ahead by
one after a crash, in what nobody has seen; behind it is only where it was set back.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from gorillacomb.errors import (
    UntrustedInput,
    VaultDamaged,
    VaultError,
    VaultRolledBack,
    VaultUnwritable,
)
from gorillacomb.fs.bounded_read import read_bounded
from gorillacomb.fs.durable_files import replace_file
from gorillacomb.fs.openat import os_error_text
from gorillacomb.mesh.witness.identity import WitnessIdentity, has_place_apart
from gorillacomb.vault.vault import Vault, lock_file, wait_for_lock
from gorillacomb.vaultmesh import jcs
from gorillacomb.vaultmesh.checkpoint import Checkpoint, parse_checkpoint
from gorillacomb.vaultmesh.keys.cosign import cosignatures

_MOST_BYTES = 1 << 20
_VERSION = 1
_LOCK = "lock"
_PATIENCE = 5.0
"""Seconds that a request waits for those before it."""
_RECOVER = "gorillacomb mesh witness recover"


@dataclass(frozen=True, slots=True)
class CosignedState:
    """What was cosigned last of one log."""

    counter: int
    """How often that was written, from 1."""
    note: bytes
    """The checkpoint, with the verified lines of the log and our cosignatures."""
    checkpoint: Checkpoint
    seconds: int
    """The time of our cosignature: since 1970, UTC, by our clock."""

    def record(self) -> bytes:
        """Return the content of its file."""
        return jcs.canonical_json(
            {"v": _VERSION, "counter": self.counter, "note": self.note.decode()}
        )


def read_cosigned(note: bytes, identity: WitnessIdentity, counter: int) -> CosignedState:
    """Read a checkpoint that a witness cosigned. Raises UntrustedInput if it did not."""
    found = cosignatures(note, identity.keys)
    if not found:
        raise UntrustedInput(f"The checkpoint has no cosignature of {identity.name}.")
    return CosignedState(
        counter, note, parse_checkpoint(note)[0], max(each.seconds for each in found)
    )


class WitnessState:
    """The records of one witness. Each use is within `locked`."""

    def __init__(self, vault: Vault, identity: WitnessIdentity) -> None:
        self.identity = identity
        self.vault_folder = identity.in_vault(vault)
        self.apart = identity.apart
        self._mutex = threading.Lock()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep every other request out, in this process and in others; raises VaultError.

        Both folders are locked: copies of a vault on one machine have one place apart, and a vault
        on a shared drive is in use on several machines.
        """
        if not self._mutex.acquire(timeout=_PATIENCE):
            raise VaultUnwritable("The witness is busy.")
        held: list[int] = []
        try:
            for folder in (self.apart, self.vault_folder):
                held.append(_locked_file(folder))  # always in this order
            yield
        finally:
            for descriptor in held:
                os.close(descriptor)
            self._mutex.release()

    def current(self, name: str) -> CosignedState | None:
        """Return what was cosigned last of a log, named as by `name_of`; None for nothing.

        What a crash left in the vault alone is written to the place apart first. Raises
        VaultRolledBack if the vault was set back, or there is nothing to compare it with.
        """
        ours, kept = self.read(self.vault_folder, name), self.read(self.apart, name)
        if self.is_behind(ours, kept):
            raise VaultRolledBack(
                f"What the witness {self.identity.name} cosigned was set back, or the second record"
                f" of it is missing from {self.apart}.",
                f"See: {_RECOVER}",
            )
        if ours is not None and ours != kept:
            self._write(self.apart, name, ours)
        return ours

    def is_behind(self, ours: CosignedState | None, kept: CosignedState | None) -> bool:
        """Return whether a record of the vault is older than the one apart, or may be."""
        if kept is None:
            return not has_place_apart(self.identity)
        if ours is None or ours.counter < kept.counter:
            return True
        return ours.counter == kept.counter and ours != kept

    def put(self, state: CosignedState) -> None:
        """Write what is cosigned now, durably, in both places. Raises VaultUnwritable."""
        name = name_of(state.checkpoint.origin)
        for folder in (self.vault_folder, self.apart):
            self._write(folder, name, state)

    def names(self) -> list[str]:
        """Return the names of all logs of which either place has a record, sorted."""
        found = set()
        for folder in (self.vault_folder, self.apart):
            try:
                found |= {name for name in os.listdir(folder) if is_record_name(name)}
            except FileNotFoundError:
                continue
            except OSError as error:
                raise _unreadable(folder, error) from error
        return sorted(found)

    def read(self, folder: Path, name: str) -> CosignedState | None:
        """Read the record of a log in one place; None if there is none. Raises VaultDamaged."""
        path = folder / name
        try:
            found = jcs.parse_strict(read_bounded(path, _MOST_BYTES), "It")
            if not isinstance(found, dict) or found.keys() != {"v", "counter", "note"}:
                raise UntrustedInput("It has other keys than v, counter and note.")
            counter, note = found["counter"], found["note"]
            if found["v"] != _VERSION or type(counter) is not int or not isinstance(note, str):
                raise UntrustedInput("It is of another version.")
            state = read_cosigned(note.encode(), self.identity, counter)
            if name_of(state.checkpoint.origin) != name or counter < 1:
                raise UntrustedInput("It is of another log.")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unreadable(path, error) from error
        except UntrustedInput as error:
            raise VaultDamaged(
                f"The record {path} is damaged: {error.message}", f"See: {_RECOVER}"
            ) from error
        return state

    def _write(self, folder: Path, name: str, state: CosignedState) -> None:
        try:
            replace_file(folder / name, state.record(), 0o600)
        except OSError as error:
            raise VaultUnwritable(
                f"Writing {folder / name} failed: {os_error_text(error)}.",
                "Make room on that disk, or check its permissions.",
            ) from error


def name_of(origin: str) -> str:
    """Return the name of a log's record: the SHA-256 of its origin, in hex, as monitors ask."""
    return sha256(origin.encode()).hexdigest()


def is_record_name(name: str) -> bool:
    """Return whether a name is that of a log's record."""
    return len(name) == 64 and all(digit in "0123456789abcdef" for digit in name)


def _locked_file(folder: Path) -> int:
    path = folder / _LOCK
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # what is missing in it is noticed
        return lock_file(path, lambda file: wait_for_lock(file, _PATIENCE))
    except BlockingIOError:
        raise VaultUnwritable(f"Another process holds {path}.") from None
    except OSError as error:
        raise VaultUnwritable(
            f"Locking {path} failed: {os_error_text(error)}.",
            "Make room on that disk, or check its permissions.",
        ) from error


def _unreadable(path: Path, error: OSError) -> VaultError:
    return VaultDamaged(f"Reading {path} failed: {os_error_text(error)}.")
