"""Signing keys: Ed25519 for the trace and manifests, RSA for scrolls, and manifests on request.

ECDSA on the curve P-256 signs exports to OpenSSF model signing, which supports no other kind;
ML-DSA-44 is for witnesses.

A private key's file is PKCS 8 in PEM; a passphrase, if any, comes from the environment variable
GORILLACOMB_PASSPHRASE.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from gorillacomb.errors import KeyMissing, UntrustedInput
from gorillacomb.fs.bounded_read import UnexpectedFile, read_document
from gorillacomb.fs.openat import os_error_text, owner_advice

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import (
        EllipticCurvePrivateKey,
        EllipticCurvePublicKey,
    )
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )
    from cryptography.hazmat.primitives.asymmetric.mldsa import (
        MLDSA44PrivateKey,
        MLDSA44PublicKey,
    )
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

    PrivateKey = Ed25519PrivateKey | RSAPrivateKey | EllipticCurvePrivateKey | MLDSA44PrivateKey
    PublicKey = bytes | RSAPublicKey

PASSPHRASE = "GORILLACOMB_PASSPHRASE"
KeyKind = Literal["ed25519", "rsa", "ecdsa"]
StoredKind = KeyKind | Literal["ml-dsa-44"]
"""What a folder of keys holds: the last one only that of a witness."""
RSA_BITS = 2048
"""The usual size of an RSA key, and the least that is trusted."""
_MOST_BYTES = 1 << 16
_PEM = re.compile(r"-----BEGIN [A-Z ]+-----.*?-----END [A-Z ]+-----\n?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _RawSigningKey:
    """A private key whose public key is some bytes, and whose signature has no parameters."""

    private: Ed25519PrivateKey | MLDSA44PrivateKey

    @property
    def public(self) -> bytes:
        """Its public key, in bytes."""
        return self.private.public_key().public_bytes_raw()

    @property
    def public_pem(self) -> bytes:
        """Its public key, SubjectPublicKeyInfo in PEM."""
        return _pem(self.private.public_key())

    def sign(self, data: bytes) -> bytes:
        """Sign data; return the signature."""
        return self.private.sign(data)


class Ed25519SigningKey(_RawSigningKey):
    """An Ed25519 private key (RFC 8032): a public key of 32 bytes, signatures of 64."""

    __slots__ = ()

    private: Ed25519PrivateKey


@dataclass(frozen=True, slots=True)
class RsaSigningKey:
    """An RSA private key; it signs with PSS, SHA-256 and a salt of 32 bytes."""

    private: RSAPrivateKey

    @property
    def public(self) -> bytes:
        """Its public key, SubjectPublicKeyInfo in DER."""
        return public_der(self.private.public_key())

    @property
    def public_pem(self) -> bytes:
        """Its public key, SubjectPublicKeyInfo in PEM."""
        return _pem(self.private.public_key())

    @property
    def numbers(self) -> tuple[int, int]:
        """Its public key: the modulus and the exponent."""
        found = self.private.public_key().public_numbers()
        return found.n, found.e

    def sign(self, data: bytes) -> bytes:
        """Sign data; return the signature, as long as the key: 256 bytes with 2,048 bits."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding

        scheme = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
        return self.private.sign(data, scheme, hashes.SHA256())


