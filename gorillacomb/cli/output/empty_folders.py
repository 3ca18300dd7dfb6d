"""Show empty folders: those that can be removed, and why others stay."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from gorillacomb.cli.output import render

_SHOWN = 20
"""Folders that are shown unless all are requested."""


def removable_lines(folders: Sequence[tuple[bytes, int]], whole: bool) -> Iterator[str]:
    """Name folders, given with how many each is, itself included."""
    width = render.terminal_width()
    for path, count in folders if whole else folders[:_SHOWN]:
        inside = f"  ({render.format_count(count - 1, 'folder')} in it)" if count > 1 else ""
        shown = render.path_from_here(path, width and width - 2 - len(inside))
        yield f"  {shown}{inside}"
    if len(folders) > _SHOWN and not whole:
        yield f"  and {len(folders) - _SHOWN:,} more"


def left_lines(left: Iterable[tuple[bytes, str]], whole: bool) -> Iterator[str]:
    """Name folders that are left alone, by reason."""
    by_cause: dict[str, list[bytes]] = {}
    for path, cause in left:
        by_cause.setdefault(cause, []).append(path)
    if not by_cause:
        return
    width = render.terminal_width()
    yield f"{render.styled('Left alone', bold=True)}, although empty:"
    for cause, paths in sorted(by_cause.items(), key=lambda item: (-len(item[1]), item[0])):
        for path in paths if whole else paths[:1]:
            yield f"  {render.path_from_here(path, width and width - 2)}"
        more = len(paths) - 1 if not whole else 0
        and_more = f", and {render.format_count(more, 'other folder')}" if more else ""
        yield from render.wrapped_paragraph(f"{render.printable(cause)}{and_more}", "    ")
