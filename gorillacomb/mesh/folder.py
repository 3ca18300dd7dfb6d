"""The folder ``mesh`` of a vault: which nodes are known, the policy, what was cosigned."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from gorillacomb.errors import GorillaCombError, UntrustedInput, VaultDamaged
from gorillacomb.fs.bounded_read import read_bounded
from gorillacomb.fs.durable_files import replace_file
from gorillacomb.fs.openat import os_error_text
from gorillacomb.mesh.node import MeshNode
from gorillacomb.mesh.policy import TrustPolicy, parse_policy
from gorillacomb.vault.vault import MESH, Vault, unwritable_error
from gorillacomb.vaultmesh.jcs import canonical_json, parse_strict

_MOST_BYTES = 4 << 20
SYNC_LOCK = "sync-lock"
"""Held while witnesses are asked: one request for each size."""
_NODES, _SEEN, _POLICY, _LOCK = "nodes.json", "seen.json", "policy", "lock"
_COSIGNED, _GIVEN = "cosigned", "given"
_QUORUM = ".quorum"
_TEXTS = ("origin", "root", "trouble", "pulse")
_MAY_LACK = ("trouble", "pulse", "tls_expires_at")
_LATEST = 253_402_300_799
"""The last second of the year 9999, which is more than any trace has entries, too."""


@dataclass(frozen=True, slots=True)
class NodeSeen:
    """What was last seen of a node. Times are in seconds since 1970, UTC, by our clock."""

    origin: str = ""
    """Of the log that it cosigned: `trace adopt` begins another one."""
    size: int = 0
    """Entries of that log that its witness last cosigned; 0 for never."""
    signed_at: int = 0
    """The time in that cosignature, by the witness's clock."""
    cosigned_at: int = 0
    """When we received it."""
    asked_at: int = 0
    """When we last asked it for anything."""
    trouble: str | None = None
    """What was wrong at that time, in words; None if it answered as it should."""
    tls_expires_at: int | None = None
    """When its TLS certificate expires; None without TLS."""
    addresses: tuple[str, ...] = ()
    """Of the names in its URLs, sorted, as DNS answered last."""
    resolved_at: int = 0
    """When that was."""
    pulse: str | None = None
    """The state of its watcher: alive, degraded, dead or none; None if it did not say."""

    @property
    def skew(self) -> int | None:
        """Seconds by which its clock was ahead of ours when it cosigned; None if it never did."""
        return self.signed_at - self.cosigned_at if self.cosigned_at else None


