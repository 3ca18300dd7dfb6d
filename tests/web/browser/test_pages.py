"""Every page as it is seen: in both themes, on a desk and on a phone."""

from __future__ import annotations

from tests.support.browser import Visitor


def test_the_overview(visitor: Visitor) -> None:
    visitor.check("/")


def test_jobs(visitor: Visitor) -> None:
    visitor.open("/").get_by_role("button", name="Scan again").click()
    visitor.settle()
    assert "done" in visitor.page.locator("#state").inner_text()
    visitor.check("/jobs")
    visitor.page.get_by_role("link", name="Scan").first.click()
    visitor.check(visitor.page.url.removeprefix(visitor.server.origin))
