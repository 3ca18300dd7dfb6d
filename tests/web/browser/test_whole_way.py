"""The whole way in a browser, without a terminal: from an empty vault to one tree, and back.

What each step did is read from the disk, and from the command line; not from the page.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from gorillacomb.vault.vault import Vault
from tests.support.browser import Visitor, visiting
from tests.support.memory import in_memory
from tests.support.run import run
from tests.support.server import Server, serving
from tests.support.trees import Tree, make_tree

_PLAN = re.compile(r"/plans/[0-9a-f]{64}$")
_PROJECT: Tree = {f"part{n}.txt": f"{n}" * (400 + n) for n in range(12)}
_DRIVE: Tree = {
    "Project": _PROJECT,
    "New Folder With Items": {"Project": {**_PROJECT, "idea.txt": "only here " * 9}},
    "Downloads": {"talk.mov": "m" * 20_000, "odd <b>.txt": "o" * 700},
    "Movies": {"talk.mov": "m" * 20_000, "odd.txt": "o" * 700},
}


@pytest.fixture
def top(tmp_path: Path) -> Path:
    return make_tree(tmp_path / "Drive", _DRIVE)


@pytest.fixture
def running(top: Path) -> Iterator[Server]:
    """A server whose vault is empty."""
    with in_memory() as folder, serving(folder / "vault") as made:
        yield made


@pytest.fixture(params=["with scripts", "without scripts"])
def person(request: pytest.FixtureRequest, browser: Browser, running: Server) -> Iterator[Visitor]:
    with visiting(browser, running, scripts=request.param == "with scripts") as made:
        yield made


def contents(top: Path) -> dict[str, bytes]:
    """Everything on the drive but what is ours, by path."""
    return {
        str(file.relative_to(top)): file.read_bytes()
        for file in top.rglob("*")
        if file.is_file() and ".gorillacomb" not in file.parts
    }


def button(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).first.click()


def ended(person: Visitor, words: str = "") -> None:
    """Wait for the job whose page is shown."""
    # First until it is shown: the page before it waits for nothing.
    expect(person.page.locator("#state")).to_be_visible(timeout=120_000)
    person.settle()
    if words:
        expect(person.page.locator("h1")).to_contain_text(words)


def scan_with_a_pause(person: Visitor) -> None:
    """Start a scan while another program writes, cancel it, and start it again."""
    vault = Vault(person.server.vault)
    vault.lock()
    try:
        person.open("/")
        button(person.page, "Scan again")
        button(person.page, "Cancel")
        ended(person, "cancelled")
    finally:
        vault.unlock()
    person.open("/")
    button(person.page, "Scan again")
    ended(person)


def plan(person: Visitor, start: Callable[[], None]) -> str:
    start()
    person.page.wait_for_url(_PLAN, timeout=120_000)
    return person.page.url.removeprefix(person.server.origin)


def apply(person: Visitor, place: str) -> str:
    """Apply a plan by its typed count; return the run's page."""
    count = person.server.get(f"/api/v1{place}").json()["shown"]["files"]
    page = person.open(place)
    page.get_by_label("type the number").fill(str(count))
    button(page, "Apply the plan")
    ended(person, "in the quarantine now")
    page.get_by_role("link", name="Show the run").click()
    return page.url.removeprefix(person.server.origin)


def test_from_an_empty_vault_to_one_tree_and_back(person: Visitor, top: Path) -> None:
    page, vault = person.page, person.server.vault
    person.server.log_in()
    before = contents(top)
    person.open("/").get_by_label("Folder on this machine").fill(str(top))
    button(page, "Scan it")
    ended(person)
    assert run("roots", "--json", vault=vault).json()["roots"][0]["files"] == len(before)
    scan_with_a_pause(person)
    look(person, top)
    collapse(person, top, before)
    copies(person, top, before)
    share(person, top)


