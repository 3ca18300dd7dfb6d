"""`gorillacomb mesh check`: what the witnesses of each log hold has to be of one log."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from gorillacomb.errors import UntrustedInput
from gorillacomb.mesh.check import HeldHead, LogState, check_log, parse_consistency
from gorillacomb.vaultmesh import merkle
from gorillacomb.vaultmesh.checkpoint import Checkpoint
from gorillacomb.vaultmesh.keys.keys import Ed25519SigningKey
from gorillacomb.vaultmesh.keys.note import VerifierKey
from tests.mesh.stand_in import StandIn, standing_in
from tests.support.run import run
from tests.support.trees import make_tree, settle

ORIGIN = "example.com/other"
KEY = Ed25519SigningKey(Ed25519PrivateKey.from_private_bytes(sha256(b"other").digest()))


class Log:
    """A log in memory: two of one prefix are a fork."""

    def __init__(self, entries: list[bytes]) -> None:
        self.leaves = [merkle.leaf_hash(each) for each in entries]

    def node(self, level: int, place: int) -> bytes:
        if level == 0:
            return self.leaves[place]
        halves = (self.node(level - 1, 2 * place), self.node(level - 1, 2 * place + 1))
        return merkle.node_hash(*halves)

    def head(self, size: int) -> Checkpoint:
        return Checkpoint(ORIGIN, size, merkle.subtree_root(0, size, self.node))

    def held(self, holder: str, size: int) -> HeldHead:
        return HeldHead(holder, self.head(size), self.head(size).signed([KEY]))

    def proof(self, old: int, new: int) -> list[bytes]:
        return merkle.consistency_proof(old, new, self.node)

    def document(self, old: int, new: int) -> bytes:
        hashes = [base64.b64encode(each).decode() for each in self.proof(old, new)]
        return json.dumps({"origin": ORIGIN, "old": old, "new": new, "proof": hashes}).encode()


LEFT = Log([b"%d" % number for number in range(20)])
RIGHT = Log([b"%d" % min(number, 7) for number in range(20)])


@given(
    st.lists(st.tuples(st.booleans(), st.integers(1, 20)), min_size=1, max_size=6),
    st.booleans(),
)
def test_two_logs_are_never_taken_for_one(heads: list[tuple[bool, int]], owner: bool) -> None:
    """They part after eight entries; the owner proves what one of the two has."""
    held = [
        (LEFT if is_left else RIGHT).held(f"n{number}", size)
        for number, (is_left, size) in enumerate(heads)
    ]
    found = check_log(ORIGIN, held, (LEFT if owner else RIGHT).proof, 1)
    sides = {is_left for is_left, size in heads if size > 8}
    if len(sides) == 2:
        assert found.state in (LogState.FORKED, LogState.UNPROVEN)
        assert found.reason
    elif sides <= {owner}:
        assert found.state is LogState.CONSISTENT
    if found.state is LogState.FORKED:
        assert found.evidence is not None
        first, second = found.evidence.heads
        assert (first.size, first.root == second.root) == (second.size, False)


@pytest.fixture
def nodes(tmp_path: Path, vault: Path) -> Iterator[list[StandIn]]:
    """Three witnesses; the first is also the owner of a log."""
    tree = make_tree(tmp_path / "tree", {"a": {"x": "1"}})
    settle(tree)
    assert run("scan", tree, vault=vault).code == 0
    with ExitStack() as stack:
        made = [stack.enter_context(standing_in(StandIn(name))) for name in ("a", "b", "c")]
        for each in made:
            owns = [f"--log-vkey={VerifierKey(ORIGIN, KEY.public)}"] if each.name == "a" else []
            assert run("mesh", "add", *each.options, *owns, vault=vault).code == 0
        yield made


def hold(witness: StandIn, log: Log, size: int) -> None:
    note = log.head(size).signed([KEY])
    witness.held[ORIGIN] = note + witness.lines(note)


def check(vault: Path) -> tuple[int, Any, Any]:
    """The code, what is said of our log, and of the other one."""
    ran = run("mesh", "check", "--json", vault=vault)
    ours, other = ran.json()["logs"]
    return ran.code, ours, other


def test_all_is_well(vault: Path, nodes: list[StandIn]) -> None:
    assert run("mesh", "sync", vault=vault).code == 0
    for witness, size in zip(nodes, (20, 7, 12), strict=True):
        hold(witness, LEFT, size)
    nodes[0].proofs = {(7, 12): LEFT.document(7, 12), (12, 20): LEFT.document(12, 20)}
    code, ours, other = check(vault)
    assert (code, ours["state"], other["state"]) == (0, "consistent", "consistent")
    assert [each["node"] for each in ours["held"]] == ["a", "b", "c", "here"]
    assert [(each["node"], each["size"]) for each in other["held"]] == [
        ("b", 7),
        ("c", 12),
        ("a", 20),
    ]


def test_two_roots_of_one_size(vault: Path, nodes: list[StandIn]) -> None:
    hold(nodes[1], LEFT, 12)
    hold(nodes[2], RIGHT, 12)
    code, ours, other = check(vault)
    assert (code, ours["state"], other["state"]) == (1, "consistent", "forked")
    assert Path(other["fork"]).exists()
    (fork,) = run("mesh", "list", "--json", vault=vault).json()["forks"]
    assert (fork["sizes"], fork["source"], fork["origin"]) == ([12, 12], "b, c", ORIGIN)
    notes = [base64.b64decode(each) for each in fork["checkpoints"]]
    assert notes == [nodes[1].held[ORIGIN], nodes[2].held[ORIGIN]]
    (vault.parent / "x").mkdir()
    (vault.parent / "x" / "new").write_text("x")
    assert run("scan", vault.parent / "x", vault=vault).code == 0  # ours has not forked


@pytest.mark.parametrize("proof", [None, "left", "right", "short", "other sizes", "extra"])
def test_a_fork_between_sizes(vault: Path, nodes: list[StandIn], proof: str | None) -> None:
    """Whatever the owner says, no proof leads from one of the trees to the other."""
    hold(nodes[1], LEFT, 12)
    hold(nodes[2], RIGHT, 15)
    documents = {
        "left": LEFT.document(12, 15),
        "right": RIGHT.document(12, 15),
        "short": LEFT.document(12, 15).replace(b'"proof": [', b'"proof": ["AAAA", '),
        "other sizes": LEFT.document(11, 15),
        "extra": LEFT.document(12, 15)[:-1] + b', "more": 1}',
    }
    if proof is not None:
        nodes[0].proofs = {(12, 15): documents[proof]}
    code, _, other = check(vault)
    assert (code, other["state"]) == (1, "unproven")
    assert "12 (b) and 15 entries (c)" in other["reason"]


def test_our_own_log_against_what_others_hold(vault: Path, nodes: list[StandIn]) -> None:
    """The trace was rewritten from its second entry on, and signed with the log's own key."""
    from gorillacomb.vault.vault import Vault
    from gorillacomb.vaultmesh.open import key_store, open_trace_for_reading

    with open_trace_for_reading(Vault(vault)) as ledger:
        other = Checkpoint(ledger.origin, ledger.size + 5, sha256(b"another").digest())
        same = Checkpoint(ledger.origin, ledger.size, sha256(b"another").digest())
    key = key_store().ed25519()
    for head, state in ((other, "forked"), (same, "forked")):
        note = head.signed([key])
        nodes[1].held[head.origin] = note + nodes[1].lines(note)
        code, ours, _ = check(vault)
        assert (code, ours["state"]) == (1, state)