@dataclass(frozen=True, slots=True)
class EcdsaSigningKey:
    """An elliptic-curve private key on P-256; it signs with ECDSA and SHA-256."""

    private: EllipticCurvePrivateKey

    @property
    def public(self) -> bytes:
        """Its public key, SubjectPublicKeyInfo in DER."""
        return public_der(self.private.public_key())

    @property
    def public_pem(self) -> bytes:
        """Its public key, SubjectPublicKeyInfo in PEM."""
        return _pem(self.private.public_key())

    def sign(self, data: bytes) -> bytes:
        """Sign data; return the signature: r and s in DER, at most 72 bytes."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec

        return self.private.sign(data, ec.ECDSA(hashes.SHA256()))


class MlDsa44SigningKey(_RawSigningKey):
    """An ML-DSA-44 private key (FIPS 204), with which witnesses cosign beside Ed25519.

    Its public key has 1,312 bytes, its signatures 2,420.
    """

    __slots__ = ()

    private: MLDSA44PrivateKey


AnySigningKey = Ed25519SigningKey | RsaSigningKey | EcdsaSigningKey | MlDsa44SigningKey


def fingerprint(public: bytes) -> str:
    """Return a short name for a public key: 16 hex digits of its SHA-256."""
    return sha256(public).hexdigest()[:16]


def load_private(path: Path) -> AnySigningKey:
    """Read a private key file. Raises KeyMissing, UntrustedInput."""
    from cryptography.exceptions import UnsupportedAlgorithm

    passphrase = _passphrase()
    data = read_key(path)
    try:
        key = _parsed_private(data, passphrase)
    except TypeError:
        if passphrase and b"ENCRYPTED" not in data:
            key = _parsed_private(data, None)
        else:
            raise KeyMissing(
                f"The key {path} is encrypted.", f"Set {PASSPHRASE} to its passphrase."
            ) from None
    except (ValueError, UnsupportedAlgorithm):
        closed = b"ENCRYPTED" in data
        cause = f"does not open with that {PASSPHRASE}" if closed else "is damaged, or not a key"
        raise KeyMissing(f"The key {path} {cause}.", "Restore it from a backup.") from None
    return key


def _parsed_private(data: bytes, passphrase: bytes | None) -> AnySigningKey:
    """Return a key of our own; that its file is whole is seen by a signature.

    To find out whether the factors of an RSA key are primes would take 0.2 s, and is for keys that
    were made elsewhere. Raises ValueError, UnsupportedAlgorithm, UntrustedInput; TypeError for a
    passphrase that is missing, or is of no use.
    """
    from cryptography.exceptions import InternalError
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    private = load_pem_private_key(data, passphrase, unsafe_skip_rsa_key_validation=True)
    key = signing_key_of(private)
    if isinstance(key, RsaSigningKey):
        try:
            signature = key.sign(data)
        except InternalError:
            signature = b""
        if not is_signed_by(key.private.public_key(), signature, data):
            raise ValueError("its parts do not belong together")
    return key


def unreadable_key_error(path: Path, error: OSError) -> KeyMissing:
    """Return the error for a key file that the system does not let us read."""
    return KeyMissing(
        f"The key {path} cannot be read: {os_error_text(error)}.",
        owner_advice(str(path), error) or "Check its permissions, or name another key.",
    )


def read_key(path: Path) -> bytes:
    """Return the bytes of a key file. Raises KeyMissing, UntrustedInput."""
    try:
        return read_document(path, _MOST_BYTES)
    except UnexpectedFile:
        raise UntrustedInput(f"{path} is not a key file.") from None
    except OSError as error:
        raise unreadable_key_error(path, error) from error


def load_publics(path: Path) -> list[PublicKey]:
    """Read public keys: PEM blocks, or one C2SP verifier key per line, as `keys show` prints them.

    Ed25519 keys are 32 bytes. Raises KeyMissing, UntrustedInput.
    """
    from gorillacomb.vaultmesh.keys.mailed_text import without_mail_marks
    from gorillacomb.vaultmesh.keys.note import VerifierKey

    text = without_mail_marks(read_key(path)).decode("utf-8", "replace")
    blocks = _PEM.findall(text)
    if blocks:
        return [_public_in(block.encode(), path) for block in blocks]
    found: list[PublicKey] = [
        VerifierKey.parse(line, f"The key in {path}").public
        for line in text.split("\n")
        if line.strip()
    ]
    if not found:
        raise UntrustedInput(f"{path} holds no public key that can be read.")
    return found


def _public_in(pem: bytes, path: Path) -> PublicKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise UntrustedInput(f"{path} holds no public key that can be read.") from None
    if isinstance(key, Ed25519PublicKey):
        return key.public_bytes_raw()
    if isinstance(key, RSAPublicKey):
        if key.key_size < RSA_BITS:
            raise UntrustedInput(
                f"{path} is an RSA key of {key.key_size} bits: too short to trust."
            )
        return key
    raise UntrustedInput(f"{path} is neither an Ed25519 nor an RSA key.")


def is_signed_by(public: bytes | RSAPublicKey, signature: bytes, data: bytes) -> bool:
    """Return whether a signature is valid for a public key (Ed25519, 32 bytes; or RSA-PSS)."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        if isinstance(public, bytes):
            Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
        else:
            scheme = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
            public.verify(signature, data, scheme, hashes.SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def is_signed_with_ml_dsa(public: bytes, signature: bytes, data: bytes) -> bool:
    """Return whether a signature is valid for an ML-DSA-44 public key (1,312 bytes)."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

    try:
        MLDSA44PublicKey.from_public_bytes(public).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


def public_pem(public: PublicKey) -> bytes:
    """Return a public key (Ed25519, 32 bytes; or RSA) as SubjectPublicKeyInfo in PEM."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    return _pem(Ed25519PublicKey.from_public_bytes(public) if isinstance(public, bytes) else public)


def _pem(
    public: Ed25519PublicKey | RSAPublicKey | EllipticCurvePublicKey | MLDSA44PublicKey,
) -> bytes:
    from cryptography.hazmat.primitives import serialization

    return public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def public_der(public: RSAPublicKey | EllipticCurvePublicKey) -> bytes:
    """Return an RSA or elliptic-curve public key as SubjectPublicKeyInfo in DER."""
    from cryptography.hazmat.primitives import serialization

    return public.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def load_der(data: bytes) -> RSAPublicKey:
    """Read an RSA public key, SubjectPublicKeyInfo in DER. Raises UntrustedInput."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        key = load_der_public_key(data)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPublicKey):
        raise UntrustedInput("It is not an RSA public key.")
    return key


def generate(kind: StoredKind, rsa_bits: int = RSA_BITS) -> PrivateKey:
    """Generate a private key; ``rsa_bits`` is the size of an RSA key."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    if kind == "rsa":
        return rsa.generate_private_key(65537, rsa_bits)
    if kind == "ecdsa":
        return ec.generate_private_key(ec.SECP256R1())
    if kind == "ml-dsa-44":
        from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

        return MLDSA44PrivateKey.generate()
    return Ed25519PrivateKey.generate()


def generate_rsa(bits: int) -> RsaSigningKey:
    """Generate an RSA key of so many bits."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    return RsaSigningKey(rsa.generate_private_key(65537, bits))


def private_pem(private: PrivateKey) -> bytes:
    """Return a private key as PKCS 8 in PEM, encrypted if there is a passphrase.

    Raises KeyMissing for a passphrase that cannot be used for encryption.
    """
    from cryptography.hazmat.primitives import serialization

    passphrase = _passphrase()
    try:
        return private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(passphrase)
            if passphrase
            else serialization.NoEncryption(),
        )
    except ValueError as error:
        raise KeyMissing(
            f"{PASSPHRASE} cannot encrypt a key: {error}.", "Use another one."
        ) from None


def _passphrase() -> bytes | None:
    """Return the passphrase of key files; None for none."""
    return os.fsencode(os.environ.get(PASSPHRASE, "")) or None


def signing_key_of(private: object) -> AnySigningKey:
    """Wrap a private key for signing. Raises UntrustedInput for an unsupported kind."""
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    if isinstance(private, Ed25519PrivateKey):
        return Ed25519SigningKey(private)
    if isinstance(private, MLDSA44PrivateKey):
        return MlDsa44SigningKey(private)
    if isinstance(private, RSAPrivateKey):
        return RsaSigningKey(private)
    if isinstance(private, EllipticCurvePrivateKey) and isinstance(private.curve, SECP256R1):
        return EcdsaSigningKey(private)
    raise UntrustedInput("That key is not Ed25519, RSA, ECDSA on P-256, or ML-DSA-44.")
