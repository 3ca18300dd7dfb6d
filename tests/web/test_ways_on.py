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
from tests.web.test_decide_pages import ended, fields, page, post, words
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
