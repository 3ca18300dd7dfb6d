"""Nodes, the pulse with what is active, and the proof that the trace only grew, over HTTP."""

from __future__ import annotations

import base64
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh import merkle
from gorillacomb.vaultmesh.checkpoint import Checkpoint
from gorillacomb.vaultmesh.open import key_store, open_trace_for_reading
from tests.mesh.stand_in import StandIn, standing_in
from tests.support.run import end_of, run, start, until
from tests.support.server import Server, serving
from tests.support.trees import make_tree, settle

_PULSE = 0.5


@pytest.fixture
def own(vault: Path, tmp_path: Path) -> Iterator[Server]:
    """A server of a vault that no other test uses."""
    tree = make_tree(tmp_path / "tree", {"a": {"x": "1"}, "b": {"y": "2"}})
    settle(tree)
    assert run("scan", tree, vault=vault).code == 0
    with serving(vault) as made:
        yield made


@pytest.fixture
def witness(own: Server) -> Iterator[StandIn]:
    with standing_in(StandIn("alpha")) as made:
        assert run("mesh", "add", *made.options, vault=own.vault).code == 0
        yield made


def pulse(server: Server) -> tuple[int, dict[str, Any]]:
    answer = server.get("/api/v1/pulse")
    return answer.status, answer.json()


def health(server: Server) -> tuple[int, str]:
    answer = server.get("/health", {"Cookie": None})
    return answer.status, answer.json()["pulse"]


def test_the_pulse_is_that_of_the_watcher(own: Server, witness: StandIn, tmp_path: Path) -> None:
    assert pulse(own)[0] == 503
    assert pulse(own)[1]["mars_condition"] == "lost"
    assert health(own) == (200, "none")
    watcher = start("watch", tmp_path / "tree", f"--pulse={_PULSE}", vault=own.vault)
    try:
        assert until(lambda: pulse(own)[1]["nodes_active"] == 1, 60)
        assert until(lambda: pulse(own)[1]["state"] == "alive", 60)
        code, found = pulse(own)
        assert (code, health(own)) == (200, (200, "alive"))
        assert found["pulse_interval"] == _PULSE
        assert (found["network_health"], found["mars_condition"]) == (1.0, "nominal")
        assert found["scrolls_active"] == 0
        assert found["timestamp"] > "2026-01-01T00:00:00"
        assert {"state", "age_seconds", "sequence", "size", "root", "causes"} <= set(found)
        later = until(lambda: pulse(own)[1]["sequence"] > found["sequence"], 60)
        assert later
        watcher.send_signal(signal.SIGKILL)
        watcher.wait()
        ended = time.monotonic()
        assert until(lambda: pulse(own)[0] == 503 and health(own) == (503, "dead"), 60)
        assert time.monotonic() - ended < 30  # three intervals, and two requests on a busy machine
        assert pulse(own)[1]["causes"]
    finally:
        watcher.kill()
        end_of(watcher)


def test_nodes_on_the_page_and_as_a_document(own: Server, witness: StandIn) -> None:
    assert "No node has signed" in own.get("/nodes").body.decode()
    assert own.get("/api/v1/nodes").json() == run("mesh", "list", "--json", vault=own.vault).json()
    job = own.done(own.post("/api/v1/nodes/sync", {}))
    said = own.get(f"/jobs/{job['id']}").body.decode()
    assert "1 node has signed the trace as it is now" in said
    assert "1 of 1 node has signed" in own.get("/nodes").body.decode()
    assert "There is no policy" in own.get("/nodes").body.decode()
    assert run("mesh", "policy", "--quorum=1", vault=own.vault).code == 0
    assert "That is enough for the policy" in own.get("/nodes").body.decode()
    job = own.done(own.post("/api/v1/nodes/check", {}))
    assert job["exit_code"] == 0
    assert "is of one history" in own.get(f"/jobs/{job['id']}").body.decode()


def test_a_fork_is_shown(own: Server, witness: StandIn) -> None:
    with open_trace_for_reading(Vault(own.vault)) as ledger:
        head = Checkpoint(ledger.origin, ledger.size, bytes(32))
    note = head.signed([key_store().ed25519()])
    witness.held[head.origin] = note + witness.lines(note)
    job = own.done(own.post("/api/v1/nodes/sync", {}))
    assert job["exit_code"] == 1
    assert "The trace has forked." in own.get(f"/jobs/{job['id']}").body.decode()
    text = own.get("/nodes").body.decode()
    assert "1 log has forked." in text
    assert "gorillacomb trace adopt" in text
    assert bytes(32).hex() in text
    (fork,) = own.get("/api/v1/nodes").json()["forks"]
    assert base64.b64decode(fork["checkpoints"][1]) == witness.held[head.origin]


def test_the_trace_only_grew(own: Server) -> None:
    with open_trace_for_reading(Vault(own.vault)) as ledger:
        size, roots = ledger.size, {n: ledger.root(n) for n in range(1, ledger.size + 1)}
    for old in roots:
        found = own.get(f"/api/v1/trace/consistency?old={old}&new={size}").json()
        proof = [base64.b64decode(each) for each in found["proof"]]
        assert merkle.is_consistent(old, size, roots[old], roots[size], proof)
        assert not merkle.is_consistent(old, size, bytes(32), roots[size], proof)
    for query, status in (
        ("old=2&new=1", 404),
        (f"old=1&new={size + 1}", 404),
        ("old=0&new=1", 422),
    ):
        assert own.get(f"/api/v1/trace/consistency?{query}").status == status
