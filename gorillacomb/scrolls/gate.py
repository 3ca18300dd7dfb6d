"""The release gate: whether a scroll may be released, and each reason why it may not.

It looks at nothing itself: what was found is passed to it, each with the time that it is of.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gorillacomb.clock import age_ns
from gorillacomb.model import SECOND
from gorillacomb.scrolls.envelope import SIGNER_NAMES, SignatureFound
from gorillacomb.scrolls.model import GateReason, ReasonFound, Revocation, ScrollStatement
from gorillacomb.scrolls.moments import is_over
from gorillacomb.scrolls.records import KeyLife

MAX_AGE_NS = 24 * 3600 * SECOND
"""How old the last checks of the manifest and of the trace may be."""
_BEHIND = "More was signed than the trace contains: a revocation may be among that."


@dataclass(frozen=True, slots=True)
class ManifestCheckFound:
    """The last comparison of a folder with the manifest."""

    as_of_ns: int
    """When it was begun."""
    problem: str | None
    """What it found, in words; None if the folder was as the manifest says."""
    root: str = ""
    """The folder, as text to be shown."""


@dataclass(frozen=True, slots=True)
class TraceCheckFound:
    """The last check of every entry of the trace."""

    as_of_ns: int
    """When it was begun."""
    entries: int
    """How many were checked."""
    problem: str | None
    """What was found, in words, then or since; None for nothing."""


@dataclass(frozen=True, slots=True)
class SyncFound:
    """Whether others have seen the scroll's entry."""

    is_synced: bool
    detail: str
    """In words."""
    as_of_ns: int | None
    """When the latest of them has signed; None if none did."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that the gate looks at."""

    statement: ScrollStatement
    seq: int
    """The number of the scroll's entry."""
    signatures: Sequence[SignatureFound]
    keys: Sequence[KeyLife]
    """Those that made its valid signatures, as far as the trace names them."""
    revocation: Revocation
    sync: SyncFound
    license_problem: str | None
    manifest: ManifestCheckFound | None
    trace: TraceCheckFound | None
    now_ns: int
    max_age_ns: int = MAX_AGE_NS


def find_reasons(evidence: Evidence) -> tuple[ReasonFound, ...]:
    """Return every reason why the scroll may not be released; none means that it may."""
    return (
        *_of_manifest(evidence),
        *own_reasons(
            evidence.statement,
            evidence.seq,
            evidence.signatures,
            evidence.keys,
            evidence.revocation,
            evidence.now_ns,
        ),
        *_of_sync(evidence),
        *_of_license(evidence),
        *_of_trace(evidence),
    )


def own_reasons(
    statement: ScrollStatement,
    seq: int | None,
    signatures: Sequence[SignatureFound],
    keys: Sequence[KeyLife],
    revocation: Revocation | None,
    now_ns: int,
) -> Iterator[ReasonFound]:
    """Yield those of the scroll itself: signatures, keys, expiry, revocation.

    ``seq`` and ``revocation`` are None where its trace is not known.
    """
    for found in signatures:
        if found.state != "valid":
            yield ReasonFound(GateReason.SIGNATURE, f"{_sentence(found.cause)}.", now_ns)
    if seq is not None:
        yield from _of_keys(signatures, keys, seq, now_ns)
    if is_over(statement.valid_until, now_ns):
        yield ReasonFound(
            GateReason.EXPIRED, f"It was valid until {statement.valid_until}.", now_ns
        )
    if revocation is not None and revocation.state == "revoked":
        detail = f"Entry {revocation.seq:,} of the trace revoked it."
        yield ReasonFound(GateReason.REVOKED, detail, revocation.as_of_ns)
    elif revocation is not None and revocation.state == "unknown":
        yield ReasonFound(GateReason.UNKNOWN, revocation.cause or _BEHIND, revocation.as_of_ns)


def _of_keys(
    signatures: Sequence[SignatureFound], keys: Sequence[KeyLife], seq: int, now_ns: int
) -> Iterator[ReasonFound]:
    lives = {life.key_id: life for life in keys}
    for found in signatures:
        if found.key is None:
            continue
        name, life = f"The {SIGNER_NAMES[found.kind]} key {found.key}", lives.get(found.key)
        if life is None:
            detail = f"{name} is not one that the trace names for scrolls."
            yield ReasonFound(GateReason.KEY, detail, now_ns)
        elif life.compromised is not None:
            log = "the trace" if life.compromised_in is None else life.compromised_in
            detail = f"{name} is compromised, says entry {life.compromised:,} of {log}."
            yield ReasonFound(GateReason.COMPROMISED, detail, now_ns)
        elif not life.was_active(seq):
            since = f"from entry {life.since:,} on"
            until = "" if life.retired is None else f" until entry {life.retired:,}"
            detail = f"{name} was active {since}{until}, and the scroll is entry {seq:,}."
            yield ReasonFound(GateReason.KEY, detail, now_ns)


def _of_manifest(evidence: Evidence) -> Iterator[ReasonFound]:
    check = evidence.manifest
    if check is None:
        yield ReasonFound(GateReason.MANIFEST, "No folder was compared with the manifest.", None)
    elif check.problem is not None:
        yield ReasonFound(GateReason.MANIFEST, check.problem, check.as_of_ns)
    elif _is_stale(check.as_of_ns, evidence):
        detail = "The folder was last compared with the manifest too long ago."
        yield ReasonFound(GateReason.STALE, detail, check.as_of_ns)


def _of_trace(evidence: Evidence) -> Iterator[ReasonFound]:
    check = evidence.trace
    if check is None:
        yield ReasonFound(GateReason.TRACE, "The trace was not checked here.", None)
    elif check.problem is not None:
        yield ReasonFound(GateReason.TRACE, check.problem, check.as_of_ns)
    elif check.entries <= evidence.seq:
        detail = "The trace was last checked before it had this scroll."
        yield ReasonFound(GateReason.STALE, detail, check.as_of_ns)
    elif _is_stale(check.as_of_ns, evidence):
        detail = "The trace was last checked too long ago."
        yield ReasonFound(GateReason.STALE, detail, check.as_of_ns)


def _of_sync(evidence: Evidence) -> Iterator[ReasonFound]:
    if not evidence.sync.is_synced:
        yield ReasonFound(GateReason.SYNC, evidence.sync.detail, evidence.sync.as_of_ns)


def _of_license(evidence: Evidence) -> Iterator[ReasonFound]:
    if evidence.license_problem is not None:
        yield ReasonFound(GateReason.LICENSE, evidence.license_problem, evidence.now_ns)


def _is_stale(as_of_ns: int, evidence: Evidence) -> bool:
    """Return whether a check is too old, or from the future: a clock was wrong then."""
    age = age_ns(as_of_ns, evidence.now_ns)
    return age is None or age > evidence.max_age_ns


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
