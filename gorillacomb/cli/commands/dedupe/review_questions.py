"""The questions of a review: what is shown, which keys are answers, and when it asks twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import click

from gorillacomb.api.dedupe.answered_plan import AnswerCounts
from gorillacomb.api.dedupe.differences import find_inside
from gorillacomb.api.dedupe.pairs import FolderPair, is_named
from gorillacomb.api.dedupe.review import AnswerScope, MarksAfter, PlanReview, ReviewAnswer
from gorillacomb.cli.commands.dedupe.runs import answers_text
from gorillacomb.cli.options import forget_typed_ahead
from gorillacomb.cli.output import render
from gorillacomb.cli.output.reviewed_unit import details_lines, unit_lines
from gorillacomb.errors import GorillaCombError

HELP = (
    "y  yes, remove it               n  no, keep both",
    "s  swap: remove the other one   k  keep both, and mark this one to be kept",
    "j  skip: decide later           i  keep both: they are intended",
    "b  back                         u  undo the last answer",
    "d  details                      o  answer one step at a time",
    "f TEXT  find (f alone: all)     a  yes to all that are shown     q  quit",
)
_PROMPT = "Remove it? y/n/s/k/i/j/b/u/f/d/o/a/q (? explains)"
_END_HELP = (
    "b  back to the last question    u  undo the last answer",
    "f TEXT  find (f alone: all)     q  quit",
)
_END_PROMPT = "Nothing is left to ask: q quits, b/u/f go back (? explains)"
_MARKS_SHOWN = 3
_FEW = 20
"""Files that are marked without asking, if that is one step."""
_ANSWERS = {
    "y": ReviewAnswer.YES,
    "n": ReviewAnswer.NO,
    "s": ReviewAnswer.SWAP,
    "k": ReviewAnswer.KEEP,
    "i": ReviewAnswer.INTENDED,
    "j": ReviewAnswer.SKIP,
}
_ASKED = {
    ReviewAnswer.YES: "Remove all of it",
    ReviewAnswer.NO: "Keep both",
    ReviewAnswer.SWAP: "Remove the other one",
    ReviewAnswer.KEEP: "Keep both, and mark this one",
    ReviewAnswer.INTENDED: "Keep both, and mark them as intended",
}
_GIVEN = {
    ReviewAnswer.YES: "yes",
    ReviewAnswer.NO: "no, both are kept",
    ReviewAnswer.SWAP: "swapped, the other one leaves",
    ReviewAnswer.KEEP: "both are kept, this one is marked",
    ReviewAnswer.INTENDED: "both are kept, marked as intended",
    ReviewAnswer.SKIP: "skipped",
}


@dataclass(slots=True)
class ReviewQuestions:
    """Goes through what is to be answered."""

    review: PlanReview
    ending: Callable[[], Iterator[str]]
    """Says what was answered in all."""
    all: list[FolderPair] = field(default_factory=list)
    shown: list[FolderPair] = field(default_factory=list)
    """Those of them that were found, or all."""
    at: int = 0
    is_at_end: bool = False
    """Whether nothing is left to ask, and the user may still go back."""
    _inside: dict[int, bytes] = field(default_factory=dict)
    """What was found in a shown pair whose own paths lack the text, by the pair's `id`."""
    _is_shown: bool = False
    """Whether the question is on the screen, so that it need not be shown again."""
    _kind: str = ""
    """The kind of the question that was shown last."""
    _revises: bool = False
    """Whether all of it was decided when it began: each question is asked again."""
    _ended: bool = False

    def ask(self) -> None:
        """Ask until the user stops. Raises KeyboardInterrupt."""
        self.all = list(self.review.units)
        self.shown = list(self.all)
        if not self.all:
            return
        first = self._first_open()
        if first is None:
            click.echo("All of it is decided. You can still change answers.")
            self.is_at_end = True
        elif first:
            click.echo(f"Going on at {first + 1:,} of {len(self.shown):,}.")
        self.at = first or 0
        while not self._ended:
            if not self._is_shown:
                self._show()
            typed = _typed(_END_PROMPT if self.is_at_end else _PROMPT)
            self._do(typed[:1].lower(), typed[1:].strip())

    def _do(self, key: str, text: str) -> None:
        actions: dict[str, Callable[[], None]] = {
            "b": self._back,
            "u": self._undo,
            "q": self._stop,
        }
        answers = {} if self.is_at_end else _ANSWERS
        if not self.is_at_end:
            actions |= {"d": self._details, "o": self._open, "a": self._yes_to_all}
        self._is_shown = True
        if key == "f":
            self._find(text)
        elif text or key not in {*answers, *actions}:
            click.echo("Nothing is decided yet. Type one of these:")
            for line in _END_HELP if self.is_at_end else HELP:
                click.echo(f"  {line}")
            forget_typed_ahead()  # what follows was meant for the next question
        elif key in actions:
            actions[key]()
        else:
            self._give(answers[key])

    def _give(self, answer: ReviewAnswer) -> None:
        unit = self.shown[self.at]
        said = _GIVEN[answer]
        if self.review.answer(unit) is answer is ReviewAnswer.SWAP:
            said = "swapped back, as the plan says"
        answer = self.review.meant(unit, answer)
        try:
            if not self._is_agreed(unit, answer):
                click.echo("Nothing was answered.")
                return
            marks = self.review.give([unit], answer)
        except GorillaCombError as error:
            _say_impossible(error)
            if len(unit.steps) > 1:
                click.echo("o asks about each of its steps.")
            return
        click.echo(f"{said.capitalize()}. {counts_text(self.review.counts)}")
        for line in _mark_lines(marks):
            click.echo(line)
        self._go_on(self.at + 1)

    def _is_agreed(self, unit: FolderPair, answer: ReviewAnswer) -> bool:
        """Ask before an answer that is about much, or changes earlier ones."""
        scope = self.review.scope([unit], answer)
        marks = answer in (ReviewAnswer.KEEP, ReviewAnswer.INTENDED)
        is_much = marks and (scope.steps > 1 or scope.files > _FEW)
        if not is_much and not scope.changed:
            return True
        for line in _scope_lines(scope, answer):
            click.echo(line)
        return _is_number_typed(scope.files) if is_much else _is_yes_typed()

    def _yes_to_all(self) -> None:
        units = [unit for unit in self.shown if not self.review.is_decided(unit)]
        named = [self.review.undecided(unit) for unit in units if id(unit) not in self._inside]
        if not named:
            click.echo(
                "None of these was found by its own path: answer them one by one."
                if units
                else "All that is shown is decided already."
            )
            return
        files = sum(unit.files for unit in named)
        size = render.format_size(sum(unit.size for unit in named))
        many = render.format_count(files, "file")
        click.echo(f"Yes to {len(named):,} of {len(self.shown):,} shown: {many}, {size} on disk.")
        if not _is_number_typed(files):
            click.echo("That is not the number: nothing was answered.")
            return
        try:
            self.review.give(named, ReviewAnswer.YES)
        except GorillaCombError as error:
            _say_impossible(error)
            return
        click.echo(f"Yes to all. {counts_text(self.review.counts)}")
        self._go_on(0)

    def _go_on(self, start: int) -> None:
        """Go to the next question that was not answered; after the last one, to the end."""
        self._is_shown = False
        following = range(start, len(self.shown))
        asked = (at for at in following if self._revises or not self.review.is_seen(self.shown[at]))
        found = next(asked, None)
        if found is None:
            before = self.review.was_skipped_before
            found = next((at for at, unit in enumerate(self.shown) if before(unit)), None)
        if found is None and self.shown != self.all:
            click.echo("That was the last one found; all are shown again.")
            self._show_only(self.all)
            found = self._first_open(skipped=False)
        self.is_at_end = found is None
        self.at = len(self.shown) if found is None else found

    def _show_only(self, units: Sequence[FolderPair]) -> None:
        """Show these units instead; what was typed ahead was meant for others."""
        self.shown, self._inside, self._kind = list(units), {}, ""
        self._is_shown = False

    def _first_open(self, skipped: bool = True) -> int | None:
        """Return the first question without an answer, else the first one that was skipped."""
        for is_done in (self.review.is_seen, self.review.is_decided)[: 1 + skipped]:
            for at, unit in enumerate(self.shown):
                if not is_done(unit):
                    return at
        return None

    def _back(self) -> None:
        if self.is_at_end:
            self.at = len(self.shown)
        if not self.at:
            click.echo("This is the first one.")
            return
        self.is_at_end = False
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
        click.echo(f"Taken back: the answer to {many}. {counts_text(self.review.counts)}")
        self.is_at_end = False
        ids = {step.id for step in steps}
        for units in (self.shown, self.all):
            for at, unit in enumerate(units):
                if not ids.isdisjoint(step.id for step in unit.steps):
                    self.shown, self.at, self._is_shown = list(units), at, False
                    return

    def _find(self, text: str) -> None:
        text = text.casefold()
        named = [unit for unit in self.all if is_named(unit, text)]
        others = (unit for unit in self.all if not is_named(unit, text))
        inside = [(unit, path) for unit in others if (path := find_inside(unit, text)) is not None]
        found = named + [unit for unit, _ in inside]
        if not found:
            click.echo(f"Nothing contains {render.printable(text)!r}.")
            return
        self._show_only(found)
        self._inside = {id(unit): path for unit, path in inside}
        self.is_at_end = False
        self.at = self._first_open() or 0
        self._revises = self.review.is_decided(self.shown[self.at])
        if text:
            click.echo(f"Found: {len(found):,} of {len(self.all):,}. f alone shows all again.")
        if inside:
            click.echo(f"{len(inside):,} of them only contain it: a leaves those out.")

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
        for line in details_lines(self.shown[self.at]):
            click.echo(line)

    def _stop(self) -> None:
        self._ended = True

    def _show(self) -> None:
        if self.is_at_end:
            forget_typed_ahead()
            self._kind = ""
            click.echo()
            for line in self.ending():
                click.echo(line)
            return
        unit = self.shown[self.at]
        kind = "file" if len(unit.steps) == 1 and unit.steps[0].kind == "file" else "folder"
        if kind != self._kind:
            forget_typed_ahead()
        self._kind = kind
        answer, counts = self.review.answer(unit), self.review.counts_of(unit)
        given = "" if answer is None else f" (answered: {_GIVEN[answer]})"
        if answer is None and counts.open < len(unit.steps):
            given = f" (answered in part: {answers_text(counts)})"
        click.echo(f"\n{self.at + 1:,} of {len(self.shown):,}{given}")
        for line in unit_lines(self.review, unit):
            click.echo(line)
        if id(unit) in self._inside:
            label, width = "      found in it: ", render.terminal_width()
            path = render.path_from_here(self._inside[id(unit)], width and width - len(label))
            click.echo(label + path)


