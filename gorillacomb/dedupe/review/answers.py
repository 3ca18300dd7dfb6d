"""The answers to a plan, beside its file: JSON Lines, appended as they are given.

The plan itself is never changed. The first line names the plan; then there is one line for each
step that was answered, with what was seen of that step, so that an answer never counts for another
step with the same id. The last line about a step holds; ``undo`` takes back the line before.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from gorillacomb.dedupe.model import Plan, PlanStep
from gorillacomb.dedupe.plan_file.serialize import plan_document
from gorillacomb.dedupe.review.answers_file import (
    AppendedFile,
    FileInUse,
    FileState,
    read_appended,
    state_of,
)
from gorillacomb.errors import RefusedForSafety, UntrustedInput
from gorillacomb.fs.openat import os_error_text
from gorillacomb.hashing import blake3_of_short
from gorillacomb.json_paths import path_from_json, path_to_json

VERSION = 1
_SEEN = 16
"""Hex digits."""


class ReviewAnswer(StrEnum):
    """What a person says about a step."""

    YES = "yes"
    """Remove it."""
    SWAP = "swap"
    """Remove the other one instead."""
    NO = "no"
    """Keep both."""
    KEEP = "keep"
    """Keep both, and always keep this one: it was marked."""
    INTENDED = "intended"
    """Keep both: they are meant to be there, and were marked."""
    SKIP = "skip"
    """Not decided yet: ask again."""
    UNDO = "undo"
    """Take back the last answer."""


@dataclass(frozen=True, slots=True)
class AnswerLine:
    """One line of the file."""

    step: str
    answer: ReviewAnswer
    time_ns: int
    """The same for all steps that were answered together."""
    seen: str
    """Of the step's line in the plan: the beginning of its BLAKE3, in hex."""
    marked: tuple[bytes, ...] = ()
    """Paths that were marked with this answer."""


@dataclass(frozen=True, slots=True)
class MarkingAnswer:
    """An answer that marked paths."""

    answer: ReviewAnswer
    steps: frozenset[str]
    """Ids of all steps that have it now."""
    marked: tuple[bytes, ...]


@dataclass(slots=True)
class AnswerLog:
    """The answers to one plan so far."""

    steps: Mapping[str, PlanStep]
    """The plan's, by id."""
    stale: dict[str, str] = field(default_factory=dict)
    """Ids of answered steps that the plan lacks, or has changed, and why their answers do not
    count."""
    torn: bool = False
    """Whether the last line was incomplete, and was ignored."""
    _given: dict[str, list[AnswerLine]] = field(default_factory=dict)
    """By step: its answers that were not taken back, the last one last."""
    _moments: list[int] = field(default_factory=list)
    """When answers were given that were not taken back."""

    def add(self, line: AnswerLine) -> None:
        """Add a line."""
        step = self.steps.get(line.step)
        if step is None:
            self.stale[line.step] = "is not in the plan any more"
            return
        if seen_of(step) != line.seen:
            self.stale[line.step] = "is not what it was when it was answered"
            return
        given = self._given.setdefault(line.step, [])
        if line.answer is not ReviewAnswer.UNDO:
            given.append(line)
            if line.time_ns not in self._moments[-1:]:
                self._moments.append(line.time_ns)
        elif given:
            moment = given.pop().time_ns
            if moment in self._moments and not self._given_at(moment):
                self._moments.remove(moment)

    def _given_at(self, moment: int) -> list[AnswerLine]:
        return [
            lines[-1] for lines in self._given.values() if lines and lines[-1].time_ns == moment
        ]

    def last(self) -> list[AnswerLine]:
        """Return the lines of the last answer that was not taken back; empty if there is none."""
        return self._given_at(self._moments[-1]) if self._moments else []

    def marking(self, steps: Iterable[str]) -> list[MarkingAnswer]:
        """Return the answers of some steps that marked paths, the earliest first."""
        given = (self._given.get(step) for step in steps)
        moments = {lines[-1].time_ns for lines in given if lines}
        marked = {
            line.time_ns: line
            for lines in self._given.values()
            for line in lines
            if line.marked and line.time_ns in moments
        }
        return [
            MarkingAnswer(
                line.answer, frozenset(each.step for each in self._given_at(moment)), line.marked
            )
            for moment, line in sorted(marked.items())
        ]

    def answer(self, step: PlanStep) -> ReviewAnswer | None:
        """Return what was said about a step; None if nothing was."""
        given = self._given.get(step.id)
        return given[-1].answer if given else None

    def has_marked(self, step: str) -> bool:
        """Return whether an answer to a step that was not taken back asked for marks."""
        marking = (ReviewAnswer.KEEP, ReviewAnswer.INTENDED)
        return any(line.answer in marking for line in self._given.get(step, ()))

    def answers(self) -> dict[str, ReviewAnswer]:
        """Return what was said about the steps, by id."""
        return {step: lines[-1].answer for step, lines in self._given.items() if lines}


