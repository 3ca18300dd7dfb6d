"""What is known of scrolls, and whether they may be released. No content is read."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from gorillacomb.api.documents.share.scrolls import (
    GateReasonDocument,
    ManifestCheckDocument,
    RevocationDocument,
    ScrollDocument,
    ScrollsDocument,
    ScrollSignatureDocument,
    ScrollStatementDocument,
)
from gorillacomb.api.scrolls.sync import find_sync, proof_file
from gorillacomb.api.scrolls.traces import OpenTrace, OpenTraces, open_traces
from gorillacomb.api.upkeep.last_checks import last_manifest_check, last_trace_check
from gorillacomb.api.vault import VaultInput, as_vault
from gorillacomb.errors import KeyMissing, UntrustedInput, UsageError, VaultDamaged, VaultError
from gorillacomb.scrolls.envelope import SignatureFound, check_envelope, parse_envelope
from gorillacomb.scrolls.gate import (
    MAX_AGE_NS,
    Evidence,
    ManifestCheckFound,
    TraceCheckFound,
    find_reasons,
)
from gorillacomb.scrolls.model import (
    GateReason,
    ReasonFound,
    Revocation,
    ScrollMetadata,
    ScrollStatement,
    SealMetadata,
)
from gorillacomb.scrolls.records import ScrollRecord
from gorillacomb.scrolls.spdx import license_problem
from gorillacomb.scrolls.store import ScrollStore
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh.ledger import Ledger
from gorillacomb.vaultmesh.open import key_store

if TYPE_CHECKING:
    from gorillacomb.vaultmesh.keys.keys import PublicKey

__all__ = [
    "MAX_AGE_NS",
    "GateReason",
    "ReasonFound",
    "ScrollList",
    "ScrollStatement",
    "ScrollStatus",
    "full_id",
    "list_scrolls",
    "read_revocation_proof",
    "read_scroll_envelope",
    "read_scroll_proof",
    "scroll_status",
]


@dataclass(frozen=True, slots=True)
class ScrollStatus:
    """What is known of one scroll."""

    metadata: ScrollMetadata | SealMetadata
    log: str
    """The origin of the trace that its position is in."""
    reasons: tuple[ReasonFound, ...]
    """Why it may not be released; empty if it may."""
    revocation: Revocation
    signatures: tuple[SignatureFound, ...]
    statement: ScrollStatement
    manifest: ManifestCheckFound | None
    """The last comparison of a folder with its manifest; None if none is known."""

    def to_dict(self) -> ScrollDocument:
        """Return the document of ``scroll show --json``."""
        document = {
            **asdict(self.metadata),
            "treaty_log": self.log,
            "reasons": reason_documents(self.reasons),
            "revocation": revocation_document(self.revocation),
            "signatures": signature_documents(self.signatures),
            "statement": statement_document(self.statement),
            "manifest_check": _check_document(self.manifest),
        }
        return cast(ScrollDocument, document)


@dataclass(frozen=True, slots=True)
class ScrollList:
    """The scrolls of a vault, or some of them, the latest first."""

    scrolls: tuple[ScrollStatus, ...]
    damaged: tuple[tuple[str, str], ...]
    """Ids and causes of those whose envelopes cannot be read."""
    unrecorded: tuple[str, ...]
    """Envelopes that no entry of the trace names: they are not scrolls."""
    warnings: tuple[str, ...]
    next: str | None = None
    """The id of the last one, if others follow."""

    def to_dict(self) -> ScrollsDocument:
        """Return the document of ``scroll list --json``."""
        return {
            "items": [each.to_dict() for each in self.scrolls],
            "damaged": [{"scroll_id": name, "cause": cause} for name, cause in self.damaged],
            "unrecorded": list(self.unrecorded),
        }


def scroll_status(
    scroll: str, *, max_age_ns: int = MAX_AGE_NS, vault: VaultInput = None
) -> ScrollStatus:
    """Return what is known of a scroll, named by its id or the beginning of it.

    The last checks of its manifest and of the trace count for ``max_age_ns``. Raises UsageError for
    one that does not exist, VaultError, VaultDamaged for an envelope that cannot be read.
    """
    opened = as_vault(vault)
    with open_traces(opened) as traces:
        trace, record = traces.find(scroll)
        return _Look(traces, max_age_ns).status(trace, record)


def list_scrolls(
    *,
    limit: int | None = None,
    after: str | None = None,
    max_age_ns: int = MAX_AGE_NS,
    vault: VaultInput = None,
) -> ScrollList:
    """Return the scrolls of a vault, the latest first; those ``after`` one, at most ``limit``.

    Raises VaultError, UsageError for an ``after`` that is not a scroll.
    """
    opened = as_vault(vault)
    with open_traces(opened) as traces:
        found = list(traces.by_age())
        known = [record.scroll_id for _, record in found]
        if after is not None and after not in known:
            raise UsageError(f"There is no scroll {after[:64]!r}.")
        start = 0 if after is None else known.index(after) + 1
        end = len(found) if limit is None else start + limit
        look = _Look(traces, max_age_ns)
        scrolls, damaged = [], []
        for trace, record in found[start:end]:
            try:
                scrolls.append(look.status(trace, record))
            except VaultDamaged as error:
                damaged.append((record.scroll_id, error.message))
        unrecorded = sorted(ScrollStore(opened).names() - set(known))
        follows = known[end - 1] if end < len(found) else None
        return ScrollList(
            tuple(scrolls), tuple(damaged), tuple(unrecorded), tuple(traces.warnings), follows
        )


def full_id(scroll: str, *, vault: VaultInput = None) -> str:
    """Return the id of a scroll that the trace has, whatever became of its envelope.

    Raises UsageError for one that does not exist, VaultError.
    """
    with open_traces(as_vault(vault)) as traces:
        return traces.find(scroll)[1].scroll_id


def read_scroll_envelope(scroll: str, *, vault: VaultInput = None) -> bytes:
    """Return the envelope of a scroll, byte for byte. Raises as `scroll_status`."""
    opened = as_vault(vault)
    with open_traces(opened) as traces:
        return ScrollStore(opened).read(traces.find(scroll)[1])


def read_scroll_proof(scroll: str, *, vault: VaultInput = None) -> bytes:
    """Return the proof of a scroll's entry, a tlog-proof. Raises as `scroll_status`.

    In the cosigned checkpoint if that covers it, else in the last one of the trace.
    """
    opened = as_vault(vault)
    with open_traces(opened) as traces:
        trace, record = traces.find(scroll)
        return proof_file(opened, trace.ledger, record.seq)


def read_revocation_proof(scroll: str, *, vault: VaultInput = None) -> bytes:
    """Return the proof of the entry that revoked a scroll, a tlog-proof, for who has a copy.

    Raises as `scroll_status`, and UsageError for one that was not revoked.
    """
    opened = as_vault(vault)
    with open_traces(opened) as traces:
        record = traces.find(scroll)[1]
        found = traces.revoked(record.scroll_id)
        if found is None:
            raise UsageError(
                f"The scroll {record.scroll_id[:16]} was not revoked.",
                f"To revoke it, for good: gorillacomb scroll revoke {record.scroll_id[:16]}",
            )
        return proof_file(opened, found[0].ledger, found[1])


class _Look:
    """Finds the state of several scrolls as of one moment."""

    def __init__(self, traces: OpenTraces, max_age_ns: int) -> None:
        self._traces = traces
        self._vault = traces.vault
        self._max_age_ns = max_age_ns
        self._publics, self._lock = own_publics()
        self._now_ns = time.time_ns()
        self._checks: dict[str, TraceCheckFound | None] = {}

    def status(self, trace: OpenTrace, record: ScrollRecord) -> ScrollStatus:
        """Return the state of one. Raises VaultDamaged if its envelope cannot be read."""
        data = ScrollStore(self._vault).read(record)
        try:
            envelope = parse_envelope(data)
        except UntrustedInput as error:
            raise VaultDamaged(error.message) from error
        statement = envelope.statement
        signatures = check_envelope(envelope, self._publics)
        manifest = _manifest_found(self._vault, statement.manifest.sha256)
        revocation = self._traces.revocation(trace, record.scroll_id)
        sync = find_sync(self._vault, trace.ledger, record.seq, record.scroll_id)
        reasons = find_reasons(
            Evidence(
                statement,
                record.seq,
                with_hint(signatures, self._lock),
                self._traces.lives(trace),
                revocation,
                sync,
                license_problem(statement.license, statement.license_texts),
                manifest,
                self._checked(trace.ledger),
                self._now_ns,
                self._max_age_ns,
            )
        )
        known = (envelope.rsa_base64, sync.is_synced, not reasons)
        metadata: ScrollMetadata | SealMetadata
        if statement.funding is None:
            metadata = SealMetadata(record.scroll_id, record.seq, statement.license, *known)
        else:
            amount = float(statement.funding.amount)
            metadata = ScrollMetadata(
                record.scroll_id, record.seq, statement.license, amount, *known
            )
        return ScrollStatus(
            metadata, trace.records.origin, reasons, revocation, signatures, statement, manifest
        )

    def _checked(self, ledger: Ledger) -> TraceCheckFound | None:
        """Return the last check of a trace, which is looked up once for all scrolls of it."""
        if ledger.log not in self._checks:
            self._checks[ledger.log] = _trace_found(self._vault, ledger)
        return self._checks[ledger.log]


def own_publics() -> tuple[list[PublicKey], str | None]:
    """Return the user's public keys of both kinds, and why they cannot be read."""
    store = key_store()
    try:
        return [*store.publics(), *store.rsa_publics()], None
    except (KeyMissing, UntrustedInput) as error:
        return [], error.message


