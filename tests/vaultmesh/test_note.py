"""Signed notes, verifier keys and checkpoints: the reference example, and what is refused."""

from __future__ import annotations

import base64
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from gorillacomb.errors import UntrustedInput
from gorillacomb.vaultmesh import checkpoint as checkpoints
from gorillacomb.vaultmesh.checkpoint import Checkpoint
from gorillacomb.vaultmesh.keys import note
from gorillacomb.vaultmesh.keys.keys import Ed25519SigningKey
from gorillacomb.vaultmesh.keys.note import VerifierKey

# The example of golang.org/x/mod/sumdb/note (note.go and note_test.go), which C2SP's signed-note
# has too: a verifier key, the key that signs, a text, and its signature.
VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
SEED = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
SIGNATURE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6"
    "KE6RyyBwJnAM=\n"
)
NOTE = f"{TEXT}\n{SIGNATURE}".encode()
PETER = VerifierKey.parse(VKEY)
KEY = Ed25519SigningKey(Ed25519PrivateKey.from_private_bytes(SEED))
OTHER = Ed25519SigningKey(Ed25519PrivateKey.from_private_bytes(sha256(b"other").digest()))

ORIGIN = "gorillacomb/" + "5c" * 16
HEAD = Checkpoint(ORIGIN, 20852163, sha256(b"root").digest())
SIGNED = HEAD.signed([KEY])


def test_the_reference_note() -> None:
    found = note.parse_note(NOTE)
    assert found.text == TEXT
    assert found.signers([PETER]) == [PETER]
    assert str(PETER) == VKEY
    assert note.sign_note(TEXT, [("PeterNeumann", KEY)]) == NOTE


def test_every_bit_of_the_reference_note_counts() -> None:
    for place in range(len(NOTE)):
        for bit in range(8):
            bad = bytearray(NOTE)
            bad[place] ^= 1 << bit
            assert not is_signed(bytes(bad)), (place, bit)
    for end in range(len(NOTE)):
        assert not is_signed(NOTE[:end])
    assert not is_signed(NOTE + b"\n")


def is_signed(data: bytes) -> bool:
    try:
        return bool(note.parse_note(data).signers([PETER]))
    except UntrustedInput:
        return False


BLOB = base64.b64encode(bytes(68)).decode()
MALFORMED = {
    "nothing": b"",
    "no signature": TEXT.encode(),
    "no empty line": (TEXT + SIGNATURE).encode(),
    "an empty signature part": (TEXT + "\n").encode(),
    "no last newline": NOTE[:-1],
    "not UTF-8": NOTE + b"\xff",
    "a surrogate": NOTE.replace(b"you", b"\xed\xa0\x80", 1),
    "a control character": NOTE.replace(b"you", b"\x07ou", 1),
    "a carriage return": NOTE.replace(b"\n", b"\r\n"),
    "a zero byte": NOTE.replace(b"you", b"\x00ou", 1),
    "a hyphen for the dash": NOTE.replace("—".encode(), b"-"),
    "two spaces": NOTE.replace(b"PeterNeumann ", b"PeterNeumann  "),
    "no name": NOTE.replace(b"PeterNeumann ", b""),
    "an empty name": NOTE.replace(b"PeterNeumann", b""),
    "a plus in a name": NOTE.replace(b"PeterNeumann", b"Peter+Neumann"),
    "a space in a name": NOTE.replace(b"PeterNeumann", "Peter\u2003Neumann".encode()),
    "no base64": NOTE.replace(b"x08go", b"!!!!!"),
    "base64 without padding": NOTE.replace(b"nAM=", b"nAM"),
    "base64 with a stray bit": NOTE.replace(b"nAM=", b"nAN="),
    "URL-safe base64": NOTE.replace(b"go/ZJ", b"go_ZJ"),
    "a signature of nothing": f"{TEXT}\n— a {base64.b64encode(bytes(4)).decode()}\n".encode(),
    "too many": f"{TEXT}\n".encode() + f"— a {BLOB}\n".encode() * 65,
    "too long": b"x" * (1 << 20) + b"\n" + NOTE,
}


@pytest.mark.parametrize("what", MALFORMED)
def test_a_malformed_note(what: str) -> None:
    with pytest.raises(UntrustedInput, match="The letter is refused") as raised:
        note.parse_note(MALFORMED[what], "The letter")
    assert raised.value.exit_code == 2


def test_other_peoples_signatures_do_not_count_nor_harm() -> None:
    signed = note.sign_note(TEXT, [("else", OTHER), ("PeterNeumann", KEY), ("PeterNeumann", OTHER)])
    assert note.parse_note(signed).signers([PETER]) == [PETER]
    assert note.parse_note(note.sign_note(TEXT, [("PeterNeumann", OTHER)])).signers([PETER]) == []
    assert note.parse_note(note.sign_note(TEXT, [("Mallory", KEY)])).signers([PETER]) == []
    assert len(note.parse_note(NOTE + SIGNATURE.encode()).signers([PETER])) == 1


def test_one_good_signature_does_not_make_up_for_a_bad_one_by_the_same_key() -> None:
    bad = base64.b64encode(PETER.id + bytes(64)).decode()
    with pytest.raises(UntrustedInput, match="is not valid"):
        note.parse_note(NOTE + f"— PeterNeumann {bad}\n".encode()).signers([PETER])