def answers_path(plan: Path) -> Path:
    """Return where the answers to a plan are: ``plan.answers.jsonl`` beside ``plan.jsonl``."""
    return plan.with_name(f"{plan.stem}.answers.jsonl")


def seen_of(step: PlanStep) -> str:
    """Return what an answer records of the step that it is about."""
    line = json.dumps(plan_document(step), ensure_ascii=True, sort_keys=True)
    return blake3_of_short(line.encode()).hex()[:_SEEN]


def read_answers(file: Path, plan: Plan) -> AnswerLog | None:
    """Read the answers to a plan; None if there are none.

    Raises UntrustedInput for a file that is invalid or about another plan, RefusedForSafety while
    a review has it open.
    """
    path = answers_path(file)
    try:
        data = read_appended(os.fsencode(path))
    except FileInUse as error:
        raise _in_use(path) from error
    except OSError as error:
        raise _unreadable(path, os_error_text(error)) from error
    return None if not data else _parsed(path, data, plan)[0]


@dataclass(slots=True)
class AnswerWriter:
    """The answers of a plan, which can be opened again and again to give more."""

    log: AnswerLog
    path: Path
    """The file."""
    _plan: Plan
    _file: AppendedFile | None = None
    """None while it is closed: then others may give answers."""
    _state: FileState | None = None
    """Of the file whose answers ``log`` has; None if it has none of a file."""

    @classmethod
    def of(cls, file: Path, plan: Plan) -> AnswerWriter:
        """Return what writes the answers to a plan: still closed, and without those there are."""
        return cls(AnswerLog({step.id: step for step in plan.steps}), answers_path(file), plan)

    @property
    def is_begun(self) -> bool:
        """Whether answers were given, though they may all be taken back; only while closed."""
        return self._state is not None and self._state.size > 0

    @classmethod
    def open(cls, file: Path, plan: Plan) -> AnswerWriter:
        """Open the answers to a plan, or begin them. Raises as `read_answers` does."""
        made = cls.of(file, plan)
        made.reopen()
        return made

    def reopen(self) -> None:
        """Open the answers after they were closed, with what others wrote since then.

        Raises as `read_answers` does.
        """
        try:
            opened = AppendedFile.open(os.fsencode(self.path))
        except FileInUse as error:
            raise _in_use(self.path) from error
        except OSError as error:
            raise _unreadable(self.path, os_error_text(error)) from error
        try:
            if opened.state() != self._state:
                data = opened.read()
                self.log, whole = _parsed(self.path, data, self._plan)
                if whole < len(data):
                    opened.cut(whole)
            self._file = opened
        except OSError as error:
            opened.close()
            raise _unreadable(self.path, os_error_text(error)) from error
        except BaseException:
            opened.close()
            raise

    def read(self) -> None:
        """Read what others wrote since the answers were closed. Raises as `read_answers` does."""
        path = os.fsencode(self.path)
        try:
            state = state_of(path)
            if state == self._state:
                return
            data = read_appended(path)
        except FileInUse as error:
            raise _in_use(self.path) from error
        except OSError as error:
            raise _unreadable(self.path, os_error_text(error)) from error
        self.log = _parsed(self.path, data or b"", self._plan)[0]
        self._state = state  # of before: if it was changed in between, it is read again

    def give(
        self, answers: Mapping[str, ReviewAnswer], now_ns: int, marked: Iterable[bytes] = ()
    ) -> None:
        """Record answers that were given together, by step. Raises OSError."""
        paths = tuple(marked)
        lines = []
        for step, answer in answers.items():
            seen = seen_of(self.log.steps[step])
            lines.append(AnswerLine(step, answer, now_ns, seen, paths))
            paths = ()
        self._write(lines)

    def undo(self, now_ns: int) -> list[AnswerLine]:
        """Take back the last answer, and return its lines; empty if there is none."""
        last = self.log.last()
        self._write([AnswerLine(it.step, ReviewAnswer.UNDO, now_ns, it.seen) for it in last])
        return last

    def _write(self, lines: Iterable[AnswerLine]) -> None:
        file = self._file
        assert file is not None, "answers are given while it is open"
        documents = list(map(_document, lines := list(lines)))
        if documents and not os.fstat(file.descriptor).st_size:
            documents.insert(0, {"version": VERSION, "plan": self._plan.uid})
        text = "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in documents)
        file.append(text.encode())
        for line in lines:
            self.log.add(line)

    def close(self) -> None:
        """Close the file; one without any answer is removed."""
        if self._file is not None:
            self._state = self._file.state()
            self._file.close()
            self._file = None


