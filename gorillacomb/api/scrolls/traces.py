"""The traces of a vault with their scrolls: the current one, and those before an adopt."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace

from gorillacomb.errors import UntrustedInput, UsageError, VaultError
from gorillacomb.mesh.folder import MeshFolder
from gorillacomb.scrolls.model import Revocation, RevocationState
from gorillacomb.scrolls.records import KeyLife, ScrollRecord, TraceRecords, read_records
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
_BEGINS = re.compile(r"[0-9a-f]{1,7}", re.ASCII)
_AGAIN = "Sign a new scroll, unless you know that this one was revoked."


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
        if _BEGINS.fullmatch(name):
            raise UsageError(
                f"The beginning of an id {name!r} is too short: 8 digits at least.",
                "gorillacomb scroll list shows 16 of each.",
            )
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

    def lives(self, trace: OpenTrace) -> tuple[KeyLife, ...]:
        """Return the keys of a trace; what any trace calls compromised is so in all of them."""
        found = []
        for life in trace.records.keys.values():
            for other in self.traces:
                seq = other.records.compromised.get(life.key_id)
                if life.compromised is None and seq is not None:
                    life = replace(life, compromised=seq, compromised_in=other.records.origin)
            found.append(life)
        return tuple(found)

    def all_keys(self) -> list[KeyLife]:
        """Return each key that a trace names once, as the latest of them says, the oldest first."""
        found: dict[str, KeyLife] = {}
        for trace in reversed([self.current, *self._earlier()[0]]):
            found |= {life.key_id: life for life in self.lives(trace)}
        for trace in self.traces:  # those that no adoption names
            found = {life.key_id: life for life in self.lives(trace)} | found
        return list(found.values())

    def revoked(self, scroll_id: str) -> tuple[OpenTrace, int] | None:
        """Return the trace that has a scroll revoked, and its entry; None if none has."""
        for trace in self.traces:
            seq = trace.records.revoked.get(scroll_id)
            if seq is not None:
                return trace, seq
        return None

    def revocation(self, trace: OpenTrace, scroll_id: str) -> Revocation:
        """Return whether a scroll was revoked: in its own ``trace``, or in a later one."""
        found = self.revoked(scroll_id)
        if found is not None:
            records = found[0].records
            return Revocation("revoked", records.size, records.time_ns, found[1])
        now = self.current.records
        cause = None
        if is_behind(self.vault, self.current.ledger):
            cause = (
                "More was signed than the trace contains: a revocation may be among that. Bring the"
                " trace back that was signed, or sign a new scroll."
            )
        else:
            cause = self._doubt(trace)
        state: RevocationState = "active" if cause is None else "unknown"
        return Revocation(state, now.size, now.time_ns, cause=cause or "")

    def _doubt(self, trace: OpenTrace) -> str | None:
        """Return why a revocation may be missing from a trace or a later one, in words."""
        earlier, is_whole = self._earlier()
        here = {each.records.log for each in (self.current, *earlier)}
        if anchor_store().followers(trace.records.log) - here:
            return (
                "Another log followed the trace of this scroll, and is not here or cannot be read:"
                f" a revocation may be in it. {_AGAIN}"
            )
        if trace is self.current:
            return None
        logs = [each.records.log for each in earlier]
        if trace.records.log not in logs:
            why = "" if is_whole else ", and one between them cannot be read"
            return f"The trace does not follow the one of this scroll{why}. {_AGAIN}"
        for each in earlier[: logs.index(trace.records.log) + 1]:
            try:
                is_anchored = each.ledger.anchored() is not None
            except VaultError:
                is_anchored = False
            if not is_anchored:
                return (
                    f"This machine does not know how long the earlier trace {each.records.log} was:"
                    f" a revocation may be missing from it. {_AGAIN}"
                )
            if is_behind(self.vault, each.ledger):
                return (
                    f"More was signed in the earlier trace {each.records.log} than was kept of it:"
                    f" a revocation may be among that. {_AGAIN}"
                )
        return None

    def _earlier(self) -> tuple[list[OpenTrace], bool]:
        """Return the traces before the current one, the latest first, as each adopted another.

        And whether that leads to the first of all: a trace may be missing, or unreadable.
        """
        by_log = {each.records.log: each for each in self.traces[1:]}
        found: list[OpenTrace] = []
        name = self.current.records.adopts
        while name in by_log:
            found.append(by_log.pop(name))
            name = found[-1].records.adopts
        return found, name is None


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
