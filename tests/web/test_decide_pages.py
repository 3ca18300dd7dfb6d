"""The pages on which people decide, without scripts; what they did is looked up on the disk."""

from __future__ import annotations

import base64
import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.cli.test_review import Review, review
from tests.support.memory import in_memory
from tests.support.run import run, until
from tests.support.server import Answer, Server, serving
from tests.support.trees import Tree, make_tree, settle
from tests.web.test_pages import FORM, PAGE, Outline, form_of, outline

PLAIN: Tree = {"f": "1" * 200_000, "g": "2" * 5000}
ODD, SCRIPT = b"odd\xff", "<script>alert(1)</script>"
TREE: Tree = {
    "a": PLAIN,
    "Copy of a": PLAIN,
    "b": {"x": "x" * 50_000, "own": "o"},
    "Copy of b": {"x": "x" * 50_000, "p": "p"},
    "c": {"y": "y" * 9000, "q": "q"},
    "Copy of c": {"y": "y" * 9000, "r": "r"},
    ODD: {"z": "z" * 300, "one": "1"},
    b"Copy of " + ODD: {"z": "z" * 300, "two": "2"},
    SCRIPT.replace("/", ""): {"w": "w" * 200, "three": "3"},
    f"Copy of {SCRIPT}".replace("/", ""): {"w": "w" * 200, "four": "4"},
}
FILES = 6
"""Files that the usual plan removes."""


@pytest.fixture
def top(tmp_path: Path) -> Path:
    return make_tree(tmp_path / "drive", TREE)


@pytest.fixture
def server(top: Path) -> Iterator[Server]:
    """A server of its own for each test, whose vault has that drive."""
    settle(top)
    with in_memory() as folder:
        assert run("scan", top, vault=folder / "vault").code == 0
        with serving(folder / "vault") as made:
            yield made


def post(server: Server, place: str, /, **sent: str) -> Answer:
    """Send a form; a field may have any name."""
    return server.post(place, urlencode(sent).encode(), FORM)


def page(server: Server, path: str, code: int = 200) -> Outline:
    answer = server.get(path, PAGE)
    assert answer.status == code, (path, answer.status, outline(answer).text[-800:])
    return outline(answer)


def words(found: Outline) -> str:
    return re.sub(r"\s+", " ", found.text)


def said(answer: Answer, code: int) -> str:
    assert answer.status == code, (answer.status, words(outline(answer))[-800:])
    return words(outline(answer))


def fields(found: Outline, action: str) -> dict[str, str]:
    """The hidden fields of the first form with an action."""
    inside = False
    values: dict[str, str] = {}
    for tag, it in found.elements:
        if tag == "form":
            if values:
                break
            inside = it.get("action") == action
        elif inside and tag == "input" and it.get("type") == "hidden":
            values[str(it["name"])] = it.get("value") or ""
    assert values, f"no form {action}"
    return values


def ended(server: Server, answer: Answer) -> Outline:
    """The page of the job that a form started, once it has ended."""
    assert answer.status == 303, (answer.status, words(outline(answer))[-500:])
    place = answer.headers["location"]
    job = place.partition("?")[0]
    live = "queued", "running"
    assert until(lambda: server.get(f"/api/v1{job}").json()["state"] not in live, 120)
    found = server.get(place, PAGE)
    if found.status == 303:
        return page(server, found.headers["location"])
    return outline(found)


def make(server: Server, **asked: str) -> str:
    """Make a plan by the form, and return its page."""
    answer = post(server, "/plans", form=form_of(server), **asked)
    ended(server, answer)
    shown = server.get(answer.headers["location"], PAGE)
    assert shown.status == 303, words(outline(shown))
    return shown.headers["location"]


def apply(server: Server, plan: str, **changes: str) -> Answer:
    return post(server, f"{plan}/apply", **applying(server, plan), **changes)


def applying(server: Server, plan: str) -> dict[str, str]:
    return fields(page(server, plan), f"{plan}/apply")


def question(server: Server, plan: str, at: int = 0, more: str = "") -> dict[str, str]:
    return fields(page(server, f"{plan}/review?at={at}{more}"), f"{plan}/review")


def give(server: Server, plan: str, answer: str, at: int = 0) -> Answer:
    return post(server, f"{plan}/review", **question(server, plan, at), answer=answer)


