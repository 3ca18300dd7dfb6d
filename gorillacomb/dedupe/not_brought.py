"""Why something that only a copy of a tree contains is put on the shelf, not into the kept tree."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class BringRule(StrEnum):
    """A rule by which something goes to the shelf although things are to be brought."""

    NOT_NAMED = "not named"
    """Other paths were named to be brought."""
    ANOTHER_VERSION = "another version"
    """The kept tree has something else at its path."""
    SAME_TEXT = "same text"
    """The kept tree has the same text at its path, with other line ends or a byte-order mark."""
    SEVERAL_VERSIONS = "several versions"
    """The copies have different things at its path."""
    CLASH = "clash"
    """Its name is the same as another one on some file system."""
    SAME_CONTENT = "same content"
    """The kept tree has its content under another name."""
    DELETED = "deleted"
    """The kept tree had something at its path before."""
    SECRET = "secret"
    ACTS = "acts"
    """It would do something by being there, like a migration or a hook."""
    IGNORED = "ignored"
    """A `.gitignore` of the kept tree names it."""
    LINK = "link"
    REPOSITORY = "repository"
    COMPANION = "companion"
    """It belongs to files beside it."""
    PRIVATE = "private"
    """Others could enter the folder in which it would be."""
    NAME = "name"
    """The volume, or a cloud folder there, does not allow its name, or its length."""
    STRUCTURAL = "structural"
    """The kept tree has no folder for it."""
    UNREADABLE = "unreadable"


class NotBrought(NamedTuple):
    """Why one thing is on the shelf."""

    rule: BringRule
    cause: str
    """In words that continue "it"."""
    files: int = 0
    """Files that it is, or contains."""
