"""Messages that contain long paths: they wrap, on a phone too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.support.browser import NARROW, Visitor
from tests.support.memory import in_memory
from tests.support.run import run
from tests.support.server import Server, serving
from tests.support.trees import Tree, make_tree, settle
from tests.web.test_decide_pages import apply, ended, fields, make, page, words

LONG = "/nowhere/" + "Averylongfoldernamewithoutanyspaceatallinit_2024_" * 4
COPY: Tree = {f"f{n}": f"{n}" * 5000 for n in range(3)}


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Server]:
    """A server of its own: a plan is applied."""
    top = make_tree(tmp_path / "drive", {"a": COPY, "Copy of a": COPY})
    settle(top)
    with in_memory() as folder:
        assert run("scan", top, vault=folder / "vault").code == 0
        with serving(folder / "vault") as made:
            yield made


def fits(visitor: Visitor) -> None:
    """Hold the page that a form led to against the width of a phone."""
    page_now = visitor.page
    assert page_now.viewport_size == {"width": NARROW, "height": 900}
    wide = page_now.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0, f"{page_now.url} is {wide} px wider than the screen"


def test_pages_with_long_paths(visitor: Visitor, running: Server) -> None:
    done = ended(running, apply(running, make(running), count="3"))
    [place] = {str(it["href"]) for _, it in done.elements if "/runs/2" in str(it.get("href"))}
    assert fields(page(running, place), f"{place}/undo")
    undo = running.done(running.post(f"/api/v1{place}/undo", {"only": [{"path": LONG}]}))
    scan = running.done(running.post("/api/v1/jobs", {"kind": "scan", "paths": [{"path": LONG}]}))
    for job in (undo, scan):
        assert LONG in words(page(running, f"/jobs/{job['id']}"))
        visitor.check(f"/jobs/{job['id']}")
    visitor.page.set_viewport_size({"width": NARROW, "height": 900})
    for name in ("unique", "tree", "explain"):
        visitor.open(f"/{name}?{urlencode({'path': LONG})}")
        assert LONG in visitor.page.locator("main").inner_text()
        fits(visitor)
    form = visitor.open(place)
    form.get_by_label("Where it was, as a full path").fill(LONG)
    form.get_by_role("button", name="Put it back").click()
    visitor.settle()
    assert "moved nothing from" in form.locator("main").inner_text()
    fits(visitor)
    form = visitor.open("/settings")
    form.get_by_label("Protect").fill(LONG)
    form.get_by_role("button", name="Save").click()
    visitor.settle()
    assert "Line 1: Nothing was changed" in form.locator("main").inner_text()
    assert form.get_by_label("Protect").input_value() == LONG
    fits(visitor)
