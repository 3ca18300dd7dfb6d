"""Have the mesh cosign the trace while a watcher runs: when it has grown, and once a day."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from gorillacomb.api.mesh.sync import MeshSync, SyncState, sync_mesh
from gorillacomb.errors import GorillaCombError
from gorillacomb.mesh.folder import MeshFolder
from gorillacomb.mesh.sync import REFRESH
from gorillacomb.vault.vault import Vault

__all__ = ["BackgroundSync"]

_FIRST_RETRY, _LAST_RETRY = 60.0, 3600.0
"""Seconds until nodes that did not cosign are asked again, doubling from the first to the last."""
_END = 10.0
"""Seconds to wait for a round that runs when the watcher ends."""


class BackgroundSync:
    """Syncs in a thread of its own, one round at a time."""

    def __init__(
        self,
        vault: Vault,
        set_problem: Callable[[str, str | None], object],
        sync: Callable[[Vault], MeshSync] = sync_mesh,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``set_problem`` is called with ``mesh`` and what is wrong, None for nothing."""
        self._vault = vault
        self._set_problem = set_problem
        self._sync = sync
        self._clock = clock
        self._thread: threading.Thread | None = None
        self._synced = 0
        """The size of the last round, whatever came of it."""
        self._again_at = 0.0
        self._retry = _FIRST_RETRY

    def head_seen(self, size: int) -> None:
        """Start a round if the trace has grown to ``size``, or the last one is to be repeated."""
        if self._thread is not None and self._thread.is_alive():
            return
        if size == self._synced and self._clock() < self._again_at:
            return
        if size != self._synced:
            self._retry = _FIRST_RETRY
        self._synced = size
        self._thread = threading.Thread(target=self._round, name="mesh", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Wait for a round that runs; its requests are bounded in time."""
        if self._thread is not None:
            self._thread.join(_END)

    def _round(self) -> None:
        problem, is_done = self._outcome()
        self._set_problem("mesh", problem)
        if is_done:
            self._retry = _FIRST_RETRY
        self._again_at = self._clock() + (REFRESH if is_done else self._retry)
        if not is_done:
            self._retry = min(2 * self._retry, _LAST_RETRY)

    def _outcome(self) -> tuple[str | None, bool]:
        """Return what is wrong, in words, and whether all nodes have cosigned."""
        try:
            if not MeshFolder(self._vault).nodes():
                return None, True
            found = self._sync(self._vault)
        except GorillaCombError as error:
            return f"the mesh: {error.message}", False
        except ImportError:
            return "the mesh needs what pip install 'gorillacomb[mesh]' brings", False
        return trouble_of(found), not found.is_wrong and not found.is_incomplete


def trouble_of(found: MeshSync) -> str | None:
    """Return what a person has to know of a round; None if enough nodes cosigned."""
    if found.is_forked:
        return f"the trace has forked: both checkpoints are in {found.fork}"
    bad = (SyncState.AT_FAULT, SyncState.ROLLED_BACK)
    wrong = [f"{each.node} is {each.state}" for each in found.nodes if each.state in bad]
    if wrong:
        return f"the mesh: {', '.join(wrong)}"
    if found.has_quorum is False:
        mute = [each.node for each in found.nodes if each.reason is not None]
        return f"too few nodes cosigned the trace: not {', '.join(mute) or 'those of the policy'}"
    if found.has_quorum is None and not found.cosigned:
        return "no node has cosigned the trace"
    return None
