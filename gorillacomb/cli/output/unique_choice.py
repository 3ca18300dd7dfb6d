"""What `unique` says of copies that are chosen to go, or went into a quarantine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from gorillacomb.cli.output import render
from gorillacomb.dedupe.plan.serialize import read_plan
from gorillacomb.dedupe.quarantine.inventory import held_in
from gorillacomb.fs.paths import join, path_text
from gorillacomb.unique.report import UniqueReport, UnverifiedPath


def paths_that_go(plan: Path | None) -> frozenset[bytes]:
    """The paths that a plan, given by its file, has go. Raises UntrustedInput."""
    steps = () if plan is None else read_plan(plan).steps
    return frozenset(pair.path for step in steps for pair in step.pairs)


def add_quarantines(report: UniqueReport) -> None:
    """Count what waits in the quarantines in a folder: it would be lost with that.

    That is no loss while the copy that was kept for it is there.
    """
    for base, record in held_in(report.quarantines):
        report.quarantined += record.files
        report.quarantined_size += record.size
        for move in record.moves:
            keep = move.keep.at(base)
            if not os.path.lexists(keep):
                cause = f"waits in the quarantine, while {path_text(keep)} is not there any more"
                report.unproven.append(UnverifiedPath(join(base, move.path), cause))


def choice_lines(report: UniqueReport, shown: int | None) -> Iterator[str]:
    """Say what the other copies are worth that stand elsewhere: they may be the ones that go."""
    if report.to_keep:
        many = render.format_count(report.to_keep, "file")
        yield (
            f"The copy to keep of {many} is here: a plan would have the others go. To count only"
            " what stays: --plan FILE"
        )
    if report.planned:
        many = render.format_count(len(report.planned), "copy", "copies")
        yield f"Not counted, as the plan has them go: {many}"
        for path in report.planned[:shown]:
            yield "  " + render.path_from_here(path, None)
        yield from rest_line(len(report.planned), shown)


def rest_line(count: int, shown: int | None) -> Iterator[str]:
    """Say how many there are beside those ``shown``; nothing where that is all."""
    if shown is not None and count > shown:
        yield f"  and {count - shown:,} more; --all names them"
