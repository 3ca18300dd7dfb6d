"""`dedupe --review` on a real terminal: answers are kept, gone on with, and applied."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import signal
import struct
import termios
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gorillacomb.api.dedupe.plan import read_plan
from gorillacomb.api.dedupe.review import ReviewAnswer, open_review
from gorillacomb.dedupe.model import KEPT_IS_MISSING
from gorillacomb.dedupe.review.answers import read_answers
from gorillacomb.errors import UsageError
from gorillacomb.vault.vault import Vault
from tests.dedupe.drives import look
from tests.support.run import (
    Argument,
    Ran,
    environment,
    lines_on_screen,
    read_all,
    refused,
    run,
    started,
    width_of,
    without_traceback,
)
from tests.support.trees import Tree, make_tree, settle

PLAIN: Tree = {"f": "1" * 200_000, "g": "2" * 5000}
TREE: Tree = {
    "a": PLAIN,
    "Copy of a": PLAIN,
    "b": {"x": "x" * 50_000, "own": "o"},
    "Copy of b": {"x": "x" * 50_000, "p": "p"},
    "c": {"y": "y" * 9000, "q": "q"},
    "Copy of c": {"y": "y" * 9000, "r": "r"},
}
PROMPT = b"(? explains): "
END = b"go back (? explains): "
NO_ANSWERS = "No answers of a review in plan.answers.jsonl: this is the whole plan."
ALL = {"Copy of a", "Copy of b/x", "Copy of c/y"}


@pytest.fixture
def top(tmp_path: Path, vault: Path) -> Path:
    """A drive that was scanned."""
    return scanned(make_tree(tmp_path / "drive", TREE), vault)


@pytest.fixture
def plan(top: Path, vault: Path, tmp_path: Path) -> Path:
    return planned(vault, tmp_path / "plan.jsonl")


def scanned(top: Path, vault: Path) -> Path:
    settle(top)
    assert run("scan", top, vault=vault).code == 0
    return top


def planned(vault: Path, file: Path, *options: Argument) -> Path:
    assert run("dedupe", "-o", file, *options, vault=vault).code == 0
    return file


class Review:
    """A review on a terminal of 80 columns."""

    def __init__(self, *arguments: Argument, vault: Path, cwd: Path | None = None) -> None:
        self.terminal, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        words = ("dedupe", "--review", *arguments)
        self.process = started(words, environment(vault), (theirs, theirs, theirs), cwd=cwd)
        os.close(theirs)
        self.written = b""

    def until(self, *ends: bytes) -> bytes:
        """Read until it asks something; return what it said since the last time."""
        said = b""
        while not said.endswith(ends):
            data = os.read(self.terminal, 65536)
            assert data, said
            said += data
            self.written += data
        return said

    def type(self, text: str) -> None:
        os.write(self.terminal, text.encode() + b"\n")

    def wait_until_it_reads(self) -> None:
        """Wait until it sleeps: a signal right before that would be handled after the next key."""
        status = Path(f"/proc/{self.process.pid}/stat")
        while status.read_text().rpartition(")")[2].split()[0] != "S":
            time.sleep(0.005)

    def end(self) -> Ran:
        try:
            rest = read_all({self.terminal: bytearray()})[self.terminal]
        finally:
            os.close(self.terminal)
            code = self.process.wait(30)
        return without_traceback(Ran(code, self.written + bytes(rest), b""))


def review(keys: Sequence[str], *arguments: Argument, vault: Path, cwd: Path | None = None) -> Ran:
    """Answer with these lines, each when it asks."""
    going = Review(*arguments, vault=vault, cwd=cwd)
    ends = PROMPT, b"to say so: "
    try:
        for key in keys:
            going.until(*ends)
            going.type(key)
        if "q" not in keys[-1:]:
            going.until(*ends)
            going.type("q")
    except OSError:  # EIO: it has ended
        os.close(going.terminal)
        going.process.wait(30)
        pytest.fail(f"it asked less than {len(keys)} times: {going.written.decode()}")
    return going.end()


def goes(plan: Path, top: Path, vault: Path) -> set[str]:
    """What applying a plan and its answers would remove, relative to the drive."""
    ran = run("dedupe", "--apply", plan, "--dry-run", "--json", vault=vault)
    document = ran.json()
    assert document["skipped"] == [], document
    return {os.path.relpath(each["path"], top) for each in document["steps"]}


def answers(plan: Path) -> list[dict[str, Any]]:
    data = plan.with_name("plan.answers.jsonl").read_bytes()
    return [json.loads(line) for line in data.splitlines()]


KEYS = {
    "all": (["y", "y", "y"], ALL),
    "some": (["n", "y", "n"], {"Copy of b/x"}),
    "stop and apply": (["y", "q"], {"Copy of a"}),
    "swap": (["s", "y", "s"], {"a", "Copy of b/x", "c/y"}),
    "skip": (["y", "j", "y"], {"Copy of a", "Copy of c/y"}),
    "back": (["y", "n", "b", "y", "n"], {"Copy of a", "Copy of b/x"}),
    "undo": (["y", "y", "u", "n", "q"], {"Copy of a"}),
    "undo twice": (["y", "y", "u", "u", "n", "q"], set()),
    "find": (["f of c", "y", "q"], {"Copy of c/y"}),
    "find, and go on": (["f of c", "y", "y", "y"], ALL),
    "find, and show all": (["f OF B", "f", "y", "q"], {"Copy of a"}),
    "find nothing": (["f nowhere", "y", "q"], {"Copy of a"}),
    "yes to all": (["a", "4"], ALL),
    "yes to all but one": (["n", "a", "2"], {"Copy of b/x", "Copy of c/y"}),
    "yes to all that was found": (["f of b", "a", "1", "q"], {"Copy of b/x"}),
    "not the number": (["a", "y", "a", "3", "a", "", "n", "q"], set()),
    "details first": (["d", "y", "d", "q"], {"Copy of a"}),
    "one at a time": (["o", "y", "q"], {"Copy of a"}),
    "a slip": (["?", "", "yes", "y", "q"], {"Copy of a"}),
}


@pytest.mark.parametrize("name", KEYS)
def test_a_review(plan: Path, top: Path, vault: Path, name: str) -> None:
    keys, agreed = KEYS[name]
    before, drive = plan.read_bytes(), look(top)
    ran = review(keys, plan, vault=vault)
    assert ran.code == 0, ran.out
    assert plan.read_bytes() == before
    assert look(top) == drive
    assert goes(plan, top, vault) == agreed
    done = run("dedupe", "--apply", plan, "--json", vault=vault)
    assert (done.code, done.json()["done"]) == (0, len(agreed)), done
    assert not [each for each in agreed if (top / each).exists()]


def test_the_plan_without_answers_is_the_whole_plan(plan: Path, top: Path, vault: Path) -> None:
    told = run("dedupe", "--apply", plan, "--dry-run", vault=vault).out
    assert told.startswith(f"{NO_ANSWERS}\n")
    ran = review(["q"], plan, vault=vault)
    assert "Steps: 3 not decided." in ran.out
    assert [each.name for each in plan.parent.glob("plan*")] == [plan.name]
    assert goes(plan, top, vault) == ALL


def test_a_review_goes_on_where_it_was(plan: Path, top: Path, vault: Path) -> None:
    review(["y", "j", "q"], plan, vault=vault)
    ran = review(["n", "q"], plan, vault=vault)
    assert "Going on at 3 of 3." in ran.out
    assert "2 of 3 (answered: skipped)" in lines_on_screen(ran.stdout), "it is asked again"
    ran = review(["y"], plan, vault=vault)
    assert "Going on at 2 of 3." in ran.out, "what was skipped is asked again"
    ran = review(["f", "n", "q"], plan, vault=vault)
    assert "All of it is decided." in ran.out
    told = run("dedupe", "--apply", plan, "--dry-run", vault=vault).out
    assert "answers.jsonl: 1 yes, 2 no." in told.splitlines()[0]
    assert goes(plan, top, vault) == {"Copy of b/x"}


def test_a_kill_loses_no_answer(plan: Path, top: Path, vault: Path) -> None:
    going = Review(plan, vault=vault)
    for key in ("y", "s"):
        going.until(PROMPT)
        going.type(key)
    going.until(PROMPT)
    other = Review(plan, vault=vault).end()
    assert (other.code, "a review of this plan is open" in other.out) == (5, True)
    refused(run("dedupe", "--apply", plan, vault=vault), 5, "a review of this plan is open")
    going.process.send_signal(signal.SIGKILL)
    going.process.wait(30)
    os.close(going.terminal)
    assert [(each["step"], each["answer"]) for each in answers(plan)[1:]] == [
        ("s1", "yes"),
        ("s2", "swap"),
    ]
    ran = review(["n"], plan, vault=vault)
    assert "Going on at 3 of 3." in ran.out
    assert goes(plan, top, vault) == {"Copy of a", "b/x"}


def test_what_a_decision_marked_stays_and_is_taken_back(plan: Path, top: Path, vault: Path) -> None:
    def marks() -> dict[str, str]:
        found = run("mark", "list", "--json", vault=vault).json()["marks"]
        return {os.path.relpath(each["path"], top): each["mark"] for each in found}

    review(["k", "i", "q"], plan, vault=vault)
    kept = {"Copy of a": "keep"}
    assert marks() == {**kept, "Copy of b/x": "intended", "b/x": "intended"}
    assert goes(plan, top, vault) == set()
    again = run("dedupe", "--json", vault=vault).json()
    assert {os.path.relpath(each["path"], top) for each in again["step_list"]} == {
        "a",
        "Copy of c/y",
    }
    ran = review(["b", "y", "u", "q"], plan, vault=vault)
    assert "Copy of b/x is marked intended." in " ".join(ran.out.split())
    assert marks() == kept
    review(["u", "y", "q"], plan, vault=vault)
    assert marks() == {}
    assert goes(plan, top, vault) == {"Copy of a"}


def test_an_answer_that_is_not_possible_marks_nothing(plan: Path, vault: Path) -> None:
    with open_review(Vault(vault), plan) as going:
        first, second, *_ = going.units
        scattered = replace(second, steps=second.steps * 2, kept_in=())
        with pytest.raises(UsageError, match="answer its steps one by one"):
            going.give([first, scattered], ReviewAnswer.INTENDED)
        assert going.counts.open == 3
    assert run("mark", "list", "--json", vault=vault).json()["marks"] == []


def test_stale_steps_are_named_and_left_out(plan: Path, top: Path, vault: Path) -> None:
    review(["y", "y", "y"], plan, vault=vault)
    (top / "b/x").unlink()
    (top / "Copy of c/y").write_text("another")
    ran = review(["q"], plan, vault=vault)
    lines = lines_on_screen(ran.stdout)
    assert "Dropped, because they no longer fit: 2" in lines
    assert f"    {KEPT_IS_MISSING}" in lines
    assert lines[lines.index(f"    {KEPT_IS_MISSING}") - 1].endswith("/drive/b/x")
    assert "    it and its kept copy differ in size now" in lines
    assert "All of it is decided. You can still change answers." in lines
    assert "Steps: 1 yes." in lines, "those that were dropped are not counted"
    assert lines[0].endswith("plan.jsonl: 1 of 3 steps. Your answers remove nothing yet.")
    header, first, *rest = plan.read_bytes().splitlines(keepends=True)
    plan.write_bytes(b"".join([header, first.replace(b"Copy of a", b"Other a"), *rest[:1]]))
    told = run("dedupe", "--apply", plan, "--dry-run", vault=vault)
    assert "These answers do not count: 2" in told.out
    assert "step s1 is not what it was when it was answered" in told.out
    assert "step s3 is not in the plan any more" in told.out
    assert told.code == 3, "the one that is left has lost its copy"


def test_a_folder_that_changed_since_is_stale(plan: Path, top: Path, vault: Path) -> None:
    """What came into it would be lost with it, and what grew; applying it is refused too."""
    (top / "Copy of a/new").write_text("only here")
    lines = lines_on_screen(review(["q"], plan, vault=vault).stdout)
    assert "Dropped, because they no longer fit: 1" in lines
    assert "    new in it is not in its kept copy now" in lines
    (top / "Copy of a/new").rename(top / "Copy of a/.DS_Store")
    assert "Dropped" not in review(["q"], plan, vault=vault).out
    (top / "Copy of a/g").write_text("another size")
    lines = lines_on_screen(review(["q"], plan, vault=vault).stdout)
    assert "    g in it is of another size in its kept copy now" in lines


def test_what_was_skipped_is_asked_again_the_next_time(plan: Path, top: Path, vault: Path) -> None:
    review(["j", "y", "j"], plan, vault=vault)
    ran = review(["y", "y"], plan, vault=vault)
    assert "Steps: 3 yes." in ran.out
    assert goes(plan, top, vault) == ALL


def test_answers_that_cannot_be_trusted(plan: Path, top: Path, vault: Path) -> None:
    review(["y", "y", "q"], plan, vault=vault)
    path = plan.with_name("plan.answers.jsonl")
    data = path.read_bytes()
    path.write_bytes(data[:-5])
    told = run("dedupe", "--apply", plan, "--dry-run", vault=vault)
    assert "The last answer was not written to its end, and does not count." in told.out
    assert goes(plan, top, vault) == {"Copy of a"}
    ran = review(["q"], plan, vault=vault)
    assert "The last answer had not been written to its end, and is asked again." in ran.out
    assert "Going on at 2 of 3." in ran.out
    assert path.read_bytes() == b"".join(data.splitlines(keepends=True)[:2])
    path.write_bytes(data.replace(b'"yes"', b'"all"'))
    refused(run("dedupe", "--apply", plan, vault=vault), 2, "plan.answers.jsonl", "'all'")
    other = planned(vault, plan.with_name("other.jsonl"))
    other.with_name("other.answers.jsonl").write_bytes(data)
    refused(run("dedupe", "--apply", other, vault=vault), 2, "answers to another plan")
    ran = Review(other, vault=vault).end()
    assert (ran.code, "answers to another plan" in ran.out) == (2, True)
    assert (top / "Copy of a").exists()


def test_a_reviewed_plan_of_before_is_applied(plan: Path, top: Path, vault: Path) -> None:
    """What earlier versions wrote is a plan like any other."""
    header, *steps = plan.read_bytes().splitlines(keepends=True)
    old = plan.with_name("plan.reviewed.jsonl")
    old.write_bytes(b"".join([header, steps[1]]))
    assert goes(old, top, vault) == {"Copy of b/x"}


def test_a_swap_of_what_others_rely_on(tmp_path: Path, vault: Path) -> None:
    """Three copies: the one that is kept leaves, and the others rely on the one that stays."""
    names = ("kept", "Copy of kept", "Copy (2) of kept")
    tree: Tree = {name: {"x": "x" * 9000, name: f"own {name}"} for name in names}
    top = scanned(make_tree(tmp_path / "drive", tree), vault)
    plan = planned(vault, tmp_path / "plan.jsonl")
    ran = review(["s", "s", "y"], plan, vault=vault)
    assert "leaves already, for another copy." in " ".join(ran.out.split())
    assert len(goes(plan, top, vault)) == 2
    done = run("dedupe", "--apply", plan, "--json", vault=vault).json()
    assert (done["done"], done["skipped"]) == (2, [])
    assert [name for name in names if (top / name / "x").exists()] != ["kept"]
    assert sum((top / name / "x").exists() for name in names) == 1


def test_a_review_needs_a_terminal(plan: Path, vault: Path) -> None:
    refused(run("dedupe", "--review", plan, vault=vault), 2, "there is no terminal")
    refused(run("dedupe", "--review", plan, "-o", "x", vault=vault), 2, "requires")


def many(pairs: int, files: int) -> Tree:
    """A drive with so many groups, in so many pairs of folders, with long and odd names."""
    tree: dict[str | bytes, Any] = {}
    for at in range(pairs):
        name = f"{at} {'a long name of a folder ' * (at % 4)}ünïcödé"
        texts = {f"{number} {at}.dat": f"{number} {at} " * 900 for number in range(files)}
        copies = {(f"Copy of {it}" if at % 3 else it): text for it, text in texts.items()}
        tree[name] = {**texts, "own": f"own {at}"}
        tree[f"Copy of {name}"] = {**copies, f"mine {'x' * 90}": f"mine {at}"}
    return {"Documents": tree}


def test_hundreds_of_groups_fit_on_the_screen(tmp_path: Path, vault: Path) -> None:
    """500 groups are 20 questions; every line fits in 80 columns."""
    top = scanned(make_tree(tmp_path / "drive", many(20, 25)), vault)
    plan = planned(vault, tmp_path / "plan.jsonl")
    steps = plan.read_bytes().count(b"\n") - 1
    assert steps == 500
    keys = ["d", "o", "d", "y", "f", "y", "n", "j", "b", "s", "u", "?", "f copy of 7", "y", "a"]
    ran = review([*keys, "no", "a", "9999", "q"], plan.name, vault=vault, cwd=tmp_path)
    lines = lines_on_screen(ran.stdout)
    assert max(map(width_of, lines)) <= 80, max(lines, key=width_of)
    assert "1 of 20" in lines
    assert "plan.jsonl: 500 steps. Your answers remove nothing yet." in lines
    preview = run("dedupe", "--verbose", vault=vault).out
    assert sum("25 of 26 files of " in line for line in preview.splitlines()) == 20
    left = [each for each in lines if each.startswith("Steps: ")][-1]
    assert left.endswith("not decided.")
    assert top.exists()


def marks(top: Path, vault: Path) -> dict[str, str]:
    found = run("mark", "list", "--json", vault=vault).json()["marks"]
    return {os.path.relpath(each["path"], top): each["mark"] for each in found}


def given(plan: Path) -> dict[str, str]:
    """The answers that hold, by step."""
    log = read_answers(plan, read_plan(plan).contents)
    return {} if log is None else {step: str(each) for step, each in log.answers().items()}


@pytest.fixture
def drawers(tmp_path: Path, vault: Path) -> Path:
    """A plan of single steps, several of which are in one pair of folders."""
    texts: dict[str | bytes, Any] = {f"{at}.dat": f"{at} " * 9000 for at in range(6)}
    tree: Tree = {
        "Documents": {**texts, "own": "of its own"},
        "Copy of Documents": {**texts, "other": "of its own, too"},
    }
    scanned(make_tree(tmp_path / "drive", tree), vault)
    return planned(vault, tmp_path / "plan.jsonl")


def test_a_mark_on_much_is_counted_and_asked_about(drawers: Path, vault: Path) -> None:
    top = drawers.parent / "drive"
    ran = review(["i", "", "k", "yes", "i", "6", "q"], drawers, vault=vault)
    said = " ".join(ran.out.split())
    assert len(re.findall("This is about 6 files, [0-9.]+ kB, in 6 steps", said)) == 3, said
    assert said.count("Nothing was answered.") == 2
    assert marks(top, vault) == {"Documents": "intended", "Copy of Documents": "intended"}
    assert set(given(drawers).values()) == {"intended"}


def test_answers_to_other_questions_change_only_if_asked(drawers: Path, vault: Path) -> None:
    """A part of a pair was answered alone, in an earlier session: an answer to all of it asks."""
    review(["o", "n", "s", "y", "q"], drawers, vault=vault)
    before = given(drawers)
    assert sorted(before.values()) == ["no", "swap", "yes"]
    ran = review(["y", "", "i", "", "q"], drawers, vault=vault)
    assert "1 of 1 (answered in part: 1 yes, 1 swapped, 1 no, 3 not decided)" in ran.out
    assert ran.out.count("2 earlier answers change.") == 2
    assert given(drawers) == before
    review(["a", "3", "q"], drawers, vault=vault)
    assert {**given(drawers), **before} == given(drawers), "yes to all is about what is open"
    review(["b", "y", "yes", "q"], drawers, vault=vault)
    assert set(given(drawers).values()) == {"yes"}
    review(["u", "u", "j", "q"], drawers, vault=vault)
    now = given(drawers)
    assert {step: now[step] for step in before} == before, "a skip leaves what was said"
    assert sorted(now.values()) == ["no", "skip", "skip", "skip", "swap", "yes"]


def test_what_was_typed_ahead_confirms_nothing(drawers: Path, vault: Path) -> None:
    for keys in ("a\n6", "i\n6", "k\n6\ny"):
        going = Review(drawers, vault=vault)
        going.until(PROMPT)
        going.type(keys)
        going.until(b"to say so: ")
        going.type("")
        assert b"othing was answered." in going.until(PROMPT)
        going.type("q")
        assert going.end().code == 0
        assert given(drawers) == {}


def test_one_key_after_another_may_be_typed_ahead(drawers: Path, vault: Path) -> None:
    """But no answer to what is shown once one was refused, or to the end."""
    going = Review(drawers, "--steps", vault=vault)
    going.until(PROMPT)
    going.type("\n".join("ynyyny"))
    going.until(END)
    going.type("q")
    going.end()
    assert sorted(given(drawers).values()) == ["no", "no", "yes", "yes", "yes", "yes"]
    going = Review(drawers, vault=vault)
    going.until(END)
    going.type("x\nu\nu\nu")
    going.until(END)
    going.type("q")
    assert going.end().code == 0
    assert sorted(given(drawers).values()) == ["no", "no", "yes", "yes", "yes", "yes"]


def test_a_path_in_a_folder_finds_its_pair(plan: Path, vault: Path) -> None:
    ran = review(["f copy of a/f", "q"], plan, vault=vault)
    assert "Found: 1 of 3." in ran.out
    assert "found in it: " in ran.out
    ran = review(["f a/g", "a", "q"], plan, vault=vault)
    assert "None of these was found by its own path: answer them one by one." in ran.out
    ran = review(["f /y", "f", "q"], plan, vault=vault)
    assert "Found: 1 of 3." in ran.out, "a single file has a path of its own"
    assert "found in it" not in ran.out


def test_a_swap_is_shown_swapped(plan: Path, top: Path, vault: Path) -> None:
    """What leaves is the other one, whose date is the one that is lost; y then agrees to that."""
    os.utime(top / "b/x", (1_000_000_000, 1_000_000_000))
    assert run("scan", top, vault=vault).code == 0
    ran = review(["n", "s", "b", "d", "q"], plan, vault=vault)
    before, after = ran.out.split("2 of 3 (answered: swapped, the other one leaves)")
    assert "lost: nothing, names and dates are the same" in before.split("2 of 3")[1]
    lines = after.split("Remove it?")[0].splitlines()
    assert lines[1].endswith("/drive/b/x\r") or lines[1].endswith("/b/x"), lines
    assert "Copy of b/x" in lines[2]
    assert "lost: 1 earlier date" in lines[3]
    review(["b", "y", "q"], plan, vault=vault)
    assert given(plan)["s2"] == "swap"


def test_a_swap_is_swapped_back(plan: Path, vault: Path) -> None:
    ran = review(["n", "s", "b", "s", "q"], plan, vault=vault)
    assert "Swapped back, as the plan says." in ran.out
    assert given(plan)["s2"] == "yes"


def test_a_no_takes_back_the_mark_of_this_review(plan: Path, top: Path, vault: Path) -> None:
    ran = review(["k", "i", "b", "b", "n", "b", "b", "q"], plan, vault=vault)
    assert "No longer marked: " in ran.out
    assert marks(top, vault) == {"Copy of b/x": "intended", "b/x": "intended"}
    review(["u", "q"], plan, vault=vault)
    assert marks(top, vault)["Copy of a"] == "keep", "undoing that no marks it again"
    assert given(plan) == {"s1": "keep", "s2": "intended"}


def test_a_no_to_a_part_leaves_the_mark_of_the_rest(drawers: Path, vault: Path) -> None:
    top = drawers.parent / "drive"
    ran = review(["k", "6", "b", "o", "b", "n", "q"], drawers, vault=vault)
    assert "Still marked, for other steps: " in ran.out
    assert marks(top, vault) == {"Copy of Documents": "keep"}


@pytest.mark.linux("looks for the command in /proc")
def test_ctrl_c_keeps_all_answers(plan: Path, top: Path, vault: Path) -> None:
    going = Review(plan, vault=vault)
    going.until(PROMPT)
    going.type("y")
    going.until(PROMPT)
    going.wait_until_it_reads()
    going.process.send_signal(signal.SIGINT)
    ran = going.end()
    assert ran.code == 130
    assert "gorillacomb: Interrupted: all answers so far are kept." in ran.out
    assert goes(plan, top, vault) == {"Copy of a"}


def test_the_end_of_the_input_quits(plan: Path, vault: Path) -> None:
    going = Review(plan, vault=vault)
    going.until(PROMPT)
    os.write(going.terminal, b"\x04")
    assert going.end().code == 0


def test_after_the_last_answer_one_can_go_back(plan: Path, top: Path, vault: Path) -> None:
    ran = review(["y", "y", "n", "", "b", "y", "u", "n", "q"], plan, vault=vault)
    lines = lines_on_screen(ran.stdout)
    at = lines.index("Steps: 2 yes, 1 no.")
    assert any("files, " in each for each in lines[at + 1 : at + 4]), lines[at:]
    assert any(each.startswith("Next: gorillacomb dedupe --apply ") for each in lines[at:])
    assert goes(plan, top, vault) == {"Copy of a", "Copy of b/x"}
    assert ran.code == 0


def test_apply_says_that_there_are_no_answers(plan: Path, vault: Path) -> None:
    """Somebody may have answered and then moved the plan alone."""
    review(["n", "n", "n"], plan, vault=vault)
    plan.with_name("plan.answers.jsonl").unlink()
    done = run("dedupe", "--apply", plan, vault=vault)
    assert done.out.startswith(f"{NO_ANSWERS}\n")
    assert "in 3 of 3 steps" in done.out


def test_a_missing_kept_copy_is_named_alike(plan: Path, top: Path, vault: Path) -> None:
    """By the path that is missing: when a plan is applied, and when the quarantine is emptied."""
    (top / "b").rename(top / "renamed")
    (top / "a").rename(top / "moved")
    for options in (["--dry-run"], []):
        skipped = run("dedupe", "--apply", plan, "--json", *options, vault=vault).json()["skipped"]
        assert [(os.path.relpath(each["path"], top), each["cause"]) for each in skipped] == [
            ("a", KEPT_IS_MISSING),
            ("b/x", KEPT_IS_MISSING),
        ]
    (top / "c").rename(top / "elsewhere")
    for scan_first in (False, True):
        if scan_first:
            assert run("scan", top, vault=vault).code == 0
        ran = run("dedupe", "--empty-quarantine", "--yes", vault=vault)
        assert ran.code == 3
        said = " ".join(ran.out.split())
        assert f"c/y {KEPT_IS_MISSING}. If it was renamed or moved, rename it back" in said, said
    (top / "elsewhere").rename(top / "c")
    assert run("dedupe", "--empty-quarantine", "--yes", vault=vault).code == 0


def test_pairs_are_in_the_documents(plan: Path, top: Path, vault: Path) -> None:
    """Of a plan, a dry run and a run: the same pairs that text shows."""
    asked = (["dedupe"], ["dedupe", "--apply", plan, "--dry-run"], ["dedupe", "--apply", plan])
    for words in asked:
        pairs = run(*words, "--json", vault=vault).json()["pairs"]
        found = [
            tuple(os.path.relpath(each[key], top) for key in ("path", "keep")) for each in pairs
        ]
        assert found == [("Copy of a", "a"), ("Copy of b", "b"), ("Copy of c", "c")]
        assert [each["files"] for each in pairs] == [2, 1, 1]
        assert [each["steps"] for each in pairs] == [["s1"], ["s2"], ["s3"]]
        assert [len(each["kept_in"]) for each in pairs] == [1, 1, 1]


def test_an_undo_names_other_runs(plan: Path, vault: Path, tmp_path: Path) -> None:
    review(["y", "q"], plan, vault=vault)
    first = run("dedupe", "--apply", plan, "--json", vault=vault).json()["run"]
    rest = planned(vault, tmp_path / "rest.jsonl")
    second = run("dedupe", "--apply", rest, "--json", vault=vault).json()["run"]
    said = run("dedupe", "--undo", second, vault=vault).out
    assert f"1 other run can still be undone, the last of them: {first}" in said
    assert "other run" not in run("dedupe", "--undo", vault=vault).out


def test_nested_copies_are_kept_in_a_folder_that_contains_them(tmp_path: Path, vault: Path) -> None:
    """Not in the drive, which contains the folder to be removed, too."""
    texts: dict[str | bytes, Any] = {f"{at}.dat": f"{at} " * 9000 for at in range(6)}
    more: dict[str | bytes, Any] = {f"{at}.dat": f"more {at} " * 9000 for at in range(3)}
    tree: Tree = {
        "Letters": {**texts, "own": "o"},
        "Pictures": {**more, "own": "o p"},
        "Backup": {"Letters": {**texts, "other": "p"}, "Pictures": {**more, "other": "p p"}},
    }
    top = scanned(make_tree(tmp_path / "drive", tree), vault)
    [pair] = run("dedupe", "--json", vault=vault).json()["pairs"]
    assert (pair["path"], pair["keep"]) == (f"{top}/Backup", f"{top}")
    assert [(os.path.relpath(each["path"], top), each["files"]) for each in pair["kept_in"]] == [
        ("Letters", 6),
        ("Pictures", 3),
    ]
    said = run("dedupe", vault=vault).out
    assert f"keep: 6 files in {top}/Letters" in said, said
