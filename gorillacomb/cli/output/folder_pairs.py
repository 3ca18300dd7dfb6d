"""Show steps by pair of folders, in the same words wherever a plan or a run is shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gorillacomb.api.dedupe.pairs import FolderPair, FolderPairs, KeptPlace
from gorillacomb.api.dedupe.plan import PlanStep
from gorillacomb.api.paths import relative_path
from gorillacomb.api.words.actions import Verb
from gorillacomb.cli.output import render

_PLACES_SHOWN = 3
_NAMED = 5
_INDENT = " " * 13


def pairs_lines(pairs: FolderPairs, verb: Verb, most: int | None = None) -> Iterator[str]:
    """Describe pairs of folders, the largest first; ``most`` is how many, None for all."""
    shown = pairs.pairs[:most]
    for pair in shown:
        yield from pair_lines(pairs, pair, verb)
    rest = pairs.pairs[len(shown) :]
    if rest:
        files = render.format_count(sum(pair.files for pair in rest), "file")
        size = render.format_size(sum(pair.size for pair in rest))
        more = render.format_count(len(rest), "more pair")
        yield f"  and {more} of folders, {files}, {size}"


def pair_lines(pairs: FolderPairs, pair: FolderPair, verb: Verb) -> Iterator[str]:
    """Describe a pair: what leaves which folder, what stays there, and what is kept."""
    if len(pair.steps) == 1 and pair.steps[0].kind == "file":
        yield from step_lines(pair.steps[0])
        return
    staying, elsewhere = pairs.staying(pair), pairs.leaving_elsewhere(pair)
    label = f"  {render.format_size(pair.size):>9}  "
    if staying is None:
        head = f"{render.format_count(pair.files, 'file')} of "
    elif staying.files or elsewhere:
        total = pair.files + elsewhere + staying.files
        head = f"{pair.files:,} of {render.format_count(total, 'file')} of "
    elif pair.files == 1:
        head = "the only file of "
    else:
        head = f"all {render.format_count(pair.files, 'file')} of "
    yield label + _around(head, pair.path, f" {verb.of(pair.files)}", len(label))
    if elsewhere:
        yield f"{_INDENT}and {elsewhere:,} more of it in other pairs"
    if staying is not None and 0 < staying.files < max(pair.files + elsewhere, _NAMED + 1):
        stays = "this one stays" if staying.files == 1 else f"these {staying.files:,} stay"
        yield _named(f"{_INDENT}{stays}: ", staying.names, staying.files)
    elif 1 < len(pair.steps) <= _NAMED:
        names = [relative_path(step.path, pair.path) or step.path for step in pair.steps]
        yield _named(f"{_INDENT}namely: ", names, len(names))
    if pair.keep == pair.path and len(pair.kept_in) == 1:
        yield "      keep: the other copies in the same folder"
    elif pair.kept_around is not None:
        label = f"      keep: {len(pair.kept_in):,} folders in "
        yield _around(label, pair.kept_around, "", 0)
    else:
        yield from kept_lines(pair.kept_in)


def _around(head: str, path: bytes, tail: str, used: int) -> str:
    """Return a line with a path in it that is shortened to fit on a terminal."""
    width = render.terminal_width()
    return head + render.path_from_here(path, width and width - used - len(head + tail)) + tail


def _named(label: str, names: Sequence[bytes], count: int) -> str:
    """Return a line that names some files, as many as fit."""
    width = render.terminal_width()
    line, shown = label, 0
    for name in names[:_NAMED]:
        rest = f", and {count - shown - 1:,} more" if count > shown + 1 else ""
        text = (", " if shown else "") + render.printable_path(name)
        room = width and width - render.display_width(line + rest)
        if shown and room is not None and render.display_width(text) > room:
            break
        line, shown = line + render.shorten_path(text, room), shown + 1
    return line + (f", and {count - shown:,} more" if count > shown else "")


def step_lines(step: PlanStep) -> Iterator[str]:
    """Describe a step: what is removed, what is removed along with it, and what is kept."""
    width = render.terminal_width()
    label = f"  {render.format_size(step.size):>9}  "
    yield label + render.path_from_here(step.path, width and width - len(label))
    if step.sidecars:
        yield f"      with: {render.format_count(len(step.sidecars), 'more file')} beside it"
    if step.kind == "empty":
        yield "      keep: nothing, it holds no file"
    elif step.kept_in:
        yield from kept_lines(step.kept_in)
    else:
        yield from kept_lines([KeptPlace(step.keep, step.files)])


def kept_lines(places: Sequence[KeptPlace]) -> Iterator[str]:
    """Say where files are kept: in one place, or how many in each of several."""
    width = render.terminal_width()
    label = "      keep: "
    if len(places) == 1:
        yield label + render.path_from_here(places[0].path, width and width - len(label))
        return
    for place in places[:_PLACES_SHOWN]:
        label += f"{render.format_count(place.files, 'file')} in "
        yield label + render.path_from_here(place.path, width and width - len(label))
        label = " " * 12
    rest = places[_PLACES_SHOWN:]
    if rest:
        files = render.format_count(sum(place.files for place in rest), "file")
        yield f"{label}{files} in {render.format_count(len(rest), 'more place')}"