def test_what_is_shown_must_be_signed_by_the_log(vault: Path, nodes: list[StandIn]) -> None:
    note = LEFT.head(12).signed([Ed25519SigningKey(Ed25519PrivateKey.generate())])
    nodes[1].held[ORIGIN] = note + nodes[1].lines(note)
    hold(nodes[2], LEFT, 12)
    code, _, other = check(vault)
    assert (code, other["state"], [each["node"] for each in other["troubles"]]) == (
        *(3, "consistent"),
        ["b"],
    )


def test_names(vault: Path, nodes: list[StandIn]) -> None:
    ran = run("mesh", "check", "nobody", vault=vault)
    assert (ran.code, "There is no node 'nobody'" in ran.err) == (2, True)
    ours = run("mesh", "check", "b", vault=vault)
    assert (ours.code, ORIGIN in ours.out, "here: " in ours.out) == (0, False, True)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b'{"origin": "x", "old": 1, "new": 2, "proof": "x"}',
        b'{"origin": "example.com/other", "old": 1, "new": 2, "proof": [7]}',
        b'{"origin": "example.com/other", "old": 1, "new": 2, "proof": ["!"]}',
        b'{"origin": "example.com/other", "old": 1, "new": 2, "proof": ["AAAA"]}',
        b'{"origin": "example.com/other", "old": 1, "old": 1, "new": 2, "proof": []}',
    ],
)
def test_what_is_not_a_proof(data: bytes) -> None:
    with pytest.raises(UntrustedInput):
        parse_consistency(data, ORIGIN, 1, 2)
