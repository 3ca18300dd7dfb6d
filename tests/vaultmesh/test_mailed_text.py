"""Checkpoints, proofs and keys that came by mail: read where nothing signed changed, else said."""

from __future__ import annotations

import codecs
import quopri
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from gorillacomb.errors import UntrustedInput
from gorillacomb.vaultmesh import merkle
from gorillacomb.vaultmesh.checkpoint import Checkpoint, verify_checkpoint
from gorillacomb.vaultmesh.keys.keys import Ed25519SigningKey, load_publics
from gorillacomb.vaultmesh.keys.mailed_text import parse_mailed, without_mail_marks
from gorillacomb.vaultmesh.keys.note import VerifierKey
from gorillacomb.vaultmesh.proof import verify_proof

KEY = Ed25519SigningKey(Ed25519PrivateKey.from_private_bytes(sha256(b"log").digest()))
ENTRY = b'{"event":"stamped","seq":0}'
HEAD = Checkpoint("gorillacomb/" + "5c" * 16, 1, merkle.leaf_hash(ENTRY))
SIGNED = HEAD.signed([KEY])
PROOF = b"c2sp.org/tlog-proof@v1\nextra %b\nindex 0\n\n%b" % (
    codecs.encode(ENTRY, "base64").strip(),
    SIGNED,
)
READERS: dict[bytes, Callable[[bytes], object]] = {
    SIGNED: partial(verify_checkpoint, publics=[KEY.public]),
    PROOF: partial(verify_proof, publics=[KEY.public]),
}
documents = pytest.mark.parametrize("document", READERS, ids=["checkpoint", "proof"])


@st.composite
def mailed(draw: st.DrawFn, text: bytes) -> bytes:
    """A text with other line ends and margins: each line may be treated in another way."""
    ends = st.sampled_from([b"\n", b"\r\n", b"\r\r\n"])
    blanks = st.sampled_from([b"", b" ", b"\t", b"  \t "])
    lines = text.removesuffix(b"\n").split(b"\n")
    body = b"".join(line + draw(blanks) + draw(ends) for line in lines)
    around = st.lists(st.tuples(blanks, ends), max_size=3).map(
        lambda found: b"".join(blank + end for blank, end in found)
    )
    if draw(st.booleans()):
        body = body.rstrip(b"\r\n")
    else:
        body += draw(around)
    return draw(st.sampled_from([b"", codecs.BOM_UTF8])) + draw(around) + body


@given(data=st.data(), document=st.sampled_from(list(READERS)))
def test_margins_and_line_ends_do_not_count(data: st.DataObject, document: bytes) -> None:
    assert without_mail_marks(data.draw(mailed(document))) == document


@documents
@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(b"\n", b"\r\n"),
        lambda text: text.replace(b"\n", b"\r"),
        lambda text: text + b"\n\n",
        lambda text: b"\n" + text,
        lambda text: text.rstrip(b"\n"),
        lambda text: codecs.BOM_UTF8 + text,
        lambda text: codecs.BOM_UTF8 + text.replace(b"\n", b"\r\n") + b"\r\n",
        lambda text: text.decode().replace("\n", "\r\n").encode("utf-16"),
        lambda text: codecs.BOM_UTF16_BE + text.decode().encode("utf-16-be"),
    ],
    ids=["crlf", "cr", "below", "above", "no newline", "bom", "windows", "utf-16", "utf-16-be"],
)
def test_a_document_that_came_by_mail_is_read(
    document: bytes, change: Callable[[bytes], bytes]
) -> None:
    read = READERS[document]
    assert parse_mailed(change(document), read) == read(document)


WORDS: dict[str, Callable[[bytes], bytes]] = {
    "quoted-printable": lambda text: quopri.encodestring(text),
    "begin with >": lambda text: b"".join(b"> " + line for line in text.splitlines(True)),
    "format=flowed": lambda text: b"".join(b" " + line for line in text.splitlines(True)),
    "dash": lambda text: text.replace("—".encode(), b"--"),
    "U\\+2014": lambda text: text.decode().encode("ascii", "replace"),
    "into another character": lambda text: text.decode("cp1252").encode(),
    "broken in two": lambda text: text.replace(b"5c5c ", b"5c5c \n").replace(b"wi", b"w\ni", 1),
    "another text follows": lambda text: text + b"-- \nsent from my telephone\n",
    "[Bb]lank lines": lambda text: text.replace(b"\n", b"\n\n"),
}


@documents
@pytest.mark.parametrize("words", WORDS)
def test_what_leaves_something_in_doubt_is_named(document: bytes, words: str) -> None:
    with pytest.raises(UntrustedInput, match=f"is refused.*{words}") as raised:
        parse_mailed(WORDS[words](document), READERS[document])
    assert raised.value.hint


@documents
def test_what_no_mail_does_is_refused_as_before(document: bytes) -> None:
    read = READERS[document]
    bad = document.replace(b"\n1\n", b"\n2\n")
    for data in (b"", b"junk\n", document[: len(document) // 2], bad):
        with pytest.raises(UntrustedInput) as plain:
            read(data)
        with pytest.raises(UntrustedInput) as said:
            parse_mailed(data, read)
        assert str(said.value) == str(plain.value)


def test_a_public_key_that_came_by_mail(tmp_path: Path) -> None:
    path = tmp_path / "log.pub"
    pem = KEY.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for form in (f"{VerifierKey(HEAD.origin, KEY.public)}\n", pem.decode()):
        for encoding in ("utf-8-sig", "utf-16"):
            path.write_bytes(form.replace("\n", "\r\n").encode(encoding))
            assert load_publics(path) == [KEY.public]
