"""Five nodes that watch over each other, each with its own home, vault, keys, port and TLS.

Three of the other four are a quorum. A watcher of the first has them cosign whenever its trace has
grown; what `mesh list` and the pulse say is read while nodes are down, slow, wrong or lying.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.mesh.nodes import Node, running
from tests.mesh.stand_in import StandIn, standing_in
from tests.support.run import command


@pytest.fixture
def nodes() -> Iterator[list[Node]]:
    """Five nodes, each of which knows all others; the first has a policy and a watcher."""
    with running(5) as made:
        assert made[0].run("mesh", "policy", "--quorum=3").code == 0
        yield made


class Watched:
    """The first node, with a watcher."""

    def __init__(self, node: Node) -> None:
        self.node = node
        words = command("watch", node.tree, "--pulse=0.5", "--quiet=0.1")
        self.process = subprocess.Popen(
            words, env=node.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.count = 0

    def until(self, fits: Callable[[dict[str, Any], dict[str, Any]], bool]) -> dict[str, Any]:
        """Grow the trace; return the pulse once it and the nodes are as wanted."""
        self.count += 1
        self.node.grow(f"new{self.count}")
        end = time.monotonic() + 60
        while True:
            pulse = json.loads(self.node.run("pulse", "--json").stdout)
            nodes = {each["name"]: each for each in self.node.asked("mesh", "list")["nodes"]}
            is_grown = pulse["size"] is not None and pulse["size"] > self.count
            if is_grown and pulse["state"] != "dead" and fits(pulse, nodes):
                return {**nodes, "pulse": pulse}
            assert time.monotonic() < end, (pulse["state"], pulse["causes"], nodes)
            time.sleep(0.3)


def signed(
    *names: str, cause: str | None = None
) -> Callable[[dict[str, Any], dict[str, Any]], bool]:
    """Whether just these nodes have cosigned what the trace is now, and the pulse says why not."""

    def fits(pulse: dict[str, Any], nodes: dict[str, Any]) -> bool:
        newest = {each for each in nodes if nodes[each]["size"] == pulse["size"]}
        return newest == set(names) and pulse["causes"] == ([] if cause is None else [cause])

    return fits


def test_five_nodes(nodes: list[Node]) -> None:
    first, *others = nodes
    watched = Watched(first)
    try:
        one_after_the_other(watched, others)
    finally:
        watched.process.terminate()
        watched.process.wait()


def one_after_the_other(watched: Watched, others: list[Node]) -> None:
    """All is well; one down; two; one slow; one with a wrong clock; one that lies."""
    *_, n3, n4 = others
    found = watched.until(signed("n1", "n2", "n3", "n4"))
    assert found["pulse"]["state"] == "alive"
    assert all(found[each.name]["tls_expires"] for each in others)
    assert all(found[each.name]["skew_seconds"] in range(-2, 3) for each in others)

    n4.end()  # one is down: three are enough
    found = watched.until(signed("n1", "n2", "n3"))
    assert found["pulse"]["state"] == "alive"
    assert found["n4"]["trouble"].startswith("unreachable: ")

    assert n3.process is not None
    n3.process.send_signal(signal.SIGSTOP)  # another is slow: two are not
    found = watched.until(lambda pulse, nodes: pulse["state"] == "degraded")
    assert found["pulse"]["causes"] == ["too few nodes cosigned the trace: not n3, n4"]
    assert "it took too long" in found["n3"]["trouble"]
    ran = watched.node.run("mesh", "sync", "--json")
    assert (ran.code, ran.json()["quorum"], ran.json()["cosigned"]) == (3, False, 2)
    assert 0 < ran.json()["synced_size"] < ran.json()["size"]

    n3.process.send_signal(signal.SIGCONT)
    if shutil.which("faketime") is None:
        pytest.fail("MISSING: faketime, for a node whose clock is wrong")
    n4.serve("faketime", "-f", "+1h")
    found = watched.until(signed("n1", "n2", "n3", cause="the mesh: n4 is at fault"))
    assert "ahead of ours" in found["n4"]["trouble"]

    n4.end()
    assert watched.node.run("mesh", "remove", "n4").code == 0
    with standing_in(StandIn("liar")) as liar:
        assert watched.node.run("mesh", "add", *liar.options).code == 0
        assert watched.node.run("mesh", "policy", "--quorum=3").code == 0
        liar.answer = (422, b"not consistent\n", "text/plain")
        liar.show = b"nonsense"
        found = watched.until(signed("n1", "n2", "n3", cause="the mesh: liar is at fault"))
    assert found["liar"]["trouble"].startswith("at fault: ")
    checked = watched.node.run("mesh", "check", "n1", "n2", "n3", "--json")
    states = {each["state"] for each in checked.json()["logs"]}
    # Nobody has cosigned the traces of the others, which were never shown: that is incomplete.
    assert (checked.code, states <= {"consistent", "unseen"}) == (3, True), checked.json()
    assert not watched.node.asked("mesh", "list")["forks"]