class MeshFolder:
    """Reads and writes the folder; readers need no lock, since every file is replaced whole."""

    def __init__(self, vault: Vault) -> None:
        self.folder = vault.folder / MESH

    def nodes(self) -> list[MeshNode]:
        """Return the known nodes, sorted by name. Raises VaultError."""
        found = self._object(_NODES)
        try:
            return [MeshNode.from_json(each) for each in found.get("nodes", [])]
        except (KeyError, TypeError, AttributeError, UntrustedInput) as error:
            raise self._damaged(_NODES, error) from error

    def put_nodes(self, nodes: Sequence[MeshNode]) -> None:
        """Write the known nodes. Raises VaultUnwritable."""
        records = [node.to_json() for node in sorted(nodes, key=lambda node: node.name)]
        self._write(_NODES, canonical_json({"nodes": records}))

    def seen(self) -> dict[str, NodeSeen]:
        """Return what was last seen of each node, by name. Raises VaultError."""
        found = self._object(_SEEN)
        names = {field.name for field in fields(NodeSeen)}  # a later release may say more
        try:
            return {
                name: _node_seen({key: record[key] for key in record if key in names})
                for name, record in found.items()
            }
        except (TypeError, AttributeError) as error:
            raise self._damaged(_SEEN, error) from error

    def update_seen(self, name: str, **changes: object) -> None:
        """Change what was last seen of a node. Raises VaultError."""
        with self.locked():
            found = self.seen()
            found[name] = replace(found.get(name, NodeSeen()), **changes)  # type: ignore[arg-type]
            self._write(_SEEN, canonical_json({key: asdict(each) for key, each in found.items()}))

    def forget_seen(self, name: str) -> None:
        """Drop what was seen of a node. Raises VaultError."""
        with self.locked():
            left = {key: asdict(each) for key, each in self.seen().items() if key != name}
            self._write(_SEEN, canonical_json(left))

    def policy(self) -> TrustPolicy | None:
        """Return whose cosignatures are enough; None if there is no policy. Raises VaultError."""
        data = self.policy_file()
        try:
            return None if data is None else parse_policy(data)
        except UntrustedInput as error:
            raise self._damaged(_POLICY, error) from error

    def policy_file(self) -> bytes | None:
        """Return the policy's file, in the format of tlog-policy; None if there is none."""
        return self._read(_POLICY)

    def put_policy(self, data: bytes) -> None:
        """Write the policy's file. Raises UntrustedInput for a malformed one, VaultUnwritable."""
        parse_policy(data)
        self._write(_POLICY, data)

    def cosigned(self, log: str) -> bytes | None:
        """Return the newest checkpoint of a log whose cosignatures were a quorum.

        Else the newest that has any; None if none was cosigned. It is a signed note with all that
        were collected. Raises VaultError.
        """
        return self.cosigned_with_quorum(log) or self.newest_cosigned(log)

    def cosigned_with_quorum(self, log: str) -> bytes | None:
        """Return the newest checkpoint that had a quorum when it was cosigned; None if none had."""
        return self._read(_COSIGNED, log + _QUORUM)

    def newest_cosigned(self, log: str) -> bytes | None:
        """Return the newest checkpoint of a log that has cosignatures, quorum or not."""
        return self._read(_COSIGNED, log)

    def put_cosigned(self, log: str, checkpoint: bytes, *, is_quorum: bool) -> None:
        """Write the newest cosigned checkpoint. Raises VaultUnwritable."""
        self._write(f"{_COSIGNED}/{log}", checkpoint)
        if is_quorum:
            self._write(f"{_COSIGNED}/{log}{_QUORUM}", checkpoint)

    def given(self, node: str) -> bytes | None:
        """Return the newest checkpoint that a node cosigned, with its lines alone; None if none.

        It is what that node needs after it lost its own record. Raises VaultError.
        """
        return self._read(_GIVEN, node)

    def put_given(self, node: str, checkpoint: bytes) -> None:
        """Keep a checkpoint that a node cosigned. Raises VaultUnwritable."""
        self._write(f"{_GIVEN}/{node}", checkpoint)

    @contextmanager
    def locked(self, name: str = _LOCK) -> Iterator[None]:
        """Hold the lock of those who change the folder, or another one.

        Raises VaultUnwritable.
        """
        path = self.folder / name
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise unwritable_error(path, error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _object(self, name: str) -> dict[str, Any]:
        """Read a JSON object; an empty one if there is no file."""
        data = self._read(name)
        try:
            found = {} if data is None else parse_strict(data, name)
        except UntrustedInput as error:
            raise self._damaged(name, error) from error
        if not isinstance(found, dict):
            raise self._damaged(name, TypeError("it is not an object"))
        return found

    def _read(self, *names: str) -> bytes | None:
        path = self.folder.joinpath(*names)
        try:
            return read_bounded(path, _MOST_BYTES)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise VaultDamaged(f"Reading {path} failed: {os_error_text(error)}.") from error

    def _write(self, name: str, data: bytes) -> None:
        path = self.folder / name
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            path.parent.mkdir(mode=0o700, exist_ok=True)
            replace_file(path, data, 0o600)
        except OSError as error:
            raise unwritable_error(path, error) from error

    def _damaged(self, name: str, error: Exception) -> VaultDamaged:
        cause = error.message if isinstance(error, GorillaCombError) else str(error)
        return VaultDamaged(
            f"The file {self.folder / name} is damaged: {cause}",
            "Restore it from a backup of the vault, or move it away and add the nodes again.",
        )


def _node_seen(record: dict[str, Any]) -> NodeSeen:
    """Read a record. Raises TypeError for a value of another kind, or a time that is none."""
    found = {**record, "addresses": tuple(record.get("addresses", ()))}
    for name, value in found.items():
        if name in _TEXTS:
            fits = isinstance(value, str) or (value is None and name in _MAY_LACK)
        elif name == "addresses":
            fits = all(isinstance(each, str) for each in value)
        else:
            fits = (type(value) is int and 0 <= value <= _LATEST) or (
                value is None and name in _MAY_LACK
            )
        if not fits:
            raise TypeError(f"{name} is not what it has to be")
    return NodeSeen(**found)
