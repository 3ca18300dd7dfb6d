"""The Merkle tree: reference vectors, the RFC's definition as an oracle, and wrong proofs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gorillacomb.vaultmesh import merkle

# The reference vectors of Certificate Transparency: google/certificate-transparency,
# cpp/merkletree/merkle_tree_test.cc, and transparency-dev/merkle, testonly/constants.go.
LEAVES = [
    bytes.fromhex(each)
    for each in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
INCLUSION = {  # leaf counted from 0, size
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
CONSISTENCY = {
    (1, 1): [],
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}


class Tree:
    """The perfect subtrees of some leaves, as the ledger stores them."""

    def __init__(self, entries: Sequence[bytes]) -> None:
        self.nodes = {}
        self.frontier = merkle.MerkleFrontier()
        for place, entry in enumerate(entries):
            leaf = merkle.leaf_hash(entry)
            self.nodes[0, place] = leaf
            for level, at, found in self.frontier.extend((leaf,)):
                self.nodes[level, at] = found

    def node(self, level: int, place: int) -> bytes:
        return self.nodes[level, place]


@pytest.mark.parametrize("size", range(9))
def test_reference_roots(size: int) -> None:
    tree = Tree(LEAVES[:size])
    assert tree.frontier.root().hex() == ROOTS[size]
    assert merkle.subtree_root(0, size, Tree(LEAVES).node).hex() == ROOTS[size]
    assert merkle.MerkleFrontier(size, Tree(LEAVES).node).root().hex() == ROOTS[size]


@pytest.mark.parametrize("case", INCLUSION)
def test_reference_inclusion_proofs(case: tuple[int, int]) -> None:
    index, size = case
    proof = [bytes.fromhex(each) for each in INCLUSION[case]]
    assert merkle.inclusion_proof(index, size, Tree(LEAVES).node) == proof
    leaf = merkle.leaf_hash(LEAVES[index])
    assert merkle.root_of_inclusion(leaf, index, size, proof).hex() == ROOTS[size]


@pytest.mark.parametrize("case", CONSISTENCY)
def test_reference_consistency_proofs(case: tuple[int, int]) -> None:
    old, new = case
    proof = [bytes.fromhex(each) for each in CONSISTENCY[case]]
    assert merkle.consistency_proof(old, new, Tree(LEAVES).node) == proof
    roots = bytes.fromhex(ROOTS[old]), bytes.fromhex(ROOTS[new])
    assert merkle.is_consistent(old, new, *roots, proof)


# RFC 6962, section 2.1, word for word: D[n], k, MTH, PATH and PROOF are its names.

MOST = 70
D = [b"entry %d" % number for number in range(MOST)]
TREE = Tree(D)


def k_of(n: int) -> int:
    """The largest power of two smaller than n."""
    k = 1
    while k * 2 < n:
        k *= 2
    return k


@cache
def mth(start: int, end: int) -> bytes:
    """MTH(D[start:end])."""
    n = end - start
    if n == 0:
        return sha256(b"").digest()
    if n == 1:
        return sha256(b"\x00" + D[start]).digest()
    k = k_of(n)
    return sha256(b"\x01" + mth(start, start + k) + mth(start + k, end)).digest()


def path(m: int, start: int, end: int) -> list[bytes]:
    """PATH(m, D[start:end])."""
    n = end - start
    if n == 1:
        return []
    k = k_of(n)
    if m < k:
        return [*path(m, start, start + k), mth(start + k, end)]
    return [*path(m - k, start + k, end), mth(start, start + k)]


def subproof(m: int, start: int, end: int, b: bool) -> list[bytes]:
    """SUBPROOF(m, D[start:end], b)."""
    n = end - start
    if m == n:
        return [] if b else [mth(start, end)]
    k = k_of(n)
    if m <= k:
        return [*subproof(m, start, start + k, b), mth(start + k, end)]
    return [*subproof(m - k, start + k, end, False), mth(start, start + k)]


def test_roots_of_all_sizes() -> None:
    frontier = merkle.MerkleFrontier()
    for size in range(MOST + 1):
        expected = mth(0, size)
        assert frontier.root() == expected
        assert merkle.subtree_root(0, size, TREE.node) == expected
        assert merkle.MerkleFrontier(size, TREE.node).root() == expected
        if size < MOST:
            completed = frontier.extend((merkle.leaf_hash(D[size]),))
            assert all(
                found == mth(place << level, place + 1 << level)
                for level, place, found in completed
            )
            assert len(completed) == (size ^ (size + 1)).bit_length() - 1


def test_inclusion_of_every_leaf_in_every_size() -> None:
    for size in range(1, MOST + 1):
        for index in range(size):
            proof = merkle.inclusion_proof(index, size, TREE.node)
            assert proof == path(index, 0, size)
            leaf = merkle.leaf_hash(D[index])
            assert merkle.root_of_inclusion(leaf, index, size, proof) == mth(0, size)


def test_consistency_of_every_pair_of_sizes() -> None:
    for new in range(1, MOST + 1):
        for old in range(1, new + 1):
            proof = merkle.consistency_proof(old, new, TREE.node)
            assert proof == subproof(old, 0, new, True)
            assert merkle.is_consistent(old, new, mth(0, old), mth(0, new), proof)


def leads_to(index: int, size: int, proof: list[bytes], root: bytes) -> bool:
    try:
        return merkle.root_of_inclusion(merkle.leaf_hash(D[index]), index, size, proof) == root
    except ValueError:
        return False


def spoiled(proof: list[bytes]) -> list[list[bytes]]:
    """The proof with each of its hashes changed, left out, doubled, and more of them."""
    found = [proof[:place] + proof[place + 1 :] for place in range(len(proof))]
    for place, each in enumerate(proof):
        bad = bytes([each[0] ^ 1]) + each[1:]
        found.append([*proof[:place], bad, *proof[place + 1 :]])
        found.append([*proof[:place], each, *proof[place:]])
        found.append([*proof[:place], each[:-1], *proof[place + 1 :]])
        found.append([*proof[:place], each + b"\x00", *proof[place + 1 :]])
    if len(proof) > 1:
        found += [proof[::-1], [proof[1], proof[0], *proof[2:]]]
    found += [[*proof, bytes(32)], [bytes(32), *proof], [*proof, *proof, *proof]] + (
        [[]] if proof else []
    )
    return [each for each in found if each != proof]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 8, 9, 16, 21, 33, 64, 70])
def test_wrong_inclusion_proofs(size: int) -> None:
    root = mth(0, size)
    for index in range(size):
        proof = path(index, 0, size)
        for bad in spoiled(proof):
            assert not leads_to(index, size, bad, root), (index, size)
        for other in range(size):
            leaf = merkle.leaf_hash(D[index])
            if other != index:
                try:
                    found = merkle.root_of_inclusion(leaf, other, size, proof)
                except ValueError:
                    continue
                assert found != root
    for index in (-1, size, size + 1, 1 << 60):
        with pytest.raises(ValueError, match="there is no leaf"):
            merkle.root_of_inclusion(merkle.leaf_hash(D[0]), index, size, [])
        with pytest.raises(ValueError, match="there is no leaf"):
            merkle.inclusion_proof(index, size, TREE.node)


@pytest.mark.parametrize("new", [1, 2, 3, 5, 7, 8, 9, 16, 21, 33, 64, 70])
def test_wrong_consistency_proofs(new: int) -> None:
    for old in range(1, new + 1):
        proof = subproof(old, 0, new, True)
        roots = mth(0, old), mth(0, new)
        for bad in spoiled(proof):
            assert not merkle.is_consistent(old, new, *roots, bad), (old, new)
        other = sha256(b"another").digest()
        assert not merkle.is_consistent(old, new, other, roots[1], proof)
        assert not merkle.is_consistent(old, new, roots[0], other, proof)
        for sizes in ((old - 1, new), (old + 1, new), (new, old), (-old, new)):
            if sizes != (old, new):
                assert not merkle.is_consistent(*sizes, *roots, proof), (old, new, sizes)
    for pair in ((0, new), (-1, new), (new + 1, new)):
        with pytest.raises(ValueError, match="does not begin"):
            merkle.consistency_proof(*pair, TREE.node)


@pytest.mark.parametrize("new", [0, 1, 5])
def test_nothing_is_proved_of_an_empty_tree(new: int) -> None:
    """RFC 6962, section 2.1.2, and RFC 9162, section 2.1.4: a proof begins at a size above 0.

    Among the vectors of transparency-dev/merkle (testdata/consistency/additional): "size1 is zero
    and size2 is not zero", "sizes are equal (zero) and proof is empty".
    """
    any_root = b"don't care 1"
    for root in (merkle.EMPTY_ROOT, mth(0, 1), any_root, b""):
        for new_root in (mth(0, new), root):
            assert not merkle.is_consistent(0, new, root, new_root, [])
            assert not merkle.is_consistent(0, new, root, new_root, [bytes(32)])


@pytest.mark.parametrize("wrong", [b"", b"\x00", bytes(31), bytes(33), bytes(64)])
def test_what_is_no_hash_proves_nothing(wrong: bytes) -> None:
    """The vector "empty root and leaf" of transparency-dev/merkle, and others of its kind."""
    with pytest.raises(ValueError, match="not 32 bytes long"):
        merkle.root_of_inclusion(wrong, 0, 1, [])
    with pytest.raises(ValueError, match="not 32 bytes long"):
        merkle.root_of_inclusion(merkle.leaf_hash(D[0]), 0, 2, [wrong])
    assert not merkle.is_consistent(1, 2, mth(0, 1), mth(0, 2), [wrong])


def test_no_leaf_is_in_an_empty_tree() -> None:
    """RFC 6962, section 2.1.1: an audit path is defined for 0 <= m < n."""
    for index in (0, 1, -1):
        for leaf in (merkle.leaf_hash(b""), b""):
            with pytest.raises(ValueError, match="there is no leaf"):
                merkle.root_of_inclusion(leaf, index, 0, [])


@given(
    st.integers(0, (1 << 62) - 1),
    st.integers(1, 1 << 62),
    st.lists(st.binary(min_size=32, max_size=32), max_size=70),
)
def test_a_proof_from_anywhere_is_answered_at_once(
    index: int, size: int, proof: list[bytes]
) -> None:
    """Neither loops nor fails otherwise than it says, however large the numbers."""
    assert not leads_to(index % MOST, size, proof, bytes(32))
    assert not merkle.is_consistent(index, size, bytes(32), bytes(31) + b"\x01", proof)
