"""Verify a scroll that came from anywhere: with the keys of its author, or the user's own."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gorillacomb.api.documents.share.scrolls import ScrollVerifyDocument
from gorillacomb.api.paths import PathInput, path_text
from gorillacomb.api.scrolls.status import (
    own_publics,
    reason_documents,
    revocation_document,
    signature_documents,
    statement_document,
    with_hint,
)
from gorillacomb.api.scrolls.traces import OpenTraces, open_traces
from gorillacomb.api.vault import VaultInput, as_vault
from gorillacomb.errors import UntrustedInput, UsageError, VaultError
from gorillacomb.fs.bounded_read import UnexpectedFile, read_document
from gorillacomb.fs.openat import os_error_text
from gorillacomb.scrolls.envelope import (
    MOST_BYTES,
    ScrollEnvelope,
    SignatureFound,
    check_envelope,
    parse_envelope,
)
from gorillacomb.scrolls.gate import own_reasons
from gorillacomb.scrolls.model import GateReason, ReasonFound, Revocation, ScrollStatement
from gorillacomb.scrolls.records import KeyLife, ScrollRecord
from gorillacomb.vaultmesh.keys.keys import load_publics

if TYPE_CHECKING:
    from gorillacomb.vaultmesh.keys.keys import PublicKey

__all__ = ["MOST_BYTES", "ScrollCheck", "read_scroll_file", "verify_scroll"]


@dataclass(frozen=True, slots=True)
class ScrollCheck:
    """Whether a scroll is valid."""

    scroll_id: str
    statement: ScrollStatement
    signatures: tuple[SignatureFound, ...]
    reasons: tuple[ReasonFound, ...]
    """Why it is not valid; empty if it is."""
    seq: int | None
    """The number of its entry; None if its trace is not known here."""
    revocation: Revocation | None
    """None if its trace is not known here."""
    warnings: tuple[str, ...]
    """Why the trace could not be asked."""

    @property
    def ok(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.reasons

    def to_dict(self) -> ScrollVerifyDocument:
        """Return the document of ``scroll verify --json``."""
        revocation = self.revocation
        return {
            "ok": self.ok,
            "scroll_id": self.scroll_id,
            "statement": statement_document(self.statement),
            "signatures": signature_documents(self.signatures),
            "reasons": reason_documents(self.reasons),
            "treaty_position": self.seq,
            "revocation": None if revocation is None else revocation_document(revocation),
        }


def read_scroll_file(path: PathInput) -> bytes:
    """Return the bytes of an envelope's file; ``-`` is standard input. Raises UsageError."""
    place = os.fsencode(path)
    try:
        return read_document(place, MOST_BYTES)
    except UnexpectedFile:
        raise UntrustedInput(
            f"The scroll {path_text(place)} is refused: it is not a file, or far too large."
        ) from None
    except OSError as error:
        raise UsageError(
            f"Reading the scroll {path_text(place)} failed: {os_error_text(error)}.",
            "Name the file of its envelope; gorillacomb scroll list names those of the vault.",
        ) from error


def verify_scroll(
    envelope: bytes, *, keys: Sequence[PathInput] = (), vault: VaultInput = None
) -> ScrollCheck:
    """Check both signatures of a scroll, its expiry, and what the trace says of it, if it is here.

    ``keys`` are files of public keys to trust alone, at least one Ed25519 and one RSA key;
    otherwise the user's own are trusted. Raises UntrustedInput for what is not a scroll or a key,
    KeyMissing.
    """
    found = parse_envelope(envelope)
    publics: list[PublicKey] = []
    hint = None
    if keys:
        for file in keys:
            publics += load_publics(Path(os.fsdecode(file)))
    else:
        publics, hint = own_publics()
    signatures = with_hint(check_envelope(found, publics), hint)
    seq: int | None = None
    revocation: Revocation | None = None
    lives: tuple[KeyLife, ...] = ()
    warnings: tuple[str, ...] = ()
    reasons: tuple[ReasonFound, ...] = ()
    opened = as_vault(vault)
    if opened.trace.exists():
        try:
            with open_traces(opened) as traces:
                seq, revocation, lives, reasons = _recorded(traces, found)
        except VaultError as error:
            warnings = (error.message,)
    own = own_reasons(found.statement, seq, signatures, lives, revocation, time.time_ns())
    return ScrollCheck(
        found.scroll_id,
        found.statement,
        signatures,
        (*own, *reasons),
        seq,
        revocation,
        warnings,
    )


def _recorded(
    traces: OpenTraces, found: ScrollEnvelope
) -> tuple[int | None, Revocation | None, tuple[KeyLife, ...], tuple[ReasonFound, ...]]:
    """Return what the trace that a scroll names says of it, if that is here."""
    trace = traces.of_origin(found.statement.log)
    if trace is None:
        return None, None, (), ()
    as_of = trace.records.time_ns
    record: ScrollRecord | None = trace.records.scrolls.get(found.scroll_id)
    if record is None:
        detail = "The trace that it names has no entry of it: it is not a scroll."
        return None, None, (), (ReasonFound(GateReason.TRACE, detail, as_of),)
    reasons: tuple[ReasonFound, ...] = ()
    if record.envelope != found.sha256:
        detail = f"Entry {record.seq:,} of the trace names another envelope: it was signed again."
        reasons = (ReasonFound(GateReason.TRACE, detail, as_of),)
    revocation = traces.revocation(trace, found.scroll_id)
    return record.seq, revocation, traces.lives(trace), reasons
