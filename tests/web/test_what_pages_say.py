"""What pages say agrees with what they show, and with what other pages say of the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.support.memory import in_memory
from tests.support.run import run
from tests.support.server import Server, serving
from tests.support.trees import Tree, make_tree, settle
from tests.web.test_decide_pages import page, words
from tests.web.test_find_pages import asked, headline, links, shown, values
from tests.web.test_pages import FORM

TREE: Tree = {
    "here": {f"f{n}.txt": f"{n}" * 9000 for n in range(3)},
    "there": {f"f{n}.txt": f"{n}" * 9000 for n in range(3)},
    "alone": {"own.txt": "own" * 900},
}


@pytest.fixture
def top(tmp_path: Path) -> Path:
    return make_tree(tmp_path / "drive", TREE)


@pytest.fixture
def server(top: Path) -> Iterator[Server]:
    settle(top)
    with in_memory() as folder:
        assert run("scan", top, vault=folder / "vault").code == 0
        with serving(folder / "vault") as made:
            yield made


def test_the_headline_of_duplicates_is_of_those_that_are_shown(server: Server, top: Path) -> None:
    assert headline(server, "/groups") == "3 files are there more than once."
    within = f"/groups?{asked(top / 'here', 'within')}"
    assert headline(server, within) == "3 files in this folder are there more than once."
    assert headline(server, f"{within}&limit=2") == (
        "More than 2 files in this folder are there more than once."
    )
    (rest,) = [it for it in links(shown(server, f"{within}&limit=2"), "/groups?") if "after=" in it]
    assert headline(server, rest) == "1 more file in this folder is there more than once."
    nothing = f"/groups?{asked(top / 'alone', 'within')}"
    assert headline(server, nothing) == "No file in this folder is there more than once."
    said = words(shown(server, nothing))
    assert "No group is like that" in said and "All copies but one" not in said
    assert "3 files are there more than once in all places" in said
    assert headline(server, f"{within}&kind=pictures").startswith("No file like that in this")
    assert headline(server, "/groups?min_reclaimable=1000000").startswith("No file like that is")
    # The address of the folder is kept as it was typed where it names nothing.
    assert server.get("/groups?within=/nothing").status == 404


def test_duplicates_are_room_in_copies_not_room_that_may_be_freed(server: Server) -> None:
    said = words(page(server, "/groups"))
    assert said.count("on disk in copies") == 3 and "freed" not in said


def test_a_mark_leads_back_to_its_group_and_is_said_once(server: Server, top: Path) -> None:
    found = shown(server, "/groups?sort=size")
    backs, digests = values(found, "back")["back"], values(found, "blake3")["blake3"]
    assert len(backs) == len(digests) == 3
    back, digest = backs[1], digests[1]
    assert back.startswith("/groups?sort=size&") and back.endswith(f"#g-{digest}")
    assert [it for tag, it in found.elements if it.get("id") == f"g-{digest}"]
    file = values(found, "path")["path"][2]
    on_page = values(found, "form", "seen")
    sent = {"form": on_page["form"][-1], "seen": on_page["seen"][-1], "back": back}
    answer = server.post(
        "/marks", urlencode({**sent, "kind": "keep", "path": file}).encode(), FORM
    )
    place = answer.headers["location"]
    while (answer := server.get(place)).status == 202:
        pass
    assert (answer.status, answer.headers["location"]) == (303, back)
    after = server.get(back.partition("#")[0]).body.decode()
    [section] = [it for it in after.split("<section")[1:] if f'id="g-{digest}"' in it]
    assert "Your marks are saved." in section and after.count("Your marks are saved.") == 1
    said = re.sub(r"\s+", " ", re.sub("<[^>]+>", "", section))
    assert "the one to keep" in said and said.count("marked to be kept") == 1
    assert "you marked it" not in said
    # What is marked as meant to be there is not listed any more: the page says so at its top.
    gone = f"/groups?marked={'0' * 64}"
    assert "What they are about is not on this page" in words(page(server, gone))
    assert "marked=" not in "".join(links(shown(server, f"{back.partition('#')[0]}"), "/groups.json"))
