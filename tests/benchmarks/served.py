"""How fast the server answers on an index of a million rows, and what it takes while it waits."""

import os
import re
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.support.server import Server, serving

from .places import cache
from .process import run
from .rows import make_rows

ROWS, FOLDERS = 1_000_000, 60_000
CLIENTS = 50
_ASKED = (
    "/health",
    "/api/v1/status",
    "/api/v1/groups?limit=100",
    "/api/v1/groups?limit=1000",
    "/api/v1/files?limit=1000",
    "/api/v1/files?limit=1000&state=unreadable",
    "/api/v1/runs",
    "/api/v1/jobs",
    "/",
    "/jobs",
    "/groups",
    "/groups?sort=size",
    "/groups?kind=pictures",
    "/groups?within=%2Fmade%2Ffolder+1",
    "/tree?path=%2Fmade",
)


@dataclass(frozen=True)
class Served:
    """What the server took: seconds by request, as medians; bytes of memory."""

    rows: int
    groups: int
    start: float
    """From its start to its first answer."""
    answers: dict[str, float]
    under_load: float
    """Of a page of groups while 50 clients ask for one at once."""
    idle: int
    busy: int


def measure(rounds: int, say: Callable[[str], None]) -> Served:
    """Make the index, start the server, and ask it."""
    with tempfile.TemporaryDirectory(dir=cache()) as name:
        home = Path(name)
        os.environ["HOME"] = str(home)
        real, vault = home / "real", home / "vault"
        real.mkdir()
        (real / "file").write_text("a real file")
        argv = ["gorillacomb", "scan", str(real), "--vault", str(vault)]
        run(argv, scratch=home, env=dict(os.environ), timeout=600)
        say(f"served: making {ROWS:,} rows")
        make_rows(vault, ROWS, FOLDERS)
        began = time.perf_counter()
        with serving(vault) as server:
            started = time.perf_counter() - began
            idle = _memory(server)
            groups = server.get("/api/v1/status").json()["groups"]
            answers = {}
            for path in _ASKED:
                answers[path] = statistics.median(_seconds(server, path) for _ in range(rounds))
                say(f"served: {path}: {answers[path] * 1000:.0f} ms")
            server.done(server.get("/api/v1/map"))
            path = "/api/v1/map"
            answers[path] = statistics.median(_seconds(server, path) for _ in range(rounds))
            say(f"served: {path}, once it is there: {answers[path] * 1000:.0f} ms")
            deep = _last_page(server)
            path = "/api/v1/groups?limit=100&after=… (the 100th page)"
            answers[path] = statistics.median(_seconds(server, deep) for _ in range(rounds))
            load = _under_load(server)
            return Served(ROWS, groups, started, answers, load, idle, _memory(server))


def _seconds(server: Server, path: str) -> float:
    began = time.perf_counter()
    answer = server.get(path)
    assert answer.status == 200, (path, answer.body[:200])
    return time.perf_counter() - began


def _last_page(server: Server) -> str:
    path = "/api/v1/groups?limit=100"
    after = ""
    for _ in range(100):
        after = f"&after={server.get(path + after).json()['next']}"
    return path + after


def _under_load(server: Server) -> float:
    took: list[float] = []

    def ask() -> None:
        took.append(_seconds(server, "/api/v1/groups?limit=100"))

    threads = [threading.Thread(target=ask) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statistics.median(took)


def _memory(server: Server) -> int:
    text = Path(f"/proc/{server.process.pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", text)
    assert found is not None
    return int(found[1]) * 1024
