"""Show what a review asks about: a pair of folders or one step, and what is lost with it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator

from gorillacomb.api.dedupe.differences import folder_differences, losses
from gorillacomb.api.dedupe.pairs import FolderPair
from gorillacomb.api.dedupe.plan import PlanStep
from gorillacomb.api.dedupe.review import PlanReview
from gorillacomb.api.words.actions import PLANNED
from gorillacomb.cli.output import render
from gorillacomb.cli.output.folder_pairs import pair_lines, step_lines

_SHOWN = 20


def unit_lines(review: PlanReview, unit: FolderPair) -> Iterator[str]:
    """Describe what is asked about: what leaves, what is kept, what is lost with it, and why.

    After a swap, that is the other copy.
    """
    swapped = review.swapped_pairs(unit)
    for each in swapped or (unit,):
        pairs = review.pairs if swapped is None else swapped
        yield from pair_lines(pairs, each, PLANNED[review.plan.action])
        yield from _lost_lines(review, each)
    if swapped is not None:
        yield "   because: you swapped the two copies; s swaps them back"
        return
    reasons = Counter(reason for step in unit.steps for reason in step.reasons)
    for reason, _ in reasons.most_common(1):
        yield from render.wrapped_paragraph(f"because: {reason}", "   ")


def _lost_lines(review: PlanReview, unit: FolderPair) -> Iterator[str]:
    leaving = tuple(step.path + b"/" for step in unit.steps if step.is_member)
    if leaving:
        copies = review.plan.contents.copies
        copied = sum(each.files for each in copies if (each.source + b"/").startswith(leaving))
        first = f", {render.format_count(copied, 'file')} of it are copied first" if copied else ""
        yield f"      lost: nothing{first}"
        return
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


def details_lines(unit: FolderPair) -> Iterator[str]:
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
        label, width = f"  {size:>9}  {when}  ", render.terminal_width()
        yield label + render.path_from_here(path, width and width - len(label))


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
