"""What is said of a job that has ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gorillacomb.api.text import format_count


class Next(NamedTuple):
    """A page to go to."""

    path: str
    name: str


@dataclass
class Outcome:
    """What is said of a job that has ended."""

    headline: str
    lead: str = ""
    facts: list[str] = field(default_factory=list)
    problems: list[tuple[str, Sequence[Mapping[str, Any]]]] = field(default_factory=list)
    """What was not done: a title, and documents with a path and a cause."""
    next: list[Next] = field(default_factory=list)
    """The first is the one thing to do."""

    def add(self, number: int, one: str, many: str = "", then: str = "") -> None:
        """Add a fact about a number of things, unless there are none."""
        if number:
            self.facts.append(f"{format_count(number, one, many)}{then}.")

    def problem(self, title: str, documents: Iterable[Mapping[str, Any]]) -> None:
        """Add what was not done, unless that is nothing."""
        found = list(documents)
        if found:
            self.problems.append((title, found))
