"""Questions that take a while, the trace and marks, over HTTP."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from gorillacomb.jobs.start import jobs_folder
from gorillacomb.vault.vault import Vault
from tests.support.run import run
from tests.support.server import Answer, Server, serving
from tests.support.trees import Tree, make_tree


def answered(server: Server, path: str) -> Answer:
    """Ask, wait for the job, and ask again."""
    first = server.get(path)
    if first.status == 202:
        server.done(first)
        first = server.get(path)
    return first


def comparable(document: Any) -> Any:
    """A document without what differs each time: how long ago something was."""
    return {key: value for key, value in document.items() if "seconds" not in key}


@pytest.mark.parametrize("name", ["overview", "unique", "compare"])
def test_the_documents_are_those_of_the_command_line(server: Server, tree: Path, name: str) -> None:
    a, b = str(tree / "copy0"), str(tree / "copy1")
    words = {"overview": [], "unique": [a], "compare": [a, b]}[name]
    both = f"?a={quote(a)}&b={quote(b)}"
    query = {"overview": "", "unique": f"?path={quote(a)}", "compare": both}[name]
    answer = answered(server, f"/api/v1/{name}{query}")
    assert answer.status == 200
    wanted = run(name, *words, "--json", vault=server.vault).json()
    assert comparable(answer.json()) == comparable(wanted)


def test_the_same_question_is_answered_once_for_each_state(tmp_path: Path, vault: Path) -> None:
    content: Tree = {f"f{n}": f"{n}" * 100 for n in range(7)}
    tree = make_tree(tmp_path / "tree", {"a": content, "b": content})
    assert run("scan", tree, vault=vault).code == 0
    with serving(vault) as server:
        assert server.get("/api/v1/families").status == 202
        for _ in range(3):
            page = answered(server, "/api/v1/families").json()
        assert len(server.get("/api/v1/jobs").json()["jobs"]) == 1
        (family,) = page["items"]
        assert page["next"] is None
        wanted = run("folders", "--json", vault=vault).json()["families"]
        assert [{key: it for key, it in family.items() if key != "id"}] == wanted
        assert answered(server, f"/api/v1/families/{family['id']}").json() == family
        assert answered(server, f"/api/v1/families/{'0' * 32}").status == 404
        make_tree(tmp_path / "tree" / "c", content)
        assert run("scan", tree, vault=vault).code == 0
        assert server.get("/api/v1/families").status == 202, "the index is another one"


def test_a_refused_question_says_why(server: Server, tmp_path: Path) -> None:
    path = f"/api/v1/unique?path={quote(str(tmp_path / 'nothing'))}"
    answer = answered(server, path)
    assert answer.status == 422 and "not" in answer.detail
    for query in ("", "?path=x", "?path=/a&path_b64=Lw=="):
        assert server.get(f"/api/v1/unique{query}").status == 422
    for query in ("", "?a=/x", "?a=/x&b=y", "?a=/x&b=/y&c=/z", "?a_b64=!&b=/y"):
        assert server.get(f"/api/v1/compare{query}").status == 422, query


def test_a_question_whose_job_was_killed_is_asked_again(server: Server, tree: Path) -> None:
    path = f"/api/v1/compare?a={quote(str(tree))}&b={quote(str(tree / 'copy1'))}"
    job = server.done(server.get(path))["id"]
    exit_file = jobs_folder(Vault(server.vault)) / job / "exit"
    ended = json.loads(exit_file.read_bytes())
    exit_file.write_text(json.dumps({**ended, "code": None, "signal": 9}))
    again = server.get(path)
    assert again.status == 202 and again.json()["id"] != job
    server.done(again)
    assert server.get(path).status == 200


def test_the_trace_in_pages(server: Server) -> None:
    log = run("trace", "log", "--json", vault=server.vault).json()["entries"]
    found: list[object] = []
    start: int | None = 0
    while start is not None:
        page = server.get(f"/api/v1/trace?start={start}&limit=3").json()
        assert page["size"] >= len(page["items"]) > 0
        found += page["items"]
        start = page["next"]
    assert found[: len(log)] == sorted(log, key=lambda entry: entry["seq"])[: len(found)]
    assert server.get("/api/v1/trace/0").json() == found[0]
    assert server.get("/api/v1/trace/99999").status == 404
    assert server.get("/api/v1/trace/-1").status == 422


def test_marks_need_to_have_been_seen(tmp_path: Path, vault: Path) -> None:
    tree = make_tree(tmp_path / "tree", {"a": "x" * 99, "b": "x" * 99})
    assert run("scan", tree, vault=vault).code == 0
    with serving(vault) as server:
        sent = {"kind": "keep", "paths": [{"path": str(tree / "a")}], "note": "mine"}
        assert server.send("PUT", "/api/v1/marks", sent).status == 428
        seen = server.get("/api/v1/marks").headers["etag"]
        job = server.done(server.send("PUT", "/api/v1/marks", sent, {"If-Match": seen}))
        assert job["exit_code"] == 0, job
        (mark,) = server.get("/api/v1/marks").json()["marks"]
        assert (mark["path"], mark["note"]) == (str(tree / "a"), "mine")
        stale = server.send("PUT", "/api/v1/marks", sent, {"If-Match": seen})
        assert stale.status == 412 and "not those" in stale.detail
        seen = server.get("/api/v1/marks").headers["etag"]
        cleared = {"paths": sent["paths"]}
        done = server.done(server.send("DELETE", "/api/v1/marks", cleared, {"If-Match": seen}))
        assert done["exit_code"] == 0
        assert server.get("/api/v1/marks").json()["marks"] == []


def test_the_map_is_that_of_the_command_line(server: Server, tree: Path) -> None:
    wanted = run("map", "--json", vault=server.vault).json()
    assert answered(server, "/api/v1/map").json() == wanted
    part = run("map", tree / "copy1", "--json", vault=server.vault).json()
    assert answered(server, f"/api/v1/map?path={quote(str(tree / 'copy1'))}").json() == part
    assert answered(server, "/api/v1/map?path=/nowhere").status == 422