@pytest.mark.parametrize("text", ["", "no newline", "bell\x07\n", "\ud800\n", "\r\n", "tab\t\n"])
def test_what_cannot_be_signed(text: str) -> None:
    with pytest.raises(ValueError):
        note.sign_note(text, [("a", KEY)])


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\n", "\u00a0"])
def test_names_that_cannot_sign(name: str) -> None:
    with pytest.raises(ValueError):
        note.sign_note(TEXT, [(name, KEY)])


# Verifier keys.


def test_manglings_of_a_verifier_key() -> None:
    """As the Go package tests it: every part of it, and each character one further."""
    for start in range(len(VKEY)):
        for end in range(start, len(VKEY) + 1):
            if (start, end) != (0, len(VKEY)):
                with pytest.raises(UntrustedInput):
                    VerifierKey.parse(VKEY[start:end])
    for place, char in enumerate(VKEY):
        with pytest.raises(UntrustedInput):
            VerifierKey.parse(VKEY[:place] + chr(ord(char) + 1) + VKEY[place + 1 :])


@pytest.mark.parametrize(
    "text",
    [
        # From the Go package's tests: wrong length, unknown algorithm, each with a fitting id.
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "",
        "+",
        "++",
        "\x00",
        "a+b+c",
        VKEY + VKEY,
        VKEY + "\n" + VKEY,
        VKEY.upper(),
        VKEY.replace("c74f20a3", "C74F20A3"),
        "x" * 10_000_000,
        "+" * 1_000_000,
    ],
)
def test_bad_verifier_keys(text: str) -> None:
    with pytest.raises(UntrustedInput):
        VerifierKey.parse(text)


@given(st.integers(0, len(VKEY) - 1), st.characters())
def test_any_character_of_a_verifier_key(place: int, char: str) -> None:
    edited = VKEY[:place] + char + VKEY[place + 1 :]
    try:
        assert VerifierKey.parse(edited) == PETER
    except UntrustedInput:
        assert edited != VKEY


# Checkpoints.


def test_a_checkpoint() -> None:
    assert checkpoints.verify_checkpoint(SIGNED, [KEY.public]) == HEAD
    assert SIGNED.startswith(
        f"{ORIGIN}\n20852163\n{base64.b64encode(HEAD.root).decode()}\n\n— {ORIGIN} ".encode()
    )
    with pytest.raises(UntrustedInput, match="none of the keys"):
        checkpoints.verify_checkpoint(SIGNED, [OTHER.public])
    with pytest.raises(UntrustedInput, match="none of the keys"):
        checkpoints.verify_checkpoint(SIGNED, [])
    assert checkpoints.verify_checkpoint(HEAD.signed([OTHER, KEY]), [KEY.public]) == HEAD


@given(st.integers(0, len(SIGNED) - 1), st.integers(0, 255))
def test_any_byte_of_a_checkpoint(place: int, value: int) -> None:
    edited = SIGNED[:place] + bytes([value]) + SIGNED[place + 1 :]
    try:
        assert checkpoints.verify_checkpoint(edited, [KEY.public]) == HEAD
        assert edited == SIGNED
    except UntrustedInput:
        assert edited != SIGNED


@given(st.integers(0, len(SIGNED)), st.integers(0, len(SIGNED)), st.binary(max_size=5))
def test_any_cut_of_a_checkpoint(start: int, end: int, between: bytes) -> None:
    edited = SIGNED[:start] + between + SIGNED[end:]
    try:
        assert checkpoints.verify_checkpoint(edited, [KEY.public]) == HEAD
    except UntrustedInput:
        assert edited != SIGNED


ROOT = base64.b64encode(HEAD.root).decode()


@pytest.mark.parametrize(
    "text",
    [
        f"{ORIGIN}\n5\n",
        f"\n5\n{ROOT}\n",
        f"{ORIGIN}\n\n{ROOT}\n",
        f"{ORIGIN}\n05\n{ROOT}\n",
        f"{ORIGIN}\n-5\n{ROOT}\n",
        f"{ORIGIN}\n+5\n{ROOT}\n",
        f"{ORIGIN}\n5.0\n{ROOT}\n",
        f"{ORIGIN}\n٥\n{ROOT}\n",
        f"{ORIGIN}\n5 \n{ROOT}\n",
        f"{ORIGIN}\n{'9' * 17}\n{ROOT}\n",
        f"{ORIGIN}\n{'9' * 100_000}\n{ROOT}\n",
        f"{ORIGIN}\n5\n{ROOT[:-1]}\n",
        f"{ORIGIN}\n5\n{base64.b64encode(bytes(31)).decode()}\n",
        f"{ORIGIN}\n5\n{base64.b64encode(bytes(33)).decode()}\n",
        f"{ORIGIN}\n5\n{ROOT}\n\n",
        f"{ORIGIN}\n5\n{ROOT}\n\nextension\n",
        "\n",
    ],
)
def test_a_signed_text_that_is_no_checkpoint(text: str) -> None:
    """Though our own key signed it."""
    with pytest.raises(UntrustedInput, match="The checkpoint"):
        checkpoints.verify_checkpoint(note.sign_note(text, [(ORIGIN, KEY)]), [KEY.public])


def test_lines_that_extend_a_checkpoint_are_let_in() -> None:
    """tlog-checkpoint: a client that does not know them ignores them."""
    signed = note.sign_note(HEAD.text() + "something new\n", [(ORIGIN, KEY)])
    assert checkpoints.verify_checkpoint(signed, [KEY.public]) == HEAD
