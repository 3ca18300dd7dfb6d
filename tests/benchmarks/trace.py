"""How fast the trace grows and is checked, and what it takes on disk: measured in this process."""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from gorillacomb.vaultmesh.anchor import AnchorStore
from gorillacomb.vaultmesh.audit import audit
from gorillacomb.vaultmesh.create import create_log
from gorillacomb.vaultmesh.entries import FirstStamp, StampEntry, stamp_entry
from gorillacomb.vaultmesh.keys.key_store import KeyStore
from gorillacomb.vaultmesh.ledger import Ledger

from .places import BenchError, cache

STAMPS = 200_000
_FOLDER = b"client/node_modules/package-%d/lib/index-%d.js"
_REASONS = ("inside the repository HealthTrack (.git)", "less deeply nested")


@dataclass(frozen=True)
class Trace:
    """Medians over the rounds. Seconds for all stamps; bytes of the whole file."""

    stamps: int
    append: float
    audit: float
    size: int


def measure(rounds: int, say: Callable[[str], None]) -> Trace:
    """Append stamps to a fresh trace, signed and synced, then check every entry of it."""
    appended: list[float] = []
    audited: list[float] = []
    size = 0
    for number in range(rounds):
        with tempfile.TemporaryDirectory(dir=cache()) as folder:
            home = Path(folder)
            keys, anchors = KeyStore(home / "keys"), AnchorStore(home / "anchors")
            start = time.perf_counter()
            create_log(home / "trace.db", keys, anchors)
            with Ledger.write(home / "trace.db", keys, anchors) as ledger:
                ledger.append(_stamps())
            appended.append(time.perf_counter() - start)
            size = (home / "trace.db").stat().st_size
            with Ledger.read(home / "trace.db", keys, anchors) as ledger:
                start = time.perf_counter()
                result = audit(ledger)
                audited.append(time.perf_counter() - start)
            if not result.ok:
                raise BenchError(f"the trace is not sound: {result.reason}")
        say(f"trace {number + 1}/{rounds}: {appended[-1]:.2f} s, {audited[-1]:.2f} s")
    return Trace(STAMPS, statistics.median(appended), statistics.median(audited), size)


def _stamps() -> Iterator[FirstStamp]:
    for number in range(STAMPS):
        path = _FOLDER % (number // 12, number)
        digest = sha256(path).digest()
        yield stamp_entry(
            1, StampEntry("0" * 32, path, 4_000 + number, 10**18, digest, 4, _REASONS, 1)
        )
