"""The chart that the README shows: how long a first scan takes beside the peers."""

import statistics
from collections.abc import Iterator
from html import escape

from .series import Timed

_WIDTH, _LEFT, _BAR, _GAP, _TITLE = 760, 190, 18, 6, 34
_OURS, _THEIRS, _FLOOR = "#2e7d32", "#90a4ae", "#cfd8dc"


def svg(cases: list[Timed]) -> str:
    """Bars of the medians, a block for each case; ours in green, the floor in light grey."""
    blocks: list[str] = []
    top = 10
    for timed in cases:
        blocks += _block(timed, top)
        top += _TITLE + len(timed.case.programs) * (_BAR + _GAP)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{top + 10}"'
        f' viewBox="0 0 {_WIDTH} {top + 10}" font-family="sans-serif" font-size="13">'
    )
    return (
        "\n".join(
            [head, f'<rect width="{_WIDTH}" height="{top + 10}" fill="white"/>', *blocks, "</svg>"]
        )
        + "\n"
    )


def _block(timed: Timed, top: int) -> Iterator[str]:
    medians = {
        name: statistics.median(run.wall for run in runs) for name, runs in timed.runs.items()
    }
    longest = max(medians.values())
    title = f"{escape(timed.case.title)}, seconds"
    yield f'<text x="10" y="{top + 20}" font-weight="bold">{title}</text>'
    at = top + _TITLE
    for name, seconds in sorted(medians.items(), key=lambda each: each[1]):
        width = max(2, round((_WIDTH - _LEFT - 80) * seconds / longest))
        colour = _OURS if name.startswith("gorillacomb") else _THEIRS
        colour = _FLOOR if name == timed.case.floor.name else colour
        middle = at + _BAR - 5
        yield f'<text x="{_LEFT - 8}" y="{middle}" text-anchor="end">{escape(name)}</text>'
        yield f'<rect x="{_LEFT}" y="{at}" width="{width}" height="{_BAR}" fill="{colour}"/>'
        yield f'<text x="{_LEFT + width + 6}" y="{middle}">{seconds:.2f}</text>'
        at += _BAR + _GAP
