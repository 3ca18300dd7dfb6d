"""What is known, over HTTP: the documents of the command line, in pages."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from urllib.parse import quote

import pytest

from gorillacomb.json_paths import path_from_json
from tests.support.run import run
from tests.support.server import Server, serving
from tests.support.trees import Tree, make_tree, scan


def test_the_documents_are_those_of_the_command_line(server: Server) -> None:
    for name in ("status", "roots"):
        wanted = run(name, "--json", vault=server.vault).json()
        assert server.get(f"/api/v1/{name}").json() == wanted
    marks = server.get("/api/v1/marks").json()
    assert marks == run("mark", "list", "--json", vault=server.vault).json()
    assert server.get("/api/v1/pulse").json()["state"] == "dead"
    everything = run("dupes", "--json", vault=server.vault).json()["groups"]
    assert server.get("/api/v1/groups").json() == {"items": everything, "next": None}


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8, 100])
def test_pages_are_the_whole_list(server: Server, limit: int) -> None:
    everything = run("dupes", "--json", vault=server.vault).json()["groups"]
    found, after = [], ""
    while True:
        page = server.get(f"/api/v1/groups?limit={limit}{after}").json()
        assert 0 < len(page["items"]) <= limit
        found += page["items"]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert found == everything and len(everything) == 8


def test_a_page_of_groups_that_are_asked_for(server: Server, tree: Path) -> None:
    everything = server.get("/api/v1/groups").json()["items"]
    by_size = server.get("/api/v1/groups?sort=size&limit=3").json()
    assert [it["size"] for it in by_size["items"]] == [300, 106, 105]
    after = f"after={by_size['next']}"
    assert server.get(f"/api/v1/groups?sort=size&{after}").json()["items"][0]["size"] == 104
    other = server.get(f"/api/v1/groups?sort=copies&{after}")
    assert other.status == 409 and "order" in other.detail
    inside = server.get(f"/api/v1/groups?within={quote(str(tree / 'copy1'))}").json()["items"]
    assert len(everything) == 8 and len(inside) == 7
    assert server.get("/api/v1/groups?kind=video").json() == {"items": [], "next": None}
    for group in everything:
        assert server.get(f"/api/v1/groups/{group['blake3']}").json() == group
    for query in ("sort=x", "kind=x", "within=x", "within=/a&within_b64=Lw==", "within=/nothing"):
        assert server.get(f"/api/v1/groups?{query}").status == 422, query


def test_a_page_of_an_index_that_has_changed_is_refused(tmp_path: Path, vault: Path) -> None:
    copies: Tree = {name: name[0] * 5000 for name in ("a1", "a2", "b1", "b2")}
    scan(vault, make_tree(tmp_path / "tree", copies))
    with serving(vault) as server:
        _check_changed(server, tmp_path)


def _check_changed(server: Server, tmp_path: Path) -> None:
    page = server.get("/api/v1/groups?limit=1").json()
    scan(server.vault, make_tree(tmp_path / "more", {"new": "y" * 5000, "other": "y" * 5000}))
    answer = server.get(f"/api/v1/groups?limit=1&after={page['next']}")
    assert answer.status == 409 and "has changed" in answer.detail


@pytest.mark.parametrize("after", ["x", "W10", "WyJhIiwxZTk5LDEsInp6Il0=", "W1tb" * 1000])
def test_what_is_no_place_in_a_list_is_refused(server: Server, after: str) -> None:
    assert server.get(f"/api/v1/groups?after={after}").status == 422


def test_a_path_that_is_not_text(server: Server, tree: Path) -> None:
    path = os.fsencode(tree) + b"/odd\xff"
    encoded = quote(base64.b64encode(path), safe="")
    found = server.get(f"/api/v1/explain?path_b64={encoded}").json()
    assert base64.b64decode(found["path_b64"]) == path
    answer = server.get(f"/api/v1/explain?path={quote(path)}")
    assert answer.status == 400 and "UTF-8" in answer.detail, "it would have been another name"


def test_a_path_is_explained(server: Server, tree: Path, tmp_path: Path) -> None:
    path = tree / "copy0" / "f1"
    wanted = run("explain", "--json", path, vault=server.vault).json()
    assert server.get(f"/api/v1/explain?path={quote(str(path))}").json() == wanted
    digest = wanted["blake3"]
    group = server.get(f"/api/v1/groups/{digest}").json()
    assert {file["path"] for file in group["files"]} >= {str(path)}
    assert server.get(f"/api/v1/groups/{'0' * 64}").status == 404
    missing = server.get(f"/api/v1/explain?path={quote(str(tmp_path / 'nothing'))}")
    assert missing.status == 404 and missing.headers["content-type"] == "application/problem+json"
    for query in ("", "?path=relative", "?path=/a&path_b64=Lw==", "?path=/a&more=1", "?path_b64=!"):
        assert server.get(f"/api/v1/explain{query}").status == 422, query


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_a_folder_in_pages(server: Server, tree: Path, limit: int) -> None:
    found, after = [], ""
    while True:
        query = f"?path={quote(str(tree))}&limit={limit}{after}"
        page = server.get(f"/api/v1/tree{query}").json()
        found += page["items"]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    names = sorted(os.listdir(os.fsencode(tree)))
    paths = [os.fsencode(tree) + b"/" + name for name in names]
    assert [path_from_json(each) for each in found] == paths
    kinds = {
        os.path.basename(path_from_json(each)): (each["kind"], each["copies"]) for each in found
    }
    assert kinds[b"copy0"] == ("folder", 0) and kinds[b"odd\xff"] == ("file", 2)
    inside = server.get(f"/api/v1/tree?path={quote(str(tree / 'copy0'))}").json()["items"]
    assert {each["copies"] for each in inside} == {2} and len(inside) == 7
    for path, status in ((tree / "copy0/f1", 404), ("/nothing", 404), ("x", 422)):
        assert server.get(f"/api/v1/tree?path={quote(str(path))}").status == status


def test_a_table_computes_nothing(server: Server) -> None:
    answer = server.get("/api/v1/groups.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = answer.body.decode().splitlines()
    assert rows[0] == "blake3,size,reclaimable,canonical,path,path_b64" and len(rows) == 17


def test_an_index_that_does_not_exist_yet(vault: Path) -> None:
    with serving(vault) as server:
        answer = server.get("/api/v1/groups")
        assert (answer.status, answer.json()["title"]) == (503, "Service Unavailable")
        assert "scan" in answer.json()["hint"]
        assert server.get("/health", {"Cookie": None}).json() == {"status": "ok", "pulse": "none"}


def test_all_files_in_pages(server: Server, tree: Path) -> None:
    found, after = [], ""
    while True:
        page = server.get(f"/api/v1/files?limit=5{after}").json()
        found += page["items"]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    paths = [os.fsdecode(path_from_json(each)) for each in found]
    assert sorted(paths) == sorted(str(each) for each in tree.rglob("*") if each.is_file())
    assert {each["state"] for each in found} <= {"hashed", "fresh"}
    group = server.get("/api/v1/groups?limit=1").json()["items"][0]
    assert sum(each["blake3"] == group["blake3"] for each in found) == len(group["files"])


def test_files_about_which_nothing_is_known(tmp_path: Path, vault: Path) -> None:
    sizes: Tree = {f"f{n}": "x" * (n % 3 + 1) for n in range(8)}
    tree = make_tree(tmp_path / "tree", {"a": sizes, "large": "x" * 5000})
    assert run("scan", tree, "--min-size", "4", vault=vault).code in (0, 3)
    with serving(vault) as server:
        found, after = [], ""
        while True:
            page = server.get(f"/api/v1/files?state=too_small&limit=3{after}").json()
            found += page["items"]
            if page["next"] is None:
                break
            after = f"&after={page['next']}"
        assert [each["size"] for each in found] == [3, 3, 2, 2, 2, 1, 1, 1]
        assert len({each["path"] for each in found}) == 8
        assert server.get("/api/v1/files?state=damaged").json() == {"items": [], "next": None}
        assert server.get("/api/v1/files?state=hashed").status == 422
        scan(vault, make_tree(tmp_path / "more", {"new": "y"}))
        old = server.get(f"/api/v1/files?limit=3{after}")
        assert old.status in (409, 422)
