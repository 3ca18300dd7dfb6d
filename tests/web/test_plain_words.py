"""What pages say is what is so: figures agree, and nothing is offered that would be refused."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

import pytest

from gorillacomb.api.server.quarantine import list_quarantined_folder
from gorillacomb.errors import UsageError
from gorillacomb.vault.vault import Vault
from tests.support.memory import in_memory
from tests.support.run import run
from tests.support.server import Server, serving
from tests.support.trees import Link, Tree, make_tree, settle
from tests.web.test_decide_pages import (
    answers,
    apply,
    ended,
    fields,
    give,
    make,
    page,
    post,
    question,
    said,
    words,
)
from tests.web.test_every_page import shown
from tests.web.test_pages import outline

ODD = b"odd\xff"
PLAIN: Tree = {"f": "1" * 200_000, "g": "2" * 5000}


@contextmanager
def served(top: Path, *options: str) -> Iterator[Server]:
    """A server whose vault has a tree."""
    settle(top)
    with in_memory() as folder:
        assert run("scan", top, vault=folder / "vault").code == 0
        with serving(folder / "vault", *options) as made:
            yield made


@pytest.fixture
def top(tmp_path: Path) -> Path:
    return tmp_path / "drive"


# The overview and plans -------------------------------------------------------------------------


def test_the_overview_says_why_the_plan_counts_more(top: Path) -> None:
    make_tree(top, {"a": {**PLAIN, "empty": ""}})
    make_tree(top, {"Copy of a": {**PLAIN, "empty": ""}})
    os.link(top / "Copy of a/f", top / "Copy of a/second name")
    os.link(top / "a/f", top / "a/second name")
    with served(top) as server:
        shown(server, "/")
        found = run("overview", "--json", vault=server.vault).json()
        text = words(outline(shown(server, "/")))
        counted = found["surplus"][0]["files"]
        planned = found["removable"]["files"]
        assert (counted, planned) == (2, 4)
        assert f"{counted} files, each with an equal copy that stays" in text
        assert f"The plan counts {planned} files: with those copies, 2 more leave" in text
        plan = make(server)
        assert f"{planned} files, " in words(page(server, plan))


def test_the_overview_has_nothing_to_explain_where_the_figures_agree(top: Path) -> None:
    make_tree(top, {"a": PLAIN, "Copy of a": PLAIN})
    with served(top) as server:
        assert "The plan counts" not in words(outline(shown(server, "/")))


@pytest.fixture
def drifted(top: Path) -> Path:
    """Two pairs of folders, of which one question each is asked, and a pair of files."""
    return make_tree(
        top,
        {
            "a": PLAIN,
            "Copy of a": PLAIN,
            "b": {"x": "x" * 50_000, "own": "o"},
            "Copy of b": {"x": "x" * 50_000, "p": "p"},
        },
    )


def test_before_a_plan_is_applied_it_says_what_leaves(drifted: Path) -> None:
    with served(drifted) as server:
        plan = make(server)
        before = words(page(server, plan))
        assert "3 files, 262.1 kB, leave: the whole plan, because nothing was answered" in before
        assert "only what you answer with yes leaves, and all others stay" in before
        first = words(page(server, f"{plan}/review"))
        assert "applied like this, the whole plan leaves, 3 files" in first
        assert "Questions: 0 of 2 answered" in first
        assert give(server, plan, "no", 1).status == 303
        after = words(page(server, plan))
        assert "By your answers, nothing leaves." in after and "Apply" not in after
        assert give(server, plan, "yes", 0).status == 303
        after = words(page(server, plan))
        leaves = re.search(r"(\d) files?, \S+ \S+, of the 3 in the plan leaves?: only what", after)
        assert leaves is not None, after
        assert "Of 2 steps: 1 yes, 0 swapped, 1 no, 0 open; what is open stays" in after
        done = words(ended(server, apply(server, plan, count=leaves[1])))
        assert f"{leaves[1]} file" in done


def test_one_word_for_one_thing(drifted: Path) -> None:
    """Steps are what leaves as a whole, questions what the review asks; there are no pairs."""
    with served(drifted) as server:
        plan = make(server)
        pages = (plan, f"{plan}?by=step", f"{plan}/review?at=0", f"{plan}/review?end=true")
        for path in (*pages, f"{plan}/review?at=0&in=0"):
            text = words(page(server, path))
            assert not re.search(r"\b(pairs?|places?|items?)\b", text), (path, text)
        text = words(page(server, plan))
        assert "in 2 steps: each is a file or folder that leaves as a whole" in text
        assert "0 of 2questions, each about what leaves one folder" in text
        assert "Question by question" in text


# Reviews ----------------------------------------------------------------------------------------


def test_a_swap_that_would_be_refused_is_not_offered(top: Path) -> None:
    make_tree(
        top,
        {
            "a": {**PLAIN, "more": "m"},
            "Copy of a": PLAIN,
            "b": {"x": "x" * 50_000, "own": "o"},
            "Copy of b": {"x": "x" * 50_000, "p": "p"},
        },
    )
    with served(top) as server:
        plan = make(server)
        found = page(server, f"{plan}/review?at=0")
        assert "The other one cannot leave instead:" in words(found)
        assert "has files that the copy to keep would lack" in words(found)
        assert "swap" not in [it.get("value") for tag, it in found.elements if tag == "button"]
        sent = question(server, plan, 0)
        text = said(post(server, f"{plan}/review", **sent, answer="swap"), 409)
        assert "would lack" in text, "it is refused all the same"
        assert not answers(server, plan)
        other = page(server, f"{plan}/review?at=1")
        assert "swap" in [it.get("value") for tag, it in other.elements if tag == "button"]
        assert "cannot leave instead" not in words(other)
        assert give(server, plan, "swap", 1).status == 303
        swapped = page(server, f"{plan}/review?at=1")
        assert "swap" in [it.get("value") for tag, it in swapped.elements if tag == "button"]
        assert give(server, plan, "swap", 1).status == 303, "and back"
        assert answers(server, plan) == ["yes"]


def test_a_cache_of_git_that_differs_is_named(top: Path) -> None:
    make_tree(top, {"Tool": {"readme": "read " * 50, "main": "m" * 3000}})

    def git(folder: str, *arguments: str) -> None:
        own = ("-c", "user.name=a", "-c", "user.email=a@b.c")
        subprocess.run(["git", "-C", str(top / folder), *own, *arguments], check=True)

    git("Tool", "init", "-q")
    git("Tool", "add", ".")
    git("Tool", "commit", "-qm", "all")
    shutil.copytree(top / "Tool", top / "Copy of Tool", symlinks=True)
    git("Copy of Tool", "update-index", "-q", "--really-refresh")
    shutil.copytree(top / "Tool", top / "Tool copy", symlinks=True)
    ours, theirs = (top / each / ".git/index" for each in ("Tool", "Copy of Tool"))
    assert ours.read_bytes() != theirs.read_bytes()
    with served(top) as server:
        plan = make(server)
        texts = [words(page(server, f"{plan}/review?at={at}")) for at in range(2)]
    differs = [text for text in texts if "/drive/Copy of Tool " in text]
    same = [text for text in texts if "/drive/Tool copy " in text]
    assert len(differs) == len(same) == 1, texts
    assert "All content but git's caches stays" in differs[0]
    assert "Not the same byte for byte: .git/index" in differs[0]
    assert "Every content stays, under the same name" in same[0]
    assert "Not the same byte for byte" not in same[0]


# Runs -------------------------------------------------------------------------------------------


def applied(server: Server, plan: str, files: int) -> str:
    """Apply a plan, and return the page of its run."""
    done = ended(server, apply(server, plan, count=str(files)))
    [place] = {str(it["href"]) for _, it in done.elements if "/runs/2" in str(it.get("href"))}
    return place


def test_what_leaves_with_another_file_has_no_size_of_its_own(top: Path) -> None:
    photo: Tree = {"DSC1.NEF": "n" * 90_000, "DSC1.xmp": "x" * 9000}
    make_tree(top, {"Photos": {**photo, "own": "o"}, "Downloads": {**photo, "p": "p"}})
    with served(top) as server:
        plan = make(server)
        text = words(page(server, applied(server, plan, 2)))
        assert "0 B" not in text
        assert "counted with DSC1.NEF" in text


NESTED: Tree = {
    "sub": {"deep": {"x": "x" * 3000}, ODD: "o" * 3000},
    "link": Link("sub"),
    **{f"f{number:03}": f"{number}" * 2000 for number in range(60)},
}


def test_a_file_of_a_folder_is_put_back_by_clicks(top: Path) -> None:
    make_tree(top, {"a": NESTED, "Copy of a": NESTED})
    with served(top) as server:
        plan = make(server)
        place = applied(server, plan, 62)
        assert not (top / "Copy of a").exists()
        files = next(each for each in links(server, place) if "/files?" in each)
        first = page(server, files)
        names = [str(it["value"]) for _, it in first.elements if it.get("name") == "path"]
        assert len(names) == 50 and names[0].endswith("/sub") and "1 to 50 of 62" in words(first)
        second = next(each for each in links(server, files) if "after=50" in each)
        rest = page(server, second)
        assert len([it for _, it in rest.elements if it.get("name") == "path"]) == 12
        inner = next(each for each in links(server, files) if each.endswith("%2Fsub"))
        odd = fields(page(server, inner), f"{place}/undo")
        assert "deep/" in words(page(server, inner))
        put = {"form": odd["form"], "part": "yes"}
        path = os.fsencode(top) + b"/Copy of a/sub/" + ODD
        sent = [it for _, it in page(server, inner).elements if it.get("name") == "path_b64"]
        assert len(sent) == 1
        back = ended(server, post(server, f"{place}/undo", **put, path_b64=str(sent[0]["value"])))
        assert "1 file is back" in words(back) and os.path.exists(path)
        assert os.listdir(top / "Copy of a/sub") == [os.fsdecode(ODD)]
        assert "not a regular file" in words(page(server, second)) + words(first)
        again = words(page(server, inner))
        assert "deep/" in again and "odd" not in again.replace("Copy of a", ""), again
        whole = ended(server, post(server, f"{place}/undo", form=put["form"]))
        assert "back where" in words(whole)
        page(server, files, 404)


def links(server: Server, path: str) -> list[str]:
    return [str(it["href"]) for tag, it in page(server, path).elements if tag == "a"]


def test_only_what_a_run_moved_is_listed(top: Path) -> None:
    make_tree(top, {"a": NESTED, "Copy of a": NESTED, "c": {"private": "p"}})
    with served(top) as server:
        plan = make(server)
        place = applied(server, plan, 62)
        moved = f"{top}/Copy of a"
        refused = (
            f"{top}/c",
            str(top),
            "/",
            f"{moved}/link",  # what it leads to is outside
            f"{moved}/f000",
            f"{moved}/nowhere",
            f"{moved}/../c",
            f"{moved}/sub/../../c",
        )
        for path in refused:
            page(server, f"{place}/files?{urlencode({'path': path})}", 404)
        page(server, f"{place}/files", 404)
        page(server, f"/runs/nothing/files?{urlencode({'path': moved})}", 404)
        assert server.get(f"{place}/files?path=x", None).status == 422
        run_name = place.rpartition("/")[2]
        with pytest.raises(UsageError):
            list_quarantined_folder(Vault(server.vault), run_name, os.fsencode(top) + b"/c", 0, 5)


# Help, jobs, drops -------------------------------------------------------------------------------


def test_help_finds_the_topic_that_is_about_it_first(drifted: Path) -> None:
    with served(drifted) as server:
        for word, first in (
            ("quarantine", "/docs/quarantine"),
            ("scrub", "/docs/scrub"),
            ("TRACE", "/docs/trace"),
            ("exit code", "/docs/exit-codes"),
        ):
            found = links(server, f"/docs?{urlencode({'search': word})}")
            topics = [each for each in found if each.startswith("/docs/")]
            assert topics[0] == first, (word, topics[:4])
            assert len(topics) > 1
        every = [each for each in links(server, "/docs") if each.startswith("/docs/")]
        assert every[0] == "/docs/quickstart", "without a search, newcomers' topics come first"


def test_jobs_say_what_they_found(drifted: Path) -> None:
    with served(drifted) as server:
        query = urlencode({"a": f"{drifted}/b", "b": f"{drifted}/Copy of b"})
        shown(server, f"/compare?{query}")
        shown(server, f"/unique?{urlencode({'path': f'{drifted}/b'})}")
        text = words(page(server, "/jobs"))
        assert "done: the two differ" in text
        assert "done: something is only there" in text
        assert "the check found something" not in text


def test_a_dropped_file_is_found_under_its_own_name_first(top: Path, tmp_path: Path) -> None:
    text = "b" * 4000
    make_tree(
        top,
        {
            "Documents": {"Budget (conflicted copy 2023-04-01).txt": text, "Budget.txt": text},
            "Archive": {"Accounts.txt": text, "Copy of Accounts.txt": text},
        },
    )
    make_tree(tmp_path / "sent", {"Budget.txt": text})
    make_tree(tmp_path / "other", {"figures.txt": text})
    with served(top) as server:
        for folder, name in (("sent", "Documents/Budget.txt"), ("other", "Archive/Accounts.txt")):
            found = run("drop", tmp_path / folder, "--json", vault=server.vault).json()
            assert f"{top}/{name}" in str(found), found
            assert "onflicted" not in str(found) and "Copy of" not in str(found)
