"""Show the trace's newest checkpoint to a witness, and judge what it answers."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from gorillacomb.errors import UntrustedInput, VaultRolledBack
from gorillacomb.mesh.client import NodeClient, NodeUnreachable
from gorillacomb.mesh.folder import NodeSeen
from gorillacomb.mesh.fork import ForkEvidence, signed_head
from gorillacomb.mesh.node import MeshNode
from gorillacomb.mesh.witness_client import Submitted, held_checkpoint, submit_checkpoint
from gorillacomb.vaultmesh import merkle
from gorillacomb.vaultmesh.checkpoint import Checkpoint, parse_checkpoint
from gorillacomb.vaultmesh.error_text import ROLLED_BACK, SEE_VERIFY
from gorillacomb.vaultmesh.keys.cosign import cosignatures
from gorillacomb.vaultmesh.keys.note import VerifierKey, parse_note, signature_line
from gorillacomb.vaultmesh.ledger import Ledger

REFRESH = 24 * 3600
"""Seconds after which a checkpoint that has not changed is shown again."""
_REASONS = {
    403: "it does not trust the key that signs the trace (`gorillacomb keys show`)",
    404: "it does not know this log: give it the key that `gorillacomb keys show` prints",
    429: "it is busy",
    503: "it cannot sign now",
}


class SyncState(StrEnum):
    """How a witness answered."""

    COSIGNED = "cosigned"
    CURRENT = "current"
    """It has cosigned this size already, less than a day ago."""
    REFUSED = "refused"
    """It answered, and did not cosign."""
    UNREACHABLE = "unreachable"
    AT_FAULT = "at fault"
    """It contradicts itself, or what it should have checked."""
    ROLLED_BACK = "rolled back"
    """It has forgotten what it cosigned."""
    FORKED = "forked"
    """It has a checkpoint that our log signed and that is not of our tree."""


@dataclass(frozen=True, slots=True)
class NodeSync:
    """What came of showing a checkpoint to one witness."""

    node: str
    state: SyncState
    size: int
    """Entries that it has cosigned now; 0 if not known."""
    reason: str | None = None
    """In words, if it did not cosign."""
    given: bytes = b""
    """The checkpoint with its cosignature lines, if it cosigned now."""
    signed_at: int = 0
    """The time in them, by its clock: s since 1970."""
    tls_expires_at: int | None = None
    evidence: ForkEvidence | None = None


@dataclass(frozen=True, slots=True)
class LogView:
    """The log as it is now: its checkpoint with its own signatures alone, and its keys."""

    note: bytes
    head: Checkpoint
    keys: tuple[VerifierKey, ...]
    """All that the log names and the user has."""

    @classmethod
    def of(cls, ledger: Ledger) -> LogView:
        """Read it. Raises VaultError, KeyMissing."""
        keys = tuple(VerifierKey(ledger.origin, public) for public in ledger.trusted_keys())
        return cls.of_note(ledger.checkpoint(), keys)

    @classmethod
    def of_note(cls, note: bytes, keys: tuple[VerifierKey, ...]) -> LogView:
        """Take a checkpoint without the lines of others, which could exceed a witness's limit."""
        head, signed = parse_checkpoint(note)
        return cls(f"{signed.text}\n".encode() + cls.lines_of(note, keys), head, keys)

    @staticmethod
    def lines_of(note: bytes, keys: Iterable[VerifierKey]) -> bytes:
        """Return the lines of a note that are of some keys, not yet checked."""
        signed = parse_note(note)
        lines = [
            signature_line(key, line.signature) for key in keys for line in signed.lines_of(key)
        ]
        return "".join(lines).encode()


