"""The whole API against its own description, by an independent program (schemathesis)."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from jsonschema_rs import validator_for

from gorillacomb.api.server.jobs import MOST_LIVE
from gorillacomb.jobs.start import jobs_folder
from gorillacomb.vault.vault import Vault
from tests.support.memory import in_memory
from tests.support.run import end_of, environment, run, start, until
from tests.support.server import Server

_CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_headers_conformance,response_schema_conformance,negative_data_rejection"
)


@contextmanager
def no_room_for_jobs(vault: Path) -> Iterator[None]:
    """Let every job be refused: requests that are made up would scan whatever they name."""
    locks = []
    for number in range(MOST_LIVE):
        folder = jobs_folder(Vault(vault)) / f"20200101T000000.{number:06}-00000000"
        folder.mkdir(mode=0o700, parents=True)
        (folder / "request.json").write_text('{"kind": "overview", "options": {}}')
        locks.append(os.open(folder / "lock", os.O_CREAT | os.O_RDWR, 0o600))
        fcntl.flock(locks[-1], fcntl.LOCK_EX)
    try:
        yield
    finally:
        for lock in locks:
            os.close(lock)


@contextmanager
def watching(vault: Path) -> Iterator[None]:
    """Let a watcher be alive."""
    with in_memory() as folder:
        watcher = start("watch", folder, "--pulse=1", vault=vault)
        try:
            assert until(lambda: run("pulse", vault=vault).code == 0, 60)
            yield
        finally:
            watcher.terminate()
            end_of(watcher)


def check_api(server: Server, phases: str, examples: int) -> None:
    here = f"http://127.0.0.1:{server.port}"
    words = [str(Path(sys.executable).parent / "st"), "run", f"{here}/api/v1/openapi.json"]
    words += ["--url", here, "--checks", _CHECKS, "--max-examples", str(examples), "--no-color"]
    for name, value in {
        "Host": server.host,
        "Cookie": server.cookie,
        "Origin": server.origin,
    }.items():
        words += ["-H", f"{name}: {value}"]
    # The first would end the session; the second, of a job that never ends here, would not end.
    words += ["--exclude-path", "/api/v1/session"]
    words += ["--exclude-path", "/api/v1/jobs/{job}/events", "--phases", phases]
    words += ["--suppress-health-check", "all", "--request-timeout", "60", "--workers", "1"]
    with no_room_for_jobs(server.vault), watching(server.vault):  # else the pulse is 503
        # What it keeps between runs belongs into no checkout.
        home = os.environ["HOME"]
        ran = subprocess.run(
            words, env=environment(server.vault), cwd=home, capture_output=True, text=True
        )
    told = "\n".join(line[:200] for line in ran.stdout.splitlines())
    assert ran.returncode == 0, told[-6000:]


def test_every_answer_is_described(server: Server) -> None:
    check_api(server, "fuzzing", 2)


def test_the_examples_are_as_they_are_described(server: Server) -> None:
    described = server.get("/api/v1/openapi.json").json()
    components = {"components": described["components"]}
    checked = 0
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            for answer in operation["responses"].values():
                content = answer.get("content", {}).get("application/json", {})
                if "example" in content:
                    schema = {**content["schema"], **components}
                    wrong = list(validator_for(schema).iter_errors(content["example"]))
                    assert not wrong, (method, path, str(wrong[0])[:500])
                    checked += 1
    assert checked > 25


@pytest.mark.deep
def test_every_answer_is_described_in_a_long_campaign(server: Server) -> None:
    check_api(server, "coverage,fuzzing", 100)
