"""Whether a server answers, and how the watcher is: the only thing told to everyone."""

from __future__ import annotations

from typing import Literal, TypedDict

from starlette.responses import JSONResponse, Response

from gorillacomb.api.vault import Vault
from gorillacomb.api.watch.pulse import check_watcher
from gorillacomb.errors import GorillaCombError


class HealthDocument(TypedDict):
    """Whether the server answers, and how the watcher is."""

    status: Literal["ok"]
    pulse: Literal["alive", "degraded", "dead", "none"]
    """``none`` if no watcher ever ran."""


def health_of(vault: Vault) -> Response:
    """Return whether the server answers: it says nothing about what is in the vault."""
    try:
        found = check_watcher(vault)
        pulse = "none" if found.pulse is None else found.state.value
    except GorillaCombError:
        pulse = "none"
    return JSONResponse({"status": "ok", "pulse": pulse}, 503 if pulse == "dead" else 200)
