"""`gorillacomb dedupe --review`: answer the steps of a plan on a terminal, by pair of folders."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import click

from gorillacomb.api.dedupe.differences import folder_differences, losses
from gorillacomb.api.dedupe.pairs import FolderPair
from gorillacomb.api.dedupe.plan import PlanStep, read_plan
from gorillacomb.api.dedupe.review import AnswerCounts, PlanReview, ReviewAnswer, open_review
from gorillacomb.api.next_step.dedupe import after_review
from gorillacomb.api.vault import Vault
from gorillacomb.cli.commands.dedupe.runs import answers_text, problem_lines
from gorillacomb.cli.options import take_terminal_after
from gorillacomb.cli.output import render
from gorillacomb.cli.output.folder_pairs import PLANNED, pair_lines, step_lines
from gorillacomb.errors import ExitCode, GorillaCombError, UsageError

_HELP = (
    "y  yes, remove it               n  no, keep both",
    "s  swap: remove the other one   k  keep both, and mark this one to be kept",
    "j  skip: decide later           i  keep both: they are intended",
    "b  back                         u  undo the last answer",
    "d  details                      o  answer one step at a time",
    "f TEXT  find (f alone: all)     a  yes to all that are shown     q  quit",
)
_PROMPT = "Remove it? y/n/s/k/i/j/b/u/f/d/o/a/q (? explains)"
_SHOWN = 20
_ANSWERS = {
    "y": ReviewAnswer.YES,
    "n": ReviewAnswer.NO,
    "s": ReviewAnswer.SWAP,
    "k": ReviewAnswer.KEEP,
    "i": ReviewAnswer.INTENDED,
    "j": ReviewAnswer.SKIP,
}
_GIVEN = {
    ReviewAnswer.YES: "yes",
    ReviewAnswer.NO: "no, both are kept",
    ReviewAnswer.SWAP: "swapped, the other one leaves",
    ReviewAnswer.KEEP: "both are kept, this one is marked",
    ReviewAnswer.INTENDED: "both are kept, marked as intended",
    ReviewAnswer.SKIP: "skipped",
}


def review_plan(vault: Vault, file: Path, single: bool) -> ExitCode:
    """Ask about a plan, by pair of folders; each answer is kept as soon as it is given."""
    file = _in_a_file(file)
    if not sys.stdin.isatty():
        raise UsageError(
            "A review asks questions, but there is no terminal.",
            "Without one, delete lines from the plan by hand.",
        )
    with open_review(vault, file, single=single) as review:
        for line in _beginning(review, file):
            click.echo(line)
        try:
            _Questions(review).ask()
        except (KeyboardInterrupt, click.Abort):
            click.echo()  # the answers so far are kept
        counts = review.counts
        for line in _ending(review, counts):
            click.echo(line)
    if counts.yes + counts.swapped:
        for line in render.next_lines(after_review(file), vault):
            click.echo(line)
    return ExitCode.DONE


def _in_a_file(file: Path) -> Path:
    """Return the plan's file; a plan on standard input becomes ``plan.jsonl``."""
    if str(file) != "-":
        return file
    plan = read_plan(file)
    take_terminal_after(file)
    file = Path("plan.jsonl")
    plan.save(file)
    click.echo(f"The plan was written to {file}.")
    return file


def _beginning(review: PlanReview, file: Path) -> Iterator[str]:
    steps = render.format_count(len(review.plan.steps), "step")
    width, rest = render.terminal_width(), f": {steps}. Your answers remove nothing yet."
    path = os.path.abspath(os.fsencode(file))
    yield render.path_from_here(path, width and width - len(rest)) + rest
    yield "They are kept as you give them, so you can stop and go on at any time. Type"
    for line in _HELP:
        yield f"  {line}"
    if review.torn:
        yield "The last answer had not been written to its end, and is asked again."
    yield from problem_lines("Dropped, because they no longer fit", review.stale)


def _ending(review: PlanReview, counts: AnswerCounts) -> Iterator[str]:
    yield f"{_counts_text(counts)}."
    if counts.yes + counts.swapped + counts.no:
        path = os.path.abspath(os.fsencode(review.path))
        yield f"Your answers are in {render.path_from_here(path, None)}."
    if counts.yes + counts.swapped:
        files = render.format_count(counts.files, "file")
        size = render.format_size(counts.size)
        yield f"Applying removes what you said yes to, nothing else: {files}, {size}."


def _counts_text(counts: AnswerCounts) -> str:
    return f"Steps: {answers_text(counts)}"


