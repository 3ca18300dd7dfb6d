"""The answers beside a plan: appended, bound to what was answered, refused where edited."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from gorillacomb.dedupe.model import Plan, PlanOptions, PlanStep
from gorillacomb.dedupe.review.answers import (
    AnswerWriter,
    ReviewAnswer,
    answers_path,
    read_answers,
    seen_of,
)
from gorillacomb.errors import RefusedForSafety, UntrustedInput

STEPS = tuple(
    PlanStep(f"s{at}", "file", b"/d/copy %d" % at, b"/d/kept %d" % at, 1, 100 * at)
    for at in range(4)
)
PLAN = Plan("0" * 32, 1, PlanOptions(), STEPS)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "plan.jsonl"


def give(file: Path, *answers: tuple[str, ReviewAnswer], plan: Plan = PLAN) -> None:
    writer = AnswerWriter.open(file, plan)
    for at, (step, answer) in enumerate(answers):
        writer.give({step: answer}, 1_000 + at)
    writer.close()


def answered(file: Path, plan: Plan = PLAN) -> dict[str, ReviewAnswer]:
    log = read_answers(file, plan)
    return {} if log is None else log.answers()


def test_answers_are_lines_beside_the_plan(file: Path) -> None:
    assert read_answers(file, PLAN) is None
    give(file, ("s1", ReviewAnswer.YES), ("s2", ReviewAnswer.NO), ("s1", ReviewAnswer.SWAP))
    path = answers_path(file)
    assert path.name == "plan.answers.jsonl"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    header, *lines = map(json.loads, path.read_bytes().splitlines())
    assert header == {"version": 1, "plan": PLAN.uid}
    assert [(each["step"], each["answer"], each["time_ns"]) for each in lines] == [
        ("s1", "yes", "1000"),
        ("s2", "no", "1001"),
        ("s1", "swap", "1002"),
    ]
    assert all(each["seen"] == seen_of(STEPS[int(each["step"][1])]) for each in lines)
    before = path.read_bytes()
    assert answered(file) == {"s1": ReviewAnswer.SWAP, "s2": ReviewAnswer.NO}
    give(file, ("s3", ReviewAnswer.SKIP))
    assert path.read_bytes().startswith(before)


def test_nothing_answered_leaves_no_file(file: Path) -> None:
    give(file)
    assert not answers_path(file).exists()


def test_the_last_answers_are_taken_back_one_by_one(file: Path) -> None:
    """Those that were given together at once, also in a later session."""
    writer = AnswerWriter.open(file, PLAN)
    writer.give({"s1": ReviewAnswer.NO}, 10)
    writer.give({"s1": ReviewAnswer.YES, "s2": ReviewAnswer.YES}, 20, [b"/d/marked \xff"])
    writer.give({"s3": ReviewAnswer.SKIP}, 30)
    writer.close()
    writer = AnswerWriter.open(file, PLAN)
    assert [line.step for line in writer.undo(40)] == ["s3"]
    last = writer.undo(50)
    assert {line.step for line in last} == {"s1", "s2"}
    assert [path for line in last for path in line.marked] == [b"/d/marked \xff"]
    assert writer.log.answers() == {"s1": ReviewAnswer.NO}
    writer.close()
    writer = AnswerWriter.open(file, PLAN)
    assert writer.log.answers() == {"s1": ReviewAnswer.NO}
    assert [line.answer for line in writer.undo(60)] == [ReviewAnswer.NO]
    assert writer.undo(70) == []
    writer.close()
    assert answered(file) == {}
    assert read_answers(file, PLAN) is not None, "nothing is agreed to, not everything"


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_last_line_that_was_cut_is_dropped(file: Path, cut: int) -> None:
    give(file, ("s1", ReviewAnswer.YES), ("s2", ReviewAnswer.YES))
    path = answers_path(file)
    os.truncate(path, path.stat().st_size - cut)
    log = read_answers(file, PLAN)
    assert log is not None and log.torn
    assert log.answers() == {"s1": ReviewAnswer.YES}
    give(file, ("s3", ReviewAnswer.NO))
    log = read_answers(file, PLAN)
    assert log is not None and not log.torn
    assert log.answers() == {"s1": ReviewAnswer.YES, "s3": ReviewAnswer.NO}


EDITED = {
    "no JSON": (b'"answer"', b"answer"),
    "another answer": (b'"yes"', b'"everything"'),
    "a missing key": (b'"seen"', b'"saw"'),
    "a number": (b'"1000"', b"1000"),
    "no number": (b'"1000"', b'"now"'),
    "no object": (b'{"step": "s1"', b'[{"step": "s1"'),
    "a list": (b'\n{"step": "s2"', b'\n[]\n{"step": "s2"'),
    "another version": (b'"version": 1', b'"version": 2'),
    "another plan": (b"0" * 32, b"1" * 32),
}


@pytest.mark.parametrize("name", EDITED)
def test_an_edited_file_is_refused(file: Path, name: str) -> None:
    give(file, ("s1", ReviewAnswer.YES), ("s2", ReviewAnswer.YES))
    path = answers_path(file)
    old, new = EDITED[name]
    data = path.read_bytes()
    assert old in data
    path.write_bytes(edited := data.replace(old, new, 1))
    for read in (lambda: read_answers(file, PLAN), lambda: AnswerWriter.open(file, PLAN)):
        with pytest.raises(UntrustedInput, match=r"plan\.answers\.jsonl"):
            read()
    assert path.read_bytes() == edited


def test_an_answer_is_about_the_step_that_was_seen(file: Path) -> None:
    """A plan whose lines were edited, or removed, since."""
    give(file, *((f"s{at}", ReviewAnswer.YES) for at in range(4)))
    other = PlanStep("s1", "file", b"/d/another", b"/d/kept 1", 1, 100)
    changed = Plan(PLAN.uid, 1, PlanOptions(), (STEPS[0], other, STEPS[3]))
    log = read_answers(file, changed)
    assert log is not None
    assert log.answers() == {"s0": ReviewAnswer.YES, "s3": ReviewAnswer.YES}
    assert log.stale.keys() == {"s1", "s2"}


def test_one_review_at_a_time(file: Path) -> None:
    writer = AnswerWriter.open(file, PLAN)
    for read in (lambda: read_answers(file, PLAN), lambda: AnswerWriter.open(file, PLAN)):
        with pytest.raises(RefusedForSafety, match="a review of this plan is open"):
            read()
    writer.give({"s1": ReviewAnswer.YES}, 1)
    writer.close()
    assert answered(file) == {"s1": ReviewAnswer.YES}


@pytest.mark.parametrize("kind", ["folder", "pipe", "link"])
def test_something_else_at_its_place_is_refused(file: Path, kind: str) -> None:
    path = answers_path(file)
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(file.with_name("elsewhere"))
    for read in (lambda: read_answers(file, PLAN), lambda: AnswerWriter.open(file, PLAN)):
        with pytest.raises(UntrustedInput, match="Reading the answers"):
            read()
    assert not file.with_name("elsewhere").exists()


def test_a_writer_that_is_opened_again_reads_what_others_wrote(file: Path) -> None:
    kept = AnswerWriter.of(file, PLAN)
    kept.read()
    assert not kept.is_begun and not kept.log.answers()
    give(file, ("s1", ReviewAnswer.YES))
    kept.read()
    assert kept.is_begun and kept.log.answers() == {"s1": ReviewAnswer.YES}
    same = kept.log
    kept.reopen()
    assert kept.log is same, "nothing was written since"
    kept.give({"s2": ReviewAnswer.NO}, 2_000)
    kept.close()
    kept.reopen()
    assert kept.log is same
    kept.close()
    give(file, ("s2", ReviewAnswer.UNDO), ("s3", ReviewAnswer.KEEP))
    kept.reopen()
    assert kept.log is not same
    assert kept.log.answers() == answered_while_open(kept)
    assert kept.log.has_marked("s3") and not kept.log.has_marked("s1")
    with pytest.raises(RefusedForSafety):
        AnswerWriter.of(file, PLAN).reopen()
    kept.close()
    answers_path(file).unlink()
    kept.read()
    assert not kept.is_begun and not kept.log.answers()


def answered_while_open(writer: AnswerWriter) -> dict[str, ReviewAnswer]:
    lines = [json.loads(line) for line in writer.path.read_bytes().splitlines()[1:]]
    found: dict[str, list[ReviewAnswer]] = {}
    for line in lines:
        given = found.setdefault(line["step"], [])
        if line["answer"] == "undo":
            given.pop()
        else:
            given.append(ReviewAnswer(line["answer"]))
    return {step: given[-1] for step, given in found.items() if given}


def test_an_answer_that_could_not_be_written_is_not_in_memory(file: Path) -> None:
    kept = AnswerWriter.of(file, PLAN)
    kept.reopen()
    kept.give({"s1": ReviewAnswer.YES}, 1)
    kept.close()
    answers_path(file).write_bytes(answers_path(file).read_bytes() + b'{"step": "s2", "ans')
    kept.reopen()
    assert kept.log.torn and kept.log.answers() == {"s1": ReviewAnswer.YES}
    kept.give({"s2": ReviewAnswer.NO}, 2)
    kept.close()
    assert answered(file) == {"s1": ReviewAnswer.YES, "s2": ReviewAnswer.NO}
