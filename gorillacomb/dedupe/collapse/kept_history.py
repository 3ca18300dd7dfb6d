"""What was in a kept tree before: by its git history, and by the trace."""

from __future__ import annotations

import os
from collections.abc import Callable, Set
from dataclasses import dataclass

from gorillacomb.dedupe.collapse.difference import TreeDifference
from gorillacomb.dedupe.repositories.history import (
    HistoryUnreadable,
    find_past_versions,
    paths_ever,
)
from gorillacomb.fs.paths import join, path_prefixes, path_text

GIT = b".git"


@dataclass(slots=True)
class KeptHistory:
    """The history of one kept tree."""

    tree: bytes
    """Its path."""
    traced: Callable[[bytes], Set[bytes]]
    """Returns what was ever in a tree, as far as the trace knows: paths relative to it."""
    notes: list[str]
    """Collects what the user should know."""
    _is_closed: bool = False
    """Whether the git history was found to be unreadable."""

    def take(self, difference: TreeDifference) -> None:
        """Take out of what only a copy contains what the git history of the tree has, too.

        A folder counts only if all of its files are there, and it contains nothing else.
        """
        store = join(self.tree, GIT)
        if self._is_closed or not os.path.isdir(store):
            return
        within = {item.path: difference.files_of(item) for item in difference.own}
        files = {path: join(difference.top, path) for inner in within.values() for path in inner}
        if not files:
            return
        try:
            found = find_past_versions(store, files.items())
        except HistoryUnreadable as error:
            self._is_closed = True
            self.notes.append(
                f"What the history of {path_text(self.tree)} contains is not known:"
                f" {error.refusal.cause}."
            )
            return
        left = []
        for item in difference.own:
            inner = within[item.path]
            known = [(path, found[files[path]].oid) for path in inner if files[path] in found]
            if inner and len(known) == len(inner):
                difference.in_history += known
            else:
                left.append(item)
        difference.own = left

    def paths(self) -> Set[bytes] | None:
        """Return what was ever in the tree, relative to it, with the folders around each.

        None if that cannot be known.
        """
        found = self.traced(self.tree)
        store = join(self.tree, GIT)
        if os.path.lexists(store):
            try:
                found |= paths_ever(store)
            except HistoryUnreadable as error:
                self.notes.append(f"Nothing is brought: {error.refusal.cause}.")
                return None
        return {each for path in found for each in path_prefixes(path)}