def answers(server: Server, plan: str) -> list[str]:
    found = server.get(f"/api/v1{plan}/answers").json()["items"]
    return [each["answer"] for each in found]


def kept_file(server: Server, plan: str) -> Path:
    """The file of a plan that the server keeps, for the terminal."""
    name = plan.rpartition("/")[2]
    [found] = Path(os.environ["HOME"]).rglob(f"{name}.jsonl")
    return found


def test_the_whole_way_by_forms(server: Server, top: Path) -> None:
    assert "No plan yet" in words(page(server, "/plans"))
    assert "Nothing has been done yet" in words(page(server, "/runs"))
    plan = make(server)
    shown = words(page(server, plan))
    assert f"{FILES} files" in shown and "0 of 5" in shown
    assert "1 plan is kept" in words(page(server, "/plans"))
    job = ended(server, apply(server, plan, count=str(FILES)))
    assert f"{FILES} files" in words(job) and "in the quarantine now" in words(job)
    assert not (top / "Copy of a").exists() and (top / "a/f").read_text() == "1" * 200_000
    assert (top / "Copy of b/p").exists() and not (top / "Copy of b/x").exists()
    [run_page] = {
        str(it["href"]) for _, it in job.elements if str(it.get("href")).startswith("/runs/2")
    }
    assert "This plan was applied" in words(page(server, plan))
    shown = words(page(server, run_page))
    assert "Copy of b/x" in shown and "can be put back" in words(page(server, "/runs"))
    # One file that is inside a folder, one step whose name is no text, then everything.
    one = {**fields(page(server, run_page), f"{run_page}/undo"), "part": "yes"}
    ended(server, post(server, f"{run_page}/undo", **one, path=str(top / "Copy of a/g")))
    assert (top / "Copy of a/g").exists() and not (top / "Copy of a/f").exists()
    odd = base64.b64encode(bytes(top) + b"/Copy of " + ODD + b"/z").decode()
    ended(server, post(server, f"{run_page}/undo", **one, path_b64=odd))
    assert os.path.exists(bytes(top) + b"/Copy of " + ODD + b"/z")
    every = fields(page(server, run_page), f"{run_page}/undo")
    back = ended(server, post(server, f"{run_page}/undo", **every))
    assert "are back where they were" in words(back)
    assert (top / "Copy of a/f").exists() and (top / "Copy of c/y").exists()
    assert "Nothing of this run is in the quarantine" in words(page(server, run_page))
    assert "The quarantine is empty" in words(page(server, "/quarantine"))


def test_what_is_typed_has_to_be_the_number(server: Server, top: Path) -> None:
    plan = make(server)
    for typed in ("", "5", "six", "-6", "6.5", "٦"):
        text = said(apply(server, plan, count=typed), 422)
        assert f"type {FILES}. Nothing was done" in text
    assert "apply" not in server.get("/api/v1/jobs").body.decode()
    ended(server, apply(server, plan, count=f" {FILES} "))
    assert not (top / "Copy of a").exists()
    purge = fields(page(server, "/quarantine"), "/quarantine/purge")
    wrong = post(server, "/quarantine/purge", **purge, count="7")
    assert f"type {FILES}. Nothing was deleted" in said(wrong, 422)
    [folder] = (top / ".gorillacomb/quarantine").iterdir()
    other = post(server, "/quarantine/purge", **{**purge, "bytes": "1"}, count=str(FILES))
    assert "not what was shown" in said(other, 412)
    assert (folder / "s1").exists()
    done = ended(server, post(server, "/quarantine/purge", **purge, count=str(FILES)))
    assert f"{FILES} files are deleted" in words(done)
    assert not (folder / "s1").exists()
    again = post(server, "/quarantine/purge", **purge, count=str(FILES))
    assert "nothing of that in the quarantine" in said(again, 404)


def test_the_quarantine_of_one_run(server: Server, top: Path) -> None:
    for place, count in (("Copy of a", "2"), ("Copy of b", "1")):
        ended(server, apply(server, make(server, within=str(top / place)), count=count))
    runs = sorted({each["run"] for each in server.get("/api/v1/runs").json()["runs"]})
    assert len(runs) == 2
    shown = page(server, f"/quarantine?run={runs[0]}")
    assert runs[1] not in shown.text and "Of this run alone" in words(shown)
    purge = fields(shown, "/quarantine/purge")
    assert purge["run"] == runs[0]
    ended(server, post(server, "/quarantine/purge", **purge, count="2"))
    left = [each["run"] for each in server.get("/api/v1/quarantine").json()["items"]]
    assert left == [runs[1]]


