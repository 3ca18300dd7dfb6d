"""The pulse as it is served: the watcher's newest one, and what of nodes and scrolls is active."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Literal

from gorillacomb.api.documents.watch import PulseDocument
from gorillacomb.api.mesh.nodes import list_nodes
from gorillacomb.api.scrolls.status import GateReason, list_scrolls
from gorillacomb.api.watch.pulse import PulseResult, PulseState, check_watcher
from gorillacomb.model import SECOND
from gorillacomb.vault.vault import Vault

__all__ = ["ServedPulseDocument", "serve_pulse"]

_CONDITIONS: dict[PulseState, Literal["nominal", "degraded", "lost"]] = {
    PulseState.ALIVE: "nominal",
    PulseState.DEGRADED: "degraded",
    PulseState.DEAD: "lost",
}


class ServedPulseDocument(PulseDocument):
    """The watcher's newest pulse, and what of nodes and scrolls is active."""

    timestamp: str | None
    """When the newest pulse was made, ISO 8601 in UTC; null if none can be read."""
    pulse_interval: float | None
    """Seconds between two pulses, as the newest one says."""
    network_health: float | None
    """The share of the known nodes that are active, 0 to 1; null if no node is known."""
    mars_condition: Literal["nominal", "degraded", "lost"]
    """``nominal`` while the watcher is alive and nothing is wrong; ``lost`` without a pulse."""
    nodes_active: int
    """Nodes that cosigned the trace within 25 hours."""
    scrolls_active: int
    """Scrolls that are neither revoked nor expired."""


def serve_pulse(vault: Vault) -> tuple[PulseResult, ServedPulseDocument]:
    """Return the state of the watcher, and the document that is served of it. Raises VaultError."""
    found = check_watcher(vault)
    pulse = found.pulse or {}
    nodes = list_nodes(vault)
    active = sum(each.is_active(time.time()) for each in nodes)
    document: ServedPulseDocument = {
        **found.to_dict(),
        "timestamp": _moment(pulse.get("time_ns")),
        "pulse_interval": _seconds(pulse.get("interval_ns")),
        "network_health": active / len(nodes) if nodes else None,
        "mars_condition": _CONDITIONS[found.state],
        "nodes_active": active,
        "scrolls_active": _active_scrolls(vault),
    }
    return found, document


def _active_scrolls(vault: Vault) -> int:
    if not vault.trace.exists():
        return 0
    ended = {GateReason.REVOKED, GateReason.EXPIRED}
    return sum(
        not ended & {each.reason for each in scroll.reasons}
        for scroll in list_scrolls(vault=vault).scrolls
    )


def _moment(time_ns: object) -> str | None:
    if not isinstance(time_ns, str):
        return None
    return datetime.fromtimestamp(int(time_ns) / SECOND, UTC).isoformat(timespec="milliseconds")


def _seconds(interval_ns: object) -> float | None:
    return int(interval_ns) / SECOND if isinstance(interval_ns, str | int) else None