@dataclass(slots=True)
class NodeSyncer:
    """Shows one log to one witness."""

    node: MeshNode
    client: NodeClient
    view: LogView
    """What is shown: the same to all witnesses of a round, though the trace may grow meanwhile."""
    open_ledger: Callable[[], Ledger]
    """Opens the trace for reading, as it is at that moment."""
    now: Callable[[], int]
    """s since 1970."""
    _tls: int | None = field(default=None, init=False)

    def sync(self, seen: NodeSeen, given: bytes | None = None) -> NodeSync:
        """Show the checkpoint, unless that was done.

        ``seen`` is what is known of the witness, ``given`` the checkpoint that it cosigned last.

        Raises VaultError for a trace that cannot be read, or that is behind its anchor.
        """
        view = self.view
        with self.open_ledger() as ledger:
            if ledger.origin != view.head.origin:
                return self._other_log()
            refuse_behind(ledger)
            if seen.origin != view.head.origin:
                seen = NodeSeen()  # of the log before this one
            is_fresh = self.now() - seen.cosigned_at < REFRESH and seen.trouble is None
            if is_fresh and has_cosigned(self.node, view.head, given):
                return NodeSync(self.node.name, SyncState.CURRENT, seen.size)
            try:
                found = self._shown(ledger, view, seen)
            except NodeUnreachable as error:
                found = self._ended(SyncState.UNREACHABLE, seen.size, error.message)
            except UntrustedInput as error:
                found = self._ended(SyncState.AT_FAULT, seen.size, error.message)
        return found

    def _shown(self, ledger: Ledger, view: LogView, seen: NodeSeen) -> NodeSync:
        size = seen.size
        for note in rotation_checkpoints(ledger):
            # Only this checkpoint has a signature of the key that the witness trusts as yet.
            turn = LogView.of_note(note, view.keys)
            is_ahead = size < turn.head.size < view.head.size
            if is_ahead and self._submit(ledger, turn, size).status == 200:
                size = turn.head.size
        answer = self._submit(ledger, view, size)
        if answer.size is not None and answer.size < seen.size:
            return self._ended(
                SyncState.ROLLED_BACK,
                answer.size,
                f"it cosigned {seen.size:,} entries before, and now knows only {answer.size:,};"
                " if it began again with new keys, add it again with them (mesh add --replace)",
            )
        if answer.size is not None and answer.size <= view.head.size:
            answer = self._submit(ledger, view, answer.size)
        if answer.status == 200:
            return self._cosigned(view, answer)
        if answer.status in (409, 422):
            return self._judged(view, answer, seen)
        reason = _REASONS.get(answer.status, f"it answered {answer.status}")
        return self._ended(SyncState.REFUSED, seen.size, f"{reason} ({answer.text})")

    def _submit(self, ledger: Ledger, view: LogView, old: int) -> Submitted:
        old = min(old, view.head.size)
        proof = merkle.consistency_proof(old, view.head.size, ledger.node) if old else []
        found = submit_checkpoint(self.client, self.node, view.note, old, proof, self.now())
        self._tls = found.tls_expires_at
        return found

    def _cosigned(self, view: LogView, answer: Submitted) -> NodeSync:
        return NodeSync(
            self.node.name,
            SyncState.COSIGNED,
            view.head.size,
            given=view.note + answer.lines,
            signed_at=max(each.seconds for each in answer.cosigned),
            tls_expires_at=self._tls,
        )

    def _judged(self, view: LogView, answer: Submitted, seen: NodeSeen) -> NodeSync:
        """Look at what the witness holds: our log forked, or the witness is at fault."""
        held = held_checkpoint(self.client, self.node, view.head.origin)
        name = self.node.name
        if held is None:
            return self._ended(
                SyncState.AT_FAULT, 0, f"{name} refused, and shows no checkpoint of this log"
            )
        what = f"The checkpoint that {name} shows"
        head = signed_head(held, view.keys, what)  # else it is at fault
        times = [each.seconds for each in cosignatures(held, self.node.keys, what)]
        with self.open_ledger() as ledger:  # it may have grown meanwhile
            if ledger.origin != view.head.origin:
                return self._other_log()
            refuse_behind(ledger)
            why = contradiction(ledger, head)
            now_view = LogView.of(ledger)
        if why is not None:
            evidence = ForkEvidence(*(view.head.origin, now_view.note, held, name, why, self.now()))
            return NodeSync(name, SyncState.FORKED, head.size, why, evidence=evidence)
        if times and head.size < seen.size and max(times) >= seen.signed_at:
            return self._ended(
                SyncState.ROLLED_BACK,
                head.size,
                f"it cosigned {seen.size:,} entries before, and later only {head.size:,}",
            )
        if answer.status == 409 and head.size > view.head.size:
            return self._ended(SyncState.CURRENT, head.size, "it was shown more meanwhile")
        return self._ended(
            SyncState.AT_FAULT, head.size, f"it refused a proof that holds ({answer.status})"
        )

    def _other_log(self) -> NodeSync:
        return self._ended(SyncState.UNREACHABLE, 0, "another log was begun meanwhile")

    def _ended(self, state: SyncState, size: int, reason: str) -> NodeSync:
        return NodeSync(self.node.name, state, size, reason, tls_expires_at=self._tls)


