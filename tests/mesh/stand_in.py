"""A witness for tests: the protocol in its plainest form, which can be told to misbehave.

It keeps the leaves' hashes of nothing: it believes proofs by our Merkle code, which has tests of
its own with vectors of others.
"""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from gorillacomb.vaultmesh import merkle
from gorillacomb.vaultmesh.checkpoint import parse_checkpoint
from gorillacomb.vaultmesh.keys.cosign import cosignature_line, cosigner_key
from gorillacomb.vaultmesh.keys.keys import Ed25519SigningKey, MlDsa44SigningKey


@dataclass
class StandIn:
    """What the witness knows, and how it behaves."""

    name: str
    held: dict[str, bytes] = field(default_factory=dict)
    """Origin -> the note with our lines."""
    origins: set[str] | None = None
    """Those that it knows; None for all."""
    clock: int = 0
    """Seconds that its clock is ahead."""
    delay: float = 0.0
    """Seconds before it answers."""
    answer: tuple[int, bytes, str] | None = None
    """What it answers to every checkpoint, whatever it is."""
    show: bytes | None = None
    """What it shows to monitors, whatever it holds."""
    requests: list[bytes] = field(default_factory=list)
    proofs: dict[tuple[int, int], bytes] = field(default_factory=dict)
    """What it answers as the owner of a log."""
    url: str = ""

    def __post_init__(self) -> None:
        seed = sha256(self.name.encode()).digest()
        self.keys = (
            Ed25519SigningKey(Ed25519PrivateKey.from_private_bytes(seed)),
            MlDsa44SigningKey(MLDSA44PrivateKey.from_seed_bytes(seed)),
        )

    @property
    def vkeys(self) -> list[str]:
        return [str(cosigner_key(f"witness.example/{self.name}", key)) for key in self.keys]

    @property
    def options(self) -> list[str]:
        """Those of ``mesh add``."""
        return [
            self.name,
            f"--url={self.url}",
            *(f"--vkey={each}" for each in self.vkeys),
        ]

    def lines(self, note: bytes) -> bytes:
        seconds = int(time.time()) + self.clock
        name = f"witness.example/{self.name}"
        return "".join(cosignature_line(note, name, key, seconds) for key in self.keys).encode()

    def add(self, body: bytes) -> tuple[int, bytes, str]:
        self.requests.append(body)
        if self.answer is not None:
            return self.answer
        head, _, note = body.partition(b"\n\n")
        old_line, *proof = head.decode().split("\n")
        old = int(old_line.removeprefix("old "))
        checkpoint, _ = parse_checkpoint(note)
        if self.origins is not None and checkpoint.origin not in self.origins:
            return 404, b"unknown log\n", "text/plain"
        known = self.held.get(checkpoint.origin)
        size = 0 if known is None else parse_checkpoint(known)[0].size
        if old != size:
            return 409, f"{size}\n".encode(), "text/x.tlog.size"
        if known is not None and not merkle.is_consistent(
            *(old, checkpoint.size, parse_checkpoint(known)[0].root, checkpoint.root),
            [base64.b64decode(each) for each in proof],
        ):
            return 422, b"not consistent\n", "text/plain"
        lines = self.lines(note)
        self.held[checkpoint.origin] = note + lines
        return 200, lines, "text/plain"

    def get(self, path: str) -> tuple[int, bytes, str]:
        if path == "/health":
            return 200, b'{"status":"ok","pulse":"alive"}', "application/json"
        if path.startswith("/trace/consistency"):
            words = dict(each.split("=") for each in path.split("?")[1].split("&"))
            found = self.proofs.get((int(words["old"]), int(words["new"])))
            return (404, b"", "text/plain") if found is None else (200, found, "application/json")
        if self.show is not None:
            return 200, self.show, "text/plain"
        for origin, note in self.held.items():
            if path == f"/{sha256(origin.encode()).hexdigest()}/checkpoint":
                return 200, note, "text/plain"
        return 404, b"", "text/plain"


@contextmanager
def standing_in(witness: StandIn) -> Iterator[StandIn]:
    """Serve it on a port of loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.reply(*(witness.add(body) if self.path == "/add-checkpoint" else (404, b"", "")))

        def do_GET(self) -> None:
            self.reply(*witness.get(self.path))

        def reply(self, status: int, body: bytes, kind: str) -> None:
            time.sleep(witness.delay)
            try:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except (BrokenPipeError, ConnectionResetError):
                pass  # the client gave up

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    witness.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield witness
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
