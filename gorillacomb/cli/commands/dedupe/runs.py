"""Show what a run did not do, and why; shared by the commands about runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from gorillacomb.api.dedupe.runs import StepProblem
from gorillacomb.cli.output import render

if TYPE_CHECKING:
    from gorillacomb.api.dedupe.answered_plan import AnswerCounts  # only some commands need it

_SHOWN = 20
_MOST_ALIKE = 5


def problem_lines(
    title: str,
    troubles: Sequence[StepProblem],
    total: int | None = None,
    rest: str = "; --json names them all",
) -> Iterator[str]:
    """Describe what was not done and why; a cause that many share is named once.

    ``total`` is their number, if ``troubles`` contains only the first of them; ``rest`` says where
    those are that are not shown.
    """
    if not troubles:
        return
    yield f"{title}: {len(troubles) if total is None else total:,}"
    by_cause: dict[str, list[StepProblem]] = {}
    for each in troubles:
        by_cause.setdefault(each.cause, []).append(each)
    left = len(troubles)
    for cause, alike in list(by_cause.items())[:_SHOWN]:
        shown = alike if len(alike) <= _MOST_ALIKE else alike[:1]
        for each in shown:
            more = len(alike) - len(shown)
            yield from _problem(each.path, cause, f"{more:,} more{rest}" if more else "")
        left -= len(alike)
    if left:
        yield f"  and {left:,} more{rest}"


def answers_text(counts: AnswerCounts) -> str:
    """Return how many steps were answered how."""
    return ", ".join(
        render.counted(
            (counts.yes, "yes"),
            (counts.swapped, "swapped"),
            (counts.no, "no"),
            (counts.open, "not decided"),
        )
    )


def _problem(path: bytes, cause: str, more: str) -> Iterator[str]:
    width = render.terminal_width()
    yield "  " + render.path_from_here(path, width and width - 2)
    if more:
        yield f"  and {more}"
    yield from render.wrapped_paragraph(cause, "    ")
