"""After a mistake or an end, a page says how to go on, in the browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from gorillacomb.vault.vault import Vault
from gorillacomb.web.pages.advice import advice
from tests.support.memory import in_memory
from tests.support.run import run, until
from tests.support.server import Server, serving
from tests.support.trees import Tree, make_tree, settle
from tests.web.test_decide_pages import apply, ended, fields, make, page, post, words
from tests.web.test_every_page import shown
from tests.web.test_pages import Outline, form_of, outline

COPIES: Tree = {f"f{n}": f"{n}" * 5000 for n in range(5)}


@pytest.fixture
def top(tmp_path: Path) -> Path:
    return make_tree(tmp_path / "drive", {"a": COPIES, "Copy of a": COPIES})


@pytest.fixture
def server(top: Path) -> Iterator[Server]:
    settle(top)
    with in_memory() as folder:
        assert run("scan", top, vault=folder / "vault").code == 0
        with serving(folder / "vault") as made:
            yield made


def hrefs(found: Outline) -> list[str]:
    return [str(it["href"]) for tag, it in found.elements if tag == "a"]


@pytest.mark.parametrize("page_of", ["unique", "tree"])
def test_an_unknown_path_leads_to_what_became_of_it(server: Server, page_of: str) -> None:
    query = urlencode({"path": "/nowhere/<b>&x"})
    answer = shown(server, f"/{page_of}?{query}")
    found = outline(answer)
    assert answer.status == 404 and "Check the spelling" in words(found)
    assert "gorillacomb explain" not in found.text
    assert f"/explain?{query}" in hrefs(found)
    explained = outline(shown(server, f"/explain?{query}"))
    assert "Check the spelling" in words(explained)
    assert "gorillacomb explain" not in explained.text


def test_advice_is_escaped() -> None:
    assert advice("Run `a <b>` & c") == "Run <code>a &lt;b&gt;</code> &amp; c"
    assert advice("x") == "x"
    both = advice("Look. If it was removed: gorillacomb explain PATH", '/"><i>')
    assert both.endswith('?path=%2F%22%3E%3Ci%3E">see what became of it</a>.')


def test_a_path_that_is_mistyped_is_corrected_in_its_form(server: Server, top: Path) -> None:
    done = ended(server, apply(server, make(server), count="5"))
    [place] = {str(it["href"]) for _, it in done.elements if "/runs/2" in str(it.get("href"))}
    form = {"form": fields(page(server, place), f"{place}/undo")["form"], "part": "yes"}
    before = server.get("/api/v1/jobs").body
    typed = str(top / "Copy of a/f9<b>")
    answer = post(server, f"{place}/undo", **form, path=typed)
    found = outline(answer)
    assert answer.status == 422 and "This run moved nothing from" in words(found)
    assert "Copy of a" in words(found).partition("most similar")[2]
    assert "`" not in found.text and "gorillacomb dedupe" not in found.text
    assert [it["value"] for _, it in found.elements if it.get("id") == "path"] == [typed]
    relative = outline(post(server, f"{place}/undo", **form, path="Copy of a/f1"))
    assert [it["value"] for _, it in relative.elements if it.get("id") == "path"] == [
        "Copy of a/f1"
    ]
    assert server.get("/api/v1/jobs").body == before, "no job was started"
    ended(server, post(server, f"{place}/undo", **form, path=f"{top}//Copy of a/x/../f1"))
    assert (top / "Copy of a/f1").exists()
    again = post(server, f"{place}/undo", **form, path=str(top / "Copy of a/f1"))
    assert again.status == 422 and "put back. Nothing was done" in words(outline(again))


def test_a_refused_undo_leads_to_its_run(server: Server, top: Path) -> None:
    done = ended(server, apply(server, make(server), count="5"))
    [place] = {str(it["href"]) for _, it in done.elements if "/runs/2" in str(it.get("href"))}
    sent = {"only": [{"path": "/nowhere/x"}]}
    job = server.done(server.post(f"/api/v1{place}/undo", sent))
    found = page(server, f"/jobs/{job['id']}")
    assert place in hrefs(found) and "`" not in words(found).split("The job")[0]


@pytest.mark.parametrize("of_one_folder", [True, False])
def test_a_cancelled_scan_can_be_started_again(
    server: Server, top: Path, of_one_folder: bool
) -> None:
    form = form_of(server)
    sent = {"path": str(top)} if of_one_folder else {}
    vault = Vault(server.vault)
    vault.lock()
    try:
        started = post(server, "/roots" if of_one_folder else "/scan", form=form, **sent)
        place = started.headers["location"]
        post(server, "/cancel", form=form, job=place.rpartition("/")[2])
        job = f"/api/v1{place}"
        assert until(lambda: server.get(job).json()["state"] == "cancelled", 60)
    finally:
        vault.unlock()
    found = page(server, place)
    told = words(found).split("The job")[0]
    assert "The next scan goes on from there" in told and "Interrupted." not in told, told
    action = "/roots" if of_one_folder else "/scan"
    again = ended(server, post(server, action, **fields(found, action)))
    assert "are known now" in words(again)
