"""Proof files: they hold without the database, and no other file does."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gorillacomb.errors import UntrustedInput, VaultRolledBack
from gorillacomb.vaultmesh import jcs, merkle, proof
from gorillacomb.vaultmesh.checkpoint import parse_checkpoint
from gorillacomb.vaultmesh.ledger import Ledger
from tests.vaultmesh.ledgers import SIZE, World, entry_at, grow, make_world, put, stranger


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("proof") / "home")


@pytest.fixture(scope="module")
def ledger(world: World) -> Iterator[Ledger]:
    with world.read() as ledger:
        yield ledger


@pytest.fixture(scope="module")
def publics(world: World) -> list[bytes]:
    return world.keys.publics()


def test_every_entry_can_be_proved(ledger: Ledger, publics: list[bytes]) -> None:
    for seq in [*range(20), *range(990, 1010), *range(SIZE - 20, SIZE)]:
        found, checkpoint = proof.verify_proof(proof.make_proof(ledger, seq), publics)
        assert (found.index, found.entry) == (seq, ledger.entry(seq))
        assert (checkpoint.size, checkpoint.root) == (SIZE, ledger.root())
    for seq in (-1, SIZE, SIZE + 1):
        with pytest.raises(ValueError, match="there is no leaf"):
            proof.make_proof(ledger, seq)


def test_the_form_is_that_of_c2sp(ledger: Ledger) -> None:
    """tlog-proof: header, extra data, index, hashes, an empty line, the checkpoint."""
    data = proof.make_proof(ledger, 1234)
    head, _, checkpoint = data.partition(b"\n\n")
    header, extra, index, *hashes = head.decode().split("\n")
    assert header == "c2sp.org/tlog-proof@v1"
    assert base64.b64decode(extra.removeprefix("extra ")) == ledger.entry(1234)
    assert index == "index 1234"
    assert [base64.b64decode(each) for each in hashes] == ledger.inclusion_proof(1234)
    assert checkpoint == ledger.checkpoint()


def test_a_proof_by_another_key(ledger: Ledger, publics: list[bytes]) -> None:
    data = proof.make_proof(ledger, 7)
    for keys in ([], [stranger().public], [publics[1]]):  # the second is the one before
        with pytest.raises(UntrustedInput, match="none of the keys"):
            proof.verify_proof(data, keys)


@given(data=st.data())
def test_any_byte_of_a_proof(ledger: Ledger, publics: list[bytes], data: st.DataObject) -> None:
    good = proof.make_proof(ledger, 1234)
    place = data.draw(st.integers(0, len(good) - 1))
    value = data.draw(st.integers(0, 255))
    said = proof.verify_proof(good, publics)
    edited = good[:place] + bytes([value]) + good[place + 1 :]
    try:
        assert proof.verify_proof(edited, publics) == said
        assert edited == good
    except UntrustedInput:
        assert edited != good


def test_one_bit_of_every_byte_of_a_proof(ledger: Ledger, publics: list[bytes]) -> None:
    good = proof.make_proof(ledger, 1234)
    for place in range(len(good)):
        edited = bytearray(good)
        edited[place] ^= 1 << place % 8
        with pytest.raises(UntrustedInput):
            proof.verify_proof(bytes(edited), publics)
    for end in range(len(good)):
        with pytest.raises(UntrustedInput):
            proof.verify_proof(good[:end], publics)


@given(st.binary(max_size=200))
def test_anything_else(publics: list[bytes], data: bytes) -> None:
    for each in (data, b"c2sp.org/tlog-proof@v1\n" + data):
        with pytest.raises(UntrustedInput):
            proof.verify_proof(each, publics)


def edited(good: bytes, **parts: str) -> bytes:
    head, _, checkpoint = good.partition(b"\n\n")
    header, extra, index, *hashes = head.decode().split("\n")
    lines = [
        parts.get("header", header),
        parts.get("extra", extra),
        parts.get("index", index),
        *(parts["hashes"].split() if "hashes" in parts else hashes),
    ]
    return "\n".join([*lines, "", ""]).encode() + checkpoint


HASH = base64.b64encode(bytes(32)).decode()
WRONG: dict[str, dict[str, str]] = {
    "another header": {"header": "c2sp.org/tlog-proof@v2"},
    "no header": {"header": ""},
    "no extra data": {"extra": "extra"},
    "other extra data": {"extra": f"extra {base64.b64encode(b'{}').decode()}"},
    "extra data without padding": {"extra": "extra e30"},
    "a negative index": {"index": "index -1"},
    "an index with a zero": {"index": "index 01234"},
    "an index in other digits": {"index": "index ١٢٣"},
    "a neighbour's index": {"index": "index 1235"},
    "an index beyond the tree": {"index": f"index {SIZE}"},
    "a huge index": {"index": f"index {'9' * 100_000}"},
    "no index": {"index": "index "},
    "no hashes": {"hashes": ""},
    "zeros": {"hashes": f"{HASH} " * 11},
    "too many hashes": {"hashes": f"{HASH} " * 65},
    "far too many": {"hashes": f"{HASH} " * 50_000},
    "a short hash": {"hashes": base64.b64encode(bytes(31)).decode()},
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_proof(ledger: Ledger, publics: list[bytes], what: str) -> None:
    bad = edited(proof.make_proof(ledger, 1234), **WRONG[what])
    with pytest.raises(UntrustedInput, match=r"^The proof") as raised:
        proof.verify_proof(bad, publics)
    assert raised.value.exit_code == 2


def test_parts_of_two_proofs(ledger: Ledger, publics: list[bytes]) -> None:
    one, other = (
        proof.make_proof(ledger, seq).partition(b"\n\n")[0].split(b"\n") for seq in (8, 9)
    )
    checkpoint = ledger.checkpoint()
    for cut in range(1, len(one)):
        mixed = one[:cut] + other[cut:]
        if mixed in (one, other):
            continue
        with pytest.raises(UntrustedInput):
            proof.verify_proof(b"\n".join([*mixed, b"", b""]) + checkpoint, publics)


def test_a_forged_entry_is_not_proved(world: World, tmp_path: Path) -> None:
    """Neither with the stored tree as it was, nor with one made anew."""
    forged = world.copy(tmp_path / "home")
    connection = forged.edit()
    entry = jcs.parse_own(entry_at(connection, 1234))
    put(connection, 1234, jcs.canonical_json({**entry, "size": 1}))
    for mend in (False, True):
        if mend:
            grow(connection)
        with forged.read() as ledger, pytest.raises(VaultRolledBack, match="is not in the tree"):
            proof.make_proof(ledger, 1234)
    connection.close()


def test_the_proof_of_a_node_is_none_of_an_entry(ledger: Ledger, publics: list[bytes]) -> None:
    """A leaf and a node are hashed apart: a node's two halves cannot be passed off as an entry."""
    left, right = ledger.node(0, 1234), ledger.node(0, 1235)
    data = proof.make_proof(ledger, 1234)
    hashes = data.partition(b"\n\n")[0].split(b"\n")[4:]
    extra = base64.b64encode(left + right).decode()
    bad = edited(data, extra=f"extra {extra}", index="index 617", hashes=b" ".join(hashes).decode())
    with pytest.raises(UntrustedInput, match="does not hold"):
        proof.verify_proof(bad, publics)
    assert merkle.leaf_hash(left + right) != merkle.node_hash(left, right)