def has_cosigned(node: MeshNode, head: Checkpoint, given: bytes | None) -> bool:
    """Return whether what a node gave last is a valid cosignature of a head."""
    try:
        return given is not None and (
            parse_checkpoint(given)[0] == head and bool(cosignatures(given, node.keys))
        )
    except UntrustedInput:
        return False  # damaged: it is asked again


def rotation_checkpoints(ledger: Ledger) -> list[bytes]:
    """Return the checkpoints that an old and a new key of a log both signed, oldest first."""
    sizes = [seq + 1 for seq in ledger.tables.key_entries() if seq]
    return [note for size in sizes if (note := ledger.tables.checkpoint_at(size)) is not None]


def refuse_behind(ledger: Ledger) -> None:
    """Raise VaultRolledBack if the anchor is ahead: an older copy of a trace has not forked."""
    kept = ledger.anchored()
    ahead = 0 if kept is None else parse_checkpoint(kept, "The anchor")[0].size
    if ahead > ledger.size:
        raise VaultRolledBack(
            f"The trace {ledger.path} was rolled back: {ahead:,} entries were signed before, it has"
            f" {ledger.size:,}.",
            ROLLED_BACK,
        )


def contradiction(ledger: Ledger, head: Checkpoint) -> str | None:
    """Return why a head that this log signed is not one of its own tree; None if it is.

    What is stored here is believed only as far as it leads to the root that was signed last: a
    damaged disk is not a fork. Raises VaultRolledBack if it does not.
    """
    last = parse_checkpoint(ledger.checkpoint(), "The last checkpoint of the trace")[0]
    if head.size > last.size:
        return f"it covers {head.size:,} entries, and the trace here has {last.size:,}"
    root = ledger.root(head.size)
    proof = merkle.consistency_proof(head.size, last.size, ledger.node) if head.size else []
    if head.size and not merkle.is_consistent(head.size, last.size, root, last.root, proof):
        raise VaultRolledBack(f"The trace {ledger.path} is not as it was signed.", SEE_VERIFY)
    if root != head.root:
        return f"its first {head.size:,} entries are not those of the trace here"
    return None


def with_cosignatures(checkpoint: bytes, lines: bytes) -> bytes:
    """Add cosignature lines to a checkpoint; a line of a key replaces an earlier one of it."""
    text, _, former = checkpoint.partition(b"\n\n")
    kept = {_who(line): line for line in former.splitlines(keepends=True)}
    kept.update({_who(line): line for line in lines.splitlines(keepends=True)})
    return text + b"\n\n" + b"".join(kept.values())


def _who(line: bytes) -> tuple[bytes, bytes]:
    _, name, blob = line.split(b" ")
    return name, base64.b64decode(blob)[:4]
