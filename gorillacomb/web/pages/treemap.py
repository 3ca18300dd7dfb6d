"""Lay out a treemap: rectangles inside rectangles, each as large as what it stands for.

The rectangles of one folder are as close to squares as their order allows: M. Bruls, K. Huizing,
J. van Wijk, "Squarified Treemaps" (2000).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

WIDTH, HEIGHT = 1000.0, 560.0
_HEAD = 18.0
"""Height of the line with a folder's name, above what it contains."""
_GAP = 2.0
_LEAST = 5.0
"""Width or height below which nothing is drawn inside."""
_DEEPEST = 4


class Box(NamedTuple):
    """A rectangle in the units of `WIDTH` and `HEIGHT`."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Tile:
    """An item with its place on the map."""

    item: int
    """Its index in the list of items."""
    box: Box
    depth: int
    """0 for what is not inside another tile."""
    is_open: bool
    """Whether what it contains is drawn in it, so that its name takes one line only."""


def lay_out(parents: Sequence[int | None], sizes: Sequence[int]) -> list[Tile]:
    """Return the tiles of some items, each after the one that it is in.

    ``parents`` are indexes of items, None for those at the top; ``sizes`` are in bytes. What would
    be too small to be seen has no tile.
    """
    inner: dict[int | None, list[int]] = defaultdict(list)
    for item, parent in enumerate(parents):
        inner[parent].append(item)
    for items in inner.values():
        items.sort(key=lambda item: (-sizes[item], item))
    tops = inner[None]
    if len(tops) == 1:  # the only one fills the map: its content is what is asked for
        tops, total = inner[tops[0]], sizes[tops[0]]
    else:
        total = sum(sizes[item] for item in tops)
    return list(_tiles(tops, total, Box(0, 0, WIDTH, HEIGHT), 0, inner, sizes))


def _tiles(
    items: Sequence[int],
    total: int,
    box: Box,
    depth: int,
    inner: dict[int | None, list[int]],
    sizes: Sequence[int],
) -> Iterator[Tile]:
    shown = [item for item in items if sizes[item]]
    rest = max(total - sum(sizes[item] for item in shown), 0)
    boxes = squarify([sizes[item] for item in shown], rest, box)
    for item, whole in zip(shown, boxes, strict=True):
        at = Box(whole.x, whole.y, whole.width - _GAP, whole.height - _GAP)
        if min(at.width, at.height) < 1:
            continue
        below = Box(at.x + _GAP, at.y + _HEAD, at.width - _GAP, at.height - _HEAD)
        has_room = min(below.width, below.height) > 4 * _LEAST and depth < _DEEPEST
        is_open = has_room and bool(inner.get(item))
        yield Tile(item, at, depth, is_open)
        if is_open:
            yield from _tiles(inner[item], sizes[item], below, depth + 1, inner, sizes)


def squarify(sizes: Sequence[int], rest: int, box: Box) -> list[Box]:
    """Divide a box among sizes, the largest first; the ``rest`` stays free, at its end.

    Each gets a rectangle whose area is its part of all of them and the rest.
    """
    total = sum(sizes) + rest
    scale = box.width * box.height / total if total else 0.0
    areas = [size * scale for size in sizes]
    found: list[Box] = []
    at = 0
    while at < len(areas):
        side = min(box.width, box.height)
        end = at + 1
        while end < len(areas) and _worst(areas[at : end + 1], side) <= _worst(areas[at:end], side):
            end += 1
        row = areas[at:end]
        # What is left of the box may be less than the smallest need, since it was rounded.
        thickness = min(sum(row) / side, max(box.width, box.height)) if side > 0 else 0.0
        place = 0.0
        for area in row:
            length = min(area / thickness, side - place) if thickness else 0.0
            if box.width >= box.height:
                found.append(Box(box.x, box.y + place, thickness, length))
            else:
                found.append(Box(box.x + place, box.y, length, thickness))
            place += length
        if box.width >= box.height:
            box = Box(box.x + thickness, box.y, max(box.width - thickness, 0.0), box.height)
        else:
            box = Box(box.x, box.y + thickness, box.width, max(box.height - thickness, 0.0))
        at = end
    return found


def _worst(row: Sequence[float], side: float) -> float:
    """Return the largest ratio of sides that a row along a side has."""
    total = sum(row)
    if not total or not side:
        return float("inf")
    return max(side * side * max(row) / total**2, total**2 / (side * side * min(row)))