@dataclass(slots=True)
class _Questions:
    """Goes through what is to be answered."""

    review: PlanReview
    all: list[FolderPair] = field(default_factory=list)
    shown: list[FolderPair] = field(default_factory=list)
    """Those of them that were found, or all."""
    at: int = 0
    _is_shown: bool = False
    """Whether the question is on the screen, so that it need not be shown again."""
    _revises: bool = False
    """Whether all of it was decided when it began: each question is asked again."""
    _ended: bool = False

    def ask(self) -> None:
        """Ask until all is answered, or the user stops."""
        self.all = list(self.review.units)
        self.shown = list(self.all)
        if not self.all:
            return
        self.at = self._first_open() or 0
        self._revises = self.review.is_decided(self.shown[self.at])
        if self._revises:
            click.echo("All of it is decided. You can still change answers, or type q.")
        elif self.at:
            click.echo(f"Going on at {self.at + 1:,} of {len(self.shown):,}.")
        while not self._ended:
            if not self._is_shown:
                self._show()
            typed = click.prompt(_PROMPT, default="", show_default=False).strip()
            self._do(typed[:1].lower(), typed[1:].strip())

    def _do(self, key: str, text: str) -> None:
        actions: dict[str, Callable[[], None]] = {
            "b": self._back,
            "u": self._undo,
            "d": self._details,
            "o": self._open,
            "a": self._yes_to_all,
            "q": self._stop,
        }
        self._is_shown = True
        if key == "f":
            self._find(text)
        elif text or key not in {*_ANSWERS, *actions}:
            click.echo("Nothing is decided yet. Type one of these:")
            for line in _HELP:
                click.echo(f"  {line}")
        elif key in actions:
            actions[key]()
        else:
            self._give(_ANSWERS[key])

    def _give(self, answer: ReviewAnswer) -> None:
        try:
            self.review.give([self.shown[self.at]], answer)
        except GorillaCombError as error:
            _say_impossible(error)
            return
        click.echo(f"{_GIVEN[answer].capitalize()}. {_counts_text(self.review.counts)}.")
        self._go_on(self.at + 1)

    def _yes_to_all(self) -> None:
        units = [unit for unit in self.shown if not self.review.is_decided(unit)]
        files = sum(unit.files for unit in units)
        size = render.format_size(sum(unit.size for unit in units))
        if not units:
            click.echo("All that is shown is decided already.")
            return
        many = render.format_count(files, "file")
        click.echo(f"Yes to {len(units):,} of {len(self.shown):,} shown: {many}, {size} on disk.")
        typed = click.prompt("Type the number of files to say so", default="", show_default=False)
        if typed.replace(",", "").strip() != str(files):
            click.echo("That is not the number: nothing was answered.")
            return
        try:
            self.review.give(units, ReviewAnswer.YES)
        except GorillaCombError as error:
            _say_impossible(error)
            return
        click.echo(f"Yes to all. {_counts_text(self.review.counts)}.")
        self._go_on(0)

    def _go_on(self, start: int) -> None:
        """Go to the next question that was not answered; after the last one, end."""
        self._is_shown = False
        following = range(start, len(self.shown))
        asked = (at for at in following if self._revises or not self.review.is_seen(self.shown[at]))
        found = next(asked, None)
        if found is None:
            before = self.review.was_skipped_before
            found = next((at for at, unit in enumerate(self.shown) if before(unit)), None)
        if found is None and self.shown != self.all:
            click.echo("That was the last one found; all are shown again.")
            self.shown = list(self.all)
            found = self._first_open(skipped=False)
        if found is None:
            self._ended = True
        else:
            self.at = found

    def _first_open(self, skipped: bool = True) -> int | None:
        """Return the first question without an answer, else the first one that was skipped."""
        for is_done in (self.review.is_seen, self.review.is_decided)[: 1 + skipped]:
            for at, unit in enumerate(self.shown):
                if not is_done(unit):
                    return at
        return None

    def _back(self) -> None:
        if not self.at:
            click.echo("This is the first one.")
            return
        self.at -= 1
        self._is_shown = False

    def _undo(self) -> None:
        try:
            steps = self.review.undo()
        except GorillaCombError as error:
            _say_impossible(error)
            return
        if not steps:
            click.echo("There is no answer to take back.")
            return
        many = render.format_count(len(steps), "step")
        self._revises = False
        click.echo(f"Taken back: the answer to {many}. {_counts_text(self.review.counts)}.")
        ids = {step.id for step in steps}
        for units in (self.shown, self.all):
            for at, unit in enumerate(units):
                if not ids.isdisjoint(step.id for step in unit.steps):
                    self.shown, self.at, self._is_shown = list(units), at, False
                    return

    def _find(self, text: str) -> None:
        text = text.casefold()
        found = [unit for unit in self.all if _names(unit, text)]
        # Otherwise "yes to all" would also mean folders that are shown for one file in them.
        found = found or [unit for unit in self.all if _contains(unit, text)]
        if not found:
            click.echo(f"Nothing contains {render.printable(text)!r}.")
            return
        self.shown = found
        self.at = self._first_open() or 0
        self._is_shown = False
        if text:
            click.echo(f"Found: {len(found):,} of {len(self.all):,}. f alone shows all again.")

    def _open(self) -> None:
        unit = self.shown[self.at]
        if len(unit.steps) == 1:
            click.echo("This is a single step.")
            return
        single = self.review.single(unit)
        for units in {id(each): each for each in (self.shown, self.all)}.values():
            at = units.index(unit)
            units[at : at + 1] = single
        self._is_shown = False

    def _details(self) -> None:
        for line in _details(self.shown[self.at]):
            click.echo(line)

    def _stop(self) -> None:
        self._ended = True

    def _show(self) -> None:
        unit = self.shown[self.at]
        answer = self.review.answer(unit)
        given = f" (answered: {_GIVEN[answer]})" if answer is not None else ""
        click.echo(f"\n{self.at + 1:,} of {len(self.shown):,}{given}")
        for line in _unit_lines(self.review, unit):
            click.echo(line)


