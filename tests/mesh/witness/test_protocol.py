"""Each answer of tlog-witness, and that an earlier cause is answered before a later one."""

from __future__ import annotations

import base64
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from gorillacomb.mesh.witness.protocol import (
    MOST_BYTES,
    WitnessRefusal,
    check_extends,
    parse_request,
    verified_lines,
)
from gorillacomb.vaultmesh.checkpoint import Checkpoint
from gorillacomb.vaultmesh.keys import note
from gorillacomb.vaultmesh.keys.cosign import cosignature_line, cosigner_key
from gorillacomb.vaultmesh.keys.keys import MlDsa44SigningKey
from gorillacomb.vaultmesh.keys.note import VerifierKey
from tests.mesh.logs import MadeLog, body_of, signing_key

LOG = MadeLog()
TRUSTED = {LOG.origin: [LOG.vkey]}
LATTICE = MlDsa44SigningKey(MLDSA44PrivateKey.from_seed_bytes(sha256(b"log").digest()))


def answer(
    body: bytes,
    last: Checkpoint | None,
    trusted: dict[str, list[VerifierKey]] = TRUSTED,
) -> tuple[int, str]:
    """The status of a request and the text of its answer."""
    try:
        request = parse_request(body)
        verified_lines(request, trusted)
        check_extends(request, last)
    except WitnessRefusal as error:
        return int(error.status), error.text
    return 200, ""


def status(body: bytes, last: Checkpoint | None = None) -> int:
    return answer(body, last)[0]


def replaced(body: bytes, old: bytes, new: bytes) -> bytes:
    assert old in body
    return body.replace(old, new, 1)


GOOD = LOG.request(0, 5)
SIGNED = LOG.note(5)
LINE = SIGNED.split(b"\n\n")[1]

