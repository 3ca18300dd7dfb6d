"""The witness of a vault at work: what its two requests answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from http import HTTPStatus

from gorillacomb.errors import VaultError
from gorillacomb.log import log_warning
from gorillacomb.mesh.witness.forks import keep_fork
from gorillacomb.mesh.witness.identity import (
    WitnessIdentity,
    WitnessSigners,
    identity_of,
    read_identity,
    signers_of,
)
from gorillacomb.mesh.witness.logs import trusted_logs
from gorillacomb.mesh.witness.protocol import (
    AddCheckpointRequest,
    WitnessRefusal,
    check_extends,
    is_fork,
    parse_request,
    verified_lines,
)
from gorillacomb.mesh.witness.state import (
    CosignedState,
    WitnessState,
    is_record_name,
    name_of,
    read_cosigned,
)
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh.keys.cosign import cosignature_line

EARLIEST = 1_767_225_600
"""2026-01-01, since 1970: a clock before it was never set."""
MOST_BACK = 300
"""Seconds by which a clock may have gone back since the last cosignature of a log."""
Clock = Callable[[], float]


class ClockSetBack(VaultError):
    """The clock is before the last cosignature, or was never set: no time can be signed."""


def cosign_time(now: float, last: int | None) -> int:
    """Return the time of a cosignature, in seconds since 1970: now, but never before the last one.

    A later time never goes with a smaller size. Raises ClockSetBack.
    """
    seconds = int(now)
    if seconds < EARLIEST or (last is not None and seconds < last - MOST_BACK):
        raise ClockSetBack(
            f"The clock is wrong: it shows {seconds} seconds since 1970, and the last cosignature"
            f" is of {last or EARLIEST}.",
            "Set the clock. If it was ahead when that was signed, wait, or make a new key.",
        )
    return max(seconds, last or 0)


class Witness:
    """The witness of a vault. Its methods are called from any thread."""

    def __init__(
        self, vault: Vault, identity: WitnessIdentity, signers: WitnessSigners, clock: Clock
    ) -> None:
        self.vault = vault
        self.identity = identity
        self.state = WitnessState(vault, identity)
        self._signers = signers
        self._clock = clock

    @classmethod
    def open(cls, vault: Vault, clock: Clock = time.time) -> Witness:
        """Open the witness of a vault. Raises UsageError if it has none, VaultError, KeyMissing."""
        identity = identity_of(vault)
        return cls(vault, identity, signers_of(identity), clock)

    def add_checkpoint(self, body: bytes) -> bytes:
        """Cosign a checkpoint that extends the last one of its log: the request ``add-checkpoint``.

        Returns the lines of our cosignatures, which are then recorded. Raises WitnessRefusal;
        VaultError if nothing can be signed now, by the state of the record or the clock.
        """
        request = parse_request(body)
        lines = verified_lines(request, trusted_logs(self.vault))
        self._check_same_witness()
        with self.state.locked():
            last = self.state.current(name_of(request.checkpoint.origin))
            self._check_extends(request, last, lines)
            return self._cosigned(request, last, lines)

    def checkpoint(self, name: str) -> bytes:
        """Return the checkpoint of a log that was cosigned last, for monitors.

        ``name`` is the SHA-256 of its origin, in hex. Raises WitnessRefusal with status 404 if none
        was; VaultError.
        """
        if is_record_name(name):
            self._check_same_witness()
            with self.state.locked():
                found = self.state.current(name)
            if found is not None:
                return found.note
        raise WitnessRefusal(HTTPStatus.NOT_FOUND, "No checkpoint of that log was cosigned.\n")

    def _check_extends(
        self, request: AddCheckpointRequest, last: CosignedState | None, lines: tuple[str, ...]
    ) -> None:
        checkpoint = None if last is None else last.checkpoint
        try:
            check_extends(request, checkpoint)
        except WitnessRefusal:
            if last is not None and is_fork(request, checkpoint):
                try:
                    keep_fork(self.state, last, _note_of(request, lines))
                except VaultError as error:  # the answer is the same
                    log_warning("the proof of a fork could not be kept: %s", error.message)
            raise

    def _cosigned(
        self, request: AddCheckpointRequest, last: CosignedState | None, lines: tuple[str, ...]
    ) -> bytes:
        seconds = cosign_time(self._clock(), None if last is None else last.seconds)
        signed = _note_of(request, lines)
        ours = "".join(
            cosignature_line(signed, self.identity.name, key, seconds) for key in self._signers
        ).encode()
        counter = 1 if last is None else last.counter + 1
        self.state.put(read_cosigned(signed + ours, self.identity, counter))
        return ours

    def _check_same_witness(self) -> None:
        """Refuse once the vault has another witness, or none: it was restored, or has a new key."""
        if read_identity(self.vault) != self.identity:
            raise VaultError(
                f"The vault {self.vault.folder} has another witness than {self.identity.name} now.",
                "Start the server again.",
            )


def _note_of(request: AddCheckpointRequest, lines: tuple[str, ...]) -> bytes:
    """Return a checkpoint with the verified lines of its log alone."""
    return f"{request.signed.text}\n{''.join(lines)}".encode()
