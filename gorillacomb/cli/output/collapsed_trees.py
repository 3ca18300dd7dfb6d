"""Show what becomes of the copies of a tree when only one is kept, and where their files are."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence

from gorillacomb.api.dedupe.collapse import CollapsedTree, SpaceNeeded
from gorillacomb.api.dedupe.runs import MemberProof, sum_of_proofs
from gorillacomb.api.paths import relative_path
from gorillacomb.api.words.actions import Verb
from gorillacomb.api.words.collapse import HELD_BY, NOT_BROUGHT
from gorillacomb.cli.output import render

_SHOWN = 8
"""Copies of a tree that are named."""
_BROUGHT_SHOWN = 4
_TREES_SHOWN = 5


def tree_lines(trees: Sequence[CollapsedTree], verb: Verb, is_all: bool) -> Iterator[str]:
    """Describe trees and what becomes of their copies, those that lose the most first."""
    shown = trees if is_all else trees[:_TREES_SHOWN]
    for tree in shown:
        yield from _one(tree, verb, is_all)
    rest = trees[len(shown) :]
    if rest:
        many = render.format_count(len(rest), "more tree")
        copies = render.format_count(sum(len(tree.leaving) for tree in rest), "copy", "copies")
        size = render.format_size(sum(step.size for tree in rest for step in tree.leaving))
        yield f"and {many}, {copies}, {size}: --verbose shows them"


def _one(tree: CollapsedTree, verb: Verb, is_all: bool) -> Iterator[str]:
    width = render.terminal_width()
    around = os.path.commonpath(
        [os.path.dirname(each) for each in (tree.keep, *(step.path for step in tree.leaving))]
    )
    name = render.styled(render.printable_path(os.path.basename(tree.keep)), bold=True)
    copies = render.format_count(len(tree.leaving), "copy", "copies")
    files = render.format_count(sum(step.files for step in tree.leaving), "file")
    size = render.format_size(sum(step.size for step in tree.leaving))
    head = f": {copies} {verb.of(len(tree.leaving))}, {files}, {size}, in "
    used = render.display_width(os.fsdecode(os.path.basename(tree.keep)) + head)
    yield name + head + render.path_from_here(around, width and width - used)
    label = "keep:          " if tree.brought else "keep as it is: "
    yield from _labelled(label, tree.keep, around, "")
    if tree.shelf is not None:
        number = render.format_count(sum(each.files for each in tree.shelved), "file")
        note = f" ({number}, {render.format_size(sum(each.size for each in tree.shelved))})"
        yield from _labelled("new beside it: ", tree.shelf, around, note)
    if tree.not_brought:
        reasons = (f"{NOT_BROUGHT[rule]} ({files:,})" for rule, files in tree.not_brought.items())
        text = f"not brought: {', '.join(reasons)}"
        yield from render.wrapped_paragraph(text, " " * 17)
    for each in tree.brought if is_all else tree.brought[:_BROUGHT_SHOWN]:
        note = f" ({render.format_count(each.files, 'file')}, {render.format_size(each.size)})"
        yield from _labelled("new in it:     ", each.target, around, note)
    more = 0 if is_all else len(tree.brought) - _BROUGHT_SHOWN
    if more > 0:
        yield f"  and {render.format_count(more, 'more thing')} new in it"
    steps = tree.leaving if is_all else tree.leaving[:_SHOWN]
    for step in steps:
        shelved = tree.shelved_files(step)
        notes = [f"{render.format_count(shelved, 'file')} copied there"] if shelved else []
        if step.regenerable:
            names = sorted({os.path.basename(path) for path in step.regenerable})
            notes.append(f"{' and '.join(map(render.printable_path, names))} not compared")
        if step.in_history:
            past = render.format_count(len(step.in_history), "file")
            notes.append(f"{past} only in the git history of the kept tree")
        label = f"{render.format_size(step.size):>13}  "
        yield from _labelled(label, step.path, around, "")
        if notes:
            text = f"({'; '.join(notes)})"
            indent = " " * (2 + len(label))
            yield from render.wrapped_paragraph(text, indent) if width else [indent + text]
    rest = len(tree.leaving) - len(steps)
    if rest:
        yield f"  and {render.format_count(rest, 'more copy', 'more copies')}"


def _labelled(label: str, path: bytes, around: bytes, note: str) -> Iterator[str]:
    width = render.terminal_width()
    room = None if width is None else width - 2 - len(label) - len(note)
    text = render.shorten_path(render.printable_path(relative_path(path, around)), room)
    yield f"  {label}{text}{note}"


def space_lines(space: Sequence[SpaceNeeded]) -> Iterator[str]:
    """Say how much room the copies need, and how much there is."""
    for each in space:
        needed, free = render.format_size(each.needed), render.format_size(each.free)
        label = f"What is copied needs {needed}; {free} are free in "
        width = render.terminal_width()
        yield label + render.path_from_here(each.path, width and width - len(label))


def sum_of_proofs_lines(proofs: Sequence[MemberProof]) -> Iterator[str]:
    """Say where all files and links of some copies are kept."""
    if proofs:
        total = render.format_count(sum(each.total for each in proofs), "file")
        text = f"Compared, with links: {total}; {_places(sum_of_proofs(proofs))}"
        yield from render.wrapped_paragraph(text, "")


def proof_lines(proofs: Sequence[MemberProof]) -> Iterator[str]:
    """Say for each copy where its files and links were kept when it left."""
    width = render.terminal_width()
    if proofs:
        yield "Compared when they left, files and links:"
    for each in proofs:
        yield "  " + render.path_from_here(each.path, width and width - 2)
        text = f"{each.total:,}: {_places(sum_of_proofs([each]))}"
        yield from render.wrapped_paragraph(text, "    ")


def _places(files: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} {HELD_BY.get(name, name)}" for name, number in files.items())
