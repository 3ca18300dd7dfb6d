"""Say in plain words what becomes of the copies of a tree, and where their files are kept."""

from __future__ import annotations

from collections.abc import Mapping

from gorillacomb.api.dedupe.collapse import BringRule
from gorillacomb.api.dedupe.runs import Holder

NOT_BROUGHT: Mapping[BringRule, str] = {
    BringRule.NOT_NAMED: "not named",
    BringRule.ANOTHER_VERSION: "another version",
    BringRule.SAME_TEXT: "the same text with other line ends",
    BringRule.SEVERAL_VERSIONS: "of several versions",
    BringRule.CLASH: "of a name that clashes",
    BringRule.SAME_CONTENT: "there under another name",
    BringRule.DELETED: "what was deleted there before",
    BringRule.SECRET: "a secret",
    BringRule.ACTS: "what acts by being there",
    BringRule.IGNORED: "ignored by git",
    BringRule.LINK: "a link, or has one",
    BringRule.REPOSITORY: "part of a repository",
    BringRule.COMPANION: "what belongs to files beside it",
    BringRule.PRIVATE: "private",
    BringRule.NAME: "of a name that is not allowed there",
    BringRule.STRUCTURAL: "in a folder that is not there",
    BringRule.UNREADABLE: "unreadable",
}
"""Why files are on the shelf, although things are brought into the kept tree."""
HELD_BY: Mapping[str, str] = {
    Holder.KEPT_TREE: "in the kept tree",
    Holder.BROUGHT: "put into the kept tree",
    Holder.SHELF: "on the shelf",
    Holder.HISTORY: "in the git history of the kept tree",
    Holder.REPOSITORY: "in its repository",
    Holder.REGENERABLE: "made again from a lock file",
    Holder.SYSTEM: "system files such as .DS_Store, in the quarantine alone",
    Holder.UNIQUE: "in the quarantine alone",
}
"""What keeps files of a copy of a tree, in words that follow a number of them."""