UNPARSABLE = {
    "nothing": b"",
    "no old size": GOOD.partition(b"\n")[2],
    "a leading zero": replaced(GOOD, b"old 0", b"old 00"),
    "a sign": replaced(GOOD, b"old 0", b"old +0"),
    "two spaces": replaced(GOOD, b"old 0", b"old  0"),
    "capitals": replaced(GOOD, b"old 0", b"Old 0"),
    "a size beyond all bounds": replaced(GOOD, b"old 0", b"old " + b"9" * 17),
    "other digits": replaced(GOOD, b"old 0", "old ٣".encode()),
    "returns": GOOD.replace(b"\n", b"\r\n"),
    "no empty line": replaced(GOOD, b"\n\n", b"\n"),
    "no checkpoint": b"old 0\n\n",
    "a proof line that is no base64": body_of(1, [], SIGNED).replace(b"\n\n", b"\n!!\n\n", 1),
    "a proof line with stray bits": replaced(
        LOG.request(4, 5), base64.b64encode(LOG.proof(4, 5)[0])[-2:], b"B="
    ),
    "a proof line that is too short": body_of(4, [b"x" * 31], SIGNED),
    "64 proof lines": body_of(4, [b"x" * 32] * 64, SIGNED),
    "a checkpoint without signatures": body_of(0, [], SIGNED.split(b"\n\n")[0] + b"\n\n"),
    "a truncated checkpoint": GOOD[:-1],
    "a checkpoint of two lines": body_of(0, [], replaced(SIGNED, b"\n5\n", b"\n")),
    "a checkpoint with a short root": body_of(0, [], b"o\n5\nAAAA\n\n" + LINE),
    "over the bytes": GOOD + LINE * (MOST_BYTES // len(LINE)),
    "over the signatures": GOOD + LINE * 64,
}


@pytest.mark.parametrize("what", UNPARSABLE)
def test_400_for_what_cannot_be_parsed(what: str) -> None:
    assert status(UNPARSABLE[what]) == 400


def test_400_comes_before_an_unknown_log() -> None:
    stranger = MadeLog("example.com/other")
    assert status(body_of(4, [b"x" * 32] * 64, stranger.note(5))) == 400
    assert status(body_of(4, [b"x" * 32] * 63, stranger.note(5))) == 404


def test_404_for_an_unknown_log_comes_before_its_signatures() -> None:
    stranger = MadeLog("example.com/other", keys=[signing_key("another")])
    assert status(stranger.request(0, 5)) == 404
    assert answer(GOOD, None, {})[0] == 404


def test_403_without_a_trusted_key_or_with_a_failing_line_of_one() -> None:
    wrong = MadeLog(keys=[signing_key("another")])
    assert status(wrong.request(0, 5)) == 403
    # A line under the trusted key's name and ID that fails makes the note malformed.
    key_id = base64.b64decode(LINE.split(b" ")[2])[:4]
    bad = note.signature_line(LOG.vkey, b"s" * 64).encode()
    assert base64.b64decode(bad.split(b" ")[2])[:4] == key_id
    assert status(body_of(0, [], SIGNED + bad)) == 403
    assert status(body_of(0, [], SIGNED.replace(LINE, bad) + LINE)) == 403
    assert status(body_of(0, [], SIGNED.replace(b"\n5\n", b"\n6\n"))) == 403


def test_403_comes_before_the_old_size() -> None:
    wrong = MadeLog(keys=[signing_key("another")])
    assert status(body_of(9, [], wrong.note(5))) == 403


def test_lines_of_unknown_keys_are_ignored_and_not_kept() -> None:
    other = MadeLog(keys=[*LOG.keys, signing_key("another")])
    garbage = "— some.one/else AAAAAAAAAAAA\n".encode()
    request = parse_request(body_of(0, [], other.note(5) + garbage))
    assert [line.encode() for line in verified_lines(request, TRUSTED)] == [LINE]


def test_both_keys_of_a_rotation_are_kept_once_both_are_trusted() -> None:
    both = MadeLog(keys=[*LOG.keys, signing_key("next")])
    keys = [VerifierKey(LOG.origin, key.public) for key in both.keys]
    request = parse_request(both.request(0, 5))
    for trusted in (keys, keys[:1], keys[1:]):
        lines = verified_lines(request, {LOG.origin: trusted})
        assert len(lines) == len(trusted)
    # The old key alone does not make the new one trusted.
    after = MadeLog(keys=[signing_key("next")])
    assert answer(after.request(0, 5), None, {LOG.origin: keys[:1]})[0] == 403


def test_a_log_that_signs_with_ml_dsa() -> None:
    text = LOG.head(5).signed(LOG.keys)
    line = cosignature_line(text, LOG.origin, LATTICE, 1_800_000_000).encode()
    signed = text.split(b"\n\n")[0] + b"\n\n" + line
    trusted = {LOG.origin: [cosigner_key(LOG.origin, LATTICE)]}
    assert answer(body_of(0, [], signed), None, trusted)[0] == 200
    other = signed.replace(b"\n5\n", b"\n6\n")
    assert answer(body_of(0, [], other), None, trusted)[0] == 403


def test_400_for_an_old_size_beyond_the_new_one_comes_before_409() -> None:
    assert status(body_of(6, [], SIGNED), LOG.head(2)) == 400
    assert status(body_of(6, [], SIGNED), LOG.head(6)) == 400


@pytest.mark.parametrize(("old", "last"), [(0, 3), (2, 3), (4, 3), (1, None), (5, None)])
def test_409_with_the_size_and_a_newline(old: int, last: int | None) -> None:
    known = None if last is None else LOG.head(last)
    assert answer(LOG.request(old, 5), known) == (409, f"{last or 0}\n")


def test_409_has_its_content_type() -> None:
    with pytest.raises(WitnessRefusal) as refused:
        check_extends(parse_request(GOOD), LOG.head(3))
    assert refused.value.content_type == "text/x.tlog.size"


def test_409_comes_before_the_roots_and_proofs() -> None:
    empty = Checkpoint(LOG.origin, 0, b"x" * 32).signed(LOG.keys)
    assert status(body_of(0, [], empty), LOG.head(3)) == 409
    assert status(body_of(0, [b"x" * 32], SIGNED), LOG.head(3)) == 409
    assert status(LOG.forked(1).request(0, 3), LOG.head(3)) == 409


def test_422_for_a_wrong_root_of_the_empty_tree() -> None:
    assert status(LOG.request(0, 0)) == 200
    assert status(body_of(0, [], Checkpoint(LOG.origin, 0, b"x" * 32).signed(LOG.keys))) == 422


def test_422_for_a_proof_from_the_empty_tree() -> None:
    assert status(LOG.request(0, 5)) == 200
    assert status(LOG.request(0, 5, [b"x" * 32])) == 422
    assert status(LOG.request(0, 0, [b"x" * 32])) == 422
    assert status(LOG.request(0, 5, [b"x" * 32]), LOG.head(0)) == 422


def test_422_for_a_bad_proof() -> None:
    last = LOG.head(3)
    proof = LOG.proof(3, 5)
    assert status(LOG.request(3, 5), last) == 200
    for bad in ([], proof[:-1], [*proof, b"x" * 32], [b"x" * 32, *proof[1:]], proof[::-1]):
        assert status(LOG.request(3, 5, bad), last) == 422
    assert status(LOG.forked(2).request(3, 5), last) == 422
    assert status(body_of(3, [b"x" * 32] * 63, SIGNED), last) == 422


def test_422_for_another_root_of_the_same_size() -> None:
    last = LOG.head(5)
    assert status(LOG.request(5, 5), last) == 200
    assert status(LOG.forked(4).request(5, 5), last) == 422
    assert status(LOG.request(5, 5, [b"x" * 32]), last) == 422


def test_extension_lines_are_a_matter_of_the_log() -> None:
    text = LOG.head(5).text() + "an extension\n"
    signed = note.sign_note(text, [(LOG.origin, LOG.keys[0])])
    assert status(body_of(0, [], signed)) == 200


def test_a_request_of_the_longest_kind_fits() -> None:
    """63 lines of a proof, and 16 ML-DSA-44 signatures under the longest names."""
    lines = [
        note.signature_line(VerifierKey("n" * 254 + f"{n:x}", LATTICE.public, b"\6"), b"s" * 2428)
        for n in range(15)
    ]
    own = note.signature_line(VerifierKey("o" * 255, LATTICE.public, b"\6"), b"s" * 2428)
    signed = SIGNED + "".join([*lines, own]).encode()
    body = body_of(3, [b"x" * 32] * 63, signed)
    assert 58_000 < len(body) < MOST_BYTES
    assert status(body, LOG.head(3)) == 422


@given(old=st.integers(0, 40), grown=st.integers(0, 24), place=st.integers(0, 63))
def test_every_proof_of_a_log_is_accepted_and_no_changed_one(
    old: int, grown: int, place: int
) -> None:
    last = LOG.head(old) if old else None
    size = old + grown
    assert status(LOG.request(old, size), last) == 200
    if old and place < old:
        assert status(LOG.forked(place).request(old, size), last) == 422


@given(body=st.binary(max_size=300), place=st.integers(0, len(GOOD) - 1), bit=st.integers(0, 7))
def test_no_bytes_are_a_fault(body: bytes, place: int, bit: int) -> None:
    assert status(body) == 400
    changed = bytearray(LOG.request(3, 5))
    changed[place % len(changed)] ^= 1 << bit
    assert status(bytes(changed), LOG.head(3)) in (400, 403, 404, 409, 422, 200)
