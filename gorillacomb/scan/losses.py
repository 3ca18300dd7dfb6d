"""Whether a root is still what it was when it lost most of its files, or our folder.

An unmounted bind, another disk on the mount point or an emptied one looks as if all had been
deleted. Such a root is *suspect*: what is known of it is kept, and no copy in it counts, until a
scan finds it as it was or the user says that the loss is real.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from gorillacomb.fs.openat import OUR_FOLDER
from gorillacomb.fs.paths import join
from gorillacomb.index import roots as root_table
from gorillacomb.index.writer import IndexWriter
from gorillacomb.model import Root
from gorillacomb.scan.scan_roots import ScanRoots

_FEWEST = 6
"""Files: who deletes fewer of a small root means it. Of all that there were, two are enough."""

_NO_MARK = "its folder .gorillacomb is not there any more"


@dataclass(slots=True)
class LossJudge:
    """Judges the roots of one scan, when all of them has been walked."""

    roots: ScanRoots
    store: IndexWriter

    def cause(self, root: int, seen: int, new: int) -> str | None:
        """Why a root is suspect; None when it is not.

        ``seen`` files were met in this scan, ``new`` of what was met was not known before.
        """
        options, each = self.roots.options, self.roots.all[root]
        if options.accept_loss:
            return None
        is_whole = b"" in each.relatives and not options.is_partial
        if options.is_partial or (not is_whole and each.root.suspect):
            return each.root.suspect  # only a look at all of it tells that it is back
        cause = None
        connection = self.roots.index.connection
        if self.store.has_losses(root):
            where = each.root.path
            lost = sum(not os.path.lexists(join(where, path)) for path in self.store.losses(root))
            known = max(root_table.count_files(connection, root) - new, lost)
            fewest = _FEWEST if seen or not is_whole else 2
            if lost >= fewest and 2 * lost > known:
                cause = f"{lost:,} of its {known:,} files are not there any more"
        if cause is None and root_table.has_our_folder(connection, each.root.folder):
            cause = None if _is_marked(each.root) else _NO_MARK
        return cause

    def note(self, root: int, cause: str | None) -> None:
        """Store what came of it. Call inside `Index.atomic`."""
        connection, each = self.roots.index.connection, self.roots.all[root]
        root_table.set_suspect(connection, root, cause)
        if self.roots.options.accept_loss and not _is_marked(each.root):
            root_table.forget_our_folder(connection, each.root.folder)


def _is_marked(root: Root) -> bool:
    return os.path.isdir(join(root.path, OUR_FOLDER))
