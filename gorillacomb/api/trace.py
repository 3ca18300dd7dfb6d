"""The trace, the signed record of every canonical file: check it, read it, prove it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, cast

from gorillacomb.api.callbacks import stopped_by_callbacks
from gorillacomb.api.documents.trace import AdoptDocument, ProofDocument, TraceVerifyDocument
from gorillacomb.api.keys import SignerKey, public_keys, rotate_key
from gorillacomb.api.lookup import PathLookup, look_up_path, unknown_path_error
from gorillacomb.api.paths import PathInput, path_text, path_to_json, relative_path
from gorillacomb.api.upkeep.last_checks import check_former_traces, note_audit
from gorillacomb.errors import (
    KeyMissing,
    RefusedForSafety,
    UntrustedInput,
    UsageError,
    VaultError,
    VaultRolledBack,
)
from gorillacomb.fs.durable_files import create_file, remove_new_folder, sync_folder
from gorillacomb.fs.openat import os_error_text
from gorillacomb.index import stamps
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.progress import Progress, ProgressCallback, as_progress
from gorillacomb.stamping.consistency import check_index
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh import adopt as adoption
from gorillacomb.vaultmesh import checkpoint as checkpoints
from gorillacomb.vaultmesh import jcs, proof
from gorillacomb.vaultmesh.audit import AuditReport, audit
from gorillacomb.vaultmesh.entries import checked_entry, entry_path
from gorillacomb.vaultmesh.history import path_history
from gorillacomb.vaultmesh.keys.keys import load_publics
from gorillacomb.vaultmesh.keys.mailed_text import parse_mailed
from gorillacomb.vaultmesh.ledger import Ledger
from gorillacomb.vaultmesh.open import anchor_store, key_store, open_trace

if TYPE_CHECKING:
    from gorillacomb.api.find.fate import PathFate

__all__ = [
    "TraceAdoption",
    "TraceCheck",
    "TraceProof",
    "VaultTrace",
    "VerifiedProof",
    "entry_path",
    "verify_proof",
]


@dataclass(frozen=True, slots=True)
class TraceCheck:
    """Whether the trace is as it was signed, and matches the index."""

    report: AuditReport
    """What was found in the trace itself."""
    index_reason: str | None
    """Why the index does not match a sound trace, in words; None if it does."""
    with_checkpoint: bool
    """Whether it was compared with a checkpoint that was kept elsewhere."""

    @property
    def ok(self) -> bool:
        """Whether all is well."""
        return self.reason is None

    @property
    def reason(self) -> str | None:
        """What is wrong, in words; None if all is well."""
        return self.report.reason or self.index_reason

    def to_dict(self) -> TraceVerifyDocument:
        """Return the document of ``trace verify --json``."""
        checkpoint = "consistent" if self.report.ok else "unknown"
        document = {
            "ok": self.ok,
            "entries": self.report.entries,
            "root": self.report.root.hex(),
            "first_bad": self.report.first_bad,
            "reason": self.reason,
            "anchor": self.report.anchor,
            "checkpoint": checkpoint if self.with_checkpoint else None,
        }
        return cast(TraceVerifyDocument, document)


@dataclass(frozen=True, slots=True)
class TraceProof:
    """A proof that an entry is in the trace, which can be checked without the vault."""

    seq: int
    """The entry's number."""
    entry: dict[str, object]
    data: bytes
    """The proof's file (C2SP tlog-proof)."""

    def save(self, path: PathInput) -> None:
        """Write the proof to a new file. Raises UsageError."""
        place = os.fsencode(path)
        try:
            create_file(place, (self.data,))
            sync_folder(os.path.dirname(place) or b".")
        except OSError as error:
            raise UsageError(
                f"Writing {path_text(place)} failed: {os_error_text(error)}.",
                "Name a file that does not exist yet.",
            ) from error


@dataclass(frozen=True, slots=True)
class VerifiedProof:
    """What a proof proves."""

    seq: int
    """The entry's number."""
    size: int
    """How many entries the trace had when the proof was made."""
    origin: str
    """The name of the trace."""
    entry: dict[str, object]

    def to_dict(self) -> ProofDocument:
        """Return the document of ``trace verify --proof --json``."""
        return {"ok": True, "seq": self.seq, "size": self.size, "entry": self.entry}


@dataclass(frozen=True, slots=True)
class TraceAdoption:
    """A new log that follows an old one."""

    log: str
    """The id of the new log."""
    adopts: str | None
    """The id of the old one; None if that could not be read."""
    entries: int | None
    """Entries of the old one."""
    kept: bytes | None
    """Where the old trace is now; None if there was none."""

    def to_dict(self) -> AdoptDocument:
        """Return the document of ``trace adopt --json``."""
        kept = None if self.kept is None else path_to_json(self.kept)
        document = {"log": self.log, "adopts": self.adopts, "entries": self.entries, "kept": kept}
        return cast(AdoptDocument, document)