def with_hint(signatures: Sequence[SignatureFound], hint: str | None) -> tuple[SignatureFound, ...]:
    """Return the signatures, with why the keys to check them are not known here."""
    if hint is None:
        return tuple(signatures)
    return tuple(replace(each, cause=f"{each.cause}: {hint.rstrip('.')}") for each in signatures)


def _manifest_found(vault: Vault, sha256: str) -> ManifestCheckFound | None:
    check = last_manifest_check(vault, sha256)
    return (
        None
        if check is None
        else ManifestCheckFound(check.as_of_ns, check.problem, str(check.root))
    )


def _trace_found(vault: Vault, ledger: Ledger) -> TraceCheckFound | None:
    """Return the last check of a trace, and whether it is still the one that was checked."""
    check = last_trace_check(vault, ledger.log)
    if check is None:
        return None
    problem = check.problem
    if problem is None:
        try:
            is_same = (
                check.entries <= ledger.size and ledger.root(check.entries).hex() == check.root
            )
        except VaultError:
            is_same = False
        if not is_same:
            problem = "The trace is not the one that was checked last."
    try:
        ledger.refuse_forked()  # a witness may have shown another one since
    except VaultError as error:
        problem = error.message
    return TraceCheckFound(check.as_of_ns, check.entries, problem)


