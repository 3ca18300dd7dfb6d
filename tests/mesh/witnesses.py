"""A witness of ours that runs as a process of its own, and a client that knows nothing of it."""

from __future__ import annotations

import http.client
import re
import signal
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.listening import Process, listening

_LISTENS = re.compile(r"The witness listens at (\S+)")


@dataclass
class RunningWitness:
    """A witness, and where it answers."""

    vault: Path
    url: str
    process: Process
    stderr: list[str] = field(default_factory=list)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it, and return its exit code."""
        self.process.send_signal(number)
        return self.process.wait(30)


@contextmanager
def witnessing(vault: Path, *options: str, alone: bool = True) -> Iterator[RunningWitness]:
    """Run the witness of a vault on a free port."""
    words: list[str | Path] = ["serve", "--witness-bind", "127.0.0.1:0", "--vault", vault]
    words += ["--witness-only"] if alone else ["--witness", "--port", "0"]
    with listening(vault, _LISTENS, *words, *options) as (process, found, lines):
        yield RunningWitness(vault, found[1], process, lines)


@dataclass(frozen=True)
class HttpAnswer:
    """What was answered to a request."""

    status: int
    headers: dict[str, str]
    """By their names in lower case."""
    body: bytes


def ask(url: str, body: bytes | None = None) -> HttpAnswer:
    """Send a request, a POST if it has a body."""
    request = urllib.request.Request(url, body, {"Content-Type": "application/octet-stream"})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return _answer(answer)
    except urllib.error.HTTPError as error:
        with error:
            return _answer(error)


def _answer(answer: http.client.HTTPResponse | urllib.error.HTTPError) -> HttpAnswer:
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return HttpAnswer(answer.status or 0, headers, answer.read())