def look(person: Visitor, top: Path) -> None:
    """Overview, families, a comparison, a group that is marked."""
    page, vault = person.page, person.server.vault
    removable = run("overview", "--json", vault=vault).json()["removable"]["files"]
    person.open("/")
    expect(page.locator("h1")).to_contain_text("can go without losing anything")
    expect(page.locator("main")).to_contain_text(f"{removable} files, each with an equal copy")
    person.open("/families")
    page.get_by_role("link", name="Project").first.click()
    expect(page.locator("h1")).to_contain_text("two places")
    page.get_by_role("link", name=re.compile("^Compare .* with the one to keep")).click()
    person.settle()
    expect(page.locator("main")).to_contain_text("idea.txt")
    person.open("/groups")
    group = page.locator(".group", has_text="odd.txt")
    group.get_by_role("checkbox").first.check()
    group.get_by_role("button", name="Keep").click()
    person.settle()
    marks = run("mark", "list", "--json", vault=vault).json()["marks"]
    assert [Path(each["path"]).name[:3] for each in marks] == ["odd"]


def copies(person: Visitor, top: Path, before: dict[str, bytes]) -> None:
    """Plan, review, apply, put one file back, then all; apply again, and delete it for good."""
    page = person.page

    def start() -> None:
        person.open("/")
        button(page, "Look through what can go")

    place = plan(person, start)
    person.open(f"{place}/review")
    while page.get_by_role("button", name="Let it leave").count():
        button(page, "Let it leave")
    run_page = apply(person, place)
    left = contents(top)
    assert left.keys() < before.keys() and all(left[name] == before[name] for name in left)
    assert set(left.values()) == set(before.values()), "of every content a copy is left"
    page.get_by_role("row").get_by_role("button", name="Put back").first.click()
    ended(person, "back")
    assert len(left) < len(contents(top)) <= len(before)
    person.open(run_page)
    if page.get_by_role("button", name="Put all of it back").count():
        button(page, "Put all of it back")
        ended(person, "back")
    assert contents(top) == before
    apply(person, place)
    count = person.open("/quarantine").locator("input[name=files]").first.get_attribute("value")
    assert count is not None
    page.get_by_label("type the number").fill(str(int(count) + 1))
    button(page, "Delete for good")
    page.get_by_label("type the number").fill(count)
    button(page, "Delete for good")
    ended(person, "deleted")
    person.said.clear()  # the wrong count was answered with 422
    assert set(contents(top).values()) == set(before.values())


def collapse(person: Visitor, top: Path, before: dict[str, bytes]) -> None:
    """One tree of the family, and two again."""
    page = person.page
    drifted = contents(top)

    def start() -> None:
        person.open("/families")
        page.get_by_role("link", name="Project").first.click()
        button(page, "Plan the collapse")

    run_page = apply(person, plan(person, start))
    assert len([path for path in top.rglob("part3.txt") if ".gorillacomb" not in path.parts]) == 1
    assert set(contents(top).values()) == set(before.values())
    person.open(run_page)
    button(page, "Put all of it back")
    ended(person, "back")
    assert contents(top) == drifted


def share(person: Visitor, top: Path) -> None:
    """A manifest that is made and checked; the trace and the pulse."""
    page = person.page
    person.open("/manifests").get_by_label("Folder", exact=True).first.fill(str(top / "Movies"))
    button(page, "Make a manifest")
    ended(person)
    person.open("/manifests")
    button(page, "Check now")
    ended(person)
    job = page.url.rpartition("/")[2]
    assert person.server.get(f"/api/v1/jobs/{job}").json()["exit_code"] == 0
    person.open("/integrity").locator("form[action='/trace/verify'] button").click()
    ended(person)
    size = run("status", "--json", vault=person.server.vault).json()["trace"]["entries"]
    expect(person.open("/trace").locator("h1")).to_contain_text(f"{size} entries")
    expect(page.locator("nav")).to_contain_text("No watcher has run")
