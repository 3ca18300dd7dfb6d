"""Cosignatures: the message as the specification lays it out, and what is refused."""

from __future__ import annotations

import base64
import struct
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from gorillacomb.errors import UntrustedInput
from gorillacomb.vaultmesh.checkpoint import Checkpoint
from gorillacomb.vaultmesh.keys.cosign import (
    COSIGNATURES,
    Cosignature,
    cosignature_line,
    cosignatures,
    cosigner_key,
)
from gorillacomb.vaultmesh.keys.keys import Ed25519SigningKey, MlDsa44SigningKey
from gorillacomb.vaultmesh.keys.note import VerifierKey

LOG = Ed25519SigningKey(Ed25519PrivateKey.from_private_bytes(sha256(b"log").digest()))
EDWARDS = Ed25519SigningKey(Ed25519PrivateKey.from_private_bytes(sha256(b"witness").digest()))
LATTICE = MlDsa44SigningKey(MLDSA44PrivateKey.from_seed_bytes(sha256(b"witness").digest()))
NAME = "witness.example/w1"
HEAD = Checkpoint("example.com/behind-the-sofa", 20852163, sha256(b"root").digest())
SIGNED = HEAD.signed([LOG])
KEYS = [cosigner_key(NAME, EDWARDS), cosigner_key(NAME, LATTICE)]
TIME = 1_679_315_147


def cosigned(seconds: int = TIME) -> bytes:
    lines = [cosignature_line(SIGNED, NAME, key, seconds) for key in (EDWARDS, LATTICE)]
    return SIGNED + "".join(lines).encode()


def blob_of(line: str) -> bytes:
    return base64.b64decode(line.split(" ")[2])


def test_both_kinds_are_valid_and_told_apart() -> None:
    assert cosignatures(cosigned(), KEYS) == [Cosignature(key, TIME) for key in KEYS]
    assert cosignatures(cosigned(), KEYS[:1]) == [Cosignature(KEYS[0], TIME)]
    assert cosignatures(SIGNED, KEYS) == []


def test_the_ed25519_message_is_that_of_the_specification() -> None:
    blob = blob_of(cosignature_line(SIGNED, NAME, EDWARDS, TIME))
    key_id = sha256(NAME.encode() + b"\n\x04" + EDWARDS.public).digest()[:4]
    assert blob[:12] == key_id + struct.pack(">Q", TIME)
    root = base64.b64encode(HEAD.root).decode()
    text = f"cosignature/v1\ntime 1679315147\n{HEAD.origin}\n20852163\n{root}\n"
    EDWARDS.private.public_key().verify(blob[12:], text.encode())


def test_the_ml_dsa_message_is_that_of_the_specification() -> None:
    blob = blob_of(cosignature_line(SIGNED, NAME, LATTICE, TIME))
    key_id = sha256(NAME.encode() + b"\n\x06" + LATTICE.public).digest()[:4]
    assert blob[:12] == key_id + struct.pack(">Q", TIME)
    message = (
        *(b"subtree/v1\n\x00", b"\x12" + NAME.encode(), struct.pack(">Q", TIME)),
        *(b"\x1b" + HEAD.origin.encode(), struct.pack(">Q", 0), struct.pack(">Q", HEAD.size)),
        HEAD.root,
    )
    LATTICE.private.public_key().verify(blob[12:], b"".join(message))


def test_the_latest_of_two_of_a_key_counts() -> None:
    later = cosignature_line(SIGNED, NAME, EDWARDS, TIME + 5).encode()
    assert cosignatures(cosigned() + later, KEYS[:1]) == [Cosignature(KEYS[0], TIME + 5)]


@given(place=st.integers(0, 4_000), bit=st.integers(0, 7))
def test_a_changed_bit_of_any_line_never_counts(place: int, bit: int) -> None:
    data = bytearray(cosigned())
    place = len(SIGNED) + place % (len(data) - len(SIGNED))
    data[place] ^= 1 << bit
    try:
        valid = cosignatures(bytes(data), KEYS)
    except UntrustedInput:
        return
    # The changed line names another key now; the other line is as it was.
    assert len(valid) < 2


@pytest.mark.parametrize("seconds", [0, -1, 1 << 63])
def test_a_time_that_none_may_have(seconds: int) -> None:
    with pytest.raises(ValueError, match="not a time"):
        cosignature_line(SIGNED, NAME, EDWARDS, seconds)


@pytest.mark.parametrize("key", [EDWARDS, LATTICE])
def test_a_signed_time_of_zero_is_refused(key: Ed25519SigningKey | MlDsa44SigningKey) -> None:
    """A subtree's cosignature has the time zero: it does not say that the tree is the largest."""
    verifier = cosigner_key(NAME, key)
    if key is EDWARDS:
        message = f"cosignature/v1\ntime 0\n{HEAD.text()}".encode()
    else:
        names = b"\x12" + NAME.encode() + bytes(8) + b"\x1b" + HEAD.origin.encode()
        message = b"subtree/v1\n\x00" + names + struct.pack(">QQ", 0, HEAD.size) + HEAD.root
    blob = base64.b64encode(verifier.id + bytes(8) + key.sign(message)).decode()
    with pytest.raises(UntrustedInput, match="not valid"):
        cosignatures(SIGNED + f"— {NAME} {blob}\n".encode(), [verifier])


def test_a_verifier_key_has_the_kinds_that_are_asked_for() -> None:
    for key in KEYS:
        assert VerifierKey.parse(str(key), kinds=COSIGNATURES) == key
        with pytest.raises(UntrustedInput, match="not an Ed25519 verifier key"):
            VerifierKey.parse(str(key))
    with pytest.raises(UntrustedInput, match="cosignature verifier key"):
        VerifierKey.parse(str(VerifierKey(NAME, LOG.public)), kinds=COSIGNATURES)
