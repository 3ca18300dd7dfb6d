"""What pages say agrees with what they show, and with what other pages say of the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.support.memory import in_memory
from tests.support.run import run
from tests.support.server import Server, serving
from tests.support.trees import Link, Tree, make_tree, settle
from tests.web.test_decide_pages import apply, ended, give, make, page, words
from tests.web.test_find_pages import asked, headline, links, shown, values
from tests.web.test_pages import FORM, PAGE, Outline, outline
from tests.web.test_plain_words import served

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
    answer = server.post("/marks", urlencode({**sent, "kind": "keep", "path": file}).encode(), FORM)
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
    assert "marked=" not in "".join(
        links(shown(server, f"{back.partition('#')[0]}"), "/groups.json")
    )


# Reviews -----------------------------------------------------------------------------------------


@contextmanager
def made(top: Path, tree: Tree) -> Iterator[tuple[Server, str]]:
    """A server whose vault has a tree, and the usual plan."""
    make_tree(top, tree)
    with served(top) as server:
        yield server, make(server)


def listed(found: Outline, server: Server, place: str) -> list[list[str]]:
    """What each card of a question lists, without sizes and dates."""
    body = server.get(place, PAGE).body.decode()
    cards = body.split('<div class="side')[1:]
    rows = [re.findall(r'<li><span class="path">(.*?)</span>', card) for card in cards]
    assert len(rows) == len([it for _, it in found.elements if "side" in (it.get("class") or "")])
    return rows


def test_links_are_not_counted_as_files(tmp_path: Path) -> None:
    files: Tree = {f"f{n}": f"{n}" * 3000 for n in range(9)}
    some_links: Tree = {f"link{n}": Link(f"f{n}") for n in range(4)}
    deep: Tree = {**files, **some_links}
    inside: Tree = {"deep": deep, "top": "t" * 3000}
    with made(tmp_path / "drive", {"a": inside, "Copy of a": inside}) as (server, plan):
        question = page(server, f"{plan}/review?at=0")
        said = words(question)
        assert "10 files" in said, "in the headline"
        assert said.count("deep/9 files, 4 links") == 2 and "13 files" not in said


def test_a_question_names_every_file_that_leaves(tmp_path: Path) -> None:
    """A picture leaves with the files beside it: all are listed, on both sides."""
    beside: Tree = {f"DSC1{end}": end * 900 for end in (".NEF", ".xmp")}
    other: Tree = {f"DSC1 (1){end}": end * 900 for end in (".NEF", ".xmp")}
    tree: Tree = {"Photos": {**beside, "own": "o"}, "Downloads": {**other, "p": "p"}}
    with made(tmp_path / "drive", tree) as (server, plan):
        place = f"{plan}/review?at=0"
        question = page(server, place)
        assert "2 files" in words(question)
        stays, leaves = listed(question, server, place)
        assert sorted(stays) == sorted(map(str, beside)) and sorted(leaves) == sorted(
            map(str, other)
        )
        assert "These 2 files belong together" in words(question)
        (compare,) = links(question, "/compare?")
        assert "Photos" in compare and "Downloads" in compare and "DSC1" not in compare
        picture = [it for tag, it in question.elements if tag == "img"]
        assert all((it["alt"] or "").startswith("Picture of DSC1") for it in picture)


def test_a_long_question_leads_to_all_of_it(tmp_path: Path) -> None:
    both: Tree = {f"p{n:02}.txt": f"{n}" * 3000 for n in range(30)}
    tree: Tree = {"Photos": {**both, "own": "o"}, "Downloads": {**both, "p": "p"}}
    with made(tmp_path / "drive", tree) as (server, plan):
        place = f"{plan}/review?at=0"
        question = page(server, place)
        assert [len(names) for names in listed(question, server, place)] == [8, 8]
        assert words(question).count("And 22 more. List all of them") == 2
        (every,) = set(links(question, f"{plan}/review?at=0&all="))
        rows = listed(page(server, every), server, every)
        assert [len(names) for names in rows] == [30, 30]
        assert "more." not in words(page(server, every))


def test_a_question_about_one_folder_names_that_folder(tmp_path: Path) -> None:
    """What leaves is one folder of many that were looked at together: not the one around it."""
    odd: Tree = {"--help": "h" * 3000, "-rf": "r" * 3000}
    kept: Tree = {f"x{n}": {"kept": f"{n}" * 3000} for n in range(6)}
    copies: Tree = {f"y{n}": {"kept": f"{n}" * 3000} for n in range(6)}
    tree: Tree = {"Odd": odd, **kept, "Downloads": {"Odd names": odd, **copies}}
    with made(tmp_path / "drive", tree) as (server, plan):
        [found] = re.findall(r"0 of ([0-9]+) answered", words(page(server, f"{plan}/review?at=0")))
        places = [f"{plan}/review?at={at}" for at in range(int(found))]
        (about_it,) = (it for it in places if "--help" in words(page(server, it)))
        answer = server.get(about_it, PAGE).body.decode()
        cards = re.findall(r"<h2[^>]*>(stays|leaves)</h2>\s*<p[^>]*>(.*?)</p>", answer, re.S)
        folder = re.sub("<[^>]+>", "", dict(cards)["leaves"])
        assert folder == f"{tmp_path}/drive/Downloads/Odd names"
        assert "other file" not in words(outline(server.get(about_it, PAGE)))
        assert links(page(server, about_it), "/compare?")


def test_system_files_are_counted_as_a_plan_counts_them(tmp_path: Path) -> None:
    deep: Tree = {f"f{n}": f"{n}" * 3000 for n in range(5)}
    inside: Tree = {"deep": deep, "top": "t" * 3000}
    with_noise: Tree = {**inside, "deep": {**deep, ".DS_Store": "s"}}
    with made(tmp_path / "drive", {"a": inside, "Copy of a": with_noise}) as (server, plan):
        said = words(page(server, f"{plan}/review?at=0"))
        assert "6 files" in said and said.count("deep/5 files") == 2


# Plans and runs ----------------------------------------------------------------------------------


def test_a_collapse_counts_files_the_same_from_plan_to_run(tmp_path: Path) -> None:
    src: Tree = {f"f{number}": f"{number}" * 3000 for number in range(8)}
    app: Tree = {"package.json": "{}", "src": src, "latest": Link("src/f1")}
    other: Tree = {**app, "notes.txt": "only here", "src": {**src, ".DS_Store": "s"}}
    tree: Tree = {"work": {"App": app}, "Backup": {"App": other}, "New Folder": {"App": app}}
    top = make_tree(tmp_path / "Drive", tree)
    with served(top) as server:
        keep = str(top / "work/App")
        plan = make(server, collapse=keep, into=keep)
        counts = rows_of(server, plan, "Files")
        copies = {f"{top}/Backup/App": "11", f"{top}/New Folder/App": "9"}
        assert {path: counts[path] for path in copies} == copies
        job = words(ended(server, apply(server, plan, count="20")))
        assert "20 files" in job and "22 files and links were compared when they left" in job
        [event] = server.get("/api/v1/runs").json()["runs"]
        run_page = f"/runs/{event['run']}"
        assert rows_of(server, run_page, "Files").items() >= copies.items()
        compared = rows_of(server, run_page, "Files and links")
        assert compared == {f"{top}/Backup/App": "12", f"{top}/New Folder/App": "10"}
        # The list of plans says which was applied, and leads to what that did.
        plans = page(server, "/plans")
        assert "applied What that did" in words(plans) and "no, applied as a whole" in words(plans)
        assert links(plans, "/runs/") == [run_page]


def rows_of(server: Server, place: str, column: str) -> dict[str, str]:
    """What a column of a page's tables says of each path."""
    found = {}
    for row in re.findall(r"<tr>(.*?)</tr>", server.get(place, PAGE).body.decode(), re.S):
        path = re.search(r'<td>\s*<(?:a|span) class="path"[^>]*>(.*?)<', row)
        cell = re.search(f'data-label="{column}">([^<]*)<', row)
        if path is not None and cell is not None:
            found[path[1]] = cell[1]
    return found


