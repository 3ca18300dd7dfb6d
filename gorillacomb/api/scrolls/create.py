"""Make a scroll, and revoke one: both are entries of the trace."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING

from gorillacomb.api.documents.share.scrolls import NewScrollDocument, RevokedScrollDocument
from gorillacomb.api.keys import UserKey, user_key
from gorillacomb.api.paths import PathInput, path_text
from gorillacomb.api.scrolls.status import statement_document
from gorillacomb.api.scrolls.traces import open_traces
from gorillacomb.api.vault import VaultInput, as_vault
from gorillacomb.errors import RefusedForSafety, UntrustedInput, UsageError
from gorillacomb.fs.bounded_read import UnexpectedFile, read_bounded
from gorillacomb.fs.openat import os_error_text
from gorillacomb.index.database import Index
from gorillacomb.manifest.io import read_manifest
from gorillacomb.manifest.parse import parse_manifest
from gorillacomb.manifest.serialize import files_digest
from gorillacomb.scrolls.envelope import sign_scroll
from gorillacomb.scrolls.funding import checked_funding
from gorillacomb.scrolls.model import (
    Funding,
    ManifestRef,
    ScrollCreate,
    ScrollKind,
    ScrollStatement,
)
from gorillacomb.scrolls.moments import end_of, is_over
from gorillacomb.scrolls.records import (
    ACTIVE,
    KeyLife,
    read_records,
    revoked_entry,
    scroll_entry,
    step_entry,
)
from gorillacomb.scrolls.spdx import license_problem, normalized_expression, own_licenses
from gorillacomb.scrolls.statement import checked_texts, to_payload
from gorillacomb.scrolls.store import ScrollStore
from gorillacomb.vaultmesh.error_text import translate_content_errors
from gorillacomb.vaultmesh.keys.keys import Ed25519SigningKey, RsaSigningKey, fingerprint
from gorillacomb.vaultmesh.open import open_trace_for_reading, open_trace_for_writing

if TYPE_CHECKING:
    from gorillacomb.vault.vault import Vault
    from gorillacomb.vaultmesh.ledger import Ledger

__all__ = [
    "NewScroll",
    "RevokedScroll",
    "ScrollCreate",
    "ScrollKind",
    "asked_scroll",
    "create_scroll",
    "license_digest",
    "revoke_scroll",
]

_MOST_TEXT = 8 << 20
"""Bytes of the text of a licence."""


@dataclass(frozen=True, slots=True)
class NewScroll:
    """A scroll that was made, or would be."""

    scroll_id: str | None
    """None for a dry run."""
    seq: int | None
    """The number of its entry in the trace; None for a dry run."""
    statement: ScrollStatement
    warnings: tuple[str, ...]
    """What will keep it from being released."""

    def to_dict(self) -> NewScrollDocument:
        """Return the document of ``scroll create --json``."""
        return {
            "scroll_id": self.scroll_id,
            "treaty_position": self.seq,
            "statement": statement_document(self.statement),
            "warnings": list(self.warnings),
        }


@dataclass(frozen=True, slots=True)
class RevokedScroll:
    """A scroll that was revoked."""

    scroll_id: str
    seq: int
    """The entry that revoked it."""

    def to_dict(self) -> RevokedScrollDocument:
        """Return the document of ``scroll revoke --json``."""
        return {"scroll_id": self.scroll_id, "seq": self.seq}


def license_digest(path: PathInput) -> str:
    """Return the SHA-256, in hex, of the text of a licence of one's own. Raises UsageError."""
    place = os.fsencode(path)
    try:
        return sha256(read_bounded(place, _MOST_TEXT, follow=True)).hexdigest()
    except UnexpectedFile:
        raise UsageError(f"{path_text(place)} is not the text of a licence.") from None
    except OSError as error:
        raise UsageError(
            f"Reading the licence {path_text(place)} failed: {os_error_text(error)}.",
            "Name its file: --license-text LicenseRef-NAME=FILE",
        ) from error


def asked_scroll(
    kind: ScrollKind,
    expression: str,
    *,
    license_texts: Mapping[str, str] | None = None,
    funding: str | None = None,
    currency: str | None = None,
    valid_until: str | None = None,
) -> ScrollCreate:
    """Check what a new scroll shall say; return it in the form in which it is signed.

    Raises UsageError, which says what is wrong.
    """
    texts = dict(license_texts or {})
    money: Funding | None = None
    normalized = normalized_expression(expression)
    try:
        checked_texts(texts)
        until = None if valid_until is None else end_of(valid_until)
        if is_over(until, time.time_ns()):
            raise ValueError("it would never be valid: its end is past")
        if kind == "treaty":
            money = checked_funding(funding, currency)
        elif funding is not None or currency is not None:
            raise ValueError("a seal has no funding: with funding it is a treaty")
    except ValueError as error:
        raise UsageError(
            f"The scroll is refused: {error}.", "See gorillacomb scroll create --help."
        ) from error
    stray = sorted(texts.keys() - own_licenses(normalized))
    if stray:
        raise UsageError(
            f"The licence {stray[0]} is not in the expression {normalized}.",
            "Give the text of a licence only if the expression names it.",
        )
    return ScrollCreate(kind, normalized, texts, money, until)