def test_every_answer_is_kept_and_only_yes_leaves(server: Server, top: Path) -> None:
    plan = make(server)
    assert give(server, plan, "yes", 0).headers["location"].endswith("review?at=1")
    assert give(server, plan, "swap", 1).headers["location"].endswith("review?at=2")
    assert give(server, plan, "no", 2).status == 303
    assert give(server, plan, "skip", 3).status == 303
    assert sorted(answers(server, plan)) == ["no", "skip", "swap", "yes"]
    shown = words(page(server, plan))
    assert "1 yes, 1 swapped, 1 no, 2 open" in shown
    # Undo is of the last answer: then it is asked about again.
    moment = fields(page(server, f"{plan}/review?at=3"), f"{plan}/review/undo")
    back = post(server, f"{plan}/review/undo", **moment)
    assert back.headers["location"].endswith("review?at=3")
    assert sorted(answers(server, plan)) == ["no", "swap", "yes"]
    assert "3 files" in words(page(server, plan))
    ended(server, apply(server, plan, count="3"))
    assert not (top / "Copy of a").exists()
    assert not (top / "b/x").exists() and (top / "Copy of b/x").exists()
    assert (top / "c/y").exists() and (top / "Copy of c/y").exists()


def test_yes_to_all_that_were_found_says_how_much_first(server: Server, top: Path) -> None:
    plan = make(server)
    asked = page(server, f"{plan}/review/all?q=copy+of+b")
    assert "Yes to 1 question: 1 file, 53.2 kB?" in words(asked)
    given = fields(asked, f"{plan}/review/all")
    wrong = post(server, f"{plan}/review/all", **{**given, "files": "2"})
    assert "nothing was answered" in said(wrong, 412) and not answers(server, plan)
    assert post(server, f"{plan}/review/all", **given).status == 303
    assert answers(server, plan) == ["yes"]
    again = post(server, f"{plan}/review/all", **given)
    assert "These are 0 files" in said(again, 412)
    assert "Nothing contains" in words(page(server, f"{plan}/review?q=nowhere"))
    every = fields(page(server, f"{plan}/review/all"), f"{plan}/review/all")
    assert post(server, f"{plan}/review/all", **every).status == 303
    assert "All of it is answered" in words(page(server, f"{plan}/review"))
    assert len(answers(server, plan)) == 5


def test_never_every_copy_leaves(tmp_path: Path, vault: Path) -> None:
    names = ("kept", "Copy of kept", "Copy (2) of kept")
    tree: Tree = {name: {"x": "x" * 9000, name: f"own {name}"} for name in names}
    top = make_tree(tmp_path / "drive", tree)
    assert run("scan", top, vault=vault).code == 0
    with serving(vault) as server:
        plan = make(server)
        assert give(server, plan, "swap", 0).status == 303
        text = said(give(server, plan, "swap", 1), 409)
        assert "leaves already, for another copy" in text and "Let it leave" in text
        assert give(server, plan, "yes", 1).status == 303
        ended(server, apply(server, plan, count="2"))
        assert sum((top / name / "x").exists() for name in names) == 1


def test_two_people_answer(server: Server) -> None:
    plan = make(server)
    first, second = question(server, plan), question(server, plan)
    assert post(server, f"{plan}/review", **first, answer="no").status == 303
    text = said(post(server, f"{plan}/review", **second, answer="yes"), 412)
    assert "answered elsewhere" in text and answers(server, plan) == ["no"]
    same = post(server, f"{plan}/review", **second, answer="no")  # sent twice
    assert same.status == 303 and answers(server, plan) == ["no"]
    # What one of them takes back is the answer that was shown.
    shown = fields(page(server, f"{plan}/review?at=1"), f"{plan}/review/undo")
    assert give(server, plan, "yes", 1).status == 303
    text = said(post(server, f"{plan}/review/undo", **shown), 412)
    assert "Another answer is the last one" in text
    assert sorted(answers(server, plan)) == ["no", "yes"]


