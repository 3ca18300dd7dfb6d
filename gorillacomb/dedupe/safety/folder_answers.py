"""Remember the answers of rules that are equal for all files in a folder."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from gorillacomb.dedupe.safety.context import PathContext

_T = TypeVar("_T")
_Answers = tuple[object, dict[Any, Any]]
"""The levels of a file in a folder, and the answer of each rule. The levels are others if the
folder was read again."""
_MOST_RECENT = 1024


class FolderAnswers:
    """The answers of rules that depend on the folder alone."""

    def __init__(self) -> None:
        self._answers: dict[tuple[bytes, bytes, bool], _Answers] = {}
        """By root, folder, and whether the root is a store."""
        self._recent: dict[int, _Answers] = {}
        """Those that were used lately, by the identity of the levels: quicker to find."""

    def about(self, rule: Callable[[PathContext], _T], site: PathContext) -> _T:
        """Return what a rule says of a path, asking it once for all files in a folder."""
        if site.is_folder:
            return rule(site)
        levels = site.levels
        known = self._recent.get(id(levels))
        if known is None or known[0] is not levels or not levels:  # all roots have the empty ones
            known = self._find(site)
        answers = known[1]
        if rule not in answers:
            answers[rule] = rule(site)
        return answers[rule]  # type: ignore[no-any-return]

    def _find(self, site: PathContext) -> _Answers:
        key = site.root, site.folder, site.root_is_store
        known = self._answers.get(key)
        if known is None or known[0] is not site.levels:
            known = self._answers[key] = site.levels, {}
        if len(self._recent) >= _MOST_RECENT:
            self._recent.clear()
        self._recent[id(site.levels)] = known
        return known
