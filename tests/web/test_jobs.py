"""Jobs over HTTP: carried out, followed, cancelled, going on after the server was killed."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from gorillacomb.vault.vault import Vault, vault_state_folder
from tests.support.run import environment, run, until
from tests.support.server import Server, serving
from tests.support.trees import Tree, make_tree, scan


def plan_on(server: Server, **wanted: object) -> str:
    """Make a plan, and return its name."""
    job = server.done(server.post("/api/v1/plans", wanted))
    assert job["exit_code"] == 0, job
    return str(server.get(f"/api/v1/jobs/{job['id']}/plan").json()["plan"])


def make_copies(top: Path) -> Path:
    content: Tree = {f"f{n}": f"{n}" * 3000 for n in range(5)}
    return make_tree(top, {"one": content, "two": content})


def left(tree: Path) -> int:
    """How many files of `make_copies` are where they were."""
    return len(list(tree.glob("[ot][nw][eo]/f*")))


def test_a_scan(tmp_path: Path, vault: Path) -> None:
    tree = make_copies(tmp_path / "tree")
    with serving(vault) as server:
        sent = {"kind": "scan", "paths": [{"path": str(tree)}]}
        started = server.post("/api/v1/jobs", sent)
        assert started.headers["location"] == f"/api/v1/jobs/{started.json()['id']}"
        job = server.done(started)
        assert (job["state"], job["exit_code"], job["error"]) == ("done", 0, None)
        found = server.get(f"/api/v1/jobs/{job['id']}/result").json()
        assert found["files"] == 10
        assert [each["id"] for each in server.get("/api/v1/jobs").json()["jobs"]] == [job["id"]]
        for wrong in (
            {"kind": "apply", "plan": {"path": "/x"}},
            {"kind": "purge"},
            {"kind": "scan", "paths": [{"path": "relative"}]},
            {"kind": "scan", "exclude": ["--vault=/x"]},
            {"kind": "scan", "vault": "/x"},
            {},
        ):
            assert server.post("/api/v1/jobs", wrong).status == 422, wrong
        assert server.get("/api/v1/jobs/20260101T000000.000000-00000000").status == 404


def test_a_plan_is_applied_taken_back_and_purged_as_shown(tmp_path: Path, vault: Path) -> None:
    tree = make_copies(tmp_path / "tree")
    scan(vault, tree)
    with serving(vault) as server:
        plan = plan_on(server, within=[{"path": str(tree)}])
        assert server.get("/api/v1/plans").json() == {"items": [plan]}
        shown = server.get(f"/api/v1/plans/{plan}").json()["shown"]
        sent = {"files": shown["files"], "bytes": shown["bytes"]}
        wrong = server.post(f"/api/v1/plans/{plan}/apply", {**sent, "files": 99})
        assert wrong.status == 409 and "nothing was done" in wrong.detail
        job = server.done(server.post(f"/api/v1/plans/{plan}/apply", sent))
        assert job["exit_code"] == 0, job
        assert left(tree) == 5
        run_id = server.get("/api/v1/runs").json()["runs"][0]["run"]
        assert server.get(f"/api/v1/runs/{run_id}").json()["items"]

        assert server.done(server.post(f"/api/v1/runs/{run_id}/undo", {}))["exit_code"] == 0
        assert left(tree) == 10
        plan = plan_on(server)
        shown = server.get(f"/api/v1/plans/{plan}").json()["shown"]
        sent = {"files": shown["files"], "bytes": shown["bytes"]}
        assert server.done(server.post(f"/api/v1/plans/{plan}/apply", sent))["exit_code"] == 0

        waiting = server.get("/api/v1/quarantine").json()
        sent = {key: waiting[key] for key in ("digest", "files", "bytes")}
        for change in ({"files": 1}, {"bytes": 1}, {"digest": "0" * 64}):
            assert server.post("/api/v1/quarantine/purge", {**sent, **change}).status == 409
        assert server.done(server.post("/api/v1/quarantine/purge", sent))["exit_code"] == 0
        assert server.get("/api/v1/quarantine").json()["items"] == []
        assert left(tree) == 5


def test_answers_decide_what_is_applied(tmp_path: Path, vault: Path) -> None:
    tree = make_copies(tmp_path / "tree")
    scan(vault, tree)
    with serving(vault) as server:
        plan = plan_on(server, files_only=True)
        steps = server.get(f"/api/v1/plans/{plan}").json()["step_list"]
        before = server.get(f"/api/v1/plans/{plan}").json()["shown"]
        sent = [{"step": step["id"], "answer": "yes"} for step in steps[:2]]
        shown = server.post(f"/api/v1/plans/{plan}/answers", sent).json()["shown"]
        assert (shown["files"], shown["yes"], shown["is_reviewed"]) == (2, 2, True)
        assert shown["digest"] != before["digest"]
        answers = server.get(f"/api/v1/plans/{plan}/answers").json()["items"]
        assert {each["step"] for each in answers} == {step["id"] for step in steps[:2]}
        wrong = [{"step": "nothing", "answer": "yes"}]
        assert server.post(f"/api/v1/plans/{plan}/answers", wrong).status == 422
        sent_late = {key: before[key] for key in ("files", "bytes")}
        late = server.post(f"/api/v1/plans/{plan}/apply", sent_late)
        assert late.status == 409, "what was shown before the answers is not what is done"
        sent_now = {key: shown[key] for key in ("files", "bytes")}
        assert server.done(server.post(f"/api/v1/plans/{plan}/apply", sent_now))["exit_code"] == 0
        assert left(tree) == 8


def test_old_plans_make_room(tmp_path: Path, vault: Path) -> None:
    scan(vault, make_copies(tmp_path / "tree"))
    folder = vault_state_folder(Vault(vault), "plans")
    folder.mkdir(parents=True)
    long_ago = 1_000_000_000
    for number in range(500):
        old = folder / f"{number:064x}.jsonl"
        old.write_text("")
        os.utime(old, (long_ago + number, long_ago + number))
    with serving(vault) as server:
        plan = plan_on(server)
        kept = server.get("/api/v1/plans").json()["items"]
    assert kept[0] == plan and len(kept) == 201
    assert f"{0:064x}" not in kept and f"{499:064x}" in kept


def test_an_apply_goes_on_when_the_server_is_killed(tmp_path: Path, vault: Path) -> None:
    tree = make_copies(tmp_path / "tree")
    scan(vault, tree)
    opened = Vault(vault)
    with serving(vault) as server:
        plan = plan_on(server)
        shown = server.get(f"/api/v1/plans/{plan}").json()["shown"]
        opened.lock()
        try:
            sent = {key: shown[key] for key in ("files", "bytes")}
            job = server.post(f"/api/v1/plans/{plan}/apply", sent).json()["id"]
            place = f"/api/v1/jobs/{job}"
            assert until(lambda: server.get(place).json()["state"] == "running", 60)
            server.process.send_signal(signal.SIGKILL)
            server.process.wait()
        finally:
            opened.unlock()
    with serving(vault) as again:
        assert until(lambda: again.get(place).json()["state"] == "done", 120), again.get(place)
        assert again.get(place).json()["exit_code"] == 0
        assert again.get("/api/v1/runs").json()["runs"][0]["event"] == "applied"
    assert left(tree) == 5


def test_the_command_line_at_the_same_time(tmp_path: Path, vault: Path) -> None:
    """A job waits for it; what it then finds is not what was shown any more, and says so."""
    tree = make_copies(tmp_path / "tree")
    scan(vault, tree)
    with serving(vault) as server:
        plan = plan_on(server)
        shown = server.get(f"/api/v1/plans/{plan}").json()["shown"]
        sent = {key: shown[key] for key in ("files", "bytes")}
        first = server.post(f"/api/v1/plans/{plan}/apply", sent)
        second = server.post(f"/api/v1/plans/{plan}/apply", sent)
        file = tmp_path / "own.jsonl"
        run("dedupe", "--plan", "-o", file, vault=vault)
        words = [sys.executable, "-m", "gorillacomb", "dedupe", "--apply", str(file)]
        words += ["--wait", "60"]
        own = subprocess.run(words, env=environment(vault), capture_output=True, text=True)
        assert own.returncode in (0, 3) and "Traceback" not in own.stderr
        assert server.done(first)["exit_code"] in (0, 3)
        assert server.done(second)["exit_code"] in (0, 3)
    assert left(tree) == 5, "one copy of each is left, whoever came first"


def test_a_job_is_followed_to_its_end(tmp_path: Path, vault: Path) -> None:
    tree = make_copies(tmp_path / "tree")
    opened = Vault(vault)
    opened.create()
    with serving(vault) as server:
        opened.lock()
        try:
            sent = {"kind": "scan", "paths": [{"path": str(tree)}]}
            job = server.post("/api/v1/jobs", sent).json()["id"]
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
            headers = {"Host": server.host, "Cookie": server.cookie}
            connection.request("GET", f"/api/v1/jobs/{job}/events", headers=headers)
            stream = connection.getresponse()
            assert stream.getheader("content-type", "").startswith("text/event-stream")
            assert stream.readline() == b"event: job\n"
        finally:
            opened.unlock()
        text = stream.read().decode()
        connection.close()
        last = json.loads(text.strip().rpartition("data: ")[2])
        assert (last["state"], last["exit_code"]) == ("done", 0)
        seen = text.strip().rpartition("id: ")[2].partition("\n")[0]
        again = server.get(f"/api/v1/jobs/{job}/events", {"Last-Event-ID": seen})
        assert again.body.count(b"event: job") == 1, "only its end is told again"


def test_streams_are_few(tmp_path: Path, vault: Path) -> None:
    opened = Vault(vault)
    opened.create()
    with serving(vault) as server:
        opened.lock()
        connections = []
        try:
            sent = {"kind": "scan", "paths": [{"path": str(tmp_path)}]}
            job = server.post("/api/v1/jobs", sent).json()["id"]
            for _ in range(4):
                connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
                headers = {"Host": server.host, "Cookie": server.cookie}
                connection.request("GET", f"/api/v1/jobs/{job}/events", headers=headers)
                connection.getresponse()
                connections.append(connection)
            assert server.get(f"/api/v1/jobs/{job}/events").status == 204
            connections.pop().close()
            more = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)

            def is_free() -> bool:
                more.close()
                more.request("GET", f"/api/v1/jobs/{job}/events", headers=headers)
                return more.getresponse().status == 200

            assert until(is_free, 60), "one that was closed leaves room for another"
            more.close()
            _check_that_logging_out_ends_a_stream(server, job)
            assert server.send("DELETE", f"/api/v1/jobs/{job}").status == 202
            place = f"/api/v1/jobs/{job}"
            assert until(lambda: server.get(place).json()["state"] == "cancelled", 60)
        finally:
            for connection in connections:
                connection.close()
            opened.unlock()


def _check_that_logging_out_ends_a_stream(server: Server, job: str) -> None:
    before = server.cookie
    server.log_in()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    headers = {"Host": server.host, "Cookie": server.cookie}
    connection.request("GET", f"/api/v1/jobs/{job}/events", headers=headers)
    stream = connection.getresponse()
    assert server.send("DELETE", "/api/v1/session").status == 204
    stream.read()  # it ends, although the job goes on
    connection.close()
    server.cookie = before
    assert server.get(f"/api/v1/jobs/{job}").json()["state"] == "running"


def test_a_read_only_server_has_no_route_that_writes(vault: Path) -> None:
    with serving(vault, "--read-only") as server:
        changes_nothing = ("/api/v1/session", "/api/v1/scrolls/verify")  # the second only looks
        for path, methods in server.get("/api/v1/openapi.json").json()["paths"].items():
            assert set(methods) <= {"get"} or path in changes_nothing, path
        for path in ("jobs", "plans", "quarantine/purge", f"plans/{'0' * 64}/apply"):
            assert server.post(f"/api/v1/{path}", {}).status in (404, 405), path
        assert not os.path.exists(vault / "index.db")
