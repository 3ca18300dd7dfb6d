"""How a witness goes on after what it cosigned was set back: by a note that a peer has kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gorillacomb.errors import GorillaCombError, KeyMissing, RefusedForSafety, UntrustedInput
from gorillacomb.mesh.witness.forks import known_forks
from gorillacomb.mesh.witness.identity import (
    WitnessIdentity,
    has_place_apart,
    read_identity,
    signers_of,
)
from gorillacomb.mesh.witness.logs import trusted_logs
from gorillacomb.mesh.witness.protocol import (
    AddCheckpointRequest,
    WitnessRefusal,
    verified_lines,
)
from gorillacomb.mesh.witness.state import CosignedState, WitnessState, name_of, read_cosigned
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh.checkpoint import parse_checkpoint
from gorillacomb.vaultmesh.keys.note import signature_line

_WHAT = "The checkpoint"


@dataclass(frozen=True, slots=True)
class CosignedLog:
    """What a witness knows of one log."""

    name: str
    """The SHA-256 of its origin, in hex."""
    origin: str | None
    """None if neither record of it can be read, and it is not trusted."""
    trusted_keys: int
    size: int | None
    """What was cosigned last, by the newer of both records; None for nothing."""
    seconds: int | None
    """When, since 1970, UTC."""
    trouble: str | None
    """Why nothing of it is cosigned now; None if it is."""
    fork: Path | None
    """The second of two checkpoints of one size that the log signed; None if there is none."""


def cosigned_logs(vault: Vault, identity: WitnessIdentity) -> list[CosignedLog]:
    """Return all logs that a witness trusts or has cosigned, by origin. Raises VaultError."""
    state, logs = WitnessState(vault, identity), trusted_logs(vault)
    origins = {name_of(origin): origin for origin in logs}
    with state.locked():
        forks = known_forks(state)
        found = []
        for name in sorted({*state.names(), *origins}):
            records, trouble = _readable(state, name)
            newest = max(records, key=lambda each: each.counter, default=None)
            origin = origins.get(name) or (newest.checkpoint.origin if newest else None)
            found.append(
                CosignedLog(
                    name=name,
                    origin=origin,
                    trusted_keys=len(logs.get(origin or "", ())),
                    size=newest.checkpoint.size if newest else None,
                    seconds=newest.seconds if newest else None,
                    trouble=trouble,
                    fork=forks.get(name),
                )
            )
    return sorted(found, key=lambda each: (each.origin or "", each.name))


def first_trouble(vault: Vault) -> str | None:
    """Return what is wrong with the witness of a vault; None if nothing is, or it has none.

    Raises VaultError.
    """
    identity = read_identity(vault)
    if identity is None:
        trusted_logs(vault)
        return None
    try:
        signers_of(identity)
    except (KeyMissing, UntrustedInput) as error:
        return error.message
    for log in cosigned_logs(vault, identity):
        if log.trouble is not None:
            return f"{log.origin or log.name} is not cosigned: {log.trouble}"
    return None


def recover(vault: Vault, identity: WitnessIdentity, note: bytes) -> CosignedState | None:
    """Take a peer's copy of the newest checkpoint that a witness cosigned as its record.

    ``note`` is signed by a trusted key of its log, and cosigned by the witness. It may be no older
    than any record that is left. Returns the new record; None if it says nothing new. Raises
    UntrustedInput, RefusedForSafety, VaultError.
    """
    known = read_cosigned(_cleaned(vault, identity, note), identity, 1)
    name, size = name_of(known.checkpoint.origin), known.checkpoint.size
    state = WitnessState(vault, identity)
    with state.locked():
        records, trouble = _readable(state, name)
        for each in records:
            _check_not_older(each, known)
        newest = max(
            (each for each in records if each.checkpoint.size == size),
            key=lambda each: each.seconds,
            default=None,
        )
        if trouble is None and newest is not None and newest.seconds >= known.seconds:
            return None
        kept = newest if newest is not None and newest.seconds > known.seconds else known
        counter = max((each.counter for each in records), default=0) + 1
        recovered = CosignedState(counter, kept.note, kept.checkpoint, kept.seconds)
        state.put(recovered)
    return recovered


def _readable(state: WitnessState, name: str) -> tuple[list[CosignedState], str | None]:
    """Return the records of a log that can be read, and why it is not cosigned now, if so."""
    found: list[CosignedState | None] = []
    trouble = None
    for folder in (state.vault_folder, state.apart):
        try:
            found.append(state.read(folder, name))
        except GorillaCombError as error:
            trouble = error.message
    if trouble is None and state.is_behind(*found):
        is_lost = not has_place_apart(state.identity)
        trouble = (
            f"the second record is missing from {state.apart}"
            if is_lost and found[1] is None
            else f"the vault was set back: {state.apart} has a newer record"
        )
    return [each for each in found if each is not None], trouble


def _check_not_older(record: CosignedState, known: CosignedState) -> None:
    ours, theirs = record.checkpoint, known.checkpoint
    if theirs.size < ours.size:
        raise RefusedForSafety(
            f"{_WHAT} is older than what is known: it has {theirs.size:,} entries, and the"
            f" witness cosigned {ours.size:,}.",
            "Ask for the newest one that has its cosignature.",
        )
    if theirs.size == ours.size and theirs.root != ours.root:
        raise RefusedForSafety(
            f"The witness cosigned two trees of {ours.size:,} entries: its key can no longer be"
            " trusted.",
            "Begin again with a new one, and tell those who trust it:"
            " gorillacomb mesh witness init --new-key",
        )


def _cleaned(vault: Vault, identity: WitnessIdentity, note: bytes) -> bytes:
    """Return a note with the verified lines of its log and of the witness alone."""
    checkpoint, signed = parse_checkpoint(note, _WHAT)
    request = AddCheckpointRequest(0, (), checkpoint, note, signed)
    try:
        lines = verified_lines(request, trusted_logs(vault))
    except WitnessRefusal as error:
        raise UntrustedInput(f"{_WHAT} is refused: {error.text.strip()}") from None
    ours = [
        signature_line(key, line.signature)
        for key in identity.keys
        for line in signed.lines_of(key)
    ]
    return f"{signed.text}\n{''.join([*lines, *ours])}".encode()
