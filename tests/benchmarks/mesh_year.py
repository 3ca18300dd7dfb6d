"""A year of the mesh by simulation: a trace that grows each hour, cosigned by four witnesses.

`python -m tests.benchmarks.mesh_year [ENTRIES] [SYNCS]`: the witnesses are ours, in this process,
and are asked without a network; everything is written and flushed as it would be. Each has a vault
of its own, and the folder of keys and the state folder are those of the simulation.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self
from unittest import mock
from urllib.parse import urlsplit

from gorillacomb.api.mesh import sync
from gorillacomb.api.mesh.nodes import add_node
from gorillacomb.api.mesh.policy import make_policy, set_policy
from gorillacomb.api.mesh.witness import Witness, WitnessRefusal, init_witness
from gorillacomb.mesh.client import NodeAnswer
from gorillacomb.mesh.witness.logs import trust_log
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh.entries import FirstStamp, StampEntry, stamp_entry
from gorillacomb.vaultmesh.keys.note import VerifierKey
from gorillacomb.vaultmesh.open import open_trace_for_reading, open_trace_for_writing

ENTRIES, SYNCS, WITNESSES, QUORUM = 1_000_000, 8_760, 4, 3
_PARTS = 4


@dataclass
class Year:
    """What a year took."""

    entries: int
    syncs: int
    append_seconds: float = 0.0
    sync_seconds: list[float] = field(default_factory=list)
    """Of each sync, with all witnesses."""
    sizes: list[tuple[int, int, int, int]] = field(default_factory=list)
    """At the end of each quarter: entries, and bytes of the trace, of the folder mesh, and of what
    the four witnesses keep in both places."""


class LocalClient:
    """Asks the witnesses of this process."""

    witnesses: ClassVar[dict[str, Witness]] = {}

    def __init__(self, ca: str | None = None, seconds: float = 0.0) -> None:
        """As `NodeClient`."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass

    def get(self, url: str) -> NodeAnswer:
        return NodeAnswer(404, {}, b"", None)

    def post(self, url: str, body: bytes) -> NodeAnswer:
        try:
            lines = self.witnesses[urlsplit(url).hostname or ""].add_checkpoint(body)
        except WitnessRefusal as error:
            kind = {"Content-Type": error.content_type}
            return NodeAnswer(int(error.status), kind, error.text.encode(), None)
        return NodeAnswer(200, {}, lines, None)


def simulate(
    entries: int = ENTRIES, syncs: int = SYNCS, say: Callable[[str], object] = lambda text: None
) -> Year:
    """Let a trace grow to ``entries`` and be cosigned ``syncs`` times."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.enter_context(mock.patch.dict(os.environ, {"HOME": str(folder)}))
        stack.enter_context(mock.patch.object(sync, "NodeClient", LocalClient))
        vault = Vault(folder / "vault")
        vault.create()
        names = [f"w{number}.example" for number in range(WITNESSES)]
        with open_trace_for_writing(vault) as ledger:
            logs = [VerifierKey(ledger.origin, public) for public in ledger.public_keys()]
        for name in names:
            own = Vault(folder / name)
            keys = init_witness(own)
            trust_log(own, logs[0])
            LocalClient.witnesses[name] = Witness.open(own)
            add_node(vault, name, url=f"http://{name}", monitor=None, vkeys=keys.vkeys)
        set_policy(vault, make_policy(vault, QUORUM))
        return _year(vault, folder, entries, syncs, say)


def _year(
    vault: Vault, folder: Path, entries: int, syncs: int, say: Callable[[str], object]
) -> Year:
    year = Year(entries, syncs)
    for number in range(syncs):
        started = time.perf_counter()
        with open_trace_for_writing(vault) as ledger:
            more = entries * (number + 1) // syncs - ledger.size
            ledger.append(_stamp(ledger.size + each) for each in range(more))
        year.append_seconds += time.perf_counter() - started
        started = time.perf_counter()
        found = sync.sync_mesh(vault)
        year.sync_seconds.append(time.perf_counter() - started)
        assert found.cosigned == WITNESSES and found.has_quorum, found
        if (number + 1) * _PARTS % syncs < _PARTS:
            year.sizes.append((found.size, *_sizes(vault, folder)))
            say(f"{found.size:,} entries after {number + 1:,} syncs: {year.sizes[-1][1:]}")
    with open_trace_for_reading(vault) as ledger:
        assert ledger.size == entries
    return year


def _stamp(number: int) -> FirstStamp:
    path = b"Projects/HealthTrack/src/file-%d.tsx" % number
    digest = number.to_bytes(32, "big")
    return stamp_entry(1, StampEntry("0" * 32, path, 4096, 1, digest, 2, ("the older one",), 3))


def _sizes(vault: Vault, folder: Path) -> tuple[int, int, int]:
    trace = sum(path.stat().st_size for path in vault.folder.glob("trace.db*"))
    kept = [folder / ".local/state/gorillacomb/witnesses", *folder.glob("w*.example/mesh")]
    return trace, _bytes_in(vault.folder / "mesh"), sum(map(_bytes_in, kept))


def _bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def report(year: Year) -> list[str]:
    """What a year took, in lines."""
    count = len(year.sync_seconds) // _PARTS
    quarters = [year.sync_seconds[part * count : (part + 1) * count] for part in range(_PARTS)]
    lines = [
        f"{year.entries:,} entries, {year.syncs:,} syncs with {WITNESSES} witnesses",
        f"appended in {year.append_seconds:,.1f} s; synced in {sum(year.sync_seconds):,.1f} s",
    ]
    for part, (size, trace, mesh, kept) in zip(quarters, year.sizes, strict=True):
        median = sorted(part)[len(part) // 2] * 1000
        lines.append(
            f"{size:>9,} entries: a sync {median:.1f} ms, trace {trace / 1e6:,.1f} MB,"
            f" mesh {mesh:,} bytes, the witnesses {kept:,} bytes"
        )
    return lines


if __name__ == "__main__":
    numbers = [int(each) for each in sys.argv[1:]] or [ENTRIES, SYNCS]
    year = simulate(numbers[0], numbers[1], lambda text: print(text, flush=True))
    print("\n".join(report(year)))
