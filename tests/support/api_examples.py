"""Writes the examples in the description of the API: answers of a real server on a small drive.

``python -m tests.support.api_examples FILE`` writes them. What is long is cut: two items of a list.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.docs.example import DRIVE
from tests.support.run import run
from tests.support.server import Answer, Server, serving
from tests.support.trees import make_tree

_ITEMS = 2
_USER = "/home/ada"


def made_examples(home: Path) -> dict[str, Any]:
    """The answers of a server, by method and path as the description has them."""
    make_tree(home / "Drive", DRIVE)
    vault = home / ".local/share/gorillacomb"
    assert run("scan", home / "Drive", vault=vault).code == 0
    with serving(vault, logged_in=False) as server:
        text = json.dumps({name: _cut(it) for name, it in _answers(server, home).items()})
    for number in range(1, len(home.parts) - 1):  # also where it is on its volume
        text = text.replace("/" + "/".join(home.parts[number:]), _USER)
    return dict(json.loads(text))


def _answers(server: Server, home: Path) -> dict[str, Any]:
    found: dict[str, Any] = {"POST /api/v1/session": server.log_in().json()}

    def note(method: str, path: str, answer: Answer) -> Any:
        is_dead = path == "/api/v1/pulse" and answer.status == 503  # there is no watcher
        assert answer.status in (200, 202) or is_dead, (path, answer.body)
        found[f"{method} {path}"] = answer.json()
        return answer.json()

    def get(path: str, *, query: str = "", **names: str) -> Any:
        place = path.format(**names) + query
        answer = server.get(place)
        if answer.status == 202:
            server.done(answer)
            answer = server.get(place)
        return note("GET", path, answer)

    get("/health")
    api = "/api/v1/"
    for name in ("status", "roots", "pulse", "marks", "sessions", "trace", "overview"):
        get(f"{api}{name}")
    digest = get(f"{api}groups", query="?limit=2")["items"][0]["blake3"]
    get(f"{api}groups/{{blake3}}", blake3=digest)
    get(f"{api}trace/{{seq}}", seq="1")
    family = get(f"{api}families")["items"][0]["id"]
    get(f"{api}families/{{family}}", family=family)
    drive = home / "Drive"
    movie = quote(str(drive / "Movies/talk.mov"))
    get(f"{api}explain", query=f"?path={movie}")
    get(f"{api}unique", query=f"?path={quote(str(drive / 'Downloads'))}")
    a, b = drive / "Projects/HealthTrack", drive / "Backup 2022/HealthTrack-old"
    get(f"{api}compare", query=f"?a={quote(str(a))}&b={quote(str(b))}")
    get(f"{api}map")
    get(f"{api}files", query="?limit=2")
    asked = {"kind": "manifest", "path": {"path": str(a)}}
    server.done(server.post(f"{api}jobs", asked))
    made = get(f"{api}manifests")["items"][0]["file"]
    asked = {"kind": "treaty", "manifest": made, "claim_root_license": "Apache-2.0"}
    asked["funding"] = {"amount": "50000.00", "currency": "USD"}
    signing = server.post(f"{api}scrolls", asked)
    job = note("POST", f"{api}scrolls", signing)["id"]
    server.done(signing)
    scroll = server.get(f"{api}jobs/{job}/result").json()["scroll_id"]
    get(f"{api}scrolls")
    get(f"{api}scrolls/{{scroll}}", scroll=scroll)
    get(f"{api}scrolls/{{scroll}}/envelope", scroll=scroll)
    envelope = server.get(f"{api}scrolls/{scroll}/envelope").body
    note("POST", f"{api}scrolls/verify", server.post(f"{api}scrolls/verify", envelope))
    scan = note("POST", f"{api}jobs", server.post(f"{api}jobs", {"kind": "scan"}))
    server.done(server.send("DELETE", f"{api}jobs/{scan['id']}"))
    get(f"{api}jobs")
    started = server.post(f"{api}plans", {"within": [{"path": str(drive / "Downloads")}]})
    job = server.done(started)["id"]
    note("POST", f"{api}plans", started)
    get(f"{api}jobs/{{job}}", job=job)
    get(f"{api}jobs/{{job}}/result", job=job)
    plan = get(f"{api}jobs/{{job}}/plan", job=job)["plan"]
    get(f"{api}plans")
    shown = get(f"{api}plans/{{digest}}", digest=plan)
    sent = [{"step": step["id"], "answer": "yes"} for step in shown["step_list"]]
    answered = server.post(f"{api}plans/{plan}/answers", sent)
    shown = note("POST", f"{api}plans/{{digest}}/answers", answered)["shown"]
    get(f"{api}plans/{{digest}}/answers", digest=plan)
    agreed = {key: shown[key] for key in ("files", "bytes")}
    applied = server.post(f"{api}plans/{plan}/apply", agreed)
    note("POST", f"{api}plans/{{digest}}/apply", applied)
    server.done(applied)
    name = get(f"{api}runs")["runs"][0]["run"]
    get(f"{api}runs/{{run}}", run=name)
    get(f"{api}quarantine")
    files = [{"path": "talk.mov", "bytes": 54_000, "blake3": digest}]
    note("POST", f"{api}drop", server.post(f"{api}drop", {"files": files}))
    return found


def _cut(value: Any) -> Any:
    if isinstance(value, list):
        return [_cut(each) for each in value[:_ITEMS]]
    if isinstance(value, dict):
        return {key: _cut(each) for key, each in value.items()}
    return value


def main(place: str) -> None:
    """Write the examples to a file, one a line."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder).resolve() / "home"
        home.mkdir()
        os.environ["HOME"] = str(home)
        found = made_examples(home)
    lines = [
        f"{json.dumps(name)}: {json.dumps(answer, sort_keys=True, ensure_ascii=False)}"
        for name, answer in sorted(found.items())
    ]
    Path(place).write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
