"""The envelope of a scroll: DSSE with two signatures over the same bytes, Ed25519 and RSA-PSS.

https://github.com/secure-systems-lab/dsse/blob/v1.0.0/envelope.md

It has exactly one form, so that no byte of it can be changed unnoticed. Each signature is valid if
it is that of a pinned key of its kind, and names it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from gorillacomb.errors import UntrustedInput
from gorillacomb.manifest.envelope import PAYLOAD_TYPE, pae, public_key_id, sign_payload
from gorillacomb.scrolls.model import ScrollStatement
from gorillacomb.scrolls.statement import MOST_BYTES as MOST_PAYLOAD
from gorillacomb.scrolls.statement import parse_payload
from gorillacomb.vaultmesh.jcs import parse_strict
from gorillacomb.vaultmesh.keys.keys import (
    Ed25519SigningKey,
    RsaSigningKey,
    is_signed_by,
)
from gorillacomb.vaultmesh.keys.note import decode_base64

if TYPE_CHECKING:
    from gorillacomb.vaultmesh.keys.keys import PublicKey

SignerKind = Literal["ed25519", "rsa"]
SIGNERS: tuple[SignerKind, ...] = ("ed25519", "rsa")
SIGNER_NAMES = {"ed25519": "Ed25519", "rsa": "RSA"}
MOST_BYTES = MOST_PAYLOAD // 3 * 4 + (16 << 10)
_WHAT = "The scroll"
_KINDS: dict[int, SignerKind] = {64: "ed25519", 256: "rsa", 384: "rsa", 512: "rsa"}
"""Of a signature, by its bytes."""


class ScrollSignature(NamedTuple):
    """One signature of an envelope, not checked."""

    key_id: str
    signature: bytes


@dataclass(frozen=True, slots=True)
class ScrollEnvelope:
    """A parsed envelope; its signatures are not checked."""

    payload: bytes
    statement: ScrollStatement
    signatures: dict[SignerKind, ScrollSignature]
    """At most one of each kind."""
    sha256: str
    """Of the whole file, in hex."""

    @property
    def scroll_id(self) -> str:
        """The SHA-256, in hex, of the payload's bytes."""
        return sha256(self.payload).hexdigest()

    @property
    def rsa_base64(self) -> str | None:
        """The RSA signature in base64; None if it was removed."""
        found = self.signatures.get("rsa")
        return None if found is None else base64.b64encode(found.signature).decode()


SignatureState = Literal["valid", "invalid", "missing", "unknown-key"]


@dataclass(frozen=True, slots=True)
class SignatureFound:
    """What one of the two signatures is worth."""

    kind: SignerKind
    state: SignatureState
    cause: str
    """In words."""
    key: str | None
    """The fingerprint of its key; None if that is not known here."""


def sign_scroll(payload: bytes, ed25519: Ed25519SigningKey, rsa: RsaSigningKey) -> bytes:
    """Sign a payload with both keys; return the envelope's bytes."""
    return sign_payload(payload, [ed25519, rsa])


def parse_envelope(data: bytes) -> ScrollEnvelope:
    """Read an envelope and its payload. Raises UntrustedInput, which says what is wrong."""
    if len(data) > MOST_BYTES:
        raise UntrustedInput(f"{_WHAT} is refused: it is larger than any scroll.")
    value = parse_strict(data, f"{_WHAT}'s envelope")
    try:
        payload, signatures = value["payload"], value["signatures"]
        pairs = [(each["keyid"], each["sig"]) for each in signatures]
        if not isinstance(payload, str):
            raise TypeError("the payload is not text")
        if value["payloadType"] != PAYLOAD_TYPE:
            raise ValueError("its payload is not an in-toto Statement")
        if _serialized(payload, pairs) != data:
            raise ValueError("its envelope is not in the form of DSSE that scrolls have")
    except (KeyError, TypeError, AttributeError):
        raise UntrustedInput(f"{_WHAT} is refused: it is not a DSSE envelope.") from None
    except ValueError as error:
        raise UntrustedInput(f"{_WHAT} is refused: {error}.") from None
    content = decode_base64(payload, f"{_WHAT}'s payload")
    return ScrollEnvelope(
        content, parse_payload(content), _by_kind(pairs), sha256(data).hexdigest()
    )


def _serialized(payload: object, signatures: Sequence[tuple[object, object]]) -> bytes:
    """Return the one form of an envelope; see `manifest.envelope.sign_payload`."""
    listed = [{"keyid": key_id, "sig": signature} for key_id, signature in signatures]
    found = {"payload": payload, "payloadType": PAYLOAD_TYPE, "signatures": listed}
    return json.dumps(found, indent=1).encode("ascii") + b"\n"


def _by_kind(pairs: Iterable[tuple[Any, Any]]) -> dict[SignerKind, ScrollSignature]:
    found: dict[SignerKind, ScrollSignature] = {}
    for key_id, text in pairs:
        if not isinstance(key_id, str) or not isinstance(text, str):
            raise UntrustedInput(f"{_WHAT} is refused: one of its signatures is malformed.")
        signature = decode_base64(text, "A signature of the scroll")
        kind = _KINDS.get(len(signature))
        if kind is None:
            raise UntrustedInput(
                f"{_WHAT} is refused: a signature of {len(signature)} bytes is neither Ed25519 nor"
                " RSA."
            )
        if kind in found:
            raise UntrustedInput(f"{_WHAT} is refused: it has two {SIGNER_NAMES[kind]} signatures.")
        found[kind] = ScrollSignature(key_id[:64], signature)
    return found


def check_envelope(
    envelope: ScrollEnvelope, publics: Iterable[PublicKey]
) -> tuple[SignatureFound, ...]:
    """Check both signatures with pinned public keys; return what each is worth, Ed25519 first."""
    known = {public_key_id(public): public for public in publics}
    data = pae(envelope.payload)
    return tuple(_checked(envelope, kind, known, data) for kind in SIGNERS)


def _checked(
    envelope: ScrollEnvelope, kind: SignerKind, known: dict[str, PublicKey], data: bytes
) -> SignatureFound:
    name = SIGNER_NAMES[kind]
    found = envelope.signatures.get(kind)
    if found is None:
        return SignatureFound(kind, "missing", f"the {name} signature is missing", None)
    fitting = {key: public for key, public in known.items() if kind_of(public) == kind}
    if found.key_id in fitting:
        if is_signed_by(fitting[found.key_id], found.signature, data):
            return SignatureFound(kind, "valid", "valid, by a key that is pinned", found.key_id)
        cause = f"the {name} signature is not that of the key {found.key_id}"
        return SignatureFound(kind, "invalid", cause, None)
    for key, public in fitting.items():
        if is_signed_by(public, found.signature, data):
            cause = f"the {name} signature names another key than {key}, which made it"
            return SignatureFound(kind, "invalid", cause, None)
    shown = found.key_id.encode("ascii", "backslashreplace").decode()[:16] or "?"
    cause = f"the {name} signature is by a key that is not pinned here ({shown})"
    return SignatureFound(kind, "unknown-key", cause, None)


def kind_of(public: PublicKey) -> SignerKind:
    """Return the kind of a public key."""
    return "ed25519" if isinstance(public, bytes) else "rsa"
