"""The signature of a manifest: a DSSE envelope over its exact bytes, in a file beside it.

https://github.com/secure-systems-lab/dsse/blob/v1.0.0/envelope.md
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from gorillacomb.errors import UntrustedInput
from gorillacomb.manifest.parse import MOST_BYTES as MOST_PAYLOAD
from gorillacomb.manifest.parse import parse_json
from gorillacomb.vaultmesh.keys.keys import (
    Ed25519SigningKey,
    RsaSigningKey,
    fingerprint,
    is_signed_by,
    public_der,
)
from gorillacomb.vaultmesh.keys.note import decode_base64

if TYPE_CHECKING:
    from gorillacomb.vaultmesh.keys.keys import PublicKey

PAYLOAD_TYPE = "application/vnd.in-toto+json"
ENDING = ".dsse"
"""Suffix of the envelope's file name, after the manifest's."""
MOST_BYTES = MOST_PAYLOAD // 3 * 4 + (1 << 20)
_MOST_SIGNATURES = 64
_OPENING = b'"payload": "'
_STANDARD = str.maketrans("-_", "+/")
"""DSSE allows either alphabet of base64."""

SignatureState = Literal["valid", "invalid", "none", "unknown-key"]


@dataclass(frozen=True, slots=True)
class SignatureCheck:
    """What an envelope says about a payload."""

    state: SignatureState
    cause: str
    """In words, for the user."""
    key: str | None = None
    """The fingerprint of the signing key, if the signature is valid."""


def public_key_id(public: PublicKey) -> str:
    """Return the name by which an envelope hints at a public key."""
    return fingerprint(public if isinstance(public, bytes) else public_der(public))


def pae(payload: bytes, payload_type: str = PAYLOAD_TYPE) -> bytes:
    """Return the bytes to sign (DSSE's pre-authentication encoding).

    Implemented here because importing securesystemslib costs 50 ms.
    """
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def sign_payload(payload: bytes, keys: Iterable[Ed25519SigningKey | RsaSigningKey]) -> bytes:
    """Sign a payload with each key; return the envelope file's bytes."""
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import Signature  # type: ignore[attr-defined]

    envelope = Envelope(payload, PAYLOAD_TYPE, {})
    data = envelope.pae()
    for key in keys:
        name = fingerprint(key.public)
        envelope.signatures[name] = Signature(name, key.sign(data).hex())
    return json.dumps(envelope.to_dict(), indent=1).encode("ascii") + b"\n"


def check_signatures(
    payload: bytes,
    envelope: bytes | None,
    publics: Sequence[PublicKey],
    what: str = "The envelope",
) -> SignatureCheck:
    """Check whether one of the public keys signed the payload.

    ``envelope`` is the content of the file beside it, None if there is none. Raises UntrustedInput
    for one that is not an envelope.
    """
    if envelope is None:
        return SignatureCheck("none", "it is not signed")
    if len(envelope) > MOST_BYTES:
        raise UntrustedInput(f"{what} is refused: it is larger than any envelope.")
    encoded = base64.b64encode(payload)
    start = envelope.find(_OPENING) + len(_OPENING)
    if _OPENING in envelope[:start] and envelope.startswith(encoded, start):
        # Removing base64 letters from a JSON string keeps it valid, and leaves less to parse.
        envelope = envelope[:start] + envelope[start + len(encoded) :]
        encoded = b""
    inner, signatures = _parsed(envelope, what)
    if inner != encoded.decode("ascii"):
        signed = decode_base64(inner, what)  # raises if it is damaged
        # Between the lines of JSON, the line ends of a mail mean nothing, and the signed bytes are
        # in the envelope.
        if signed != payload.replace(b"\r\n", b"\n"):
            return SignatureCheck("invalid", "the envelope is that of another manifest")
        payload = signed
    if not signatures:
        return SignatureCheck("none", "its signatures were removed from the envelope")
    data = pae(payload)
    for public in publics:
        # The key id is a hint that anyone can edit: try every signature with every key.
        if any(is_signed_by(public, signature, data) for _, signature in signatures):
            return SignatureCheck(
                "valid", "signed by a key that is known here", public_key_id(public)
            )
    named = {name for name, _ in signatures}
    if named.intersection(map(public_key_id, publics)):
        return SignatureCheck("invalid", "the signature is not that of the key which it names")
    return SignatureCheck(
        "unknown-key", f"signed by a key that is not known here ({min(named) or '?'})"
    )


def _parsed(data: bytes, what: str) -> tuple[str, list[tuple[str, bytes]]]:
    """Return the payload in base64, and the signatures with their key ids."""
    value = parse_json(data, what)
    if not isinstance(value, dict) or value.keys() != {"payload", "payloadType", "signatures"}:
        raise UntrustedInput(f"{what} is refused: it is not a DSSE envelope.")
    payload, kind, signatures = value["payload"], value["payloadType"], value["signatures"]
    if kind != PAYLOAD_TYPE:
        raise UntrustedInput(f"{what} is refused: its payload is not an in-toto Statement.")
    if not isinstance(payload, str) or not isinstance(signatures, list):
        raise UntrustedInput(f"{what} is refused: it is not a DSSE envelope.")
    if len(signatures) > _MOST_SIGNATURES:
        raise UntrustedInput(f"{what} is refused: it has more than {_MOST_SIGNATURES} signatures.")
    found = [_signature(each, what) for each in signatures]
    if len({name for name, _ in found}) < len(found):
        raise UntrustedInput(f"{what} is refused: one key signed it twice.")
    if "-" in payload or "_" in payload:
        payload = payload.translate(_STANDARD)
    return payload, found


def _signature(value: Any, what: str) -> tuple[str, bytes]:
    if not isinstance(value, dict) or not {"sig"} <= value.keys() <= {"keyid", "sig"}:
        raise UntrustedInput(f"{what} is refused: one of its signatures is malformed.")
    name, text = value.get("keyid", ""), value["sig"]
    if not isinstance(name, str) or not isinstance(text, str) or len(text) > 4096:
        raise UntrustedInput(f"{what} is refused: one of its signatures is malformed.")
    return name[:40], decode_base64(text.translate(_STANDARD), what)
