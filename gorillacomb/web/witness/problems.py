"""What a witness says when it cannot answer: no cause to a stranger, all of it to the log."""

from __future__ import annotations

from gorillacomb.api.mesh.witness import ClockSetBack
from gorillacomb.errors import GorillaCombError, VaultRolledBack
from gorillacomb.web.journal import journal

_SET_BACK = "What this witness has signed is not certain: it answers once it was recovered.\n"
_CLOCK = "The clock of this witness is wrong.\n"
_ELSE = "This witness cannot sign or show anything now.\n"
_last: list[str] = []


def report_problem(error: Exception) -> str:
    """Return the text for the client, with its newline; log the cause, but not twice in a row.

    Anyone could fill a journal otherwise.
    """
    cause = error.message if isinstance(error, GorillaCombError) else repr(error)
    if _last != [cause]:
        _last[:] = [cause]
        is_ours = isinstance(error, GorillaCombError)
        journal.error("the witness: %s", cause, exc_info=None if is_ours else error)
    if isinstance(error, VaultRolledBack):
        return _SET_BACK
    return _CLOCK if isinstance(error, ClockSetBack) else _ELSE
