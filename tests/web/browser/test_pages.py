"""Every page as it is seen: in both themes, on a desk and on a phone."""

from __future__ import annotations

import pytest

from tests.support.browser import Visitor


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/map",
        "/files",
        "/files?state=unreadable",
        "/integrity",
        "/trace",
        "/trace/1",
        "/manifests",
        "/scrolls",
        "/settings",
        "/docs",
        "/docs/config",
        "/docs/internals/architecture",
        "/jobs",
    ],
)
def test_a_page(visitor: Visitor, path: str) -> None:
    visitor.check(path)


def test_a_job(visitor: Visitor) -> None:
    visitor.open("/").get_by_role("button", name="Scan again").click()
    visitor.settle()
    assert "done" in visitor.page.locator("#state").inner_text()
    visitor.check("/jobs")
    visitor.page.get_by_role("link", name="Scan").first.click()
    visitor.check(visitor.page.url.removeprefix(visitor.server.origin))


def test_the_map_leads_into_folders(visitor: Visitor) -> None:
    page = visitor.open("/map")
    page.get_by_role("row").get_by_role("link", name="copy1/").click()
    visitor.settle()
    assert "copy1" in page.locator("main").inner_text()
    page.go_back()
    visitor.settle()
    assert page.get_by_role("link", name="copy0/").count()
