"""Plans that the server keeps: made by jobs, never changed, named after what is in them."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from gorillacomb.api.dedupe.answered_plan import AnsweredPlan
from gorillacomb.api.dedupe.plan import DedupePlan, read_plan
from gorillacomb.api.dedupe.review import ReviewAnswer
from gorillacomb.api.documents.plan import KeptPlanDocument, PlanAnswersDocument
from gorillacomb.api.server.jobs import (
    Job,
    JobRequest,
    JobState,
    list_jobs,
    read_job_result,
    start,
)
from gorillacomb.api.server.plans.reviews import ChangedSinceShown, KeptReview, reviewing
from gorillacomb.api.server.state import read_private, write_private
from gorillacomb.errors import UsageError, VaultUnwritable
from gorillacomb.fs.bounded_read import read_bounded
from gorillacomb.fs.openat import os_error_text
from gorillacomb.json_paths import path_from_json, path_to_json
from gorillacomb.vault.vault import Vault, create_state_folder, vault_state_folder

__all__ = [
    "ChangedSinceShown",
    "KeptPlan",
    "KeptReview",
    "answer_plan",
    "apply_shown",
    "find_plan",
    "latest_runs",
    "list_plans",
    "plan_of_job",
    "read_plan_answers",
    "review_plan",
    "runs_of_plan",
]

_DIGEST = re.compile(r"[0-9a-f]{64}")
_MOST_BYTES = 1 << 30
_KEPT_PLANS = 200
"""Plans that are kept, however old they are."""
_starting = threading.Lock()
"""Held while a plan is checked and its job started, so that no plan is applied twice at once."""
_KEPT_NS = 30 * 86_400 * 1_000_000_000


@dataclass(frozen=True, slots=True)
class KeptPlan:
    """A plan that the server keeps, and the answers beside it."""

    digest: str
    """Its name: the BLAKE3 of the plan without answers."""
    file: Path
    answered: AnsweredPlan
    answers: str
    """What changes with each answer."""

    @property
    def plan(self) -> DedupePlan:
        """What is removed according to the answers."""
        return self.answered.plan

    @property
    def bytes(self) -> int:
        """Bytes on disk of what is removed according to the answers."""
        return sum(step.size for step in self.plan.steps)

    def to_dict(self) -> KeptPlanDocument:
        """Return the plan, with its answers, as a document."""
        return {**self.plan.to_dict(), "digest": self.digest, "shown": self._shown()}

    def _shown(self) -> PlanAnswersDocument:
        counts = self.answered.counts
        return {
            "digest": self.plan.digest,
            "files": self.plan.files,
            "bytes": self.bytes,
            "yes": 0 if counts is None else counts.yes,
            "swapped": 0 if counts is None else counts.swapped,
            "no": 0 if counts is None else counts.no,
            "open": len(self.plan.steps) if counts is None else counts.open,
            "is_reviewed": counts is not None,
        }


def plan_of_job(vault: Vault, job: Job) -> str | None:
    """Return the name of the plan that a job has made, which is kept from then on.

    None if it made none, or has not ended. Raises VaultError, UntrustedInput for a damaged plan.
    """
    if job.kind != "plan" or job.state is not JobState.DONE or not job.plan.exists():
        return None
    noted = job.folder / "plan"
    name = (read_private(noted) or b"").decode("ascii", "replace")
    if _DIGEST.fullmatch(name) and _file(vault, name).exists():
        return name
    name = read_plan(job.plan).digest
    file = _file(vault, name)
    try:
        create_state_folder(file.parent)
        _remove_old(vault)
        write_private(file, read_bounded(job.plan, _MOST_BYTES))
    except OSError as error:
        raise VaultUnwritable(
            f"Keeping a plan failed: {file.parent}: {os_error_text(error)}.",
            "Make room on that disk, or check its permissions.",
        ) from error
    write_private(noted, name.encode())
    return name


def _remove_old(vault: Vault) -> None:
    """Remove plans that were made long ago and that many others followed, then their answers."""
    before = time.time_ns() - _KEPT_NS
    for name in list_plans(vault)[_KEPT_PLANS:]:
        file = _file(vault, name)
        if file.stat().st_mtime_ns < before:
            file.unlink()
            file.with_suffix(".answers.jsonl").unlink(missing_ok=True)


def list_plans(vault: Vault) -> list[str]:
    """Return the names of the plans that are kept, the latest first. Raises VaultError."""
    folder = vault_state_folder(vault, "plans")
    found: list[tuple[int, str]] = []
    with suppress(FileNotFoundError):
        for entry in os.scandir(folder):
            name, _, end = entry.name.partition(".")
            if end == "jsonl" and _DIGEST.fullmatch(name):
                found.append((entry.stat().st_mtime_ns, name))
    return [name for _, name in sorted(found, reverse=True)]


def find_plan(vault: Vault, digest: str) -> KeptPlan:
    """Return a plan that is kept, with its answers as they are now. Raises as `review_plan`."""
    with review_plan(vault, digest) as kept:
        return KeptPlan(digest, _file(vault, digest), kept.answered(), kept.answers)


@contextmanager
def review_plan(vault: Vault, digest: str) -> Iterator[KeptReview]:
    """Give one caller at a time the review of a plan that is kept.

    Raises UsageError if there is none of that name, UntrustedInput, RefusedForSafety while someone
    reviews it on a terminal.
    """
    file = _file(vault, digest)
    if not _DIGEST.fullmatch(digest) or not file.exists():
        raise UsageError("There is no such plan.", "Make one.")
    with reviewing(vault, file) as kept:
        yield kept


def answer_plan(vault: Vault, digest: str, answers: Sequence[tuple[str, ReviewAnswer]]) -> KeptPlan:
    """Record answers to steps of a plan, one after the other, beside it; return what it is then.

    Raises as `find_plan`, UsageError for an unknown step or an answer that would lose a last copy.
    """
    with review_plan(vault, digest) as kept:
        kept.answer_steps(answers)
    return find_plan(vault, digest)


def read_plan_answers(vault: Vault, digest: str) -> Iterator[tuple[str, str]]:
    """Yield what was answered: the id of a step, and the answer. Raises as `find_plan`."""
    with review_plan(vault, digest) as kept:
        found = kept.review.log.answers()
    for step, answer in found.items():
        yield step, str(answer)


def apply_shown(
    vault: Vault,
    digest: str,
    files: int,
    size: int,
    shown: str | None = None,
    runs: int | None = None,
) -> Job:
    """Start a job that applies a plan as it was shown: with these files, and bytes on disk.

    ``shown`` is what `KeptPlan.answers` was then, ``runs`` how often the plan had been applied.
    If a job applies it just now, return that. Raises ChangedSinceShown if something else is removed
    by now, or it was applied since; as `find_plan`.
    """
    with _starting:
        found = find_plan(vault, digest)
        running = next((job for job in _jobs_of(vault, found) if job.state.is_live), None)
        if running is not None:
            return running
        if (found.plan.files, found.bytes) != (files, size):
            raise ChangedSinceShown(
                f"The plan removes {found.plan.files:,} files of {found.bytes:,} bytes now, not"
                f" {files:,} of {size:,}: nothing was done.",
                "Look at it again.",
            )
        if shown not in (None, found.answers):
            raise ChangedSinceShown(
                "The plan was answered since it was shown: nothing was done.", "Look at it again."
            )
        if runs is not None and runs != len(runs_of_plan(vault, found)):
            raise ChangedSinceShown(
                "The plan was applied since it was shown: nothing was done.",
                "Look at what that did, before you apply it again.",
            )
        expected = {"expect_digest": found.plan.digest, "expect_files": files}
        return start(vault, JobRequest("apply", {"plan": os.fsencode(found.file), **expected}))


def runs_of_plan(vault: Vault, plan: KeptPlan) -> list[str]:
    """Return the runs in which jobs applied a plan, the latest first.

    The trace would say so too, but all of it has to be read for that.
    """
    ended = (job for job in _jobs_of(vault, plan) if not job.state.is_live)
    return [run for job in ended if (run := _run_of_job(vault, job.id))]


def latest_runs(vault: Vault) -> dict[str, str]:
    """Return by the name of each plan that jobs applied the latest run in which one did."""
    found: dict[str, str] = {}
    for job in list_jobs(vault):
        if job.kind == "apply" and not job.state.is_live:
            plan = job.options.get("plan")
            name = os.path.basename(path_from_json(plan)).partition(b".")[0] if plan else b""
            if run := _run_of_job(vault, job.id):
                found.setdefault(name.decode("ascii", "replace"), run)
    return found


def _jobs_of(vault: Vault, plan: KeptPlan) -> Iterator[Job]:
    file = path_to_json(os.fsencode(plan.file))
    for job in list_jobs(vault):
        if job.kind == "apply" and job.options.get("plan") == file:
            yield job


@lru_cache(maxsize=500)
def _run_of_job(vault: Vault, job: str) -> str:
    """Return the run that a job made which has ended; empty if it made none."""
    result = read_job_result(vault, job)
    return str(result.get("run") or "") if isinstance(result, dict) else ""


def _file(vault: Vault, digest: str) -> Path:
    return vault_state_folder(vault, "plans") / f"{digest}.jsonl"
