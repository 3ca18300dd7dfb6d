"""Nodes of the mesh as processes: each has its own home, vault, keys, port and TLS."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.memory import in_memory
from tests.support.run import Ran, command, environment, run

_LISTENS = re.compile(r"The witness listens at (\S+)")


@dataclass
class Node:
    """A node of the mesh."""

    name: str
    home: Path
    port: int = 0
    url: str = ""
    process: subprocess.Popen[bytes] | None = None
    readers: list[threading.Thread] = field(default_factory=list)

    @property
    def vault(self) -> Path:
        return self.home / "vault"

    @property
    def tree(self) -> Path:
        return self.home / "tree"

    @property
    def env(self) -> dict[str, str]:
        xdg = {f"XDG_{each}_HOME": None for each in ("CONFIG", "STATE", "DATA", "CACHE")}
        return environment(self.vault, HOME=str(self.home), **xdg)

    @property
    def ca(self) -> Path:
        """Its certificate, which it signed itself."""
        (found,) = self.home.glob(".local/state/gorillacomb/server/*/certificate.pem")
        return found

    def run(self, *words: str | Path) -> Ran:
        return run(*words, env=self.env)

    def asked(self, *words: str) -> Any:
        """The document of a command."""
        return self.run(*words, "--json").json()

    def begin(self) -> None:
        """Its home, its trace, its witness."""
        self.tree.mkdir(parents=True)
        self.grow("first")
        assert self.run("scan", self.tree).code == 0
        assert self.run("mesh", "witness", "init").code == 0
        self.serve()

    def grow(self, name: str) -> None:
        (self.tree / name).write_text(f"{self.name} {name}")

    def serve(self, *before: str) -> None:
        """Run its witness, at the port that it had before."""
        words = command(
            *("serve", "--witness-only", "--make-cert", f"--witness-bind=127.0.0.1:{self.port}")
        )
        self.process = subprocess.Popen(
            [*map(os.fsencode, before), *words],
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        assert self.process.stderr is not None
        lines = []
        for line in self.process.stderr:
            lines.append(line.decode())
            found = _LISTENS.match(lines[-1])
            if found:
                self.url = found[1]
                self.port = int(self.url.rpartition(":")[2])
                break
        else:
            raise AssertionError(lines)
        self.readers.append(threading.Thread(target=self.process.stderr.read))
        self.readers[-1].start()

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)  # `faketime` starts another one
            self.process.wait()
        for each in self.readers:
            each.join()
        if self.process is not None and self.process.stderr is not None:
            self.process.stderr.close()
        self.process = None

    def knows(self, other: Node) -> None:
        """Add another node, which then is cosigned, too."""
        vkeys = other.asked("mesh", "witness", "show")["vkeys"]
        log = other.run("keys", "show").out.split("\n")[0]
        options = [f"--vkey={each}" for each in vkeys]
        words = (other.name, f"--url={other.url}", *options, f"--log-vkey={log}")
        assert self.run("mesh", "add", *words, f"--ca={other.ca}").code == 0


@contextmanager
def running(count: int) -> Iterator[list[Node]]:
    """Run nodes, each of which knows all others."""
    with in_memory() as folder, ExitStack() as stack:
        made = [Node(f"n{number}", folder / f"n{number}") for number in range(count)]
        for node in made:
            stack.callback(node.end)
            node.begin()
        for node in made:
            for other in made:
                if node is not other:
                    node.knows(other)
        yield made
