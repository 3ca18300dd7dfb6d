"""The documents of `gorillacomb scroll`, and of the steps of the keys that sign scrolls."""

from __future__ import annotations

from typing import Literal, TypedDict


class ScrollFundingDocument(TypedDict):
    """What a treaty is funded with, as it is signed."""

    amount: str
    """With two decimals."""
    currency: str
    """Its code in ISO 4217."""


class ScrollManifestDocument(TypedDict):
    """The manifest that a scroll names."""

    name: str
    """The name of its folder."""
    subject: str
    """The SHA-256 of what it lists, that of its own subject, in hex."""
    sha256: str
    """The SHA-256 of the file ``manifest.json``, in hex."""


class ScrollStatementDocument(TypedDict):
    """What is signed."""

    kind: Literal["treaty", "seal"]
    """``treaty`` with funding, ``seal`` without."""
    manifest: ScrollManifestDocument
    license: str
    """An SPDX expression."""
    license_texts: dict[str, str]
    """The SHA-256 of the text of each ``LicenseRef-`` in it that is known, in hex."""
    funding: ScrollFundingDocument | None
    """null for a seal."""
    valid_until: str | None
    """The last second in which it is valid, ``YYYY-MM-DDTHH:MM:SSZ``; null for no end."""
    log: str
    """The origin of the trace that records it."""
    created_ns: str
    """When it was signed, ns since the epoch, as decimal text."""


class GateReasonDocument(TypedDict):
    """A reason why a scroll may not be released."""

    reason: Literal[
        "manifest-not-verified",
        "signature-not-valid",
        "key-not-active",
        "key-compromised",
        "not-synced",
        "license-not-known",
        "expired",
        "revoked",
        "revocation-unknown",
        "trace-not-sound",
        "stale",
    ]
    detail: str
    """In words."""
    as_of_ns: str | None
    """When what it is based on was found, ns since the epoch; null if there is nothing."""


class RevocationDocument(TypedDict):
    """Whether a scroll was revoked, as far as the trace says."""

    state: Literal["active", "revoked", "unknown"]
    """``unknown`` where entries that were signed are missing."""
    size: int
    """Entries of the trace that were looked at."""
    as_of_ns: str
    """When the last of them was made, ns since the epoch."""
    seq: int | None
    """The entry that revoked it; null if none did."""


class ManifestCheckDocument(TypedDict):
    """The last comparison of a folder with a scroll's manifest."""

    root: str
    """The folder, as text to be shown."""
    as_of_ns: str
    """When it was begun, ns since the epoch."""
    problem: str | None
    """What it found, in words; null if the folder was as the manifest says."""


class ScrollSignatureDocument(TypedDict):
    """What one of the two signatures is worth."""

    kind: Literal["ed25519", "rsa"]
    state: Literal["valid", "invalid", "missing", "unknown-key"]
    cause: str
    """In words."""
    key: str | None
    """The fingerprint of its key; null if that is not known."""


class SealDocument(TypedDict):
    """What is known of a release without funding."""

    scroll_id: str
    """The SHA-256 of the payload's bytes, in hex."""
    treaty_position: int
    """The number of its entry in the trace."""
    claim_root_license: str
    """An SPDX expression."""
    scroll_signature: str | None
    """The RSA signature (PSS, SHA-256, a salt of 32 bytes) over the DSSE PAE, in base64; null if it
    was removed."""
    vault_mesh_sync: bool
    """Whether its entry is in a checkpoint that a quorum of witnesses has cosigned."""
    planetary_motion_authorized: bool
    """Whether it may be released: there is no reason against it."""
    treaty_log: str
    """The origin of the trace that ``treaty_position`` is in."""
    reasons: list[GateReasonDocument]
    """Why it may not be released; empty if it may."""
    revocation: RevocationDocument
    signatures: list[ScrollSignatureDocument]
    """The two, Ed25519 first."""
    statement: ScrollStatementDocument
    manifest_check: ManifestCheckDocument | None
    """null if none is known."""


class TreatyDocument(SealDocument):
    """What is known of a release with funding."""

    funding_amount: float
    """At least 50,000; its currency is in ``statement``."""


ScrollDocument = TreatyDocument | SealDocument


class DamagedScrollDocument(TypedDict):
    """A recorded scroll whose envelope cannot be read."""

    scroll_id: str
    cause: str
    """In words."""


class ScrollsDocument(TypedDict):
    """The scrolls of a vault, the latest first."""

    items: list[ScrollDocument]
    damaged: list[DamagedScrollDocument]
    unrecorded: list[str]
    """Envelopes without an entry in the trace, which are not scrolls: signing was interrupted."""


class NewScrollDocument(TypedDict):
    """A scroll that was made, or would be."""

    scroll_id: str | None
    """null with ``--dry-run``: it depends on a random number."""
    treaty_position: int | None
    """null with ``--dry-run``."""
    statement: ScrollStatementDocument
    """With ``--dry-run``, its ``created_ns`` is the present time."""
    warnings: list[str]
    """What will keep it from being released."""


class ScrollVerifyDocument(TypedDict):
    """Whether a scroll is valid."""

    ok: bool
    """Whether both signatures are valid, and nothing else speaks against it."""
    scroll_id: str
    statement: ScrollStatementDocument
    signatures: list[ScrollSignatureDocument]
    reasons: list[GateReasonDocument]
    """Why it is not valid; empty if it is."""
    treaty_position: int | None
    """The number of its entry in the trace; null if its trace is not known here."""
    revocation: RevocationDocument | None
    """null if its trace is not known here."""


class RevokedScrollDocument(TypedDict):
    """A scroll that was revoked."""

    scroll_id: str
    seq: int
    """The entry that revoked it."""


class KeyStepDocument(TypedDict):
    """What a key is from now on."""

    kind: Literal["ed25519", "rsa"]
    fingerprint: str
    """The short name of its public key."""
    step: Literal["retired", "compromised"]
    seq: int
    """The entry that says so."""
