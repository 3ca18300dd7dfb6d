"""Questions that take a while: their page waits until a job has answered."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from starlette.responses import Response

from gorillacomb.api.server.findings import find_or_start
from gorillacomb.api.server.jobs import Job, JobRequest
from gorillacomb.web.pages.rendering import render_page
from gorillacomb.web.site import Site


class Waiting(Exception):
    """Ends a request with a page that waits for a job, then loads itself again."""

    def __init__(self, job: Job, headline: str = "The index is being read.") -> None:
        super().__init__(job.id)
        self.job = job
        self.headline = headline


def ask(site: Site, kind: str, **options: Any) -> Any:
    """Return the document that answers a question about the index as it is now.

    Raises Waiting until there is one, UsageError or VaultError if the question is refused.
    """
    found = find_or_start(site.vault, JobRequest(kind, options))
    if found.document is None:
        raise Waiting(found.job)
    return found.document


def answer_waiting(app: FastAPI) -> None:
    """Let an app answer `Waiting` with its page."""
    app.exception_handler(Waiting)(_wait)


async def _wait(request: Request, waiting: Waiting) -> Response:
    return render_page(
        request, "waiting.html", 202, title="One moment", job=waiting.job, headline=waiting.headline
    )
