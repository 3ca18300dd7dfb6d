"""What a trace says of scrolls: which were made and revoked, and which keys could sign when."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field, replace
from typing import Any

from gorillacomb.errors import UntrustedInput
from gorillacomb.scrolls.envelope import SignerKind
from gorillacomb.vaultmesh import jcs
from gorillacomb.vaultmesh.entries import EntryBody, key_entry
from gorillacomb.vaultmesh.keys.keys import fingerprint
from gorillacomb.vaultmesh.keys.note import VerifierKey
from gorillacomb.vaultmesh.ledger import Ledger

USE = "scroll"
"""What the keys sign that an entry ``key`` is about."""
ACTIVE, RETIRED, COMPROMISED = "active", "retired", "compromised"
_EVENTS = ("genesis", "rotate-key", "key", "scroll", "scroll-revoked")
_OF_A_SCAN = b'"scan":'
"""What entries of scans have, which are nearly all, and none of these. In RFC 8785's form no string
contains a bare quotation mark, so this can only be a key."""


@dataclass(slots=True)
class KeyLife:
    """A key that signs scrolls, and from where to where in the trace."""

    kind: SignerKind
    key_id: str
    """Its fingerprint."""
    public: bytes
    """Ed25519: 32 bytes; RSA: SubjectPublicKeyInfo in DER."""
    since: int
    """The entry from which on it signs."""
    retired: int | None = None
    """The entry from which on it does not."""
    compromised: int | None = None
    """The entry that says that others may have it."""
    compromised_in: str | None = None
    """The origin of the trace with that entry, if that is another one than the key's."""

    def was_active(self, seq: int) -> bool:
        """Return whether it signed at an entry, whatever became known later."""
        ends = [each for each in (self.retired, self.compromised) if each is not None]
        return self.since <= seq and all(seq < end for end in ends)

    @property
    def is_usable(self) -> bool:
        """Whether it signs now."""
        return self.retired is None and self.compromised is None


@dataclass(frozen=True, slots=True)
class ScrollRecord:
    """The entry of a scroll."""

    scroll_id: str
    seq: int
    time_ns: int
    envelope: str
    """The SHA-256 of the envelope, in hex."""


@dataclass(slots=True)
class TraceRecords:
    """All of that in one trace, as of one moment."""

    origin: str
    size: int
    """Entries."""
    time_ns: int
    """When the last one was made."""
    scrolls: dict[str, ScrollRecord] = field(default_factory=dict)
    """By id, in the order of the trace."""
    revoked: dict[str, int] = field(default_factory=dict)
    """The entry that revoked a scroll, by id."""
    keys: dict[str, KeyLife] = field(default_factory=dict)
    """By fingerprint, in the order of the trace."""
    compromised: dict[str, int] = field(default_factory=dict)
    """The entry that says that others may have a key, by fingerprint: also of keys of earlier
    logs."""
    adopts: str | None = None
    """The id of the log before it; None if there was none, or none that could be read."""

    @property
    def log(self) -> str:
        """The id of the trace, 32 hex digits."""
        return self.origin.rpartition("/")[2]

    def note(self, entry: dict[str, Any]) -> None:
        """Take in an entry, in the order of the trace; what is malformed says nothing."""
        seq, event = entry["seq"], entry["event"]
        scroll = str(entry.get("scroll_id"))
        if event == "scroll" and scroll not in self.scrolls:
            self.scrolls[scroll] = ScrollRecord(
                scroll, seq, int(entry["time_ns"]), str(entry.get("envelope"))
            )
        elif event == "scroll-revoked":
            self.revoked.setdefault(scroll, seq)
        elif event == "key" and entry.get("use") == USE:
            self._note_step(entry)
        elif event in ("genesis", "rotate-key"):
            self._note_log_key(entry)

    def _note_log_key(self, entry: dict[str, Any]) -> None:
        public = VerifierKey.parse(entry["key"]).public
        for life in self.keys.values():
            if life.kind == "ed25519" and life.retired is None:
                life.retired = entry["seq"]
        if entry["event"] == "genesis" and isinstance(entry.get("adopts"), str):
            self.adopts = entry["adopts"]
        name = fingerprint(public)
        self.keys[name] = KeyLife("ed25519", name, public, entry["seq"])

    def _note_step(self, entry: dict[str, Any]) -> None:
        name, step, seq = str(entry.get("key_id")), entry.get("step"), entry["seq"]
        life = self.keys.get(name)
        if step == ACTIVE and life is None and entry.get("kind") == "rsa":
            try:
                public = base64.b64decode(entry["public"], validate=True)
            except (KeyError, TypeError, ValueError):
                return
            if fingerprint(public) == name:
                self.keys[name] = KeyLife("rsa", name, public, seq)
        elif life is not None and step == RETIRED and life.retired is None:
            life.retired = seq
        elif step == COMPROMISED:
            self.compromised.setdefault(name, seq)
            if life is not None and life.compromised is None:
                life.compromised = seq


def read_records(ledger: Ledger, before: TraceRecords | None = None) -> TraceRecords:
    """Read what a trace says of scrolls and their keys. Raises VaultError, ValueError.

    ``before`` are the records of an earlier moment of the same trace: only what was added since is
    read then.
    """
    last = jcs.parse_own(ledger.entry(ledger.size - 1))
    start = 0 if before is None else before.size
    found = TraceRecords(ledger.origin, ledger.size, int(last["time_ns"]))
    if before is not None:
        found.scrolls, found.revoked = dict(before.scrolls), dict(before.revoked)
        found.keys = {name: replace(life) for name, life in before.keys.items()}
        found.compromised, found.adopts = dict(before.compromised), before.adopts
    for _, entry in ledger.tables.entries_without(_OF_A_SCAN, start):
        fields = jcs.parse_own(entry)
        if fields["event"] in _EVENTS:
            try:
                found.note(fields)
            except UntrustedInput as error:
                raise ValueError(error.message) from None
    return found


def scroll_entry(scroll_id: str, envelope: str) -> EntryBody:
    """Return the entry that makes an envelope a scroll; ``envelope`` is its SHA-256 in hex."""
    return {"event": "scroll", "scroll_id": scroll_id, "envelope": envelope}


def revoked_entry(scroll_id: str) -> EntryBody:
    """Return the entry that revokes a scroll."""
    return {"event": "scroll-revoked", "scroll_id": scroll_id}


def step_entry(kind: SignerKind, key_id: str, public: bytes, step: str) -> EntryBody:
    """Return the entry for a step in the life of a key that signs scrolls."""
    shown = {"kind": kind, "public": base64.b64encode(public).decode()}
    return key_entry(USE, step, key_id, shown)