class VaultTrace:
    """The trace of a vault. Every method raises VaultError for one that cannot be read."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    @stopped_by_callbacks
    def verify(
        self,
        *,
        checkpoint: bytes | None = None,
        key: PathInput | None = None,
        progress: Progress | ProgressCallback | None = None,
    ) -> TraceCheck:
        """Check every entry against everything ever signed, and the index against the trace.

        ``checkpoint`` is one that was kept elsewhere: the trace has to extend it. The user's keys
        are trusted, or the public key in the file ``key`` alone. Raises UntrustedInput for a
        malformed checkpoint or key, KeyMissing.
        """
        trusted = None if key is None else _trusted_keys(key)
        note = None if checkpoint is None else parse_mailed(checkpoint, _checked_checkpoint)
        shown = as_progress(progress)
        started_ns = time.time_ns()
        with ExitStack() as opened:
            index = _index_synced_with_trace(self._vault, opened)
            ledger = opened.enter_context(open_trace(self._vault))
            shown.stage("Checking the trace", ledger.size, 0)
            try:
                report = audit(ledger, note, trusted, lambda count: shown.advance(count, 0))
            finally:
                shown.close()
            apart = None
            if trusted is None and (note is None or report.ok):
                note_audit(self._vault, ledger, report, started_ns)
                check_former_traces(self._vault)
            if report.ok and index is not None:
                with translate_errors(self._vault):
                    apart = check_index(index(), ledger)
        return TraceCheck(report, apart, checkpoint is not None)

    def show(self, path: PathInput) -> PathFate:
        """Read every entry about a path, also from when it was elsewhere, and what became of it.

        Raises UsageError for a path about which nothing is known.
        """
        from gorillacomb.api.find.fate import trace_path

        return trace_path(self._vault, path)

    def entries(self, last: int | None = None) -> Iterator[dict[str, object]]:
        """Read the entries as they were signed, the oldest first: all, or the last ones.

        Returns an iterator that reads an entry when it is asked for. Raises VaultError with the
        first one.
        """
        with open_trace(self._vault) as ledger:
            start = 0 if last is None else max(ledger.size - last, 0)
            for _, entry in ledger.entries(start):
                yield checked_entry(jcs.parse_own(entry))

    def checkpoint(self) -> bytes:
        """Return the last checkpoint: a signed note with the size and the root hash of the trace.

        Kept elsewhere, it proves later with `verify` that nothing before it was changed. Raises
        VaultError.
        """
        with open_trace(self._vault) as ledger:
            return ledger.checkpoint()

    def prove(self, path: PathInput) -> TraceProof:
        """Prove that the stamp of a file, or of its content, is in the trace.

        For a missing file: its last stamp. Raises UsageError for a path that the index does not
        know, or that has no stamp.
        """
        with Index.read(self._vault) as index, translate_errors(self._vault):
            found = look_up_path(index, os.fsencode(path))
            if found.root is None:
                raise unknown_path_error(found)
            if found.folder is not None:
                raise UsageError(f"{path_text(found.path)} is a folder.", "Name a file in it.")
            digest = None if found.file is None else found.file.digest
            stamp = None if digest is None else stamps.stamp_of(index.connection, digest)
        with open_trace(self._vault) as ledger:
            if stamp is None:
                seq = _last_stamp(ledger, found)
            elif digest is not None and digest.hex().encode() in ledger.entry(stamp.seq):
                seq = stamp.seq
            else:
                raise VaultRolledBack(
                    f"Entry {stamp.seq:,} of the trace is not the one that the index knows.",
                    "For details: gorillacomb trace verify",
                )
            return TraceProof(seq, jcs.parse_own(ledger.entry(seq)), proof.make_proof(ledger, seq))

    def export(self, folder: PathInput) -> int:
        """Write ``entries.jsonl`` and ``checkpoint`` into a new folder; return how many entries.

        The entries are as they were signed, so that anyone's code can recompute the root hash.
        Raises UsageError for a folder that exists or cannot be written.
        """
        place = Path(os.fsdecode(folder))
        with open_trace(self._vault) as ledger:
            note, size = ledger.checkpoint(), ledger.size
            try:
                place.mkdir(parents=True)
                try:
                    lines = (entry + b"\n" for _, entry in ledger.entries())
                    create_file(place / "entries.jsonl", lines)
                    create_file(place / "checkpoint", (note,))
                    sync_folder(place)
                    sync_folder(place.parent)
                except BaseException:
                    remove_new_folder(place, ("entries.jsonl", "checkpoint"))
                    raise
            except OSError as error:
                raise UsageError(
                    f"Writing {place} failed: {os_error_text(error)}.",
                    "Name a folder that does not exist yet, on a disk with room.",
                ) from error
        return size

    def adopt(self, *, force: bool = False) -> TraceAdoption:
        """Start a new log that names the old one: after restoring a backup, or with a lost key.

        The old trace is kept beside it, and the next scan stamps everything in the new one. Raises
        RefusedForSafety for a sound log, unless ``force``.
        """
        vault = self._vault
        vault.check()
        if not force and self._is_sound():
            raise RefusedForSafety(
                f"The trace {vault.trace} is sound, and its key is there: there is nothing to"
                " adopt.",
                "To abandon it anyway, which splits its history in two: --force",
            )
        with Index.write(vault) as index, translate_errors(vault):
            adopted = adoption.adopt(vault.trace, key_store(), anchor_store())
            with index.atomic():
                stamps.clear(index.connection)
            index.commit()
        old, kept = adopted.old, adopted.kept
        return TraceAdoption(
            adopted.new,
            None if old is None else old.log,
            None if old is None else old.size,
            None if kept is None else bytes(kept),
        )

    def public_keys(self) -> list[SignerKey]:
        """Return the public keys that others check it by, the current one last.

        Without a trace: the user's key that signs now. Raises KeyMissing, and UsageError where
        there is no key yet.
        """
        return public_keys(self._vault)

    def rotate_key(self) -> SignerKey:
        """Create a new key that signs the trace from now on; the trace records it.

        The checkpoint of that moment has both signatures. The old key stays where it is: it is
        needed to check what it signed. Raises UsageError if there is no trace, KeyMissing.
        """
        return rotate_key(self._vault)

    def _is_sound(self) -> bool:
        """Return whether the next scan can simply continue the trace."""
        try:
            with ExitStack() as opened:
                index = _index_synced_with_trace(self._vault, opened)
                ledger = opened.enter_context(open_trace(self._vault))
                ledger.check_head()
                with translate_errors(self._vault):
                    state = None if index is None else stamps.synced_log_size(index().connection)
                # The index does not match it yet: an adopt was interrupted.
                fits = state is None or (state[0] == ledger.log and state[1] <= ledger.size)
                return fits and audit(ledger).ok
        except (VaultError, KeyMissing, UntrustedInput):
            return False


def verify_proof(data: bytes, *, key: PathInput | None = None) -> VerifiedProof:
    """Check a proof made by `VaultTrace.prove`; no vault is needed.

    The user's keys are trusted, or the public key in the file ``key`` alone. Raises UntrustedInput
    for an invalid proof, KeyMissing.
    """
    publics = key_store().publics() if key is None else _trusted_keys(key)
    found, checkpoint = parse_mailed(data, lambda text: proof.verify_proof(text, publics))
    entry = jcs.parse_strict(found.entry, "The proof's entry")
    return VerifiedProof(found.index, checkpoint.size, checkpoint.origin, entry)


def _index_synced_with_trace(vault: Vault, opened: ExitStack) -> Callable[[], Index] | None:
    """Return the index, fixed before the trace is opened, so that it is never ahead of it.

    An unreadable index raises only when it is accessed: the trace does without it.
    """
    if not vault.index.exists():
        return None
    try:
        index = opened.enter_context(Index.read(vault))
    except VaultError as error:
        return partial(_raise, error)
    return lambda: index


def _raise(error: VaultError) -> NoReturn:
    raise error


def _checked_checkpoint(note: bytes) -> bytes:
    """Return the checkpoint that was kept, after parsing it. Raises UntrustedInput."""
    checkpoints.parse_checkpoint(note, "The checkpoint that you kept")
    return note


def _trusted_keys(path: PathInput) -> list[bytes]:
    """Return the Ed25519 keys in a file. Raises UsageError, UntrustedInput, KeyMissing."""
    place = Path(os.fsdecode(path))
    found = [key for key in load_publics(place) if isinstance(key, bytes)]
    if not found:
        raise UsageError(
            f"{place} is not an Ed25519 key.", "`gorillacomb keys show` prints that key."
        )
    return found


def _last_stamp(ledger: Ledger, found: PathLookup) -> int:
    """Return the entry in which a missing file was last stamped."""
    assert found.root is not None
    past = path_history(ledger, found.root.uid, relative_path(found.path, found.root.path))
    seqs = [entry["seq"] for entry in past if "size" in entry]
    if not seqs:
        raise UsageError(
            f"{path_text(found.path)} has no stamp in the trace.",
            "gorillacomb scan PATH stamps the canonical copy of a content; empty files have none.",
        )
    return int(seqs[-1])
