"""Signed notes (C2SP signed-note): text with signatures, as transparency logs use them.

A log signs with Ed25519; what witnesses add is in `cosign`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from gorillacomb import json_paths
from gorillacomb.errors import UntrustedInput
from gorillacomb.vaultmesh.keys.keys import Ed25519SigningKey, is_signed_by

ED25519 = b"\x01"
COSIGNATURE = b"\x04"
"""A time and a checkpoint, Ed25519 (C2SP tlog-cosignature)."""
COSIGNATURE_ML_DSA = b"\x06"
"""The same with ML-DSA-44 (FIPS 204)."""
_KEY_BYTES = {ED25519: 32, COSIGNATURE: 32, COSIGNATURE_ML_DSA: 1312}
_KIND_NAMES = {
    ED25519: "an Ed25519",
    COSIGNATURE: "an Ed25519 cosignature",
    COSIGNATURE_ML_DSA: "an ML-DSA-44 cosignature",
}
_DASH = "\u2014 "
_UNCLEAN = re.compile(r"[\x00-\x09\x0b-\x1f\ud800-\udfff]")
"""Control characters but the newline, and lone surrogates."""
_MOST_BYTES = 1 << 20
_MOST_SIGNATURES = 64


def verifier_key_id(name: str, kind: bytes, public: bytes) -> bytes:
    """Return the key ID, 4 bytes: SHA-256(name, newline, signature type, public key)."""
    return sha256(name.encode() + b"\n" + kind + public).digest()[:4]


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A name and a public key for verifying a note's signatures of one type."""

    name: str
    public: bytes
    """32 bytes for Ed25519, 1,312 for ML-DSA-44."""
    kind: bytes = ED25519
    """The signature type, one byte."""

    @property
    def id(self) -> bytes:
        """The key ID of its signatures, 4 bytes."""
        return verifier_key_id(self.name, self.kind, self.public)

    def __str__(self) -> str:
        """Return the verifier key in its text form: name+id+base64(type and key)."""
        public = base64.b64encode(self.kind + self.public).decode()
        return f"{self.name}+{self.id.hex()}+{public}"

    @classmethod
    def parse(
        cls, text: str, what: str = "The verifier key", kinds: Sequence[bytes] = (ED25519,)
    ) -> VerifierKey:
        """Read a verifier key of one of some signature types; ``what`` names it in errors.

        Raises UntrustedInput.
        """
        name, _, rest = text.strip().partition("+")
        number, _, encoded = rest.partition("+")
        key = decode_base64(encoded, what)
        kind = key[:1]
        if not is_key_name(name) or kind not in kinds or len(key) != 1 + _KEY_BYTES[kind]:
            wanted = " or ".join(_KIND_NAMES[each] for each in kinds)
            raise UntrustedInput(f"{what} is not {wanted} verifier key (name+id+base64).")
        found = cls(name, key[1:], kind)
        if found.id.hex() != number:
            raise UntrustedInput(
                f"The verifier key of {name} is damaged: its id is not that of its key."
            )
        return found


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line of a note."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class SignedNote:
    """A parsed note: its text (with the final newline), and signatures not yet checked."""

    text: str
    signatures: tuple[NoteSignature, ...]

    def lines_of(self, key: VerifierKey) -> list[NoteSignature]:
        """Return the signature lines that name a key, not yet checked."""
        wanted = (key.name, key.id)
        return [line for line in self.signatures if (line.name, line.key_id) == wanted]

    def signers(self, keys: Iterable[VerifierKey]) -> list[VerifierKey]:
        """Return which of the Ed25519 keys signed it.

        Raises UntrustedInput if a signature of one is invalid.
        """
        found = []
        for key in keys:
            lines = self.lines_of(key)
            for line in lines:
                if not is_signed_by(key.public, line.signature, self.text.encode()):
                    raise UntrustedInput(f"The signature of {key.name} is not valid.")
            if lines:
                found.append(key)
        return found


def sign_note(text: str, signers: Iterable[tuple[str, Ed25519SigningKey]]) -> bytes:
    """Sign ``text`` with each key under its name. Raises ValueError for an unsuitable text."""
    if not text.endswith("\n") or not _is_clean(text):
        raise ValueError("a note's text ends with a newline and has no control characters")
    lines = []
    for name, key in signers:
        if not is_key_name(name):
            raise ValueError(f"{name!r} is not a key name")
        lines.append(signature_line(VerifierKey(name, key.public), key.sign(text.encode())))
    return f"{text}\n{''.join(lines)}".encode()


def signature_line(key: VerifierKey, signature: bytes) -> str:
    """Return the line of a note with a signature of a key."""
    return f"{_DASH}{key.name} {base64.b64encode(key.id + signature).decode()}\n"


def parse_note(data: bytes, what: str = "The signed note") -> SignedNote:
    """Read a signed note; ``what`` names it in errors. Raises UntrustedInput."""
    if len(data) > _MOST_BYTES:
        raise UntrustedInput(f"{what} is refused: it is over a megabyte long.")
    try:
        whole = data.decode("utf-8")
    except UnicodeDecodeError:
        raise UntrustedInput(f"{what} is refused: it is not UTF-8.") from None
    at = whole.rfind("\n\n")
    if at < 0 or not whole.endswith("\n") or not _is_clean(whole):
        raise UntrustedInput(f"{what} is refused: it is not a signed note, or was truncated.")
    lines = whole[at + 2 :].split("\n")[:-1]
    if not lines or len(lines) > _MOST_SIGNATURES:
        raise UntrustedInput(f"{what} is refused: it has no signatures, or too many.")
    return SignedNote(whole[: at + 1], tuple(_signature(line, what) for line in lines))


def _signature(line: str, what: str) -> NoteSignature:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    blob = decode_base64(encoded, what)
    if not line.startswith(_DASH) or not is_key_name(name) or len(blob) < 5:
        raise UntrustedInput(f"{what} is refused: one of its signature lines is malformed.")
    return NoteSignature(name, blob[:4], blob[4:])


def is_key_name(name: str) -> bool:
    """Return whether a name is allowed in a signature line."""
    return name.split() == [name] and "+" not in name and _is_clean(name)


def _is_clean(text: str) -> bool:
    return _UNCLEAN.search(text) is None


def decode_base64(text: str, what: str) -> bytes:
    """Decode base64 as `json_paths` does, but raise UntrustedInput; ``what`` names the text."""
    try:
        return json_paths.decode_base64(text)
    except ValueError:
        raise UntrustedInput(f"{what} is refused: bad base64.") from None
