"""Drop in a browser: files, a folder of thousands, a zip; kept, and seen on the disk."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.drop.bench import contents
from tests.drop.zips import plain
from tests.support.browser import Visitor
from tests.support.memory import in_memory
from tests.support.run import run, until
from tests.support.server import Server, serving
from tests.support.trees import make_tree

KNOWN, NEW = b"known" * 100, b"new" * 1000


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return make_tree(tmp_path / "root", {"known": KNOWN.decode(), "b": {"other": "o" * 500}})


@pytest.fixture
def running(place: Path) -> Iterator[Server]:
    with in_memory() as folder:
        assert run("scan", place, vault=folder / "vault").code == 0
        with serving(folder / "vault") as made:
            yield made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_tree(
        tmp_path / "card",
        {
            "known": KNOWN.decode(),
            "deep": {"new": NEW.decode(), "again": NEW.decode()},
            "<img src=x>": "markup" * 100,
            "empty": "",
        },
    )


def wait_for_result(visitor: Visitor) -> str:
    expect(visitor.page.locator("#result")).to_be_visible(timeout=120_000)
    return visitor.page.locator("#headline").inner_text()


def kept(place: Path) -> dict[str, bytes]:
    found = contents(place / "Omnidrop") if (place / "Omnidrop").exists() else {}
    return {name.partition("/")[2]: data for name, data in found.items()}


def follow_to_the_end(visitor: Visitor) -> None:
    visitor.page.wait_for_url("**/jobs/*", timeout=120_000)
    visitor.settle()
    expect(visitor.page.locator("#state")).to_contain_text("done")


def test_the_page(visitor: Visitor) -> None:
    visitor.check("/drop")


def test_a_folder_is_looked_at_and_the_new_ones_are_kept(
    visitor: Visitor, place: Path, folder: Path
) -> None:
    page = visitor.open("/drop")
    page.locator("#folder").set_input_files(folder)
    assert wait_for_result(visitor) == "2 files of 5 are new."
    assert page.locator("#have-sum").inner_text().startswith("1")
    assert page.locator("#repeated-sum").inner_text().startswith("1")
    assert str(place / "known") in page.locator("#lists").inner_text()
    assert "<img src=x>" in page.locator("#lists").inner_text()
    assert page.locator("#lists img").count() == 0
    assert kept(place) == {}
    page.get_by_role("button", name="Keep the new ones").click()
    follow_to_the_end(visitor)
    assert set(kept(place).values()) == {NEW, b"markup" * 100}
    assert "card/<img src=x>" in kept(place)
    page = visitor.open("/drop")
    page.locator("#folder").set_input_files(folder)
    assert wait_for_result(visitor) == "Nothing is new."
    assert not page.get_by_role("button", name="Keep the new ones").is_visible()
    assert not visitor.said


@pytest.mark.parametrize("files", [700, pytest.param(5000, marks=pytest.mark.deep)])
def test_a_folder_with_very_many_files(
    visitor: Visitor, place: Path, tmp_path: Path, files: int
) -> None:
    many = make_tree(tmp_path / "many", {f"f{number}": f"{number}" * 20 for number in range(files)})
    page = visitor.open("/drop")
    page.locator("#folder").set_input_files(many)
    expect(page.locator("#figures")).to_contain_text(f"of {files:,} files", timeout=60_000)
    expect(page.locator("#result")).to_be_visible(timeout=300_000)
    assert page.locator("#headline").inner_text() == f"{files:,} files of {files:,} are new."
    assert page.evaluate("document.querySelectorAll('*').length") < 5000
    page.get_by_role("button", name="Keep the new ones").click()
    page.wait_for_url("**/jobs/*", timeout=300_000)
    visitor.settle()
    assert {f"many/f{number}" for number in range(files)} == set(kept(place))


def test_it_can_be_cancelled(visitor: Visitor, place: Path, tmp_path: Path) -> None:
    many = make_tree(tmp_path / "many", {f"f{number}": f"{number}" * 20 for number in range(2000)})
    page = visitor.open("/drop")
    page.locator("#folder").set_input_files(many)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("button", name="A folder")).to_be_visible()
    assert kept(place) == {}
    page.locator("#files").set_input_files(many / "f7")
    assert wait_for_result(visitor) == "1 file of 1 is new."


def test_a_zip(visitor: Visitor, place: Path, tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(plain({"a": KNOWN, "b/c": NEW, "../out": b"x" * 99}))
    page = visitor.open("/drop")
    page.locator("#files").set_input_files(tmp_path / "x.zip")
    assert wait_for_result(visitor) == "1 file of 2 is new."
    assert "empty part" in page.locator("#lists").inner_text()
    page.get_by_role("button", name="Keep the new ones").click()
    page.wait_for_url("**/jobs/*")
    visitor.settle()
    assert kept(place) == {"x/b/c": NEW}
    assert not (place / "out").exists()


def test_a_file_that_changes_while_it_is_sent(visitor: Visitor, place: Path, folder: Path) -> None:
    page = visitor.open("/drop")
    page.locator("#folder").set_input_files(folder)
    assert wait_for_result(visitor) == "2 files of 5 are new."
    (folder / "deep/new").write_bytes(b"another")
    (folder / "deep/again").write_bytes(b"another")
    page.get_by_role("button", name="Keep the new ones").click()
    page.wait_for_url("**/jobs/*")
    visitor.settle()
    assert set(kept(place).values()) == {b"markup" * 100}


def test_files_and_folders_are_dropped(visitor: Visitor, folder: Path, place: Path) -> None:
    """As by a hand that drags them from another window."""
    page = visitor.open("/drop")
    session = page.context.new_cdp_session(page)
    files = [str(folder), str(place / "known")]
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send(
            "Input.dispatchDragEvent",
            {
                "type": kind,
                "x": 600,
                "y": 300,
                "data": {"items": [], "files": files, "dragOperationsMask": 1},
            },
        )
    assert wait_for_result(visitor) == "2 files of 6 are new."
    assert "card/deep/" in page.locator("#lists").inner_text()


def test_by_keys_alone(visitor: Visitor, place: Path, tmp_path: Path) -> None:
    (tmp_path / "new").write_bytes(NEW)
    # Asked for now, since it takes effect some time later: a chooser before that goes unnoticed.
    visitor.page.on("filechooser", lambda _: None)
    page = visitor.open("/drop")
    button = page.get_by_role("button", name="Files or zips")
    button.focus()
    expect(button).to_be_focused()
    with page.expect_file_chooser() as chosen:
        page.keyboard.press("Enter")
    chosen.value.set_files(tmp_path / "new")
    wait_for_result(visitor)
    assert page.evaluate("document.activeElement.id") == "headline"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "root"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/jobs/*")
    visitor.settle()
    assert kept(place) == {"new": NEW}


def test_the_result_is_held_against_what_every_page_is(
    visitor: Visitor, folder: Path, tmp_path: Path, place: Path
) -> None:
    """The script's result, and that of the form."""
    page = visitor.open("/drop")
    page.locator("#folder").set_input_files(folder)
    wait_for_result(visitor)
    visitor.check_shown("/drop-result")


def test_without_scripts(plain: Visitor, visitor: Visitor, place: Path, folder: Path) -> None:
    page = plain.open("/drop")
    page.get_by_label("Files or zips").set_input_files([folder / "known", folder / "deep/new"])
    page.get_by_role("button", name="Look at them").click()
    expect(page.locator("h1")).to_have_text("1 file of 2 is new.")
    visitor.check(page.url.removeprefix(plain.server.origin))
    page.get_by_role("button", name="Keep the new ones").click()
    page.wait_for_url("**/jobs/*")
    assert until(lambda: kept(place) == {"new": NEW}, 60)
    history = json.loads(run("dedupe", "--history", "--json", vault=plain.server.vault).stdout)
    assert "dropped" in {each["event"] for each in history["runs"]}
