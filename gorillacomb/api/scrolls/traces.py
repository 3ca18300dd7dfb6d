"""The traces of a vault with their scrolls: the current one, and those before an adopt."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

from gorillacomb.errors import UntrustedInput, UsageError, VaultError
from gorillacomb.mesh.folder import MeshFolder
from gorillacomb.scrolls.model import Revocation
from gorillacomb.scrolls.records import ScrollRecord, TraceRecords, read_records
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh.checkpoint import parse_checkpoint
from gorillacomb.vaultmesh.error_text import translate_content_errors
from gorillacomb.vaultmesh.ledger import Ledger
from gorillacomb.vaultmesh.open import (
    anchor_store,
    former_traces,
    key_store,
    open_trace_for_reading,
)

_KNOWN: dict[str, tuple[TraceRecords, bytes]] = {}
"""What was read of traces, by their ids, with the roots that they had: a server asks often. Values
are never changed, only exchanged."""
_MOST_KNOWN = 8
_ID = re.compile(r"[0-9a-f]{8,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class OpenTrace:
    """A trace that is read as of one moment."""

    ledger: Ledger
    records: TraceRecords


@dataclass(slots=True)
class OpenTraces:
    """All traces of a vault, the current one first."""

    vault: Vault
    traces: list[OpenTrace]
    warnings: list[str]
    """Which former ones cannot be read."""

    @property
    def current(self) -> OpenTrace:
        """The one that is written to."""
        return self.traces[0]

    def by_age(self) -> Iterator[tuple[OpenTrace, ScrollRecord]]:
        """Yield all scrolls, the latest first."""
        found = [
            (trace, record) for trace in self.traces for record in trace.records.scrolls.values()
        ]
        found.sort(key=lambda pair: (pair[1].time_ns, pair[1].seq), reverse=True)
        yield from found

    def find(self, name: str) -> tuple[OpenTrace, ScrollRecord]:
        """Return a scroll by its id, or by the beginning of it. Raises UsageError."""
        fitting = [pair for pair in self.by_age() if pair[1].scroll_id.startswith(name)]
        if not _ID.fullmatch(name) or not fitting:
            raise UsageError(
                f"There is no scroll {name[:64]!r}.", "gorillacomb scroll list names all of them."
            )
        if len(fitting) > 1:
            raise UsageError(f"{len(fitting)} scrolls begin with {name}.", "Type more of the id.")
        return fitting[0]

    def of_origin(self, origin: str) -> OpenTrace | None:
        """Return the trace of an origin; None if it is not here."""
        return next((each for each in self.traces if each.records.origin == origin), None)

    def revocation(self, scroll_id: str) -> Revocation:
        """Return whether a scroll was revoked: in its own trace, or in a later one."""
        now = self.current.records
        for trace in self.traces:
            seq = trace.records.revoked.get(scroll_id)
            if seq is not None:
                return Revocation("revoked", trace.records.size, trace.records.time_ns, seq)
        is_unknown = is_behind(self.vault, self.current.ledger)
        return Revocation("unknown" if is_unknown else "active", now.size, now.time_ns)


@contextmanager
def open_traces(vault: Vault) -> Iterator[OpenTraces]:
    """Open the traces of a vault for reading. Raises VaultError for the current one."""
    with ExitStack() as opened:
        opened.enter_context(translate_content_errors(vault.trace))
        current = opened.enter_context(open_trace_for_reading(vault))
        found = OpenTraces(vault, [OpenTrace(current, _records_of(current))], [])
        for path in former_traces(vault):
            try:
                former = opened.enter_context(Ledger.read(path, key_store(), anchor_store()))
                with translate_content_errors(path):
                    found.traces.append(OpenTrace(former, _records_of(former)))
            except VaultError as error:
                found.warnings.append(error.message)
        yield found


def _records_of(ledger: Ledger) -> TraceRecords:
    """Return the records of a trace; those of before, if it is still the one that was read then."""
    known, root = _KNOWN.get(ledger.log), None
    before = None
    with suppress(VaultError):  # the stored tree has gaps: then nothing is remembered
        if known is not None and known[0].size <= ledger.size:
            before = known[0] if ledger.root(known[0].size) == known[1] else None
        root = ledger.root()
    found = read_records(ledger, before)
    if root is not None:
        if len(_KNOWN) >= _MOST_KNOWN:
            _KNOWN.clear()
        _KNOWN[ledger.log] = (found, root)
    return found


def is_behind(vault: Vault, ledger: Ledger) -> bool:
    """Return whether more was signed than a trace contains, or something else.

    It looks at the anchor and at what witnesses have cosigned: what cannot be read counts as more.
    """
    mesh = MeshFolder(vault)
    try:
        notes = (ledger.anchored(), mesh.cosigned(ledger.log), mesh.newest_cosigned(ledger.log))
        for note in filter(None, notes):
            signed, _ = parse_checkpoint(note)
            is_longer = signed.origin != ledger.origin or signed.size > ledger.size
            if is_longer or ledger.root(signed.size) != signed.root:
                return True
    except (UntrustedInput, VaultError):
        return True
    return False
