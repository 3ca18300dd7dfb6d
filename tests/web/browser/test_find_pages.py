"""The pages on which people look at their duplicates, as they are seen and used in a browser."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.support.browser import Visitor
from tests.support.run import run
from tests.web.test_find_pages import asked, family_of, marks, tree

__all__ = ["tree"]
_MOST_ELEMENTS = 5000


@pytest.fixture
def addresses(visitor: Visitor, tree: Path) -> dict[str, str]:
    """What is looked at, by a name."""
    visitor.server.log_in()
    copy = os.fsencode(tree) + b'/Backup/Trip "<b>\xff'
    many = run("explain", "--json", tree / "many/copy000.dat", vault=visitor.server.vault).json()
    return {
        "families": "/families",
        "family": family_of(visitor.server),
        "compare": f"/compare?{asked(copy, 'a')}&{asked(tree / 'Trip', 'b')}",
        "compare form": "/compare",
        "groups": "/groups?limit=50",
        "pictures": "/groups?kind=pictures",
        "group": f"/groups/{many['blake3']}?limit=200",
        "marks": "/marks",
        "explain form": "/explain",
        "explain file": f"/explain?{asked(copy + b'/<script>alert(1)<')}",
        "explain picture": f"/explain?{asked(tree / 'Trip/view.png')}",
        "explain text": f"/explain?{asked(tree / 'Trip/notes.txt')}",
        "explain folder": f"/explain?{asked(copy)}",
        "roots": "/tree",
        "tree": f"/tree?{asked(copy)}",
        "unique form": "/unique",
        "unique": f"/unique?{asked(tree / 'alone')}",
    }


@pytest.mark.parametrize(
    "name",
    [
        *("families", "family", "compare", "compare form", "groups", "pictures", "group", "marks"),
        *("explain form", "explain file", "explain picture", "explain text", "explain folder"),
        *("roots", "tree", "unique form", "unique"),
    ],
)
def test_it_is_fit_to_be_seen(visitor: Visitor, addresses: dict[str, str], name: str) -> None:
    visitor.check(addresses[name])
    elements = visitor.page.evaluate("document.querySelectorAll('*').length")
    assert elements < _MOST_ELEMENTS
    pictures = visitor.page.locator("main img")
    if name in ("pictures", "compare", "explain picture"):
        assert pictures.count() > 0
        for number in range(pictures.count()):
            pictures.nth(number).scroll_into_view_if_needed()
            assert pictures.nth(number).evaluate("it => it.decode().then(() => it.naturalWidth)")


def test_keys_move_in_lists(visitor: Visitor, addresses: dict[str, str]) -> None:
    page = visitor.open("/groups")

    def focused() -> str:
        return str(page.evaluate("document.activeElement.textContent.trim()"))

    names = [it.strip() for it in page.locator("[data-row] a.path").all_text_contents()]
    for key, wanted in (("j", 0), ("j", 1), ("ArrowDown", 2), ("k", 1), ("ArrowUp", 0), ("k", 0)):
        page.keyboard.press(key)
        assert focused() == names[wanted], key
    page.keyboard.press("Enter")
    page.wait_for_url("**/explain?*")
    page.go_back()
    visitor.press("/")
    page.keyboard.type("j/k")
    expect(page.get_by_label("In folder")).to_have_value("j/k")


def test_to_a_copy_and_a_mark_without_a_mouse(visitor: Visitor, tree: Path) -> None:
    page = visitor.open("/families")
    visitor.press("j")
    visitor.press("Enter")
    visitor.settle()
    expect(page.locator("h1")).to_have_text("Trip is in two places.")
    page.get_by_role("link", name="with the one to keep").focus()
    visitor.press("Enter")
    visitor.settle()
    expect(page.locator("h1")).to_contain_text("3 files differ")
    visitor.press("j")
    visitor.press("Enter")
    visitor.settle()
    page.get_by_role("button", name="Always keep this").focus()
    visitor.press("Enter")
    expect(page.get_by_text("marked to be kept")).to_be_visible(timeout=30_000)
    assert list(marks(visitor.server).values()) == ["keep"]
    page.get_by_role("button", name="Clear its mark").focus()
    visitor.press("Enter")
    expect(page.get_by_role("button", name="Always keep this")).to_be_visible(timeout=30_000)
    assert marks(visitor.server) == {}


def test_marking_without_scripts(plain: Visitor, tree: Path) -> None:
    page = plain.open(f"/groups?{asked(tree / 'many', 'within')}")
    boxes = page.get_by_role("checkbox")
    assert boxes.count() == 5
    boxes.nth(1).check()
    page.get_by_role("button", name="Keep", exact=True).click()
    expect(page.get_by_text("marked to be kept")).to_be_visible(timeout=30_000)
    (path,) = marks(plain.server)
    assert path.endswith(b"copy001.dat")
    with page.expect_navigation():
        page.get_by_role("button", name="Clear marks").click()
    plain.settle()
    expect(page.get_by_text("marked to be kept")).to_have_count(0)
    assert marks(plain.server) == {}


def test_clicking_ones_way_to_what_would_be_lost(plain: Visitor, tree: Path) -> None:
    page = plain.open("/unique")
    page.get_by_label("Folder").fill("nowhere")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("alert")).to_contain_text("A path begins with a slash.")
    page.get_by_role("link", name=str(tree)).click()
    page.get_by_role("link", name="alone/").click()
    page.get_by_role("link", name="What would be lost without it").click()
    expect(page.locator("h1")).to_have_text(
        "120 files, 8.7 kB, exist nowhere else.", timeout=60_000
    )
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_text("51 to 100 of 120")).to_be_visible()
    page.go_back()
    expect(page.get_by_text("1 to 50 of 120")).to_be_visible()


def test_a_picture_that_cannot_be_shown_leaves_no_hole(visitor: Visitor, tree: Path) -> None:
    page = visitor.open(f"/explain?{asked(tree / 'Trip/view.png')}")
    page.route("**/api/v1/preview*", lambda route: route.fulfill(status=404))
    page.reload()
    expect(page.get_by_text("The picture cannot be shown.")).to_be_visible()
    assert page.locator("main img").count() == 0