def create_scroll(
    asked: ScrollCreate,
    manifest: PathInput,
    *,
    dry_run: bool = False,
    made: Callable[[UserKey], object] | None = None,
    vault: VaultInput = None,
) -> NewScroll:
    """Sign a scroll about a manifest, and record it in the trace.

    ``asked`` is what `asked_scroll` returned. Its envelope is on the disk before the trace has its
    entry, so that no scroll is without one. An RSA key is created if there is none, and ``made``
    called. Raises UsageError, UntrustedInput for a manifest that is refused, RefusedForSafety for a
    key that was retired, VaultError, KeyMissing.
    """
    opened = as_vault(vault)
    opened.check()
    named = _manifest_ref(manifest)
    problem = license_problem(asked.claim_root_license, asked.license_texts)
    warnings = () if problem is None else (problem,)
    with open_trace_for_reading(opened) as ledger:
        origin = ledger.origin
    statement = ScrollStatement(
        asked.kind,
        named,
        asked.claim_root_license,
        asked.license_texts,
        asked.funding,
        asked.valid_until,
        origin,
        time.time_ns(),
        secrets.token_hex(16),
    )
    if dry_run:
        return NewScroll(None, None, statement, warnings)
    with ExitStack() as held:
        held.enter_context(Index.write(opened))
        with open_traces(opened) as traces:
            lives = {life.key_id: life for life in traces.all_keys()}
        ledger = held.enter_context(open_trace_for_writing(opened))
        with translate_content_errors(opened.trace):
            ledger.check_head()
            records = read_records(ledger)
        ed25519, rsa = _signing_keys(ledger, lives, made)
        statement = replace(statement, log=ledger.origin, created_ns=time.time_ns())
        payload = to_payload(statement)
        scroll_id = sha256(payload).hexdigest()
        envelope = sign_scroll(payload, ed25519, rsa)
        ScrollStore(opened).put(scroll_id, envelope)
        entries = [scroll_entry(scroll_id, sha256(envelope).hexdigest())]
        name = fingerprint(rsa.public)
        if name not in records.keys:
            entries.insert(0, step_entry("rsa", name, rsa.public, ACTIVE))
        ledger.append(entries)
        return NewScroll(scroll_id, ledger.size - 1, statement, warnings)


def _manifest_ref(path: PathInput) -> ManifestRef:
    """Return how a scroll names a manifest. Raises UsageError, UntrustedInput."""
    data, _ = read_manifest(os.fsencode(path))
    found = parse_manifest(data)
    name = found.name.decode("utf-8", "backslashreplace")
    return ManifestRef(name, files_digest(found.entries), sha256(data).hexdigest())


def _signing_keys(
    ledger: Ledger, lives: Mapping[str, KeyLife], made: Callable[[UserKey], object] | None
) -> tuple[Ed25519SigningKey, RsaSigningKey]:
    """Return both keys. Raises RefusedForSafety if one was retired or is compromised."""
    ed25519 = ledger.signing_key()
    _refuse_unusable(lives, fingerprint(ed25519.public), "gorillacomb keys rotate")
    rsa = user_key("rsa", made).signing
    if not isinstance(rsa, RsaSigningKey):
        raise UntrustedInput("The key rsa.pem is not an RSA key.")
    _refuse_unusable(lives, fingerprint(rsa.public), "gorillacomb keys rotate --rsa")
    return ed25519, rsa


def _refuse_unusable(lives: Mapping[str, KeyLife], name: str, advice: str) -> None:
    life = lives.get(name)
    if life is not None and not life.is_usable:
        step = "compromised" if life.compromised is not None else "retired"
        raise RefusedForSafety(
            f"Signing failed: the key {name} is {step}.", f"Switch to another one: {advice}"
        )


def revoke_scroll(scroll: str, *, vault: VaultInput = None) -> RevokedScroll:
    """Revoke a scroll, named by its id or the beginning of it; it is not authorised from then on.

    One that was revoked before stays so: no second entry is made. Raises UsageError, VaultError.
    """
    opened: Vault = as_vault(vault)
    opened.check()
    with Index.write(opened):
        with open_traces(opened) as traces:
            _, record = traces.find(scroll)
            found = traces.revoked(record.scroll_id)
        if found is not None:
            return RevokedScroll(record.scroll_id, found[1])
        with open_trace_for_writing(opened) as ledger:
            ledger.append([revoked_entry(record.scroll_id)])
            return RevokedScroll(record.scroll_id, ledger.size - 1)
