"""A real server as a process of its own, and a client that sends exactly what a test says."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gorillacomb.api.server.state import own_host_name
from gorillacomb.vault.vault import Vault
from gorillacomb.web.control import ask_for_address
from tests.support.listening import Process, listening
from tests.support.run import environment, until

_STARTED = re.compile(r"Listening on port (\d+)")


@dataclass(frozen=True)
class Answer:
    """What the server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def detail(self) -> str:
        """What the problem document says."""
        return str(self.json()["detail"])


@dataclass
class Server:
    """A server that runs."""

    vault: Path
    port: int
    name: str
    """Its own host name."""
    process: Process
    cookie: str = ""
    stderr: list[str] = field(default_factory=list)

    @property
    def host(self) -> str:
        """The value of the Host header that a browser sends."""
        return f"{self.name}:{self.port}"

    @property
    def origin(self) -> str:
        """The origin of its pages."""
        return f"http://{self.host}"

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str | None] | None = None,
    ) -> Answer:
        """Send a request as a page of ours would: with the session's cookie. None drops a header.

        A body that is not bytes is sent as JSON.
        """
        usual: dict[str, str | None] = {"Host": self.host, "Cookie": self.cookie or None}
        if method not in ("GET", "HEAD"):
            usual["Sec-Fetch-Site"] = "same-origin"
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            usual["Content-Type"] = "application/json"
        given = {**usual, **(headers or {})}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in given.items():
                if value is not None:
                    connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, found, answer.read())
        finally:
            connection.close()

    def get(self, path: str, headers: Mapping[str, str | None] | None = None) -> Answer:
        """Read something."""
        return self.send("GET", path, headers=headers)

    def post(
        self, path: str, body: Any = None, headers: Mapping[str, str | None] | None = None
    ) -> Answer:
        """Send something."""
        return self.send("POST", path, body, headers)

    def token(self) -> str:
        """A fresh one-time token."""
        return ask_for_address(Vault(self.vault)).partition("#")[2]

    def log_in(self) -> Answer:
        """Log in, and keep the cookie."""
        answer = self.post("/api/v1/session", {"token": self.token()})
        assert answer.status == 200, answer.body
        self.cookie = answer.headers["set-cookie"].partition(";")[0]
        return answer

    def done(self, started: Answer) -> dict[str, Any]:
        """Wait for the job that an answer tells of, and return its document."""
        assert started.status == 202, started.body
        place = f"/api/v1/jobs/{started.json()['id']}"
        assert until(lambda: self.get(place).json()["state"] not in ("queued", "running"), 120)
        found: dict[str, Any] = self.get(place).json()
        return found

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it, and return its exit code."""
        self.process.send_signal(number)
        return self.process.wait(30)


@contextmanager
def serving(vault: Path, *options: str, logged_in: bool = True) -> Iterator[Server]:
    """Run a server on a free port, and log in to it."""
    words = ["serve", "--port", "0", "--vault", str(vault), *options]
    with listening(vault, _STARTED, *words) as (process, found, lines):
        server = Server(vault, int(found[1]), _own_name(vault), process, stderr=lines)
        if logged_in:
            server.log_in()
        yield server


def _own_name(vault: Path) -> str:
    assert os.environ["HOME"] == environment(vault)["HOME"], "the server has the test's state"
    return own_host_name(Vault(vault))
