"""A fault of the server: told without details, and bound like every answer."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from gorillacomb.vault.vault import Vault
from gorillacomb.web import health
from gorillacomb.web.app import create_app
from gorillacomb.web.site import ServerOptions, Site


def answer_of(app: FastAPI, path: str, host: str) -> tuple[dict[str, Any], bytes]:
    """What an app answers, before a fault is raised once more for the log."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", host.encode())],
        "scheme": "http",
        "http_version": "1.1",
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 1),
        "root_path": "",
    }
    with pytest.raises(ZeroDivisionError):
        asyncio.run(app(scope, receive, send))
    return sent[0], b"".join(message.get("body", b"") for message in sent[1:])


def test_a_fault(vault: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(vault: Vault) -> None:
        raise ZeroDivisionError("/secret/path")

    monkeypatch.setattr(health, "check_watcher", broken)
    made = Vault(vault)
    made.create()
    site = Site.open(made, ServerOptions())
    head, body = answer_of(create_app(site), "/health", site.names.own)
    headers = {name.decode(): value.decode() for name, value in head["headers"]}
    assert head["status"] == 500 and b"secret" not in body
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"
