"""A watcher has the mesh cosign the trace when it has grown, and its pulse says what is wrong."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from gorillacomb.api.mesh.background import BackgroundSync
from gorillacomb.api.mesh.sync import MeshSync
from gorillacomb.mesh.sync import NodeSync, SyncState
from gorillacomb.vault.vault import Vault
from tests.mesh.stand_in import StandIn, standing_in
from tests.support.run import end_of, run, start
from tests.support.trees import make_tree


def result(*states: SyncState, quorum: bool | None = None, fork: str | None = None) -> MeshSync:
    nodes = tuple(
        NodeSync(f"n{number}", state, 5, None if state is SyncState.COSIGNED else "why")
        for number, state in enumerate(states)
    )
    cosigned = sum(state is SyncState.COSIGNED for state in states)
    return MeshSync(5, bytes(32), nodes, cosigned, quorum, None, 0, fork)


@pytest.fixture
def known(vault: Path) -> Path:
    """A vault that knows a node."""
    make_tree(vault.parent / "tree", {"x": "1"})
    assert run("scan", vault.parent / "tree", vault=vault).code == 0
    words = ("n0", "--url=http://127.0.0.1:1", f"--vkey={StandIn('a').vkeys[0]}")
    assert run("mesh", "add", *words, vault=vault).code == 0
    return vault


class Rounds:
    """Counts rounds, and answers with what it is given."""

    def __init__(self, vault: Path, *outcomes: MeshSync) -> None:
        self.outcomes, self.count, self.now = list(outcomes), 0, 0.0
        self.problems: list[str | None] = []
        self.sync = BackgroundSync(
            Vault(vault),
            lambda what, cause: self.problems.append(cause),
            self._next,
            lambda: self.now,
        )

    def _next(self, vault: Vault) -> MeshSync:
        self.count += 1
        return self.outcomes[min(self.count, len(self.outcomes)) - 1]

    def seen(self, size: int, seconds: float = 0.0) -> int:
        self.now += seconds
        self.sync.head_seen(size)
        self.sync.close()
        return self.count


def test_one_round_for_each_size_and_one_a_day(known: Path) -> None:
    rounds = Rounds(known, result(SyncState.COSIGNED))
    assert [rounds.seen(5), rounds.seen(5), rounds.seen(6), rounds.seen(6, 3600)] == [1, 1, 2, 2]
    assert rounds.seen(6, 24 * 3600) == 3


def test_nodes_that_did_not_cosign_are_asked_again_ever_more_rarely(known: Path) -> None:
    rounds = Rounds(known, result(SyncState.UNREACHABLE))
    asked = [rounds.seen(5)] + [rounds.seen(5, 60) for _ in range(600)]
    assert asked[:8] == [1, 2, 2, 3, 3, 3, 3, 4]
    assert 15 <= asked[-1] <= 20  # in ten hours
    assert rounds.seen(6) == asked[-1] + 1


@pytest.mark.parametrize(
    ("found", "word"),
    [
        (result(SyncState.COSIGNED), None),
        (result(SyncState.COSIGNED, SyncState.UNREACHABLE), None),
        (result(SyncState.COSIGNED, SyncState.UNREACHABLE, quorum=True), None),
        (result(SyncState.COSIGNED, SyncState.UNREACHABLE, quorum=False), "too few nodes: not n1"),
        (result(SyncState.REFUSED), "no node has cosigned"),
        (result(SyncState.COSIGNED, SyncState.AT_FAULT, quorum=True), "n1 is at fault"),
        (result(SyncState.ROLLED_BACK), "n0 is rolled back"),
        (result(SyncState.FORKED, fork="/x"), "has forked: both checkpoints are in /x"),
    ],
)
def test_what_the_pulse_says(known: Path, found: MeshSync, word: str | None) -> None:
    rounds = Rounds(known, found)
    rounds.seen(5)
    (cause,) = rounds.problems
    if word is None:
        assert cause is None
    else:
        assert cause is not None
        assert all(each in cause for each in word.split(": "))


def test_without_nodes_there_is_no_round(vault: Path) -> None:
    rounds = Rounds(vault, result(SyncState.COSIGNED))
    assert (rounds.seen(5), rounds.problems) == (0, [None])


@pytest.fixture
def nodes() -> Iterator[list[StandIn]]:
    with ExitStack() as stack:
        yield [stack.enter_context(standing_in(StandIn(name))) for name in ("a", "b")]


def wait_for(vault: Path, fits: Any) -> dict[str, Any]:
    """The pulse, once it is as wanted."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        ran = run("pulse", "--json", vault=vault)
        found: dict[str, Any] = json.loads(ran.stdout)
        if found["state"] != "dead" and fits(found):
            return found
        time.sleep(0.2)
    raise AssertionError(found)


def test_a_watcher_syncs(tmp_path: Path, vault: Path, nodes: list[StandIn]) -> None:
    tree = make_tree(tmp_path / "tree", {"x": "1"})
    assert run("scan", tree, vault=vault).code == 0
    for each in nodes:
        assert run("mesh", "add", *each.options, vault=vault).code == 0
    assert run("mesh", "policy", "--quorum=2", vault=vault).code == 0
    watcher = start("watch", tree, "--pulse=1", "--quiet=0.2", vault=vault)
    try:
        wait_for(vault, lambda found: found["state"] == "alive" and len(nodes[1].requests) == 1)
        nodes[1].answer = (503, b"restored\n", "text/plain")
        (tree / "new").write_text("new")
        found = wait_for(vault, lambda found: found["state"] == "degraded")
        assert found["causes"] == ["too few nodes cosigned the trace: not b"]
        nodes[1].answer = None
        (tree / "newer").write_text("newer")
        wait_for(vault, lambda found: found["state"] == "alive")
    finally:
        watcher.terminate()
        assert end_of(watcher).code == 0
    assert [len(each.requests) for each in nodes] == [3, 3]
