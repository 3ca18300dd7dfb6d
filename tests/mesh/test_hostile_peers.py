"""What a node may send, or a person may say of it, and what comes of it: bounded, and said."""

from __future__ import annotations

import gzip
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from gorillacomb.mesh.client import NodeClient, NodeUnreachable
from gorillacomb.vaultmesh.keys.cosign import cosigner_key
from tests.mesh.logs import signing_key
from tests.mesh.stand_in import StandIn, standing_in
from tests.support.run import command, environment, run
from tests.support.trees import make_tree, settle

START = b"HTTP/1.1 200 OK\r\n"
CHUNKED = START + b"Transfer-Encoding: chunked\r\n\r\n"
SQUEEZED = gzip.compress(b"\0" * 1_000_000)


@contextmanager
def sending(send: Callable[[socket.socket], object]) -> Iterator[str]:
    """Answer one request by ``send``; yield the URL."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connected, _ = server.accept()
            with connected, suppress(OSError):
                connected.settimeout(3)  # one that is gone may leave it waiting
                connected.recv(65536)
                send(connected)

        thread = threading.Thread(target=answer)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        thread.join()


def slowly(first: bytes, each: bytes) -> Callable[[socket.socket], object]:
    """Send something, and then a little again and again, for 20 seconds at most."""

    def send(connected: socket.socket) -> None:
        connected.sendall(first)
        for _ in range(200):
            connected.sendall(each)
            time.sleep(0.1)

    return send


def fast(first: bytes, each: bytes) -> Callable[[socket.socket], object]:
    """Send something, and then the same as fast as it goes, for 20 seconds at most."""

    def send(connected: socket.socket) -> None:
        ends = time.monotonic() + 20
        connected.sendall(first)
        while time.monotonic() < ends:
            connected.sendall(each * 100)

    return send


@pytest.mark.parametrize(
    "send",
    [
        slowly(b"", b"H"),
        slowly(START + b"X: ", b"a"),
        fast(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        slowly(START + b"\r\n", b"a"),
        slowly(CHUNKED, b"0"),
        fast(CHUNKED + b"2\r\nab\r\n0\r\n", b"X: y\r\n"),
    ],
    ids=["status", "header", "continue", "body", "size of a chunk", "trailers"],
)
def test_an_answer_that_does_not_end(send: Callable[[socket.socket], object]) -> None:
    """The time is for the whole answer, also for one that never stops to come."""
    with sending(send) as url, NodeClient(seconds=1) as client:
        begin = time.monotonic()
        with pytest.raises(NodeUnreachable, match="took too long"):
            client.get(url)
        assert time.monotonic() - begin < 4


def test_a_compressed_answer() -> None:
    """Nobody asked for one; it could be a thousand times as long."""
    head = START + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(SQUEEZED)
    with (
        sending(lambda each: each.sendall(head + SQUEEZED)) as url,
        NodeClient() as client,
        pytest.raises(NodeUnreachable, match="compressed"),
    ):
        client.get(url)


@pytest.fixture
def tree(tmp_path: Path, vault: Path) -> Path:
    """A tree, scanned."""
    tree = make_tree(tmp_path / "tree", {"a": "1"})
    settle(tree)
    assert run("scan", tree, vault=vault).code == 0
    return tree


@pytest.mark.parametrize("text", ["", "\n", "no certificate\n"])
def test_certificates_that_are_none(tree: Path, vault: Path, tmp_path: Path, text: str) -> None:
    """An empty file would stand for all authorities of the system."""
    file = tmp_path / "ca.pem"
    file.write_text(text)
    alpha = StandIn("alpha")
    alpha.url = "https://127.0.0.1:1"
    ran = run("mesh", "add", *alpha.options, f"--ca={file}", vault=vault)
    assert (ran.code, "not PEM" in ran.err) == (2, True), ran.out + ran.err
    alpha.url = "http://127.0.0.1:1"
    ran = run("mesh", "add", *alpha.options, f"--ca={file}", vault=vault)
    assert (ran.code, "for https" in ran.err) == (2, True), ran.out + ran.err


@pytest.mark.parametrize("end", ["?", "#", "/?", "/#"])
def test_an_address_that_would_swallow_the_path(vault: Path, tree: Path, end: str) -> None:
    alpha = StandIn("alpha")
    alpha.url = f"http://127.0.0.1:1{end}"
    assert run("mesh", "add", *alpha.options, vault=vault).code == 2


def test_more_nodes_than_a_checkpoint_has_lines(tree: Path, vault: Path) -> None:
    for number in range(7):
        words = [f"n{number}", "--url=http://127.0.0.1:1"]
        for each in range(8):
            key = cosigner_key("example", signing_key(f"{number} {each}"))
            words.append(f"--vkey={key}")
        ran = run("mesh", "add", *words, vault=vault)
        assert ran.code == (0 if number < 6 else 2), ran.err
    assert "48 keys" in ran.err


def test_the_trace_grows_while_nodes_are_asked(tree: Path, vault: Path) -> None:
    """Nodes that are asked late are shown the same, or their cosignatures would be lost."""
    with ExitStack() as stack:
        nodes = [stack.enter_context(standing_in(StandIn(f"n{each}"))) for each in range(9)]
        for node in nodes:
            assert run("mesh", "add", *node.options, vault=vault).code == 0
            node.delay = 2
        asking = subprocess.Popen(
            command("mesh", "sync"), env=environment(vault), stdout=subprocess.DEVNULL
        )
        until = time.monotonic() + 10
        while sum(bool(node.requests) for node in nodes) < 8 and time.monotonic() < until:
            time.sleep(0.01)
        (tree / "new").write_text("new")
        assert run("scan", tree, vault=vault).code == 0
        assert asking.wait(30) == 0
        for node in nodes:
            node.delay = 0
        assert run("mesh", "sync", "--json", vault=vault).json()["cosigned"] == 9


@pytest.mark.parametrize(
    "text",
    [
        '{"alpha":{"size":"3"}}',
        '{"alpha":{"cosigned_at":null}}',
        '{"alpha":{"cosigned_at":9007199254740991}}',
        '{"alpha":{"trouble":[]}}',
        '{"alpha":{"addresses":[1]}}',
        '{"alpha":{"addresses":7}}',
        '{"alpha":3}',
    ],
)
def test_a_damaged_record_of_what_was_seen(tree: Path, vault: Path, text: str) -> None:
    alpha = StandIn("alpha")
    alpha.url = "http://127.0.0.1:1"
    assert run("mesh", "add", *alpha.options, vault=vault).code == 0
    (vault / "mesh" / "seen.json").write_text(text)
    for words in (("mesh", "list"), ("mesh", "sync")):
        ran = run(*words, vault=vault)
        assert (ran.code, "is damaged" in " ".join(ran.err.split())) == (4, True), ran.err