def counts_text(counts: AnswerCounts) -> str:
    """Return a sentence with how many steps were answered how."""
    return f"Steps: {answers_text(counts)}."


def _typed(question: str) -> str:
    """Return the line that is typed; the end of the input means to quit.

    Raises KeyboardInterrupt.
    """
    try:
        typed: str = click.prompt(question, default="", show_default=False)
    except click.Abort as stop:
        if isinstance(stop.__context__, EOFError):
            click.echo()
            return "q"
        raise KeyboardInterrupt from None
    return typed.strip()


def _is_number_typed(files: int) -> bool:
    forget_typed_ahead()
    typed = _typed("Type the number of files to say so")
    return typed.replace(",", "") == str(files)


def _is_yes_typed() -> bool:
    forget_typed_ahead()
    return _typed("Type yes to say so").lower() == "yes"


def _scope_lines(scope: AnswerScope, answer: ReviewAnswer) -> Iterator[str]:
    files = render.format_count(scope.files, "file")
    size, steps = render.format_size(scope.size), render.format_count(scope.steps, "step")
    yield f"{_ASKED[answer]}? This is about {files}, {size}, in {steps}."
    if scope.others:
        belong = "belongs" if scope.others == 1 else "belong"
        yield f"{scope.others:,} of these steps {belong} to other questions."
    if scope.changed:
        verb = "changes" if scope.changed == 1 else "change"
        yield f"{render.format_count(scope.changed, 'earlier answer')} {verb}."


def _mark_lines(marks: MarksAfter) -> Iterator[str]:
    width = render.terminal_width()
    for paths, label in (
        (marks.cleared, "No longer marked: "),
        (marks.still, "Still marked, for other steps: "),
    ):
        for path in paths[:_MARKS_SHOWN]:
            yield label + render.path_from_here(path, width and width - len(label))
        if len(paths) > _MARKS_SHOWN:
            yield f"  and {len(paths) - _MARKS_SHOWN:,} more"


def _say_impossible(error: GorillaCombError) -> None:
    for text in (f"That is not possible: {error.message}", error.hint):
        for line in render.wrapped_paragraph(text, ""):
            click.echo(line)
    forget_typed_ahead()  # what follows was meant for the next question
