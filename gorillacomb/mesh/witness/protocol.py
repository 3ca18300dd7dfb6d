"""The requests and refusals of C2SP tlog-witness: what is decided, and nothing that is kept."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from gorillacomb.errors import UntrustedInput
from gorillacomb.vaultmesh import merkle
from gorillacomb.vaultmesh.checkpoint import Checkpoint, parse_checkpoint
from gorillacomb.vaultmesh.keys import note
from gorillacomb.vaultmesh.keys.cosign import COSIGNATURES, cosignatures
from gorillacomb.vaultmesh.keys.note import SignedNote, VerifierKey

MOST_BYTES = 96 << 10
"""Of a request: 63 lines of a proof and 16 ML-DSA-44 signatures under long names fit."""
MOST_PROOF_LINES = 63
SIZE_TYPE = "text/x.tlog.size"
"""The content type of an answer that says which size was cosigned; no charset may follow."""
_OLD = re.compile(r"old (0|[1-9][0-9]{0,15})")
_WHAT = "The request"


class WitnessRefusal(Exception):
    """Ends a request without a cosignature: the HTTP status, and the text of the answer."""

    def __init__(self, status: HTTPStatus, text: str, content_type: str = "text/plain") -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        """With its final newline."""
        self.content_type = content_type


@dataclass(frozen=True, slots=True)
class AddCheckpointRequest:
    """A parsed request to cosign a checkpoint; no signature was checked yet."""

    old_size: int
    """The size that the client takes for the one cosigned last; 0 for none."""
    proof: tuple[bytes, ...]
    """That the tree of that size is the beginning of the new one (RFC 6962, section 2.1.2)."""
    checkpoint: Checkpoint
    note: bytes
    """The checkpoint as it was sent: a signed note."""
    signed: SignedNote


def parse_request(body: bytes) -> AddCheckpointRequest:
    """Read the body of an ``add-checkpoint`` request. Raises WitnessRefusal with status 400."""
    try:
        if len(body) > MOST_BYTES:
            raise UntrustedInput(f"{_WHAT} is refused: it is over {MOST_BYTES:,} bytes long.")
        head, gap, signed = body.partition(b"\n\n")
        first, *lines = head.decode("ascii").split("\n")
        old = _OLD.fullmatch(first)
        if not gap or old is None:
            raise UntrustedInput(f"{_WHAT} is refused: it does not begin with an old size.")
        if len(lines) > MOST_PROOF_LINES:
            raise UntrustedInput(f"{_WHAT} is refused: over {MOST_PROOF_LINES} lines of proof.")
        proof = tuple(note.decode_base64(line, _WHAT) for line in lines)
        if any(len(each) != 32 for each in proof):
            raise UntrustedInput(f"{_WHAT} is refused: a line of its proof is not a SHA-256 hash.")
        checkpoint, parsed = parse_checkpoint(signed, _WHAT)
    except UnicodeDecodeError:
        raise _refusal(HTTPStatus.BAD_REQUEST, f"{_WHAT} is refused: bad base64.") from None
    except UntrustedInput as error:
        raise _refusal(HTTPStatus.BAD_REQUEST, error.message) from None
    return AddCheckpointRequest(int(old[1]), proof, checkpoint, signed, parsed)


def verified_lines(
    request: AddCheckpointRequest, trusted: Mapping[str, Sequence[VerifierKey]]
) -> tuple[str, ...]:
    """Return the signature lines of the log's trusted keys, one of each, all of them verified.

    ``trusted`` has the keys by origin. Lines of other keys are ignored. Raises WitnessRefusal: 404
    for an unknown origin; 403 without a line of a trusted key, or if any line that names one is not
    valid; 400 for an old size beyond the new one.
    """
    keys = trusted.get(request.checkpoint.origin)
    if not keys:
        raise _refusal(HTTPStatus.NOT_FOUND, "This witness does not know the log.")
    try:
        found = [line for key in keys for line in _valid_line(request, key)]
    except UntrustedInput as error:
        raise _refusal(HTTPStatus.FORBIDDEN, error.message) from None
    if not found:
        raise _refusal(HTTPStatus.FORBIDDEN, "No key that is trusted for the log signed it.")
    if request.old_size > request.checkpoint.size:
        raise _refusal(HTTPStatus.BAD_REQUEST, "The old size is beyond that of the checkpoint.")
    return tuple(found)


def _valid_line(request: AddCheckpointRequest, key: VerifierKey) -> list[str]:
    """Return the first line of a key, if any. Raises UntrustedInput if one is not valid."""
    lines = request.signed.lines_of(key)
    if key.kind in COSIGNATURES:
        cosignatures(request.note, [key])
    else:
        request.signed.signers([key])
    return [note.signature_line(key, line.signature) for line in lines[:1]]


def check_extends(request: AddCheckpointRequest, last: Checkpoint | None) -> None:
    """Check that a checkpoint extends the one cosigned last; None if there is none.

    Raises WitnessRefusal: 409, with the size cosigned last, for another old size; 422 for what is
    not proved to extend it.
    """
    new, size = request.checkpoint, 0 if last is None else last.size
    if request.old_size != size:
        raise WitnessRefusal(HTTPStatus.CONFLICT, f"{size}\n", SIZE_TYPE)
    if new.size == 0 and new.root != merkle.EMPTY_ROOT:
        raise _unproved("The root is not that of the empty tree.")
    if size == 0:
        if request.proof:
            raise _unproved("The proof from an empty tree is not empty.")
    elif last is not None and not merkle.is_consistent(
        *(size, new.size, last.root, new.root), list(request.proof)
    ):
        raise _unproved("The checkpoint is not proved to extend the one cosigned last.")


def is_fork(request: AddCheckpointRequest, last: Checkpoint | None) -> bool:
    """Return whether a checkpoint and the one cosigned last are two trees of one size."""
    new = request.checkpoint
    return last is not None and last.size == new.size and last.root != new.root


def _unproved(text: str) -> WitnessRefusal:
    return _refusal(HTTPStatus.UNPROCESSABLE_ENTITY, text)


def _refusal(status: HTTPStatus, text: str) -> WitnessRefusal:
    return WitnessRefusal(status, f"{text}\n")
