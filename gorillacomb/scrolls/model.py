"""The values of a scroll: what a client may ask for, what is signed, what is derived from that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

ScrollKind = Literal["treaty", "seal"]
"""A release with funding, and one without."""
KINDS: tuple[ScrollKind, ...] = ("treaty", "seal")


@dataclass(frozen=True, slots=True)
class Funding:
    """What a treaty is funded with."""

    amount: str
    """As it is signed: digits, a point, two digits."""
    currency: str
    """Its code in ISO 4217."""


@dataclass(frozen=True, slots=True)
class ScrollCreate:
    """All that a client may say of a new scroll; the rest is derived."""

    kind: ScrollKind
    claim_root_license: str
    """An SPDX expression."""
    license_texts: Mapping[str, str] = field(default_factory=dict)
    """The SHA-256, in hex, of the text of each ``LicenseRef-`` in it that is known."""
    funding: Funding | None = None
    valid_until: str | None = None
    """``YYYY-MM-DD``, or a moment in UTC, ``YYYY-MM-DDTHH:MM:SSZ``."""


@dataclass(frozen=True, slots=True)
class ManifestRef:
    """The manifest that a scroll names."""

    name: str
    """The name of its folder."""
    subject: str
    """The SHA-256, in hex, of what it lists (that of its own subject)."""
    sha256: str
    """The SHA-256, in hex, of the bytes of ``manifest.json``."""


@dataclass(frozen=True, slots=True)
class ScrollStatement:
    """What is signed."""

    kind: ScrollKind
    manifest: ManifestRef
    license: str
    """An SPDX expression."""
    license_texts: Mapping[str, str]
    funding: Funding | None
    """None for a seal, and for no treaty."""
    valid_until: str | None
    """``YYYY-MM-DDTHH:MM:SSZ``: the last second in which it is valid."""
    log: str
    """The origin of the trace that records it."""
    created_ns: int
    nonce: str
    """128 random bits, in hex: no two scrolls are equal."""


class GateReason(StrEnum):
    """Why a release is not authorised."""

    MANIFEST = "manifest-not-verified"
    """The last comparison of a folder with the manifest found a difference, or there was none."""
    SIGNATURE = "signature-not-valid"
    """One of the two signatures is not that of a pinned key."""
    KEY = "key-not-active"
    """A key that signed it was not active at its place in the trace."""
    COMPROMISED = "key-compromised"
    """Others may have a key that signed it."""
    SYNC = "not-synced"
    """Its entry is in no checkpoint that a quorum of witnesses has cosigned."""
    LICENSE = "license-not-known"
    """A licence in the expression is not known."""
    EXPIRED = "expired"
    REVOKED = "revoked"
    UNKNOWN = "revocation-unknown"
    """The trace lacks entries that were signed: a revocation may be among them."""
    TRACE = "trace-not-sound"
    """The last check of the trace found something, or there was none."""
    STALE = "stale"
    """The last check of the manifest or of the trace is too long ago, or was before the scroll."""


@dataclass(frozen=True, slots=True)
class ReasonFound:
    """A reason why a release is not authorised, and what it is based on."""

    reason: GateReason
    detail: str
    """In words."""
    as_of_ns: int | None
    """The time of what it is based on; None if there is nothing."""


RevocationState = Literal["active", "revoked", "unknown"]


@dataclass(frozen=True, slots=True)
class Revocation:
    """Whether a scroll was revoked, as far as the trace says."""

    state: RevocationState
    size: int
    """Entries of the trace that were looked at."""
    as_of_ns: int
    """When the last of them was made."""
    seq: int | None = None
    """The entry that revoked it."""
    cause: str = ""
    """Why it is unknown, and what to do, in words."""


@dataclass(frozen=True, slots=True)
class SealMetadata:
    """What is known of a release without funding."""

    scroll_id: str
    """The SHA-256, in hex, of the payload's bytes."""
    treaty_position: int
    """The number of its entry in the trace."""
    claim_root_license: str
    scroll_signature: str | None
    """The RSA signature (PSS, SHA-256, a salt of 32 bytes) over the DSSE PAE, in base64."""
    vault_mesh_sync: bool
    """Whether its entry is in a checkpoint that a quorum of witnesses has cosigned."""
    planetary_motion_authorized: bool
    """Whether it may be released: nothing speaks against it."""


@dataclass(frozen=True, slots=True)
class ScrollMetadata:
    """What is known of a release with funding."""

    scroll_id: str
    treaty_position: int
    claim_root_license: str
    funding_amount: float
    """At least 50,000; its currency is in the statement."""
    scroll_signature: str | None
    vault_mesh_sync: bool
    planetary_motion_authorized: bool
