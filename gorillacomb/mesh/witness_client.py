"""Speak the witness protocol (C2SP tlog-witness) as a log does: submit, and look what it holds."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from gorillacomb.errors import UntrustedInput
from gorillacomb.mesh.client import NodeAnswer, NodeClient, NodeUnreachable
from gorillacomb.mesh.node import MeshNode
from gorillacomb.vaultmesh.keys.cosign import Cosignature, cosignatures

SIZE_TYPE = "text/x.tlog.size"
"""The media type of the size in a refusal."""
_SIZE = re.compile(rb"(0|[1-9][0-9]{0,15})\n")
_LATEST_AHEAD = 300
"""Seconds that a witness's clock may be ahead."""


@dataclass(frozen=True, slots=True)
class Submitted:
    """What a witness answered to a checkpoint."""

    status: int
    lines: bytes = b""
    """The valid cosignature lines of its keys, if it cosigned."""
    cosigned: tuple[Cosignature, ...] = ()
    """The same, parsed."""
    size: int | None = None
    """Of a conflict: the size that it has cosigned last."""
    text: str = ""
    """Of another refusal: what it says."""
    tls_expires_at: int | None = None


def submit_checkpoint(
    client: NodeClient,
    node: MeshNode,
    checkpoint: bytes,
    old: int,
    proof: Sequence[bytes],
    now: int,
) -> Submitted:
    """Submit a checkpoint with the proof that it extends the tree of ``old`` entries.

    ``now`` in s since 1970. Raises NodeUnreachable if nothing came back, UntrustedInput if what it
    answered is not what the protocol says.
    """
    hashes = "".join(f"{base64.b64encode(each).decode()}\n" for each in proof)
    answer = client.post(
        f"{node.url}/add-checkpoint", f"old {old}\n{hashes}\n".encode() + checkpoint
    )
    if answer.status == 200:
        return _cosigned(node, checkpoint, answer, now)
    size = None
    if answer.status == 409:
        kind = answer.headers.get("Content-Type", "")
        match = _SIZE.fullmatch(answer.body)
        if match is None or kind != SIZE_TYPE:
            raise UntrustedInput(f"{node.name} answered a conflict without the size it has.")
        size = int(match[1])
    return Submitted(
        answer.status, size=size, text=answer.text(), tls_expires_at=answer.tls_expires_at
    )


def _cosigned(node: MeshNode, checkpoint: bytes, answer: NodeAnswer, now: int) -> Submitted:
    """Keep the lines of the node's own keys; every one of them must be valid."""
    what = f"The answer of {node.name}"
    valid = cosignatures(checkpoint + answer.body, node.keys, what)
    if not valid:
        raise UntrustedInput(f"{what} is refused: it has no cosignature of its keys.")
    if max(each.seconds for each in valid) > now + _LATEST_AHEAD:
        raise UntrustedInput(
            f"{what} is refused: its clock is ahead of ours by more than five minutes."
        )
    ours = {(key.name, key.id) for key in node.keys}
    lines = [line for line in answer.body.splitlines(keepends=True) if _key_of(line) in ours]
    return Submitted(200, b"".join(lines), tuple(valid), tls_expires_at=answer.tls_expires_at)


def _key_of(line: bytes) -> tuple[str, bytes]:
    """Return the name and the key ID of a signature line that was parsed before."""
    _, name, blob = line.decode().split(" ")
    return name, base64.b64decode(blob)[:4]


def held_checkpoint(client: NodeClient, node: MeshNode, origin: str) -> bytes | None:
    """Return the checkpoint of a log that a witness shows; None if it never cosigned it.

    Its signatures are not checked yet. Raises NodeUnreachable.
    """
    name = sha256(origin.encode()).hexdigest()
    answer = client.get(f"{node.monitor}/{name}/checkpoint")
    if answer.status == 404:
        return None
    if answer.status != 200:
        raise NodeUnreachable(f"{node.monitor} answered {answer.status}: {answer.text()}")
    return answer.body
