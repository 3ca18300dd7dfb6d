"""`gorillacomb dedupe --review`: answer the steps of a plan on a terminal, by pair of folders."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from gorillacomb.api.dedupe.plan import read_plan
from gorillacomb.api.dedupe.review import PlanReview, open_review
from gorillacomb.api.next_step.dedupe import after_review, review_again
from gorillacomb.api.vault import Vault
from gorillacomb.cli.commands.dedupe.review_questions import HELP, ReviewQuestions, counts_text
from gorillacomb.cli.commands.dedupe.runs import problem_lines
from gorillacomb.cli.options import take_terminal_after
from gorillacomb.cli.output import render
from gorillacomb.errors import ExitCode, Interrupted, UsageError


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
        questions = ReviewQuestions(review, lambda: _ending(review, file, vault))
        try:
            questions.ask()
        except KeyboardInterrupt:
            click.echo()
            for line in _ending(review, file, vault):
                click.echo(line)
            again = review_again(file).command(vault)
            raise Interrupted(
                "Interrupted: all answers so far are kept.", f"To continue: {again}"
            ) from None
        if not questions.is_at_end:  # where the same was said already
            for line in _ending(review, file, vault):
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
    if len(review.steps) < len(review.plan.steps):
        steps = f"{len(review.steps):,} of {steps}"
    width, rest = render.terminal_width(), f": {steps}. Your answers remove nothing yet."
    path = os.path.abspath(os.fsencode(file))
    yield render.path_from_here(path, width and width - len(rest)) + rest
    yield "They are kept as you give them, so you can stop and go on at any time. Type"
    for line in HELP:
        yield f"  {line}"
    if review.torn:
        yield "The last answer had not been written to its end, and is asked again."
    yield from problem_lines("Dropped, because they no longer fit", review.stale, rest="")


def _ending(review: PlanReview, file: Path, vault: Vault) -> Iterator[str]:
    """Say what was answered, what leaves according to that, and which command does it."""
    counts = review.counts
    yield counts_text(counts)
    if counts.yes + counts.swapped + counts.no:
        path = os.path.abspath(os.fsencode(review.path))
        yield f"Your answers are in {render.path_from_here(path, None)}."
    if counts.yes + counts.swapped:
        files = render.format_count(counts.files, "file")
        size = render.format_size(counts.size)
        yield f"Applying removes what you said yes to, nothing else: {files}, {size}."
        yield from render.next_lines(after_review(file), vault)
