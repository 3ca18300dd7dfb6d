"""Stands for `gorillacomb` in the examples: does what a person does who types such a command.

It puts the id of the last run where an example says RUN, answers a review with yes, and ends a
watcher when it has scanned. The commands run in forks of one process (`tests.support.forked`):
most of them take less time than Python takes to start.
"""

from __future__ import annotations

import json
import os
import pty
import signal
import socket
import threading
from contextlib import suppress
from pathlib import Path

from tests.support import forked
from tests.support.run import TIMEOUT, run

CLIENT = '''\
#!/bin/sh
""":"
exec "{python}" -IS "$0" "$@"
":"""
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    request = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(server, [b"%9d" % len(request)], [0, 1, 2])
    server.sendall(request)
    sys.exit(int(server.recv(9)))
'''
"""The program `gorillacomb` that the shell finds: it hands its words and its streams to us.

A shell starts Python: its path may have a space, which the first line of a script cannot have.
"""


class Typist:
    """Runs what a shell calls gorillacomb, and notes what each command ended with."""

    def __init__(self, address: Path) -> None:
        self.typed: list[tuple[int, list[str]]] = []
        self._servers: list[forked.Forked] = []
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(address))
        self._socket.listen()
        self._serving = threading.Thread(target=self._serve, daemon=True)
        self._serving.start()

    def close(self) -> None:
        for server in self._servers:
            server.send_signal(signal.SIGTERM)
            assert server.wait(TIMEOUT) == 0
        self._socket.shutdown(socket.SHUT_RDWR)  # ends the wait for a client
        self._serving.join()
        self._socket.close()

    def _serve(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._socket.accept()
                threading.Thread(target=self._answer, args=(client,), daemon=True).start()

    def _answer(self, client: socket.socket) -> None:
        with client:
            head, streams, _, _ = socket.recv_fds(client, 9, 3)
            with client.makefile("rb") as rest:
                words, cwd, env = json.loads(rest.read(int(head)))
            code = 99
            try:
                if words[:1] == ["serve"] and words[1:2] != ["link"]:
                    code = self._start_server(words, Path(cwd), env)
                else:
                    code = _type(words, Path(cwd), env, streams)
            finally:
                self.typed.append((code, words))
                for each in streams:
                    os.close(each)
                with suppress(OSError):
                    client.sendall(b"%d" % code)

    def _start_server(self, words: list[str], cwd: Path, env: dict[str, str]) -> int:
        """Start a server on a free port, which runs until the page has been read."""
        read, write = os.pipe()
        with open(os.devnull, "r+") as null:
            own = null.fileno(), null.fileno(), write
            ports = ["--port", "0"]
            if "--witness" in words:
                ports += ["--witness-bind", "127.0.0.1:0"]
            self._servers.append(_fork([*words, *ports], cwd, env, own))
        os.close(write)
        with open(read) as lines:
            return 0 if lines.readline().startswith("Listening") else 1


def _type(words: list[str], cwd: Path, env: dict[str, str], streams: list[int]) -> int:
    if "RUN" in words:
        runs = run("dedupe", "--history", "--json", env=env).json()["runs"]
        words = [runs[0]["run"] if word == "RUN" else word for word in words]
    if words[:1] == ["watch"] and "--install" not in words:
        return _watch(words, cwd, env, streams)
    if "--review" in words:
        return _review(words, cwd, env)
    return _fork(words, cwd, env, (streams[0], streams[1], streams[2])).wait(TIMEOUT)


def _fork(
    words: list[str], cwd: Path, env: dict[str, str], streams: tuple[int, int, int]
) -> forked.Forked:
    encoded = [os.fsencode(word) for word in words]
    assert forked.fits(encoded, env), "Python is to start in another way"
    return forked.fork(encoded, env, streams, cwd)


def _watch(words: list[str], cwd: Path, env: dict[str, str], streams: list[int]) -> int:
    """Wait for the first scan, then end the watcher as a service manager does."""
    out, out_end = os.pipe()
    process = _fork([*words, "--json"], cwd, env, (streams[0], out_end, streams[2]))
    os.close(out_end)
    with open(out) as lines:
        for line in lines:
            if json.loads(line)["event"] == "scanned":
                process.send_signal(signal.SIGTERM)
    return process.wait(TIMEOUT)


def _review(words: list[str], cwd: Path, env: dict[str, str]) -> int:
    """Say yes to every step, on a terminal, and quit once nothing is left to ask."""
    terminal, theirs = pty.openpty()
    process = _fork(words, cwd, env, (theirs, theirs, theirs))
    os.close(theirs)
    written = b""
    with suppress(OSError):  # EIO: it has ended
        while data := os.read(terminal, 65536):
            written += data
            if written.endswith(b"(? explains): "):
                os.write(terminal, b"q\n" if b"Nothing is left to ask" in written else b"y\n")
                written = b""
    os.close(terminal)
    return process.wait(TIMEOUT)
