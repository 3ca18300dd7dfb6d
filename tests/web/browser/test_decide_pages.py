"""Deciding in a real browser: by keys, in two windows, without scripts; checked on the disk."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, TimeoutError, expect

from tests.cli.test_review import review
from tests.support.browser import Visitor, visiting
from tests.support.memory import in_memory
from tests.support.run import run
from tests.support.server import Server, serving
from tests.support.trees import Tree, make_tree, settle
from tests.web.test_decide_pages import TREE, answers, kept_file

FILES = 6
_PLAN = re.compile(r"/plans/[0-9a-f]{64}$")


@pytest.fixture
def top(tmp_path: Path) -> Path:
    return make_tree(tmp_path / "drive", TREE)


@pytest.fixture
def running(top: Path) -> Iterator[Server]:
    """A server for each test, since each changes the drive."""
    with in_memory() as folder:
        settle(top)
        assert run("scan", top, vault=folder / "vault").code == 0
        with serving(folder / "vault") as made:
            yield made


def make(visitor: Visitor) -> str:
    """Make the usual plan by its button, and return its address."""
    visitor.open("/plans").get_by_role("button", name="Plan what can leave").click()
    visitor.page.wait_for_url(_PLAN, timeout=120_000)
    return visitor.page.url.removeprefix(visitor.server.origin)


def apply(page: Page, count: str) -> None:
    page.get_by_label("type the number").fill(count)
    page.get_by_role("button", name="Apply the plan").click()


def headline(page: Page, *words: str) -> None:
    for each in words:
        expect(page.locator("h1")).to_contain_text(each, timeout=60_000)


def at(page: Page) -> int:
    found = re.search(r"[?&]at=([0-9]+)", page.url)
    return -1 if found is None else int(found[1])


def press(page: Page, key: str) -> None:
    """Press a key that leads to another page, and wait for that."""
    page.wait_for_load_state()
    try:
        with page.expect_navigation():
            page.keyboard.press(key)
    except TimeoutError as error:
        shown = page.locator("main").inner_text()[:500]
        raise AssertionError(f"{key!r} leads nowhere from {page.url}: {shown}") from error


def test_the_whole_way_looks_as_it_should(visitor: Visitor, top: Path) -> None:
    page = visitor.page
    for path in ("/plans", "/plans?within=/x", "/runs", "/quarantine", "/marks"):
        visitor.check(path)
    plan = make(visitor)
    for path in ("", "?by=step", "/review", "/review?at=3", "/review?q=nothing", "/review/all"):
        visitor.check(plan + path)
    visitor.open(plan)
    apply(page, "5")
    assert page.get_by_role("alert").inner_text().startswith("That is not the number")
    expect(page.get_by_label("type the number")).to_be_focused()
    visitor.said.clear()  # the answer 422 is what the browser reports
    apply(page, str(FILES))
    headline(page, f"{FILES} files", "in the quarantine now")
    assert not (top / "Copy of a").exists()
    visitor.check(page.url.removeprefix(visitor.server.origin))
    visitor.check("/jobs")
    page.get_by_role("link", name="Applying the plan").first.click()
    page.get_by_role("link", name="Show the run").click()
    place = page.url.removeprefix(visitor.server.origin)
    visitor.check(place)
    visitor.check("/runs")
    visitor.check("/quarantine")
    visitor.open(place)
    row = page.get_by_role("row").filter(has_text="Copy of c")
    row.get_by_role("button", name="Put back").click()
    headline(page, "1 file is back where it was")
    assert (top / "Copy of c/y").exists() and not (top / "Copy of b/x").exists()
    visitor.open(place).get_by_role("button", name="Put all of it back").click()
    headline(page, "5 files are back")
    assert (top / "Copy of a/f").exists() and (top / "Copy of b/x").exists()


def test_keys(visitor: Visitor, top: Path) -> None:
    page = visitor.page
    plan = make(visitor)
    with page.expect_navigation():
        page.get_by_role("link", name="Look through it").press("Enter")
    press(page, "j")
    assert at(page) == 1
    press(page, "k")
    assert at(page) == 0
    page.keyboard.press("?")
    expect(page.get_by_text("yes if it is not, else no")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_text("yes if it is not, else no")).to_be_hidden()
    press(page, " ")  # yes, and stays
    assert at(page) == 0 and answers(visitor.server, plan) == ["yes"]
    press(page, " ")
    assert at(page) == 0 and answers(visitor.server, plan) == ["no"]
    press(page, "u")
    assert at(page) == 0 and answers(visitor.server, plan) == ["yes"]
    press(page, "j")
    press(page, "s")
    assert at(page) == 2 and sorted(answers(visitor.server, plan)) == ["swap", "yes"]
    press(page, "n")
    # What is typed into a field is no key, and is looked for.
    page.keyboard.press("/")
    page.keyboard.type("yyy")
    assert len(answers(visitor.server, plan)) == 3
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("odd")
    press(page, "Enter")
    expect(page.locator("#answer")).to_contain_text("1 of 1 found")
    press(page, "y")
    expect(page.locator("h1")).to_contain_text("All that were found are answered")
    press(page, "j")
    press(page, "n")
    assert sorted(answers(visitor.server, plan)) == ["no", "no", "swap", "yes"]
    # Two presses before the next page is there are one answer.
    visitor.open(f"{plan}/review?at=3")
    page.evaluate(
        "for (const _ of [1, 2]) document.body.dispatchEvent("
        "new KeyboardEvent('keydown', {key: 'y', bubbles: true}))"
    )
    headline(page, "All of it is answered")
    assert len(answers(visitor.server, plan)) == 5
    with page.expect_navigation():
        page.get_by_role("link", name="To the plan, and apply it").press("Enter")
    count = visitor.server.get(f"/api/v1{plan}").json()["shown"]["files"]
    page.get_by_label("type the number").fill(str(count))
    page.keyboard.press("Enter")
    headline(page, f"{count} files", "in the quarantine now")
    assert not (top / "Copy of a").exists()
    assert not (top / "b/x").exists() and (top / "Copy of b/x").exists()
    assert (top / "Copy of c/y").exists() and (top / "c/y").exists()


def test_two_windows(visitor: Visitor, browser: Browser, running: Server, top: Path) -> None:
    plan = make(visitor)
    with visiting(browser, running) as other:
        visitor.open(f"{plan}/review?at=0")
        other.open(f"{plan}/review?at=0")
        press(visitor.page, "y")
        press(other.page, "n")
        headline(other.page, "answered elsewhere")
        assert answers(running, plan) == ["yes"]
        other.page.get_by_role("link", name="Show it as it is now").click()
        expect(other.page.locator("#answer")).to_contain_text("yes, it leaves")
        visitor.open(plan)
        other.open(f"{plan}/review?at=1")
        press(other.page, "y")
        apply(visitor.page, "2")
        headline(visitor.page, "3 files", "not 2", "nothing was done")
        assert (top / "Copy of a").exists() and (top / "Copy of b/x").exists()
        visitor.said.clear()
        other.said.clear()


def test_without_scripts(plain: Visitor, top: Path) -> None:
    page = plain.page
    plan = make(plain)
    page.get_by_role("link", name="Look through it").click()
    page.get_by_role("button", name="Let it leave").click()
    page.get_by_role("button", name="Swap").click()
    page.get_by_role("button", name="Keep both").click()
    page.get_by_role("button", name="Undo the last answer").click()
    page.get_by_role("button", name="Decide later").click()
    page.get_by_label("Find in the paths").fill("Copy of")
    page.get_by_role("button", name="Find").click()
    page.get_by_role("link", name="Yes to all that were found").click()
    headline(page, "Yes to 3 questions: 3 files")
    page.get_by_role("button", name="Yes, let 3 files leave").click()
    headline(page, "All that were found are answered")
    assert sorted(answers(plain.server, plan)) == ["swap", *["yes"] * 4]
    page.get_by_role("link", name="To the plan, and apply it").click()
    apply(page, str(FILES))
    headline(page, f"{FILES} files", "in the quarantine now")
    assert not (top / "Copy of a").exists() and not (top / "b/x").exists()
    page.get_by_role("link", name="Show the run").click()
    page.get_by_label("Where it was, as a full path").fill(str(top / "Copy of a/g"))
    page.get_by_role("button", name="Put it back").click()
    headline(page, "1 file is back")
    assert (top / "Copy of a/g").exists()
    plain.open("/quarantine")
    page.get_by_label("type the number").fill(str(FILES - 1))
    page.get_by_role("button", name="Delete for good").click()
    headline(page, "5 files are deleted")
    assert not list((top / ".gorillacomb/quarantine").glob("*/s[0-9]"))


def test_a_plan_that_is_refused_says_why(visitor: Visitor) -> None:
    page = visitor.open("/plans?into=/nowhere")
    expect(page.get_by_label("The copy to keep")).to_have_value("/nowhere")
    page.get_by_role("button", name="Make the plan").click()
    headline(page, "none to collapse")
    visitor.check(page.url.removeprefix(visitor.server.origin))
    page = visitor.open("/plans?within=relative")
    page.get_by_role("button", name="Make the plan").click()
    headline(page, "The plan was not made")
    expect(page.get_by_label("Only in these folders")).to_have_value("relative")
    expect(page.get_by_role("alert")).to_contain_text("not a full path")


def groups(count: int) -> Tree:
    found: dict[str | bytes, Tree] = {}
    for n in range(count):
        same = f"{n:04}" * 300
        found[f"g{n:03}"] = {"x": same, "own": f"own {n}"}
        found[f"Copy of g{n:03}"] = {"x": same, "other": f"other {n}"}
    return found


@pytest.fixture(params=[125, pytest.param(500, marks=pytest.mark.deep)])
def many(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[Server, Path, int]]:
    """A server whose vault has many pairs of folders, of one file each; and how many."""
    top = make_tree(tmp_path / "many", groups(request.param))
    with in_memory() as folder:
        settle(top)
        assert run("scan", top, vault=folder / "vault").code == 0
        with serving(folder / "vault") as made:
            yield made, top, request.param


def keys(visitor: Visitor, plan: str, count: int) -> None:
    """Answer so many questions by keys: yes to two of three, no to the third."""
    page = visitor.open(f"{plan}/review")
    for number in range(count):
        press(page, "n" if number % 3 == 2 else "y")


def test_many_groups_begun_with_keys_and_ended_in_the_terminal(
    many: tuple[Server, Path, int], browser: Browser
) -> None:
    server, top, count = many
    half, last = count // 2, count // 10
    no = half // 3
    with visiting(browser, server) as visitor:
        plan = make(visitor)
        keys(visitor, plan, half)
        assert not visitor.said
    given = answers(server, plan)
    assert (given.count("yes"), given.count("no")) == (half - no, no)
    # Another day, on a terminal: it goes on where that was left.
    ran = review([*["y"] * (count - half - last), "q"], kept_file(server, plan), vault=server.vault)
    assert f"Going on at {half + 1} of {count}." in ran.out
    yes = count - last - no
    assert f"{yes} yes, {no} no, {last} not decided" in re.sub(r"\s+", " ", ran.out)
    # And the last ones in the browser again.
    with visiting(browser, server) as visitor:
        page = visitor.open(f"{plan}/review")
        assert at(page) == -1
        assert f"{count - last + 1} of {count}" in page.locator("#answer").inner_text()
        for _ in range(last):
            press(page, "n")
        headline(page, "All of it is answered")
        visitor.open(plan)
        apply(page, f"{yes}")
        headline(page, f"{yes} files", "in the quarantine now")
    left = [path for path in top.glob("Copy of g*") if (path / "x").exists()]
    assert len(left) == count - yes
    assert all((top / f"g{n:03}/x").exists() for n in range(count))


def test_many_groups_begun_in_the_terminal_and_ended_with_keys(
    many: tuple[Server, Path, int], browser: Browser
) -> None:
    server, _, count = many
    typed, pressed = count * 3 // 5, count // 5
    with visiting(browser, server) as visitor:
        plan = make(visitor)
    review([*["y"] * typed, "u", "q"], kept_file(server, plan), vault=server.vault)
    assert answers(server, plan) == ["yes"] * (typed - 1)
    with visiting(browser, server) as visitor:
        page = visitor.open(f"{plan}/review")
        assert f"{typed} of {count}" in page.locator("#answer").inner_text()
        keys(visitor, plan, pressed)
        press(page, "u")  # the last one was yes
        press(page, "n")
        page.get_by_role("link", name="Yes to all").click()
        left = count - (typed - 1) - pressed
        headline(page, f"Yes to {left} questions: {left} files")
        page.get_by_role("button", name=f"Yes, let {left} files leave").click()
        headline(page, "All of it is answered")
        counts = server.get(f"/api/v1{plan}").json()["shown"]
        no = pressed // 3 + 1
        assert (counts["yes"], counts["no"], counts["open"]) == (count - no, no, 0)
        nodes = visitor.open(plan).evaluate("document.querySelectorAll('*').length")
        assert nodes < 5000
    ran = review(["u", "q"], kept_file(server, plan), vault=server.vault)
    taken_back = f"Taken back: the answer to {left} steps"
    assert "All of it is decided" in ran.out and taken_back in ran.out


def test_a_picture_that_cannot_be_decoded_leaves_no_hole(
    tmp_path: Path, vault: Path, browser: Browser
) -> None:
    picture = "no picture at all" * 900
    tree: Tree = {"a": {"view.jpg": picture, "x": "x"}, "b": {"view (1).jpg": picture, "y": "y"}}
    assert run("scan", make_tree(tmp_path / "pictures", tree), vault=vault).code == 0
    with serving(vault) as server, visiting(browser, server) as visitor:
        page = visitor.open(f"{make(visitor)}/review?at=0")
        expect(page.get_by_text("No preview")).to_have_count(2)
        assert page.locator("main img").count() == 0
        page.reload()
        expect(page.get_by_text("No preview")).to_have_count(2)