def _document(line: AnswerLine) -> dict[str, Any]:
    marked = {"marked": list(map(path_to_json, line.marked))} if line.marked else {}
    return {
        "step": line.step,
        "answer": str(line.answer),
        "time_ns": str(line.time_ns),
        "seen": line.seen,
        **marked,
    }


def _parsed(path: Path, data: bytes, plan: Plan) -> tuple[AnswerLog, int]:
    """Return the answers in a file, and how many bytes of it are whole lines."""
    log = AnswerLog({step.id: step for step in plan.steps})
    whole = data.rfind(b"\n") + 1
    log.torn = whole < len(data)
    try:
        for number, line in enumerate(_documents(data[:whole])):
            if number:
                log.add(_line(line))
            elif (line.get("version"), line.get("plan")) != (VERSION, plan.uid):
                raise UntrustedInput(
                    f"{path} contains answers to another plan.",
                    "Rename it, or review the plan that it is about.",
                )
    except (ValueError, KeyError, TypeError) as error:
        what = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise _unreadable(path, what) from error
    return log, whole


def _documents(data: bytes) -> Iterator[dict[str, Any]]:
    for number, text in enumerate(data.splitlines(), 1):
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            raise ValueError(f"line {number} is not JSON") from None
        if not isinstance(found, dict):
            raise TypeError(f"line {number} is not an object")
        yield found


def _line(found: Mapping[str, Any]) -> AnswerLine:
    step, answer, moment, seen = (found[key] for key in ("step", "answer", "time_ns", "seen"))
    if not all(isinstance(each, str) for each in (step, answer, moment, seen)):
        raise TypeError("an answer is not made of texts")
    marked = found.get("marked", [])
    if not isinstance(marked, list) or not all(isinstance(each, dict) for each in marked):
        raise TypeError("marked is not a list of paths")
    paths = tuple(path_from_json(each) for each in marked)
    return AnswerLine(step, ReviewAnswer(answer), int(moment), seen, paths)


def _unreadable(path: Path, cause: str) -> UntrustedInput:
    return UntrustedInput(
        f"Reading the answers in {path} failed: {cause}.",
        "Rename the file to begin again, or restore it.",
    )


def _in_use(path: Path) -> RefusedForSafety:
    return RefusedForSafety(
        f"{path} is in use: a review of this plan is open.", "End that review first."
    )