def test_a_part_that_was_answered_otherwise_is_asked_about_again(
    tmp_path: Path, vault: Path
) -> None:
    files: Tree = {f"f{n}": f"{n}" * 3000 for n in range(4)}
    tree: Tree = {"a": {**files, "own": "1"}, "Copy of a": {**files, "other": "2"}}
    top = make_tree(tmp_path / "drive", tree)
    assert run("scan", top, vault=vault).code == 0
    with serving(vault) as server:
        plan = make(server)
        assert "Answer its 4 steps one by one" in words(page(server, f"{plan}/review"))
        inside = question(server, plan, 1, "&in=0")
        answer = post(server, f"{plan}/review", **inside, answer="no")
        assert "in=0" in answer.headers["location"] and answers(server, plan) == ["no"]
        shown = question(server, plan)
        asked = post(server, f"{plan}/review", **shown, answer="yes")
        assert "This changes 1 earlier answer" in said(asked, 200)
        assert answers(server, plan) == ["no"]
        sure = fields(outline(asked), f"{plan}/review")
        assert post(server, f"{plan}/review", **sure).status == 303
        assert answers(server, plan) == ["yes"] * 4


def test_what_changed_on_the_disk_is_not_answered(server: Server, top: Path) -> None:
    plan = make(server)
    (top / "Copy of a/f").write_text("now something else")
    assert "No longer as planned" in words(page(server, f"{plan}/review?at=0"))
    assert "no longer fits" in said(give(server, plan, "yes"), 409)
    assert not answers(server, plan)
    every = fields(page(server, f"{plan}/review/all"), f"{plan}/review/all")
    assert every["files"] == str(FILES - 2)


def test_the_terminal_and_the_page_share_the_answers(server: Server, top: Path) -> None:
    plan = make(server)
    file = kept_file(server, plan)
    shown = question(server, plan, 1)
    going = Review(file, vault=server.vault)
    going.until(b"(? explains): ")
    going.type("y")
    going.until(b"(? explains): ")
    # While it is open there, the page says so, and loses nothing.
    text = said(server.get(f"{plan}/review?at=1", PAGE), 409)
    assert "in use" in text
    assert "in use" in said(post(server, f"{plan}/review", **shown, answer="no"), 409)
    assert "on a terminal, now" in words(page(server, "/plans"))
    going.type("n")
    going.until(b"(? explains): ")
    going.type("q")
    assert going.end().code == 0
    text = said(post(server, f"{plan}/review", **shown, answer="yes"), 412)
    assert "answered elsewhere" in text
    assert sorted(answers(server, plan)) == ["no", "yes"]
    assert server.get(f"{plan}/review", PAGE).body.count(b"2 of 5 answered") == 1
    assert give(server, plan, "yes", 2).status == 303
    ran = review(["u", "q"], file, vault=server.vault)
    assert "Going on at 4 of 5" in ran.out and "Taken back" in ran.out
    assert sorted(answers(server, plan)) == ["no", "yes"]


def test_marks_of_the_terminal_are_taken_back_there(server: Server, top: Path) -> None:
    plan = make(server)
    review(["k", "q"], kept_file(server, plan), vault=server.vault)
    assert answers(server, plan) == ["keep"]
    assert "on a terminal, together with marks" in said(give(server, plan, "no", 0), 409)
    moment = fields(page(server, f"{plan}/review?at=1"), f"{plan}/review/undo")
    assert "together with marks" in said(post(server, f"{plan}/review/undo", **moment), 409)
    assert answers(server, plan) == ["keep"]


def test_a_plan_is_applied_once(server: Server, top: Path) -> None:
    plan = make(server)
    sent = {**applying(server, plan), "count": str(FILES)}
    found: list[Answer] = []
    path = f"{plan}/apply"
    clicks = [
        threading.Thread(target=lambda: found.append(post(server, path, **sent))) for _ in range(4)
    ]
    for each in clicks:
        each.start()
    for each in clicks:
        each.join()
    started = {each.headers["location"] for each in found if each.status == 303}
    assert len(started) == 1 and {each.status for each in found} <= {303, 412}
    ended(server, found[0] if found[0].status == 303 else next(a for a in found if a.status == 303))
    again = post(server, path, **sent)
    assert "was applied since it was shown" in said(again, 412)
    events = server.get("/api/v1/runs").json()["runs"]
    assert [each["event"] for each in events] == ["applied"]


