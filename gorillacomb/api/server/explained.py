"""Explain a path: at once, or by a job where the relations of all folders have to be read."""

from __future__ import annotations

from gorillacomb.api.find.explain import Explained, explain_path
from gorillacomb.api.lookup import look_up_path
from gorillacomb.api.server.findings import Finding, find_or_start
from gorillacomb.api.server.jobs import JobRequest
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.index.folder_queries import has_more_entries
from gorillacomb.vault.vault import Vault

__all__ = ["explain_or_start"]

_MANY_FILES = 100_000
"""With more in the index, reading how folders relate takes seconds."""


def explain_or_start(vault: Vault, path: bytes) -> Explained | Finding:
    """Explain a path; a folder of a large index by a job. Raises UsageError, VaultError."""
    with Index.read(vault) as index, translate_errors(vault):
        is_folder = look_up_path(index, path).folder is not None
        is_long = is_folder and has_more_entries(index.connection, _MANY_FILES)
    if is_long:
        return find_or_start(vault, JobRequest("explain", {"path": path}))
    return explain_path(vault, path)