def test_the_list_of_plans_and_a_plan_count_what_is_reviewed_alike(tmp_path: Path) -> None:
    both: Tree = {f"p{n}.txt": f"{n}" * 3000 for n in range(7)}
    tree: Tree = {
        "Photos": {**both, "own": "o"},
        "Downloads": {**both, "p": "p"},
        "a": {"x": "x" * 9000, "q": "q"},
        "b": {"x": "x" * 9000, "r": "r"},
    }
    with made(tmp_path / "drive", tree) as (server, plan):
        assert "not yet" in words(page(server, "/plans"))
        assert give(server, plan, "yes", 0).status == 303
        assert "Reviewed1 of 2questions" in words(page(server, plan))
        listed = re.search(r"(\d+) of 8 steps", words(page(server, "/plans")))
        assert listed is not None and listed[0] in words(page(server, plan))


# Families and comparisons ------------------------------------------------------------------------


def test_a_family_and_a_comparison_say_what_they_count(tmp_path: Path) -> None:
    same: Tree = {f"f{number}": f"{number}" * 3000 for number in range(9)}
    kept: Tree = {**same, "edited": "new" * 900, "here": "moved" * 900}
    copy: Tree = {**same, "edited": "old" * 900, "elsewhere": "moved" * 900}
    tree: Tree = {
        "App": {**kept, "__pycache__": {"a.pyc": "1" * 99}},
        "Backup": {"App": {**copy, "__pycache__": {"a.pyc": "2" * 99}}},
    }
    with served(make_tree(tmp_path / "drive", tree)) as server:
        (family,) = set(links(shown(server, "/families"), "/families/"))
        found = shown(server, family)
        row = words(found)
        assert "your files: 1 differs, 1 moved, 9 same" in row
        assert "“Changed” and Compare count everything" in row
        body = server.get(family, PAGE).body.decode()
        assert 'data-label="Changed">2<' in body
        (compare,) = links(found, "/compare?")
        said = words(shown(server, f"{compare}&limit=2"))
        assert "2 files differ, 9 are the same." in said
        assert "1 to 2 of 3: 2 differ, 1 elsewhere in B" in said
        assert "also in .git and in other folders that programs make" in said
        assert "What is elsewhere in B is listed below, but does not count as different" in said