def test_an_answer_between_the_page_and_its_form(server: Server, top: Path) -> None:
    """Also one after which as many files and bytes leave."""
    plan = make(server, within=str(top / "Copy of b"))
    sent = {**applying(server, plan), "count": "1"}
    review(["s", "q"], kept_file(server, plan), vault=server.vault)
    text = said(post(server, f"{plan}/apply", **sent), 412)
    assert "answered since it was shown" in text
    assert (top / "b/x").exists() and (top / "Copy of b/x").exists()
    ended(server, apply(server, plan, count="1"))
    assert not (top / "b/x").exists() and (top / "Copy of b/x").exists()


def test_what_the_form_of_a_plan_takes(server: Server, top: Path) -> None:
    odd = base64.b64encode(bytes(top) + b"/Copy of " + ODD).decode()
    plan = make(server, within=f"{top / 'Copy of a'}\r\n{top / 'Copy of c'}\r\n", within_b64=odd)
    found = server.get(f"/api/v1{plan}").json()
    assert {it.get("path", "odd")[len(str(top)) :] for it in found["step_list"]} == {
        "/Copy of a",
        "/Copy of c/y",
        "",
    }
    plan = make(server, what="files", min_size="40 kB", protect=f"{top}/Copy of a", keep="1")
    found = server.get(f"/api/v1{plan}").json()
    assert [it["kind"] for it in found["step_list"]] == ["file"]
    assert found["protect"] == [f"{top}/Copy of a"]
    for wrong, text in (
        ({"within": "drive"}, "not a full path"),
        ({"min_size": "many"}, "is not a size"),
        ({"free": "9e9"}, "is not a size"),
        ({"keep": "0"}, "Copies to keep"),
        ({"keep": "x"}, "not a number of copies"),
        ({"within_b64": "!"}, "cannot be read"),
        ({"into": f"{top}/a\n{top}/b"}, "Only one copy"),
        ({"action": "delete"}, "What becomes of a copy"),
        ({"prefer": "-x"}, "Keep the copies in"),
    ):
        answer = post(server, "/plans", form=form_of(server), retire="/kept text", **wrong)
        shown = said(answer, 422)
        assert text in shown and "was not made" in shown, wrong
        assert "/kept text" in shown, "what was typed stays"
    # What the command itself refuses is said on the job's page.
    refused = post(server, "/plans", form=form_of(server), into=f"{top}/a")
    text = words(ended(server, refused))
    assert "A copy to keep was named, but none to collapse" in text and "Add --collapse" in text
    prefilled = page(server, f"/plans?within=/x&retire_b64={odd}")
    assert "odd\\xff" in prefilled.text and "/x" in prefilled.text


def test_empty_folders(tmp_path: Path, vault: Path) -> None:
    top = make_tree(tmp_path / "drive", {"a": {"f": "x"}, "e": {"one": {}, "two": {"three": {}}}})
    assert run("scan", top, vault=vault).code == 0
    with serving(vault) as server:
        plan = make(server, what="empty")
        assert "4 empty folders may leave" in words(page(server, plan))
        assert "only removes empty folders" in words(page(server, f"{plan}/review"))
        assert "type 4" in said(apply(server, plan, count="0"), 422)
        assert "left for the quarantine" in words(ended(server, apply(server, plan, count="4")))
        assert not (top / "e").exists()
        count = fields(page(server, "/quarantine"), "/quarantine/purge")
        assert "type 1" in said(post(server, "/quarantine/purge", **count, count="9"), 422)


