"""Make the marks that answers of a review ask for, and take them back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gorillacomb.api.dedupe.marks import clear_marks, list_marks, mark_paths
from gorillacomb.dedupe.review.answers import ReviewAnswer
from gorillacomb.errors import UsageError
from gorillacomb.marks.rules import MarkKind
from gorillacomb.vault.vault import Vault


@dataclass(frozen=True, slots=True)
class ReviewMark:
    """A mark, and the paths that get it together."""

    kind: MarkKind
    paths: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ReviewMarks:
    """The marks of a vault, as far as a review makes them."""

    vault: Vault

    def make(self, marks: Iterable[ReviewMark]) -> list[bytes]:
        """Mark paths, all or none; return them in order. Raises GorillaCombError."""
        made: list[bytes] = []
        try:
            for each in marks:
                mark_paths(self.vault, each.kind, each.paths)
                made += each.paths
        except BaseException:
            self.clear(made)
            raise
        return made

    def make_again(self, answer: ReviewAnswer, marked: tuple[bytes, ...]) -> None:
        """Mark again what an answer had marked, except what is marked. Raises GorillaCombError."""
        known = {(each.kind, each.path) for each in list_marks(self.vault)}
        self.make(
            each
            for each in _as_marked(answer, marked)
            if any((each.kind, path) not in known for path in each.paths)
        )

    def clear(self, marked: Iterable[bytes]) -> list[bytes]:
        """Clear the marks of paths; return those that have none now. Raises GorillaCombError."""
        paths = list(marked)
        for path in paths:
            try:
                clear_marks(self.vault, [path])
            except UsageError:
                continue  # cleared since, or together with another one
        return paths


def _as_marked(answer: ReviewAnswer, marked: tuple[bytes, ...]) -> Iterator[ReviewMark]:
    """Yield the marks of an answer as they were made: copies that are intended in pairs."""
    if answer is ReviewAnswer.KEEP:
        yield ReviewMark(MarkKind.KEEP, marked)
    else:
        for at in range(0, len(marked), 2):
            yield ReviewMark(MarkKind.INTENDED, marked[at : at + 2])
