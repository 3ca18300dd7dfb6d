"""How jobs are called."""

from __future__ import annotations

from gorillacomb.api.server.jobs import Job

_NAMES = {
    "scan": "The scan",
    "scrub": "The check for damage",
    "verify": "The check of the manifest",
    "plan": "The plan",
    "apply": "Applying the plan",
    "undo": "Putting back",
    "purge": "Emptying the quarantine",
    "overview": "The overview",
    "folders": "The search for copied folders",
    "compare": "The comparison",
    "unique": "The search for what would be lost",
    "map": "The map",
    "drop": "Keeping the new files",
    "manifest": "The manifest",
    "trace-verify": "The check of the trace",
    "mesh-sync": "The round of the nodes",
    "mesh-check": "The comparison of what the nodes hold",
    "scroll": "The scroll",
    "scroll-revoke": "The revocation",
    "root-name": "Naming a place",
    "root-forget": "Forgetting a place",
}


def name_of(job: Job) -> str:
    """Return how a job is called at the beginning of a sentence."""
    other = "Marking" if job.kind.startswith("mark-") else f"The {job.kind}"
    return _NAMES.get(job.kind, other)


def label_of(job: Job) -> str:
    """Return how a job is called in a list."""
    name = name_of(job).removeprefix("The ")
    return name[:1].upper() + name[1:]
