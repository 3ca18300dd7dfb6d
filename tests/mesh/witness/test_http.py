"""The witness as a process: what it answers over HTTP, what it bounds, and how it ends."""

from __future__ import annotations

import signal
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gorillacomb.api.mesh.witness import Witness
from gorillacomb.errors import VaultError, VaultRolledBack
from gorillacomb.mesh.witness.identity import WitnessIdentity, create_witness
from gorillacomb.mesh.witness.logs import trust_log
from gorillacomb.mesh.witness.protocol import MOST_BYTES
from gorillacomb.mesh.witness.state import name_of
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh.keys.cosign import cosignatures
from gorillacomb.web.witness.problems import report_problem
from gorillacomb.web.witness.rate import RateLimit, RateLimiter
from tests.mesh.logs import MadeLog, body_of, signing_key
from tests.mesh.witness.conftest import Clock
from tests.mesh.witness.outside import Places
from tests.mesh.witnesses import RunningWitness, ask, witnessing
from tests.support.run import run, until

LOG = MadeLog()


@pytest.fixture
def identity(vault: Path) -> WitnessIdentity:
    made = create_witness(Vault(vault), "witness.example/w1")
    trust_log(Vault(vault), LOG.vkey)
    return made


@pytest.fixture
def running(vault: Path, identity: WitnessIdentity) -> Iterator[RunningWitness]:
    with witnessing(vault) as made:
        yield made


def add(running: RunningWitness, body: bytes) -> tuple[int, bytes, str]:
    answer = ask(f"{running.url}/add-checkpoint", body)
    return answer.status, answer.body, answer.headers["content-type"]


def test_each_answer_in_its_order(running: RunningWitness, identity: WitnessIdentity) -> None:
    stranger = MadeLog("example.com/other")
    wrong = MadeLog(keys=[signing_key("another")])
    assert add(running, b"old 0\n")[0] == 400
    assert add(running, stranger.request(0, 5))[0] == 404
    assert add(running, wrong.request(0, 5))[0] == 403
    assert add(running, body_of(6, [], LOG.note(5)))[0] == 400
    assert add(running, LOG.request(3, 5)) == (409, b"0\n", "text/x.tlog.size")
    assert add(running, LOG.request(0, 5, [b"x" * 32]))[0] == 422
    status, lines, kind = add(running, LOG.request(0, 5))
    assert (status, kind) == (200, "text/plain; charset=utf-8")
    assert [each.key for each in cosignatures(LOG.note(5) + lines, identity.keys)] == [
        *identity.keys
    ]
    assert add(running, LOG.request(0, 5)) == (409, b"5\n", "text/x.tlog.size")
    assert add(running, LOG.forked(4).request(5, 5))[0] == 422
    assert add(running, LOG.request(5, 9))[0] == 200


def test_what_monitors_get(running: RunningWitness) -> None:
    place = f"{running.url}/{name_of(LOG.origin)}/checkpoint"
    assert ask(place).status == 404
    _, lines, _ = add(running, LOG.request(0, 5))
    answer = ask(place)
    assert (answer.status, answer.body) == (200, LOG.note(5) + lines)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("path", ["/", "/add-checkpoint", "/x/checkpoint", "/../x/checkpoint"])
def test_nothing_else_is_there(running: RunningWitness, path: str) -> None:
    assert ask(running.url + path).status in (404, 405)
    assert ask(f"{running.url}/api/v1/status").status == 404


