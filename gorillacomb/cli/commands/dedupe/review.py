"""`gorillacomb dedupe --review`: review a plan on a terminal and write a new one."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import click

from gorillacomb.api.dedupe.plan import PlanStep, read_plan
from gorillacomb.api.dedupe.review import (
    folder_differences,
    swap_copies,
    swap_refusal,
    to_review,
)
from gorillacomb.api.next_step.dedupe import after_review
from gorillacomb.api.paths import is_below
from gorillacomb.api.vault import Vault
from gorillacomb.cli.options import take_terminal_after
from gorillacomb.cli.output import render
from gorillacomb.cli.output.folder_pairs import step_lines
from gorillacomb.errors import ExitCode, UsageError

_KEYS = (
    "y  yes, remove it           n  no, keep both",
    "s  swap: keep the other     d  show how they differ",
    "a  yes to all in the same folder          q  stop here",
)
_PROMPT = "Remove it? y/n/s/d/a/q (? explains)"
_SHOWN = 20


def review_plan(vault: Vault, file: Path, output: Path | None) -> ExitCode:
    """Ask about each step of a plan, whole folders first, and write the approved steps."""
    plan = read_plan(file)
    take_terminal_after(file)
    output = output or _beside(file)
    if output.exists():
        raise UsageError(f"{output} already exists.", "Name another file with -o.")
    if not sys.stdin.isatty():
        raise UsageError(
            "A review asks questions, but there is no terminal.",
            "Without one, delete lines from the plan by hand.",
        )
    steps = to_review(plan.steps)
    answers = ReviewAnswers()
    click.echo("Nothing is removed yet: your answers make a new plan. For each step, type")
    for line in _KEYS:
        click.echo(f"  {line}")
    try:
        answers.ask(steps)
    except (KeyboardInterrupt, click.Abort):
        click.echo()  # the answers so far are kept
    left = len(steps) - len(answers.agreed) - answers.refused
    counts = f"{len(answers.agreed):,} yes, {answers.refused:,} no, {left:,} not asked"
    if not answers.agreed:
        click.echo(f"{counts}: no plan was written, and the old one is unchanged.")
        return ExitCode.DONE
    made = plan.with_steps(answers.agreed)
    made.save(output)
    click.echo(counts)
    click.echo(f"Written to {output}.")
    for line in render.next_lines(after_review(output), vault):
        click.echo(line)
    return ExitCode.DONE


def _beside(file: Path) -> Path:
    """Return the path of the reviewed plan: plan.reviewed.jsonl for plan.jsonl and for stdin."""
    if str(file) == "-":
        file = Path("plan.jsonl")
    return file.with_name(f"{file.stem}.reviewed{file.suffix}")


@dataclass(slots=True)
class ReviewAnswers:
    """The user's answers so far."""

    agreed: list[PlanStep] = field(default_factory=list)
    refused: int = 0

    def ask(self, steps: list[PlanStep]) -> None:
        """Ask about each step until all are answered or the user stops."""
        below: bytes | None = None
        for number, step in enumerate(steps, 1):
            if below is not None and is_below(step.path, below):
                self.agreed.append(step)
                continue
            files = render.format_count(step.files, "file")
            click.echo(f"\n{number:,} of {len(steps):,}: {step.kind}, {files}")
            answer, step = _answer(step)
            if answer == "q":
                left = render.format_count(len(steps) - number + 1, "step")
                click.echo(f"Stopped: {left} not asked about.")
                return
            if answer == "a":
                below = os.path.dirname(step.path)
                rest = [each for each in steps[number - 1 :] if is_below(each.path, below)]
                many = render.format_count(len(rest), "step")
                click.echo(f"Yes to all {many} in {render.path_from_here(below, None)}.")
            if answer == "n":
                self.refused += 1
                click.echo("No: both are kept.")
            else:
                self.agreed.append(step)
            if answer == "y":
                so_far = render.format_count(len(self.agreed), "step")
                click.echo(f"Yes: the new plan has {so_far} so far.")


def _answer(step: PlanStep) -> tuple[str, PlanStep]:
    """Ask about a step until an answer decides it; return that and the step, maybe swapped.

    Enter alone decides nothing: people press it to see what happens.
    """
    _show(step)
    while True:
        answer = click.prompt(_PROMPT, default="", show_default=False).strip().lower()[:1]
        if answer in ("y", "n", "a", "q"):
            return answer, step
        if answer == "s":
            refusal = swap_refusal(step)
            if refusal is not None:
                click.echo(f"The copies cannot be swapped. {refusal}")
            else:
                step = swap_copies(step)
                click.echo("Swapped; nothing is decided yet:")
                _show(step)
        elif answer == "d":
            for line in _differences(step):
                click.echo(line)
        else:
            click.echo("Nothing is decided yet. Type one of these:")
            for line in _KEYS:
                click.echo(f"  {line}")


def _show(step: PlanStep) -> None:
    for line in step_lines(step):
        click.echo(line)
    for reason in step.reasons:
        click.echo(f"     because: {render.printable(reason)}")


def _differences(step: PlanStep) -> Iterator[str]:
    """Describe what exists on disk in only one of the two, by name, and which sizes differ."""
    if step.kind == "file":
        for path in (step.path, step.keep):
            try:
                facts = os.lstat(path)
            except OSError as error:
                yield f"  {render.printable_path(path)}: {os.strerror(error.errno or 0).lower()}"
                continue
            yield (
                f"  {render.format_size(facts.st_size):>9}  "
                f"{render.format_time(facts.st_mtime_ns)}  " + (render.printable_path(path))
            )
        return
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
