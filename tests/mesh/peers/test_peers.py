"""Programs of others cosign our logs, are cosigned by our witness, and read what we signed."""

from __future__ import annotations

import base64
import os
import shutil
import socket
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path

import pytest

from gorillacomb.mesh.witness.identity import create_witness
from gorillacomb.mesh.witness.logs import trust_log
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh.checkpoint import parse_checkpoint
from gorillacomb.vaultmesh.keys.cosign import COSIGNATURES, cosignatures
from gorillacomb.vaultmesh.keys.note import VerifierKey
from tests.mesh.logs import MadeLog, body_of, root_of, signing_key
from tests.mesh.peers.go import go_programs
from tests.mesh.witnesses import ask, witnessing
from tests.support.run import until

NAME = "witness.example/w1"


@pytest.fixture(scope="module")
def programs() -> Path:
    return go_programs()


@pytest.fixture
def log() -> MadeLog:
    return MadeLog("gorillacomb/" + "0f" * 16)


@pytest.fixture
def vkeys(vault: Path, log: MadeLog) -> tuple[VerifierKey, VerifierKey]:
    """The keys of a witness of that vault, which trusts the log."""
    made = create_witness(Vault(vault), NAME)
    trust_log(Vault(vault), log.vkey)
    return made.keys


def ran(
    *words: str | Path, given: bytes = b"", env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run a program to its end."""
    return subprocess.run(words, input=given, env=env, capture_output=True, timeout=60)


def printed(*words: str | Path, env: dict[str, str] | None = None) -> str:
    """What a program prints that must succeed."""
    done = ran(*words, env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode().strip()


def checked(programs: Path, what: str, argument: str | Path, note: bytes) -> tuple[int, bytes]:
    """Have a note checked; the exit code, and what was printed."""
    done = ran(programs / "notecheck", what, argument, given=note)
    return done.returncode, done.stdout


# Our witness, their log


def test_a_tessera_log_is_cosigned_by_our_witness(
    programs: Path, vault: Path, vkeys: tuple[VerifierKey, VerifierKey], tmp_path: Path
) -> None:
    """Its client compares the content type of a conflict exactly, and meets one at each start."""
    log, policy = tmp_path / "tessera", tmp_path / "policy"
    log.mkdir()
    vkey = printed(programs / "tesseralog", "key", log, "example.com/tessera")
    trust_log(Vault(vault), VerifierKey.parse(vkey))
    with witnessing(vault) as witness:
        policy.write_text(f"witness w1 {vkeys[0]} {witness.url}\nquorum w1\n")
        for entries, size in ((["a", "b", "c"], 3), (["d"], 4), (["e", "f"], 6)):
            done = ran(programs / "tesseralog", "add", log, policy, *entries)
            assert done.returncode == 0, done.stderr
            head, _ = parse_checkpoint(done.stdout)
            assert (head.origin, head.size) == ("example.com/tessera", size)
            assert [each.key for each in cosignatures(done.stdout, vkeys)] == [vkeys[0]]
            held = ask(f"{witness.url}/{_hash(head.origin)}/checkpoint")
            assert parse_checkpoint(held.body)[0] == head


def test_a_tessera_log_publishes_nothing_that_our_witness_refuses(
    programs: Path, vault: Path, vkeys: tuple[VerifierKey, VerifierKey], tmp_path: Path
) -> None:
    log, policy = tmp_path / "tessera", tmp_path / "policy"
    log.mkdir()
    printed(programs / "tesseralog", "key", log, "example.com/not-trusted")
    with witnessing(vault) as witness:
        policy.write_text(f"witness w1 {vkeys[0]} {witness.url}\nquorum w1\n")
        done = ran(programs / "tesseralog", "add", log, policy, "a")
    assert done.returncode == 1
    assert done.stdout == b""


# Their witness, our log


@contextmanager
def litewitness(programs: Path, folder: Path, log: MadeLog) -> Iterator[tuple[str, VerifierKey]]:
    """Run it with a key in an ssh-agent, and our log among those that it knows."""
    missing = [name for name in ("ssh-agent", "ssh-add", "ssh-keygen") if not shutil.which(name)]
    if missing:
        pytest.skip(f"MISSING: {', '.join(missing)}: apt install openssh-client")
    agent = str(folder / "agent")
    key = folder / "key"
    ended: list[subprocess.Popen[str]] = []

    def start(*words: str | Path) -> subprocess.Popen[str]:
        made = subprocess.Popen(
            words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=folder
        )
        ended.append(made)
        return made

    try:
        start("ssh-agent", "-D", "-a", agent)
        assert until(lambda: Path(agent).exists())
        printed("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
        printed("ssh-add", "-q", key, env={**os.environ, "SSH_AUTH_SOCK": agent})
        fingerprint = printed("ssh-keygen", "-l", "-f", key).split()[1]
        _enter(folder / "db", log)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            place = f"127.0.0.1:{free.getsockname()[1]}"
        running = start(
            *(programs / "litewitness", "-db", folder / "db", "-ssh-agent", agent),
            *("-name", "lite.example/witness", "-key", fingerprint, "-listen", place),
        )
        assert running.stderr is not None
        vkey = ""
        for line in running.stderr:
            if "vkey=" in line:
                vkey = line.split("vkey=")[1].split()[0].strip('"')
            if "listening" in line:
                break
        assert until(lambda: _answers(place))
        yield f"http://{place}", VerifierKey.parse(vkey, "its key", COSIGNATURES)
    finally:
        for each in reversed(ended):
            each.terminate()
            each.communicate(timeout=20)


def _answers(place: str) -> bool:
    host, _, port = place.partition(":")
    with socket.socket() as client:
        return client.connect_ex((host, int(port))) == 0


def _enter(database: Path, log: MadeLog) -> None:
    """Enter a log into its database, as its own tool does; nothing of it was cosigned yet."""
    with closing(sqlite3.connect(database)) as opened, opened:
        opened.executescript(
            "CREATE TABLE log (origin TEXT PRIMARY KEY, tree_size INTEGER NOT NULL,"
            " tree_hash TEXT NOT NULL);"
            "CREATE TABLE key (origin TEXT NOT NULL, key TEXT NOT NULL,"
            " FOREIGN KEY(origin) REFERENCES log(origin));"
        )
        empty = base64.b64encode(root_of([])).decode()
        opened.execute("INSERT INTO log VALUES (?, 0, ?)", (log.origin, empty))
        opened.execute("INSERT INTO key VALUES (?, ?)", (log.origin, str(log.vkey)))


def test_litewitness_cosigns_our_log(programs: Path, log: MadeLog) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="lw") as short,  # the path of a socket is short
        litewitness(programs, Path(short), log) as (url, vkey),
    ):
        for old, size in ((0, 5), (5, 9), (9, 9), (9, 32)):
            answer = ask(f"{url}/add-checkpoint", log.request(old, size))
            assert answer.status == 200, answer
            found = cosignatures(log.note(size) + answer.body, [vkey])
            assert [each.key for each in found] == [vkey]


def test_litewitness_and_our_witness_answer_alike(
    programs: Path, vault: Path, log: MadeLog, vkeys: tuple[VerifierKey, VerifierKey]
) -> None:
    """The same requests, one after the other, to both.

    Two are not among them, which it cosigns and the specification refuses: an old size with a
    leading zero, and a proof that begins at an empty tree.
    """
    stranger = MadeLog("example.com/stranger")
    wrong = MadeLog(log.origin, keys=[signing_key("a stranger")])
    bad_line = log.note(5)[:-9] + b"AAAAAA==\n"
    requests = [
        b"old 0\n",
        stranger.request(0, 5),
        wrong.request(0, 5),
        body_of(0, [], bad_line),
        log.request(3, 5),
        log.request(0, 5),
        log.request(0, 5),
        body_of(9, [], log.note(5)),
        log.request(5, 9, [b"x" * 32]),
        log.forked(4).request(5, 9),
        log.forked(4).request(5, 5),
        log.request(5, 9),
        log.request(9, 9),
        log.request(5, 10),
        log.request(9, 10),
    ]
    with (
        tempfile.TemporaryDirectory(prefix="lw") as short,
        litewitness(programs, Path(short), log) as (url, _),
        witnessing(vault) as ours,
    ):
        for number, request in enumerate(requests):
            theirs = ask(f"{url}/add-checkpoint", request)
            mine = ask(f"{ours.url}/add-checkpoint", request)
            assert mine.status == theirs.status, (number, mine, theirs)
            if mine.status == 409:
                assert mine.body == theirs.body
                kinds = {each.headers["content-type"] for each in (mine, theirs)}
                assert kinds == {"text/x.tlog.size"}


# Their libraries, our notes


def test_go_reads_our_notes_and_rejects_altered_ones(programs: Path, log: MadeLog) -> None:
    note = log.note(5)
    assert checked(programs, "log", str(log.vkey), note) == (0, log.head(5).text().encode())
    for altered in (
        note.replace(b"\n5\n", b"\n6\n"),
        note.replace(log.origin.encode(), b"example.com/other"),
        note[:-9] + b"AAAAAA==\n",
        note[:-1],
    ):
        assert checked(programs, "log", str(log.vkey), altered)[0] == 1


def test_go_checks_both_kinds_of_our_cosignatures(
    programs: Path,
    vault: Path,
    log: MadeLog,
    vkeys: tuple[VerifierKey, VerifierKey],
    tmp_path: Path,
) -> None:
    with witnessing(vault) as witness:
        assert ask(f"{witness.url}/add-checkpoint", log.request(0, 5)).status == 200
        held = ask(f"{witness.url}/{_hash(log.origin)}/checkpoint").body
    policies = {
        "edwards": f"witness a {vkeys[0]}\nquorum a\n",
        "lattice": f"witness b {vkeys[1]}\nquorum b\n",
        "both": f"witness a {vkeys[0]}\nwitness b {vkeys[1]}\ngroup g all a b\nquorum g\n",
    }
    lines = held.splitlines(keepends=True)
    without = {"edwards": lines[:-2] + lines[-1:], "lattice": lines[:-1], "both": lines[:-1]}
    for name, text in policies.items():
        path = tmp_path / name
        path.write_text(f"log {log.vkey}\n{text}")
        expected = (0, f"{log.origin}\n5\n".encode())
        assert checked(programs, "policy", path, held) == expected
        assert checked(programs, "policy", path, b"".join(without[name]))[0] == 1
        assert checked(programs, "policy", path, held.replace(b"\n5\n", b"\n6\n"))[0] == 1
        for number in (-1, -2):
            if name == "both" or (number == -1) == (name == "lattice"):
                altered = [*lines]
                altered[number] = altered[number][:-9] + b"AAAAAAA=\n"
                assert checked(programs, "policy", path, b"".join(altered))[0] == 1


def test_we_check_both_kinds_of_their_cosignatures(programs: Path, log: MadeLog) -> None:
    done = ran(programs / "notecheck", "cosign", "go.example/witness", given=log.note(5))
    assert done.returncode == 0, done.stderr
    first, second, note = done.stdout.split(b"\n", 2)
    keys = [VerifierKey.parse(each.decode(), "its key", COSIGNATURES) for each in (first, second)]
    assert [each.key for each in cosignatures(note, keys)] == keys
    assert [key.kind for key in keys] == list(COSIGNATURES)


def _hash(origin: str) -> str:
    return sha256(origin.encode()).hexdigest()
