"""`gorillacomb mesh dns`, with a name server that stands in: an answer, none, a changed one."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dns.message
import dns.rcode
import dns.rrset
import pytest

from gorillacomb.mesh import resolve
from gorillacomb.mesh.node import make_node
from tests.mesh.stand_in import StandIn
from tests.support.run import run


@dataclass
class NameServer:
    """Answers for each name with its addresses; None for no answer at all."""

    names: dict[str, list[str] | None] = field(default_factory=dict)
    port: int = 0
    failing: bool = False

    def answer(self, data: bytes) -> bytes | None:
        asked = dns.message.from_wire(data)
        reply = dns.message.make_response(asked)
        question = asked.question[0]
        name = question.name.to_text().rstrip(".")
        if self.failing:
            reply.set_rcode(dns.rcode.SERVFAIL)
            return reply.to_wire()
        if name not in self.names:
            reply.set_rcode(dns.rcode.NXDOMAIN)
            return reply.to_wire()
        addresses = self.names[name]
        if addresses is None:
            return None
        kind = dns.rdatatype.to_text(question.rdtype)
        fitting = [each for each in addresses if (":" in each) == (kind == "AAAA")]
        if fitting:
            reply.answer.append(dns.rrset.from_text_list(question.name, 60, "IN", kind, fitting))
        return reply.to_wire()


@contextmanager
def serving_names(server: NameServer) -> Iterator[NameServer]:
    """Serve it on a port of loopback."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listening.bind(("127.0.0.1", 0))
    server.port = listening.getsockname()[1]

    def serve() -> None:
        while True:
            data, address = listening.recvfrom(4096)
            if not data:
                return
            reply = server.answer(data)
            if reply is not None:
                listening.sendto(reply, address)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield server
    finally:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ending:
            ending.sendto(b"", ("127.0.0.1", server.port))
        thread.join()
        listening.close()


@pytest.fixture
def names(vault: Path, tmp_path: Path) -> Iterator[NameServer]:
    """A name server, and a vault with a node whose URL has a name."""
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "x").write_text("x")
    assert run("scan", tmp_path / "tree", vault=vault).code == 0
    keys = [f"--vkey={each}" for each in StandIn("alpha").vkeys]
    words = ("alpha", "--url=https://alpha.example:8443/w", *keys)
    assert run("mesh", "add", *words, vault=vault).code == 0
    with serving_names(NameServer({"alpha.example": ["192.0.2.1", "2001:db8::1"]})) as made:
        yield made


def ask(vault: Path, names: NameServer) -> tuple[int, Any]:
    ran = run("mesh", "dns", f"--resolver=127.0.0.1:{names.port}", "--json", vault=vault)
    (found,) = ran.json()["names"]
    return ran.code, found


def test_an_answer_and_a_changed_one(vault: Path, names: NameServer) -> None:
    code, found = ask(vault, names)
    assert (code, found["state"]) == (0, "first")
    assert found["addresses"] == ["192.0.2.1", "2001:db8::1"]
    assert ask(vault, names)[1]["state"] == "unchanged"
    names.names["alpha.example"] = ["192.0.2.1"]
    assert ask(vault, names)[1]["state"] == "unchanged"  # one of those that it had
    names.names["alpha.example"] = ["198.51.100.9"]
    code, found = ask(vault, names)
    assert (code, found["state"], len(found["before"])) == (1, "changed", 2)
    assert "198.51.100.9" in run("mesh", "list", vault=vault).out
    assert ask(vault, names)[0] == 0


def test_a_name_that_is_gone(vault: Path, names: NameServer) -> None:
    ask(vault, names)
    del names.names["alpha.example"]
    code, found = ask(vault, names)
    assert (code, found["state"], found["addresses"]) == (1, "missing", [])
    assert "does not exist" in found["reason"]
    assert found["before"] == ["192.0.2.1", "2001:db8::1"]
    names.names["alpha.example"] = []
    assert ask(vault, names)[1]["state"] == "missing"


def test_no_answer(names: NameServer) -> None:
    names.names["alpha.example"] = None
    node = make_node("alpha", "https://alpha.example", "https://alpha.example", StandIn("a").vkeys)
    (found,) = resolve.look_up(node, (), ("127.0.0.1", names.port), 0.5)
    assert (found.state, found.reason) == (
        resolve.DnsState.FAILED,
        "no answer within 0.5 seconds",
    )


def test_a_server_that_fails(vault: Path, names: NameServer) -> None:
    names.failing = True
    code, found = ask(vault, names)
    assert (code, found["state"]) == (3, "failed")


def test_an_address_in_place_of_a_name() -> None:
    node = make_node("a", "http://[2001:db8::7]:80", "http://192.0.2.7/x", StandIn("a").vkeys)
    found = resolve.look_up(node, ())
    assert [(each.host, each.state.value) for each in found] == [
        ("192.0.2.7", "literal"),
        ("2001:db8::7", "literal"),
    ]


@pytest.mark.parametrize("text", ["example.com", "1.2.3.4:0", "1.2.3.4:65536", "::1", "[::1]:x"])
def test_what_is_not_a_name_server(vault: Path, text: str) -> None:
    assert run("mesh", "dns", f"--resolver={text}", vault=vault).code == 2
