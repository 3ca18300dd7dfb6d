"""Somebody else is told of what the watcher finds: a command, or a URL."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support.run import run
from tests.support.trees import make_tree, settle
from tests.watch.daemon import Daemon

WRITES = "import sys; open(sys.argv[1], 'a').write(sys.stdin.read() + chr(10))"


@pytest.fixture
def top(tmp_path: Path) -> Path:
    top = make_tree(tmp_path / "drive", {"a": {"x": "111", "y": "222"}, "b": {"z": "111"}})
    settle(top)
    return top


@pytest.fixture
def told(tmp_path: Path) -> Path:
    return tmp_path / "told (it's here)"


def command(told: Path) -> str:
    return f'"{sys.executable}" -c "{WRITES}" "{told}"'


def documents(told: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in told.read_text().splitlines()] if told.exists() else []


def names(document: dict[str, Any]) -> list[str]:
    return [each["path"] for each in document["files"]]


def test_each_event(top: Path, vault: Path, told: Path) -> None:
    events = ("duplicate", "damaged", "missing", "degraded")
    options = [word for event in events for word in ("--on", event, command(told))]
    daemon = Daemon(vault, top, options=tuple(options))
    daemon.settle()
    assert documents(told) == [], "what a first scan finds is no news"

    (top / "b/copy").write_text("222")
    daemon.until(lambda: len(documents(told)) == 1)
    [document] = documents(told)
    assert (document["event"], document["vault"]) == ("duplicate", str(vault))
    assert names(document) == [str(top / "b/copy")]
    daemon.settle()

    settle(top)
    facts = (top / "a/x").stat()
    (top / "a/x").write_text("333")
    os.utime(top / "a/x", ns=(facts.st_atime_ns, facts.st_mtime_ns))
    daemon.until(lambda: {"damaged", "degraded"} <= {d["event"] for d in documents(told)})
    [damaged] = [d for d in documents(told) if d["event"] == "damaged"]
    assert damaged["files"] == [
        {"path": str(top / "a/x"), "state": "suspect", "good": [{"path": str(top / "b/z")}]}
    ]
    daemon.settle()

    (top / "a/y").unlink()
    (top / "b/copy").unlink()
    daemon.until(lambda: documents(told)[-1]["event"] == "missing")
    assert names(documents(told)[-1]) in ([str(top / "a/y")], [str(top / "b/copy")])
    assert daemon.stop().code == 0


def test_no_shell_reads_a_command(top: Path, vault: Path, told: Path, tmp_path: Path) -> None:
    words = f"{command(told)} $(touch {tmp_path}/shell) ; touch {tmp_path}/shell"
    daemon = Daemon(vault, top, options=("--on", "duplicate", words))
    daemon.settle()
    (top / "b/copy").write_text("222")
    daemon.until(lambda: documents(told))
    daemon.settle()
    daemon.stop()
    assert not (tmp_path / "shell").exists()


@pytest.fixture
def posted() -> Iterator[tuple[str, list[bytes]]]:
    """A server on this machine, and what it was sent."""
    found: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *arguments: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/hook", found
        server.shutdown()
        thread.join()


def test_a_webhook(top: Path, vault: Path, posted: tuple[str, list[bytes]]) -> None:
    url, found = posted
    daemon = Daemon(vault, top, options=("--on", "duplicate", url))
    daemon.settle()
    (top / "b/copy").write_text("222")
    daemon.until(lambda: found)
    assert names(json.loads(found[0])) == [str(top / "b/copy")]
    daemon.stop()


def test_a_command_that_fails_is_in_the_pulse(top: Path, vault: Path) -> None:
    options = ("--on", "duplicate", "false", "--on", "duplicate", "http://127.0.0.1:1/")
    daemon = Daemon(vault, top, options=options)
    daemon.settle()
    (top / "b/copy").write_text("222")
    daemon.until(lambda: len(daemon.statement()["degraded"]) == 2)
    first, second = sorted(daemon.statement()["degraded"], key=len)
    assert first == "for duplicate: false ended with exit code 1"
    assert "could not be told: [Errno 111] Connection refused" in second
    assert first in daemon.stop().out


def is_running(process: int) -> bool:
    """Whether a process is there and not dead: nobody may have asked for its exit code."""
    try:
        return bool(Path(f"/proc/{process}/cmdline").read_bytes())
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_slow_command_holds_nobody_up(top: Path, vault: Path, tmp_path: Path) -> None:
    told = tmp_path / "pid"
    sleeps = "import os, sys, time; open(sys.argv[1], 'w').write(f'{os.getpid()} '); time.sleep(50)"
    slow = f'"{sys.executable}" -c "{sleeps}" {told}'
    daemon = Daemon(vault, top, options=("--on", "duplicate", slow))
    daemon.settle()
    for number in range(3):
        (top / f"b/copy {number}").write_text("222")
        daemon.settle()
    begun = time.monotonic()
    assert daemon.stop().code == 0
    assert time.monotonic() - begun < 5
    assert not is_running(int(told.read_text())), "it was ended too"


@pytest.mark.parametrize("words", ["", "no-such-program now", "'half a quotation"])
def test_a_command_that_is_none_is_refused(top: Path, vault: Path, words: str) -> None:
    ran = run("watch", top, "--on", "damaged", words, vault=vault)
    assert (ran.code, "command for damaged" in ran.err) == (2, True)
