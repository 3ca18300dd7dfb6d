"""The Merkle tree over the entries of the trace (RFC 6962, section 2.1), and its proofs.

Only perfect subtrees are stored: the one of 2^level leaves that starts at leaf place * 2^level is
the node (level, place). From these, appending and proving take logarithmic time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from hashlib import sha256

EMPTY_ROOT = sha256().digest()
"""The root of a tree without leaves."""
_WIDTH = len(EMPTY_ROOT)

NodeReader = Callable[[int, int], bytes]
"""Returns the hash of the perfect subtree (level, place)."""


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of a leaf, 32 bytes."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node with two children, 32 bytes."""
    return sha256(b"\x01" + left + right).digest()


class MerkleFrontier:
    """The right edge of a growing tree: the roots of its perfect subtrees, largest first."""

    def __init__(self, size: int = 0, node: NodeReader | None = None) -> None:
        self.size = size
        self._edge: list[bytes] = []
        at = 0
        for level in reversed(range(size.bit_length())):
            if size >> level & 1:
                assert node is not None
                self._edge.append(node(level, at >> level))
                at += 1 << level

    def extend(self, leaves: Iterable[bytes], least: int = 1) -> list[tuple[int, int, bytes]]:
        """Add leaf hashes.

        Returns every perfect subtree that they complete, from the level ``least`` up: level, place,
        hash.
        """
        edge, size = self._edge, self.size
        nodes = []
        for found in leaves:
            place, level = size, 0
            while place & 1:
                found = node_hash(edge.pop(), found)
                place >>= 1
                level += 1
                if level >= least:
                    nodes.append((level, place, found))
            edge.append(found)
            size += 1
        self.size = size
        return nodes

    def root(self) -> bytes:
        """Return the current root of the tree, 32 bytes."""
        if not self._edge:
            return EMPTY_ROOT
        found = self._edge[-1]
        for left in reversed(self._edge[:-1]):
            found = node_hash(left, found)
        return found


def subtree_root(start: int, end: int, node: NodeReader) -> bytes:
    """Return the root over the leaves ``start`` to ``end``; ``start`` begins a perfect subtree."""
    size = end - start
    if size == 0:
        return EMPTY_ROOT
    if size & (size - 1) == 0:
        level = size.bit_length() - 1
        return node(level, start >> level)
    middle = start + _split(size)
    return node_hash(subtree_root(start, middle, node), subtree_root(middle, end, node))


def inclusion_proof(index: int, size: int, node: NodeReader) -> list[bytes]:
    """Return the audit path of a leaf in the tree of ``size`` leaves, from its sibling upwards.

    RFC 6962, section 2.1.1. Raises ValueError for a leaf outside that tree.
    """
    if not 0 <= index < size:
        raise ValueError(f"there is no leaf {index} in a tree of {size}")
    proof: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            proof.append(subtree_root(middle, end, node))
            end = middle
        else:
            proof.append(subtree_root(start, middle, node))
            start = middle
    return proof[::-1]


def consistency_proof(old: int, new: int, node: NodeReader) -> list[bytes]:
    """Prove that the tree of ``new`` leaves extends that of ``old`` (RFC 6962, 2.1.2).

    Raises ValueError unless 0 < old <= new.
    """
    if not 0 < old <= new:
        raise ValueError(f"a tree of {old} leaves does not begin one of {new}")
    proof: list[bytes] = []
    start, end, whole = 0, new, True
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            proof.append(subtree_root(middle, end, node))
            end = middle
        else:
            proof.append(subtree_root(start, middle, node))
            start, whole = middle, False
    if not whole:
        proof.append(subtree_root(start, end, node))
    return proof[::-1]


def root_of_inclusion(leaf: bytes, index: int, size: int, proof: list[bytes]) -> bytes:
    """Return the root that an inclusion proof leads to (RFC 9162, section 2.1.3.2).

    Raises ValueError for a proof of wrong length, an index outside the tree, or a malformed hash.
    """
    if not 0 <= index < size:
        raise ValueError(f"there is no leaf {index} in a tree of {size}")
    if any(len(each) != _WIDTH for each in (leaf, *proof)):
        raise ValueError(f"a hash in the proof is not {_WIDTH} bytes long")
    place, last, found = index, size - 1, leaf
    for each in proof:
        if last == 0:
            raise ValueError("the proof is too long")
        if place & 1 or place == last:
            found = node_hash(each, found)
            while not place & 1 and place:
                place >>= 1
                last >>= 1
        else:
            found = node_hash(found, each)
        place >>= 1
        last >>= 1
    if last:
        raise ValueError("the proof is too short")
    return found


def is_consistent(old: int, new: int, old_root: bytes, new_root: bytes, proof: list[bytes]) -> bool:
    """Return whether a proof shows that one tree extends the other (RFC 9162, section 2.1.4.2).

    Nothing is proved about an empty tree, which any tree extends: RFC 6962, section 2.1.2, and RFC
    9162, section 2.1.4, define proofs for 0 < old only.
    """
    if not 0 < old <= new:
        return False
    if old == new:
        return old_root == new_root and not proof
    if not proof:
        return False
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    place, last = old - 1, new - 1
    while place & 1:
        place >>= 1
        last >>= 1
    left = right = path[0]
    for each in path[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            left, right = node_hash(each, left), node_hash(each, right)
            while not place & 1 and place:
                place >>= 1
                last >>= 1
        else:
            right = node_hash(right, each)
        place >>= 1
        last >>= 1
    return last == 0 and left == old_root and right == new_root


def _split(size: int) -> int:
    """Return the largest power of two below a size of at least 2."""
    return 1 << (size - 1).bit_length() - 1