def test_a_body_beyond_the_bound_is_refused_before_it_was_sent(running: RunningWitness) -> None:
    assert add(running, b"x" * (MOST_BYTES + 1))[0] == 400
    with connected(running) as client:
        client.sendall(
            b"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n"
        )
        assert client.recv(12) == b"HTTP/1.1 400"
    with connected(running) as client:
        client.sendall(
            b"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        piece = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
        for _ in range(MOST_BYTES // 0x4000 + 1):
            client.sendall(piece)
        assert client.recv(12) == b"HTTP/1.1 400"


def test_a_client_that_goes_away_is_no_fault(running: RunningWitness) -> None:
    for sent in (b"", b"old 0\n", b"x" * 40_000):
        with connected(running) as client:
            head = b"POST /add-checkpoint HTTP/1.1\r\nHost: x\r\nContent-Length: 50000\r\n\r\n"
            client.sendall(head + sent)
    assert add(running, LOG.request(0, 5))[0] == 200
    assert [line for line in running.stderr if "Error" in line or "fault" in line] == []


def connected(running: RunningWitness) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", int(running.url.rpartition(":")[2])), 20)
    client.settimeout(20)
    return client


def test_too_many_requests_are_told_when_to_come_back(running: RunningWitness) -> None:
    place = f"{running.url}/{'0' * 64}/checkpoint"
    answers = [ask(place) for _ in range(60)]
    refused = [each for each in answers if each.status == 429]
    assert refused and {each.status for each in answers} == {404, 429}
    wait = int(refused[-1].headers["retry-after"])
    assert 1 <= wait <= 5
    time.sleep(wait)
    assert ask(place).status == 404


def test_one_connection_takes_several_requests(running: RunningWitness) -> None:
    with connected(running) as client:
        for number in range(3):
            client.sendall(b"GET /x/checkpoint HTTP/1.1\r\nHost: anything.example\r\n\r\n")
            answer = b""
            while not answer.endswith(b"cosigned.\n"):
                answer += client.recv(4096)
            assert answer.startswith(b"HTTP/1.1 404"), number


def test_503_says_no_path_and_the_log_has_it_once(
    running: RunningWitness, identity: WitnessIdentity
) -> None:
    add(running, LOG.request(0, 5))
    places = Places(running.vault / "mesh", identity.apart)
    with places.saved() as put_back:
        add(running, LOG.request(5, 9))
        put_back("vault")
    for _ in range(3):
        status, body, _ = add(running, LOG.request(5, 9))
        assert (status, b"/" in body) == (503, False)
    assert ask(f"{running.url}/{name_of(LOG.origin)}/checkpoint").status == 503
    assert until(lambda: any("set back" in line for line in running.stderr))
    assert sum("set back" in line for line in running.stderr) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("alone", [True, False])
def test_it_ends_when_told(
    vault: Path, identity: WitnessIdentity, number: signal.Signals, alone: bool
) -> None:
    with witnessing(vault, alone=alone) as running:
        assert add(running, LOG.request(0, 5))[0] == 200
        with connected(running):
            assert running.stop(number) == 0
        with pytest.raises(OSError):
            connected(running)


def test_it_runs_beside_the_server(vault: Path, identity: WitnessIdentity) -> None:
    with witnessing(vault, alone=False) as running:
        assert until(lambda: any("Listening on port" in line for line in running.stderr))
        port = next(line for line in running.stderr if "Listening on port" in line).split()[3]
        assert ask(f"http://127.0.0.1:{port.strip('.')}/health").status == 200
        assert add(running, LOG.request(0, 5))[0] == 200


def test_with_tls(vault: Path, identity: WitnessIdentity) -> None:
    with witnessing(vault, "--make-cert") as running:
        assert running.url.startswith("https://127.0.0.1:")
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with context.wrap_socket(connected(running)) as client:
            client.sendall(b"GET /x/checkpoint HTTP/1.1\r\nHost: x\r\n\r\n")
            assert client.recv(12) == b"HTTP/1.1 404"


def test_beyond_this_machine_it_says_who_can_read_along(
    vault: Path, identity: WitnessIdentity
) -> None:
    with witnessing(vault, "--witness-bind", "0.0.0.0:0") as running:
        assert until(lambda: any("without TLS" in line for line in running.stderr))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--witness-only"], "has no witness"),
        (["--witness-bind", "127.0.0.1:0"], "needs --witness"),
        (["--witness-only", "--port", "8765"], "--port and --witness-only cannot"),
        (["--witness-only", "--open"], "--open and --witness-only cannot"),
        (["--witness-only", "--witness-bind", "8766"], "not an address and a port"),
        (["--witness-only", "--witness-bind", "127.0.0.1:99999"], "not an address and a port"),
        (["--witness-only", "--witness-bind", "192.0.2.1:8766"], "failed"),
    ],
)
def test_what_cannot_be_served(vault: Path, words: list[str], said: str) -> None:
    Vault(vault).create()
    if said != "has no witness":
        create_witness(Vault(vault))
    ran = run("serve", *words, vault=vault)
    assert ran.code == 2
    assert said in ran.err


def test_rates_by_network_and_all_together() -> None:
    clock = Clock()
    limiter = RateLimiter(RateLimit(2, 1), RateLimit(5, 0.5), clock)
    assert [limiter.wait("192.0.2.1") for _ in range(3)] == [0, 0, 1]
    assert [limiter.wait("2001:db8::1"), limiter.wait("2001:db8::2")] == [0, 0]
    assert limiter.wait("2001:db8::3") == 1  # of the same network
    assert limiter.wait("192.0.2.2") == 0
    assert limiter.wait("192.0.2.3") == 2  # five in all
    clock.seconds += 2
    assert limiter.wait("192.0.2.1") == 0
    for number in range(10_000):
        limiter.wait(f"10.0.{number // 250}.{number % 250}")
    assert len(limiter._buckets) <= 4096


def test_a_fault_is_logged_with_its_cause(caplog: pytest.LogCaptureFixture) -> None:
    assert "signed is not certain" in report_problem(VaultRolledBack("a cause"))
    assert "cannot sign" in report_problem(VaultError("/a/path"))
    assert "cannot sign" in report_problem(ValueError("a fault"))
    assert "a fault" in caplog.text and "/a/path" in caplog.text


def test_the_service_can_be_used_without_a_server(vault: Path, identity: WitnessIdentity) -> None:
    witness = Witness.open(Vault(vault))
    assert witness.add_checkpoint(LOG.request(0, 5)).count(b"\n") == 2
