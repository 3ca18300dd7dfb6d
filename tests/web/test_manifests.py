"""Manifests over HTTP: made by a job, kept as files, checked by another job."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from gorillacomb.json_paths import path_from_json
from tests.support.run import run
from tests.support.server import Server


def made(server: Server, tree: Path, **options: Any) -> dict[str, Any]:
    """Let a job make one, and return what the list says of it."""
    asked = {"kind": "manifest", "path": {"path": str(tree / "copy0")}, **options}
    job = server.done(server.post("/api/v1/jobs", asked))
    assert job["exit_code"] == 0, job
    found = server.get("/api/v1/manifests").json()["items"][0]
    assert found["id"] == job["id"]
    return dict(found)


def test_a_manifest_is_what_was_signed(server: Server, tree: Path, tmp_path: Path) -> None:
    found = made(server, tree)
    assert (found["files"], found["folder"]) == (7, {"path": str(tree / "copy0")})
    place = f"/api/v1/manifests/{found['id']}"
    for path, name in ((place, "m.json"), (f"{place}/signature", "m.json.dsse")):
        answer = server.get(path)
        assert "attachment" in answer.headers["content-disposition"]
        (tmp_path / name).write_bytes(answer.body)
    words = ("verify", tmp_path / "m.json", "--root", tree / "copy0", "--require-signature")
    assert run(*words, vault=server.vault).code == 0
    file = os.fsdecode(path_from_json(found["file"]))
    asked = {"kind": "verify", "manifest": {"path": file}, "root": {"path": str(tree / "copy1")}}
    assert server.done(server.post("/api/v1/jobs", asked))["exit_code"] == 0
    other = {**asked, "root": {"path": str(tree)}}
    assert server.done(server.post("/api/v1/jobs", other))["exit_code"] == 1


def test_one_without_a_signature(server: Server, tree: Path) -> None:
    found = made(server, tree, no_sign=True)
    assert found["key"] is None
    answer = server.get(f"/api/v1/manifests/{found['id']}/signature")
    assert answer.status == 404 and "not signed" in answer.detail


def test_a_job_that_made_none(server: Server) -> None:
    job = server.done(server.post("/api/v1/jobs", {"kind": "scrub"}))
    assert server.get(f"/api/v1/manifests/{job['id']}").status == 404
    assert server.get("/api/v1/manifests/20200101T000000.000000-00000000").status == 404
