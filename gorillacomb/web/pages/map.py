"""The map: where the space is, as rectangles and as a table."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from gorillacomb.api.paths import path_from_json
from gorillacomb.web.inputs import PathQuery, named_path
from gorillacomb.web.pages import treemap
from gorillacomb.web.pages.questions import ask
from gorillacomb.web.pages.rendering import render_page
from gorillacomb.web.security.access import ReadIndex
from gorillacomb.web.site import GivenSite

router = APIRouter()
_ROWS = 200
"""Lines of the table."""
_LETTER = 6.6
"""Width of a letter on the map, in its units."""


@router.get("/map")
def space_map(
    request: Request, site: GivenSite, session: ReadIndex, query: Annotated[PathQuery, Query()]
) -> Response:
    """Show where the space is in a folder, or in everything that was scanned."""
    is_part = query.path is not None or query.path_b64 is not None
    path = named_path(query) if is_part else None
    found = ask(site, "map", **({} if path is None else {"path": path}))
    items = found["items"]
    tops = [each for each in items if each["parent"] is None]
    top = tops[0] if len(tops) == 1 else None
    inside = tops if top is None else [each for each in items if each["parent"] == 0]
    inside.sort(key=lambda each: -each["bytes"])
    return render_page(
        request,
        "map.html",
        title="Map",
        twin=True,
        found=found,
        top=top,
        is_part=is_part,
        tiles=_tiles(items),
        width=treemap.WIDTH,
        height=treemap.HEIGHT,
        rows=inside[:_ROWS],
        rest=0 if top is None else top["bytes"] - sum(each["bytes"] for each in inside),
        more=len(inside) - len(inside[:_ROWS]),
        largest=max((each["bytes"] for each in inside), default=0) or 1,
    )


def _tiles(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    parents = [each["parent"] for each in items]
    tiles = treemap.lay_out(parents, [each["bytes"] for each in items])
    return [_tile(items[tile.item], tile) for tile in tiles]


def _tile(item: dict[str, Any], tile: treemap.Tile) -> dict[str, Any]:
    name = path_from_json(item).rpartition(b"/")[2] or b"/"
    room = int((tile.box.width - 8) / _LETTER)
    return {
        **item,
        "name": name,
        "box": tile.box,
        "room": room if tile.box.height >= 16 and room >= 3 else 0,
        "is_open": tile.is_open,
        "shade": 0 if not item["bytes"] else -(-4 * item["duplicate_bytes"] // item["bytes"]),
    }
