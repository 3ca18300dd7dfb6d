"""The nodes of the mesh that this one knows, as its records hold them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from gorillacomb.errors import UntrustedInput
from gorillacomb.vaultmesh.keys.cosign import COSIGNATURES
from gorillacomb.vaultmesh.keys.note import VerifierKey

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_MOST_URL = 2000
_MOST_KEYS = 8


@dataclass(frozen=True, slots=True)
class MeshNode:
    """Another node: a witness of our log, and the owner of a log that we may check."""

    name: str
    """What it is called here."""
    url: str
    """Where its witness takes checkpoints (the submission prefix of tlog-witness)."""
    monitor: str
    """Where its witness shows them (the monitoring prefix)."""
    keys: tuple[VerifierKey, ...]
    """Of its cosignatures: Ed25519, ML-DSA-44 or both."""
    logs: tuple[VerifierKey, ...] = ()
    """Of its own log: the key, and those after a rotation."""
    ca: str | None = None
    """The certificates, in PEM, that its TLS certificate is checked with; None: the system's."""

    @property
    def origin(self) -> str | None:
        """The origin of its own log; None if that is not known here."""
        return self.logs[0].name if self.logs else None

    def to_json(self) -> dict[str, Any]:
        """Return its record."""
        return {
            "name": self.name,
            "url": self.url,
            "monitor": self.monitor,
            "vkeys": [str(key) for key in self.keys],
            "log_vkeys": [str(key) for key in self.logs],
            "ca": self.ca,
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> MeshNode:
        """Read a record. Raises KeyError, TypeError, UntrustedInput."""
        return make_node(
            *(record["name"], record["url"], record["monitor"], record["vkeys"]),
            *(record["log_vkeys"], record["ca"]),
        )


def make_node(
    name: str,
    url: str,
    monitor: str,
    vkeys: Sequence[str],
    log_vkeys: Sequence[str] = (),
    ca: str | None = None,
) -> MeshNode:
    """Check what was said of a node. Raises UntrustedInput that names what is wrong."""
    if not _NAME.fullmatch(name):
        raise UntrustedInput(
            f"The name {name[:80]!r} is refused: letters, digits, dots and dashes, 64 at most."
        )
    keys = tuple(
        VerifierKey.parse(each, f"The witness key of {name}", COSIGNATURES) for each in vkeys
    )
    logs = tuple(VerifierKey.parse(each, f"The log key of {name}") for each in log_vkeys)
    if not 0 < len(keys) <= _MOST_KEYS or len(logs) > _MOST_KEYS:
        raise UntrustedInput(f"{name} needs a verifier key of its witness, {_MOST_KEYS} at most.")
    if len({key.name for key in keys}) > 1 or len({key.name for key in logs}) > 1:
        raise UntrustedInput(f"The verifier keys of {name} are of different names.")
    return MeshNode(name, checked_url(url), checked_url(monitor), keys, logs, ca)


def checked_url(url: str) -> str:
    """Return a URL prefix without a slash at its end. Raises UntrustedInput."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UntrustedInput(f"The address {url[:80]!r} is not a URL.") from None
    is_plain = parts.username is None and not parts.query and not parts.fragment
    if parts.scheme not in ("http", "https") or not parts.hostname or not is_plain or port == 0:
        raise UntrustedInput(
            f"The address {url[:80]!r} is refused: http or https, a host, and at most a path."
        )
    if len(url) > _MOST_URL or not url.isascii() or not url.isprintable() or set(" ?#") & set(url):
        raise UntrustedInput("An address of a node is refused: too long, or with odd characters.")
    return url.rstrip("/")
