"""Say whether the watcher of a vault is alive."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from gorillacomb.errors import GorillaCombError
from gorillacomb.model import SECOND
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh.open import open_trace_for_reading, watcher_keys
from gorillacomb.watch.lock import is_watched
from gorillacomb.watch.pulse import Clocks, pulse_folder
from gorillacomb.watch.pulse_check import PulseState, check_pulse

if TYPE_CHECKING:
    from gorillacomb.api.documents.watch import PulseDocument

__all__ = ["PulseResult", "PulseState", "check_watcher"]


@dataclass(frozen=True, slots=True)
class PulseResult:
    """The state of the watcher."""

    state: PulseState
    causes: tuple[str, ...]
    """Why it is not simply alive."""
    pulse: dict[str, object] | None
    """The last pulse, as it was signed; None if none can be read."""
    age_ns: int | None
    """The age of the last pulse; None if unknown."""

    @property
    def is_alive(self) -> bool:
        """Whether the watcher runs, and nothing is wrong."""
        return self.state is PulseState.ALIVE

    def to_dict(self) -> PulseDocument:
        """Return the document of ``pulse --json``."""
        pulse: dict[str, Any] = self.pulse or {}
        trace = pulse.get("ledger") or {}
        return {
            "life": self.state.value,
            "state": self.state.value,
            "causes": list(self.causes),
            "age_ns": None if self.age_ns is None else str(self.age_ns),
            "age_seconds": None if self.age_ns is None else self.age_ns / SECOND,
            "sequence": pulse.get("seq"),
            "size": trace.get("size"),
            "root": trace.get("root"),
            "pulse": self.pulse,
        }


def check_watcher(vault: Vault) -> PulseResult:
    """Judge how the watcher of a vault is, as `OpenVault.pulse` says."""
    folder = pulse_folder(vault)
    status = check_pulse(folder, watcher_keys().publics(), Clocks())
    if status.life is not PulseState.DEAD and not is_watched(vault):
        causes = ("its process is not running; restart it with gorillacomb watch",)
        status = replace(status, life=PulseState.DEAD, causes=causes)
    elif status.is_late and is_watched(vault):
        runs = f"its process runs, but is stopped, or cannot write its pulse into {folder}"
        status = replace(status, causes=(*status.causes, runs))
    if status.life is not PulseState.DEAD and status.pulse is not None:
        cause = _rewound(vault, status.pulse["ledger"])
        if cause is not None:
            status = replace(status, life=PulseState.DEGRADED, causes=(*status.causes, cause))
    return PulseResult(status.life, status.causes, status.pulse, status.age_ns)


def _rewound(vault: Vault, known: dict[str, object] | None) -> str | None:
    """Return why the trace is no longer the one whose head the watcher cosigned, in words."""
    if known is None:
        return None
    size = known["size"]
    assert isinstance(size, int), "it is signed"
    try:
        with open_trace_for_reading(vault) as ledger:
            if ledger.log != known["log"]:
                return "the trace is not the one that is watched"
            if ledger.size < size or ledger.root(size).hex() != known["root"]:
                return f"the trace was rewound: it had {size:,} entries, and has {ledger.size:,}"
    except GorillaCombError as error:
        return error.message
    return None