def reason_documents(reasons: Sequence[ReasonFound]) -> list[GateReasonDocument]:
    """Return reasons as documents."""
    found = [
        {
            "reason": each.reason.value,
            "detail": each.detail,
            "as_of_ns": None if each.as_of_ns is None else str(each.as_of_ns),
        }
        for each in reasons
    ]
    return cast(list[GateReasonDocument], found)


def revocation_document(found: Revocation) -> RevocationDocument:
    """Return whether a scroll was revoked as a document."""
    return {
        "state": found.state,
        "size": found.size,
        "as_of_ns": str(found.as_of_ns),
        "seq": found.seq,
    }


def signature_documents(signatures: Sequence[SignatureFound]) -> list[ScrollSignatureDocument]:
    """Return what the signatures are worth as documents."""
    found: list[Any] = [asdict(each) for each in signatures]
    return cast(list[ScrollSignatureDocument], found)


def _check_document(found: ManifestCheckFound | None) -> ManifestCheckDocument | None:
    if found is None:
        return None
    return {"root": found.root, "as_of_ns": str(found.as_of_ns), "problem": found.problem}


def statement_document(statement: ScrollStatement) -> ScrollStatementDocument:
    """Return what is signed as a document."""
    found: dict[str, Any] = asdict(statement)
    del found["nonce"]
    found["created_ns"] = str(statement.created_ns)
    return cast(ScrollStatementDocument, found)
