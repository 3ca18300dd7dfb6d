"""The topics of the documentation: Markdown files in the package."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import gorillacomb

_FOLDER = Path(gorillacomb.__file__).parent / "docs"
_FIRST = ("quickstart", "scan", "folders", "unique", "drop", "canonical", "dedupe", "quarantine")
"""The topics for newcomers, in this order; the others follow by name."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A page of the documentation."""

    name: str
    """The name that `gorillacomb help` takes; an internal topic's includes its folder."""
    text: str

    @property
    def title(self) -> str:
        return self.text.partition("\n")[0].removeprefix("# ")

    @property
    def summary(self) -> str:
        """The first paragraph, a single sentence."""
        return " ".join(self.text.split("\n\n")[1].split())


def topic_names() -> list[str]:
    """Return the names of all topics, in the order in which they are listed."""
    names = [path.relative_to(_FOLDER).with_suffix("").as_posix() for path in _FOLDER.rglob("*.md")]
    return sorted(names, key=_order)


def _order(name: str) -> tuple[bool, int, str]:
    return "/" in name, _FIRST.index(name) if name in _FIRST else len(_FIRST), name


def find_topic(name: str) -> Topic | None:
    """Return a topic by its name, or by the last part of it; None if there is none."""
    for each in topic_names():
        if name in (each, each.rpartition("/")[2]):
            return read_topic(each)
    return None


def read_topic(name: str) -> Topic:
    """Return a topic, which must exist."""
    return Topic(name, (_FOLDER / f"{name}.md").read_text("utf-8"))
