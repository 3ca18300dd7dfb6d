"""Render Markdown as text for a terminal: the subset that our own topics use."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

from gorillacomb.cli.output.render import styled

_HEADING = re.compile(r"(#+) (.*)")
_ITEM = re.compile(r"( *)([*-]|\d+\.) +(.*)")
_LINK = re.compile(r"\[([^\]]*)\]\(([^)\s]*)\)")
_LEAST_WIDTH = 40
_CELL_GAP = "  "


def render_markdown(text: str, width: int) -> Iterator[str]:
    """Yield the lines of a text, wrapped to a width."""
    width = max(width, _LEAST_WIDTH)
    was_item = False
    for block in _blocks(text):
        is_item = _ITEM.match(block[0]) is not None
        if was_item and not is_item:
            yield ""
        was_item = is_item
        lines = list(_rendered(block, width))
        yield from lines
        if lines and not is_item:
            yield ""
    if was_item:
        yield ""


def _rendered(block: list[str], width: int) -> Iterator[str]:
    first = block[0]
    if first.startswith("```"):
        yield from (f"    {line}" for line in block[1:])
    elif first.startswith("    "):
        yield from block
    elif first.startswith("|"):
        yield from _table(block, width)
    elif heading := _HEADING.fullmatch(first):
        yield from _heading(_inline(heading[2]), len(heading[1]))
    elif not first.startswith("!["):
        yield from _paragraph(block, width)


def _heading(text: str, level: int) -> list[str]:
    """Format a heading: bold on a terminal, underlined elsewhere."""
    shown = styled(text, bold=True)
    return [shown] if shown != text else [text, ("=" if level == 1 else "-") * len(text)]


def _blocks(text: str) -> Iterator[list[str]]:
    """Yield the blocks of a text: headings, paragraphs, list items, tables, code."""
    block: list[str] = []
    is_code = False
    for line in text.splitlines():
        if line.startswith("```"):
            if not is_code:
                if block:
                    yield block
                block = [line]
            else:
                yield block
                block = []
            is_code = not is_code
        elif is_code:
            block.append(line)
        elif not line.strip() or _ITEM.match(line) or _HEADING.fullmatch(line):
            if block:
                yield block
            block = [line] if line.strip() else []
        else:
            block.append(line)
    if block:
        yield block


def _paragraph(block: list[str], width: int) -> list[str]:
    """Format a paragraph or a list item."""
    item = _ITEM.match(block[0])
    if item is None:
        return _wrap(" ".join(block), width, "", "")
    lead = f"{item[1]}{item[2]} "
    text = " ".join([item[3], *(line.strip() for line in block[1:])])
    return _wrap(text, width, lead, " " * len(lead))


def _wrap(text: str, width: int, first: str, rest: str) -> list[str]:
    return textwrap.wrap(
        _inline(text),
        width,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [first]


def _inline(text: str) -> str:
    """Format links as text and address, and drop the marks of emphasis; code keeps its quotes."""
    text = _LINK.sub(lambda match: _link(match[1], match[2]), text)
    return re.sub(r"(\*\*|\*)(\S(?:.*?\S)?)\1(?!\w)", r"\2", text)


def _link(text: str, target: str) -> str:
    if "://" in target:
        return f"{text} ({target})"
    name = target.rpartition("/")[2].partition(".md")[0]
    return text if text == name else f"{text} (help {name})"


def _table(block: list[str], width: int) -> Iterator[str]:
    """Format a table as columns if they fit, else the other cells of a row below its first one."""
    rows = [_cells(line) for line in block if not set(line) <= set("|-: ")]
    sizes = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    before = sum(size + len(_CELL_GAP) for size in sizes[:-1])
    if before + 24 <= width:
        for row in rows:
            lead = "".join(
                f"{cell:{size}}{_CELL_GAP}" for cell, size in zip(row, sizes, strict=True)
            )
            lead = lead[:before]
            yield from hanging_lines(row[-1], width, lead)
        return
    for row in rows:
        yield from hanging_lines(row[0], width, "")
        for cell in row[1:]:
            yield from hanging_lines(cell, width, "    ")


def _cells(line: str) -> list[str]:
    return [_inline(cell.strip()) for cell in line.strip().strip("|").split("|")]


def hanging_lines(text: str, width: int, lead: str) -> list[str]:
    """Return a text as lines: the lead before the first one, the others indented."""
    lines = textwrap.wrap(text, max(width - len(lead), 20), break_on_hyphens=False) or [""]
    return [lead + lines[0], *(" " * len(lead) + line for line in lines[1:])]