def test_a_proof_in_an_earlier_checkpoint(ledger: Ledger, publics: list[bytes]) -> None:
    """As one that others have cosigned since, while the trace went on."""
    signed = [note for size, note in ledger.tables.checkpoints() if 1 < size < ledger.size]
    line = "\u2014 other AAAAAAA=\n".encode()
    assert signed
    for note in signed:
        size = parse_checkpoint(note)[0].size
        for seq in sorted({0, size // 2, size - 1}):
            data = proof.make_proof(ledger, seq, note + line)
            found, head = proof.verify_proof(data, publics)
            assert (found.index, head.size, found.entry) == (seq, size, ledger.entry(seq))
            assert data.endswith(line), "with all of its signatures"
        with pytest.raises(ValueError, match="there is no leaf"):
            proof.make_proof(ledger, size, note)


def test_a_proof_in_a_checkpoint_that_is_not_of_the_trace(ledger: Ledger) -> None:
    head, _ = parse_checkpoint(ledger.checkpoint())
    for wrong, error in (
        (replace(head, origin="example.com/log"), UntrustedInput),
        (replace(head, size=head.size + 1), VaultRolledBack),
        (replace(head, size=head.size - 1), VaultRolledBack),
        (replace(head, root=bytes(32)), VaultRolledBack),
    ):
        with pytest.raises(error):
            proof.make_proof(ledger, 7, wrong.signed([stranger()]))
