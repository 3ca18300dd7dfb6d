"""What a copy of a tree says about itself by its absolute path, and what becomes of that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gorillacomb.dedupe.collapse.own_items import CannotLeave, OwnItem
from gorillacomb.dedupe.model import Reference, SafetyRule
from gorillacomb.dedupe.safety.sorted_references import references_to
from gorillacomb.fs.paths import is_below, path_prefixes, path_text, relative_path


def refuse_own_references(
    top: bytes, own: Sequence[OwnItem], references: Sequence[Reference]
) -> None:
    """Refuse a copy if something that would be copied from it names it by its absolute path.

    Its content would be kept, but a virtual environment, for example, works nowhere else. What the
    kept tree contains, too, or a program makes again, is not copied. ``references`` are sorted by
    their targets. Raises CannotLeave.
    """
    for each in _copied_references(top, own, references):
        if each.line:
            raise CannotLeave(
                SafetyRule.LINKED,
                relative_path(each.source, top),
                f"line {each.line} names {path_text(each.target)}, which leaves: a copy of it would"
                " not work. Change that line, or delete what can be made again",
            )


def own_link_notes(
    top: bytes, own: Sequence[OwnItem], references: Sequence[Reference]
) -> Iterator[str]:
    """Say that links that are copied lead to where nothing will be."""
    links = sorted({each.source for each in _copied_references(top, own, references)})
    if links:
        yield (
            f"Links that are copied from {path_text(top)} lead into it, and will lead nowhere:"
            f" {len(links)}, such as {path_text(relative_path(links[0], top))}."
        )


def _copied_references(
    top: bytes, own: Sequence[OwnItem], references: Sequence[Reference]
) -> Iterator[Reference]:
    """Yield the absolute references from what is copied of a tree to what is in it, or to it."""
    copied = {item.path for item in own}
    for each in references_to(references, top) if copied else ():
        if not (each.is_absolute and is_below(each.source, top)):
            continue
        if not copied.isdisjoint(path_prefixes(relative_path(each.source, top))):
            yield each