def test_a_collapse_from_a_family_to_its_proof(tmp_path: Path, vault: Path) -> None:
    src: Tree = {f"f{number}": f"{number}" * 3000 for number in range(8)}
    app: Tree = {"package.json": "{}", "src": src}
    drifted: Tree = {**app, "notes.txt": "only here", "src": {**src, "f1": "edited"}}
    top = make_tree(
        tmp_path / "Drive",
        {"work": {"App": app}, "Backup": {"App": drifted}, "New Folder": {"App": app}},
    )
    assert run("scan", top, vault=vault).code == 0
    with serving(vault) as server:
        plan = make(server, collapse=str(top / "work/App"), into=str(top / "work/App"))
        shown = words(page(server, plan))
        assert "As it is now. Nothing in it is touched." in shown
        assert "App (from copies)" in shown and "2 files, 15 B" in shown
        assert "what is copied needs 15 B" in shown
        assert "notes.txt" in shown
        first = words(page(server, f"{plan}/review?at=0"))
        second = words(page(server, f"{plan}/review?at=1"))
        assert "nothing is lost: 2 files of it are copied first" in first + second
        assert "make another plan with --collapse" in said(give(server, plan, "swap"), 409)
        job = words(ended(server, apply(server, plan, count="19")))
        assert "2 files were copied first" in job and "were compared when they left" in job
        assert not (top / "Backup/App").exists() and not (top / "New Folder/App").exists()
        shelf = top / "work/App (from copies)"
        assert {path.name for path in shelf.rglob("*") if path.is_file()} == {"f1", "notes.txt"}
        [event] = server.get("/api/v1/runs").json()["runs"]
        shown = words(page(server, f"/runs/{event['run']}"))
        assert "Where every file of the copies is kept" in shown and "2 on the shelf" in shown
        place = f"/runs/{event['run']}/undo"
        back = ended(server, post(server, place, form=form_of(server)))
        assert "2 files on shelves and in kept trees removed again" in words(back)
        assert (top / "Backup/App/notes.txt").exists() and not shelf.exists()
        everything = make(server, collapse="all", into=str(top / "work/App"), bring="all")
        shown = words(page(server, everything))
        assert "new in it" in shown and "notes.txt" in shown and "another version (1)" in shown


def test_something_in_the_way_is_named(server: Server, top: Path) -> None:
    plan = make(server, within=str(top / "Copy of b"))
    ended(server, apply(server, plan, count="1"))
    (top / "Copy of b/x").write_text("new")
    [event] = server.get("/api/v1/runs").json()["runs"]
    place = f"/runs/{event['run']}/undo"
    text = words(ended(server, post(server, place, form=form_of(server))))
    assert "Nothing was put back" in text and "Something else is in the way" in text
    assert (top / "Copy of b/x").read_text() == "new"
    wrong = post(server, place, form=form_of(server), part="yes", path="Copy of b/x")
    assert "not a full path" in said(wrong, 422)
    other = post(server, place, form=form_of(server), part="yes", path="/elsewhere")
    assert "moved nothing from /elsewhere" in said(other, 422)


def test_unknown_and_damaged(server: Server) -> None:
    no = "0" * 64
    for path in (f"/plans/{no}", f"/plans/{no}/review", f"/plans/{no}/review/all", "/runs/none"):
        page(server, path, 404)
    for path in ("/plans/x", f"/plans/{no}/review?at=-1", "/runs?after=-1", "/quarantine?run=%2F"):
        page(server, path, 422)
    form = form_of(server)
    applied = {"files": "1", "bytes": "1", "shown": "x", "runs": "0", "count": "1"}
    for path, sent in (
        (f"/plans/{no}/apply", applied),
        (f"/plans/{no}/review", {"at": "0", "answer": "yes", "shown": "x"}),
        (f"/plans/{no}/review/undo", {"moment": "1"}),
        (f"/plans/{no}/review/all", {"files": "0", "bytes": "0"}),
        ("/runs/none/undo", {}),
    ):
        assert post(server, path, form=form, **sent).status == 404, path
    plan = make(server)
    assert post(server, f"{plan}/review", **question(server, plan), answer="keep").status == 422
    late = {**question(server, plan), "at": "99"}
    assert post(server, f"{plan}/review", **late, answer="yes").status == 404
    page(server, f"{plan}/review?in=99", 404)
    file = kept_file(server, plan)
    file.with_name(file.stem + ".answers.jsonl").write_text('{"version": 1}\n')
    assert "answers to another plan" in said(server.get(plan, PAGE), 422)


