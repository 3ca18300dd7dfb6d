"""Samples the memory of a process and of its children while they run. Linux only (/proc)."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

INTERVAL = 0.01


def available() -> bool:
    """Whether this system tells what is sampled here."""
    return Path("/proc/self/task").is_dir()


@dataclass
class Peak:
    """The largest figures seen of one process, in bytes.

    `resident` is VmHWM, all memory at once resident, shared pages among it; `anonymous` is
    RssAnon, what is neither a file nor shared memory.
    """

    resident: int = 0
    anonymous: int = 0


@dataclass
class Sampler:
    """Within its `with`, samples process `pid` and all below it every 10 ms."""

    pid: int
    main: Peak = field(default_factory=Peak)
    workers: dict[int, Peak] = field(default_factory=dict)
    together: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Start sampling."""
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop sampling."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def worker(self) -> Peak:
        """The largest figures of any worker."""
        peaks = self.workers.values()
        return Peak(
            max((peak.resident for peak in peaks), default=0),
            max((peak.anonymous for peak in peaks), default=0),
        )

    def _watch(self) -> None:
        while not self._stop.wait(INTERVAL):
            together = self._note(self.pid, self.main)
            for pid in _below(self.pid):
                together += self._note(pid, self.workers.setdefault(pid, Peak()))
            self.together = max(self.together, together)

    @staticmethod
    def _note(pid: int, peak: Peak) -> int:
        """Add what process `pid` uses now to its peak; its anonymous memory now."""
        now = _status(pid)
        peak.resident = max(peak.resident, now.get("VmHWM", 0))
        peak.anonymous = max(peak.anonymous, now.get("RssAnon", 0))
        return now.get("RssAnon", 0)


def _status(pid: int) -> dict[str, int]:
    """The memory lines of /proc/PID/status in bytes; empty if the process is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.split() for line in lines if line.endswith(" kB"))
    return {words[0].rstrip(":"): int(words[1]) * 1024 for words in pairs}


def _below(pid: int) -> Iterator[int]:
    """The children of process `pid`, and theirs."""
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(child) for at in threads for child in (at / "children").read_text().split()]
    except OSError:
        return
    for child in children:
        yield child
        yield from _below(child)
