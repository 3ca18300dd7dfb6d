"""Questions that take a while on a large index: a job answers them, once for each state of it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from gorillacomb.api.server.duplicates import index_generation
from gorillacomb.api.server.jobs import Job, JobRequest, JobState, list_jobs, open_job_result, start
from gorillacomb.api.server.state import read_private, write_private
from gorillacomb.errors import ExitCode, GorillaCombError, UntrustedInput, UsageError, VaultError
from gorillacomb.hashing import blake3_of_short
from gorillacomb.model import SECOND
from gorillacomb.vault.vault import Vault

__all__ = ["Finding", "families_of", "family_id", "find_or_start", "last_finding"]

_GENERATION = "generation"
"""The file of a job that names the index it was started on."""
_MOST_BYTES = 32 << 20
"""Of an answer that is parsed, to be shown in parts."""
_ANSWERED = (ExitCode.DONE, ExitCode.FOUND, ExitCode.INCOMPLETE)
_REFUSED = (ExitCode.USAGE, ExitCode.VAULT, ExitCode.REFUSED)
_REFUSAL_NS = 60 * SECOND
"""How long a question is refused without being asked again: its cause may be gone by then."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a job answers, or will."""

    job: Job
    document: Any
    """What its command printed; None until it has ended."""


def find_or_start(vault: Vault, request: JobRequest, jobs: Sequence[Job] | None = None) -> Finding:
    """Return the answer to a question about the index as it is now; start its job if none has.

    ``jobs`` are those of the vault, if they were listed already. Raises UsageError or VaultError if
    the command refused the question, as it says.
    """
    generation = index_generation(vault).encode()
    asked = request.to_dict()
    for job in list_jobs(vault) if jobs is None else jobs:
        if (job.kind, job.options) != (asked["kind"], asked["options"]):
            continue
        if read_private(job.folder / _GENERATION) != generation:
            continue
        if job.state.is_live:
            return Finding(job, None)
        if job.state is JobState.DONE and job.exit_code in _ANSWERED:
            return Finding(job, _result(vault, job.id))
        if job.exit_code in _REFUSED and _age_ns(job) < _REFUSAL_NS:
            raise _refusal(job)
    job = start(vault, request)
    write_private(job.folder / _GENERATION, generation)
    return Finding(job, None)


def last_finding(vault: Vault, request: JobRequest, jobs: Iterable[Job]) -> Finding | None:
    """Return the last answer to a question, whatever the index was then; None if there is none."""
    asked = request.to_dict()
    for job in jobs:
        if (job.kind, job.options) == (asked["kind"], asked["options"]) and (
            job.state is JobState.DONE and job.exit_code in _ANSWERED
        ):
            return Finding(job, _result(vault, job.id))
    return None


def families_of(document: Any) -> list[dict[str, Any]]:
    """Return the families in the document of ``folders``, each with an id made of its keeper."""
    return [{"id": family_id(each["keep"]), **each} for each in document["families"]]


def family_id(keep: Mapping[str, str]) -> str:
    """Return the id of a family by its folder to keep, as documents have the path."""
    return blake3_of_short(repr(dict(keep)).encode()).hex()


@lru_cache(maxsize=1)
def _result(vault: Vault, job: str) -> Any:
    file = open_job_result(vault, job)
    if file is None:
        raise UntrustedInput(f"The job {job} printed nothing.", "Ask again.")
    with file:
        data = file.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise UntrustedInput(
            f"The answer is larger than {_MOST_BYTES:,} bytes.",
            f"Read it as a whole: /api/v1/jobs/{job}/result",
        )
    try:
        return json.loads(data)
    except ValueError as error:
        raise UntrustedInput(f"The job {job} printed no JSON.", "Ask again.") from error


def _age_ns(job: Job) -> int:
    return time.time_ns() - (job.ended_ns or 0)


def _refusal(job: Job) -> GorillaCombError:
    """Return why a command refused, as its exit code and its lines say."""
    message, _, hint = job.error.removeprefix("gorillacomb: ").partition("\n")
    kind = UsageError if job.exit_code == ExitCode.USAGE else VaultError
    return kind(message or f"The command ended with {job.exit_code}.", hint)