def test_forms_of_others_do_nothing(server: Server, top: Path) -> None:
    plan = make(server)
    shown = applying(server, plan)
    one = question(server, plan)
    forms: tuple[tuple[str, dict[str, str]], ...] = (
        ("/plans", {}),
        (f"{plan}/apply", {**shown, "count": str(FILES)}),
        (f"{plan}/review", {**one, "answer": "yes"}),
        (f"{plan}/review/undo", {"moment": "1"}),
        (f"{plan}/review/all", {"files": "6", "bytes": "1"}),
        ("/runs/x/undo", {}),
        ("/quarantine/purge", {"digest": "0" * 64, "files": "0", "bytes": "0", "count": "0"}),
        ("/marks", {"kind": "keep", "seen": "x", "path": str(top)}),
    )
    jobs = len(server.get("/api/v1/jobs").json()["jobs"])
    own = form_of(server)
    for path, sent in forms:
        for form in ("x" * 64, "", "é"):
            assert post(server, path, **{**sent, "form": form}).status in (403, 422), path
        body = "&".join(f"{k}={v}" for k, v in {**sent, "form": own}.items()).encode()
        for site in ("same-site", "cross-site", "none"):
            assert server.post(path, body, {**FORM, "Sec-Fetch-Site": site}).status == 403, path
        assert server.post(path, body, {**FORM, "Cookie": None}).status in (401, 403), path
        assert server.get(path, PAGE).status in (200, 404, 405), path
    assert len(server.get("/api/v1/jobs").json()["jobs"]) == jobs
    assert not answers(server, plan) and (top / "Copy of a").exists()


def test_names_are_data_and_pages_read_only_have_no_forms(server: Server, top: Path) -> None:
    plan = make(server)
    ended(server, apply(server, plan, count=str(FILES)))
    [event] = server.get("/api/v1/runs").json()["runs"]
    run("mark", "keep", top / SCRIPT.replace("/", ""), vault=server.vault)
    paths = [
        *("/plans", plan, f"{plan}?by=step", f"{plan}/review?at=3", f"{plan}/review/all"),
        *("/runs", f"/runs/{event['run']}", "/quarantine", "/marks", f"{plan}/review?q=%3Cscript"),
        f"/plans?within={SCRIPT}",
    ]
    for path in paths:
        answer = server.get(path, PAGE)
        assert answer.status == 200, path
        assert b"<script>alert" not in answer.body, path
        for tag, it in outline(answer).elements:
            assert not any(name.startswith("on") or name == "style" for name in it), (path, tag)
    assert "<script>alert" in page(server, "/marks").text
    assert "odd\\xff" in page(server, plan).text
    server.stop()
    with serving(server.vault, "--read-only") as quiet:
        for path in paths:
            found = page(quiet, path)
            posts = [it for tag, it in found.elements if tag == "form" and it["method"] == "post"]
            assert not posts, path
        assert post(quiet, "/plans", form="x").status in (403, 404, 405)


def test_lists_are_in_pages(tmp_path: Path, vault: Path) -> None:
    tree: dict[str | bytes, Tree] = {}
    for n in range(120):
        tree[f"g{n}"] = {"x": f"{n}" * 900, "a": f"a{n}"}
        tree[f"Copy of g{n}"] = {"x": f"{n}" * 900, "b": f"b{n}"}
    top = make_tree(tmp_path / "drive", tree)
    assert run("scan", top, vault=vault).code == 0
    with serving(vault) as server:
        plan = make(server)
        seen: set[str] = set()
        address = plan
        while address:
            found = page(server, address)
            assert len(found.elements) < 5000
            seen |= {
                str(it["href"]) for _, it in found.elements if "review?at=" in str(it.get("href"))
            }
            following = [it["href"] for tag, it in found.elements if it.get("rel") == "next"]
            address = str(following[0]).partition("#")[0] if following else ""
        assert len(seen) == 120
        assert "101 to 120 of 120" in words(page(server, f"{plan}?by=step&after=100"))
        ended(server, apply(server, plan, count="120"))
        [event] = server.get("/api/v1/runs").json()["runs"]
        place = f"/runs/{event['run']}"
        assert "1 to 50 of 120" in words(page(server, place))
        assert "Copy of g77" in words(page(server, f"{place}?q=g77"))
        assert "1 to 50" not in words(page(server, f"{place}?q=g77"))


def test_a_path_longer_than_any_file_has_is_answered(server: Server, top: Path) -> None:
    plan = make(server)
    ended(server, apply(server, plan, count=str(FILES)))
    [event] = server.get("/api/v1/runs").json()["runs"]
    place = f"/runs/{event['run']}"
    sent = {"form": form_of(server, place), "part": "yes", "path": f"/{'x' * 20_000}"}
    assert post(server, f"{place}/undo", **sent).status in (303, 404, 422)