def _say_impossible(error: GorillaCombError) -> None:
    for text in (f"That is not possible: {error.message}", error.hint):
        for line in render.wrapped_paragraph(text, ""):
            click.echo(line)


def _names(unit: FolderPair, text: str) -> bool:
    """Return whether a text is in the paths that are shown of a unit."""
    steps = unit.steps if len(unit.steps) == 1 else ()
    paths = [unit.path, *(place.path for place in unit.kept_in), *(step.path for step in steps)]
    return any(text in render.printable_path(path).casefold() for path in paths)


def _contains(unit: FolderPair, text: str) -> bool:
    paths = (path for step in unit.steps for path in (step.path, step.keep))
    return any(text in render.printable_path(path).casefold() for path in paths)


def _unit_lines(review: PlanReview, unit: FolderPair) -> Iterator[str]:
    """Describe what is asked about: what leaves, what is kept, what is lost with it, and why."""
    yield from pair_lines(review.pairs, unit, PLANNED[review.plan.action])
    yield from _lost_lines(unit)
    reasons = Counter(reason for step in unit.steps for reason in step.reasons)
    for reason, _ in reasons.most_common(1):
        yield from render.wrapped_paragraph(f"because: {reason}", "   ")


def _lost_lines(unit: FolderPair) -> Iterator[str]:
    lost = losses(unit)
    names, dates = len(lost.names), lost.earlier
    counts = render.counted(
        (names, "name" if names == 1 else "names"),
        (dates, "earlier date" if dates == 1 else "earlier dates"),
    )
    yield "      lost: " + (" and ".join(counts) or "nothing, names and dates are the same")
    for name, kept in lost.names[:1]:
        text = f"{render.printable_path(name)} is kept as {render.printable_path(kept)}"
        width = render.terminal_width()
        yield " " * 12 + render.shorten_path(text, width and width - 12)


def _details(unit: FolderPair) -> Iterator[str]:
    """Show the steps of a unit, or how its two folders differ on disk."""
    [first, *more] = unit.steps
    if more:
        for step in unit.steps[:_SHOWN]:
            yield from step_lines(step)
        if len(unit.steps) > _SHOWN:
            yield f"  and {len(unit.steps) - _SHOWN:,} more; o asks about each"
    elif first.kind == "file":
        yield from _file_details(first.path, first.keep)
    else:
        yield from _folder_details(first)


def _file_details(*paths: bytes) -> Iterator[str]:
    for path in paths:
        try:
            facts = os.lstat(path)
        except OSError as error:
            yield f"  {render.printable_path(path)}: {os.strerror(error.errno or 0).lower()}"
            continue
        size, when = render.format_size(facts.st_size), render.format_time(facts.st_mtime_ns)
        yield f"  {size:>9}  {when}  {render.printable_path(path)}"


def _folder_details(step: PlanStep) -> Iterator[str]:
    """Describe what exists on disk in only one of two folders, by name, and which sizes differ."""
    found = folder_differences(step)
    for title, names in (
        ("only in the copy to remove", found.only_removed),
        ("only in the copy to keep", found.only_kept),
        ("different size", found.resized),
    ):
        yield f"  {title}: {len(names):,}"
        for name in names[:_SHOWN]:
            yield f"    {render.printable_path(name)}"
        if len(names) > _SHOWN:
            yield f"    and {len(names) - _SHOWN:,} more"
