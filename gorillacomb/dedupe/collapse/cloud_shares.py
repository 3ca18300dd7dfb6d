"""Which cloud folder a copy is in, and which folder in it is shared, as far as the disk shows it.

Google's shared drives, and what others shared and the user added a shortcut to, have folders of
their own. Dropbox puts a file into each shared folder. What OneDrive, iCloud and others share looks
like any folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from gorillacomb.classify.cloud_folders import cloud_folder_around, is_shared
from gorillacomb.fs.paths import join, path_and_parents, path_text

DROPBOX_MARK = b".dropbox"
"""In the top of a Dropbox, and of each shared folder in it."""
_DROPBOX_TOP = b".dropbox.cache"
"""Only in the top of a Dropbox."""
_TEAM = b" dropbox"
"""What the name of the folder of a team ends with: in it is a folder for each share."""


def cloud_refusal(member: bytes, keep: bytes) -> str | None:
    """Return why a copy may not leave for the sake of another one; None if both are in one cloud
    folder and in one share, or in none."""
    inside = [join(path, b"x") for path in (member, keep)]
    ours, theirs = map(cloud_folder_around, inside)
    if ours != theirs:
        return "is not in the same cloud folder"
    share, other = map(_dropbox_share, (member, keep))
    if share != other:
        where = "the same shared folder of Dropbox"
        return f"is not in {where} as the one to keep: {path_text(share or other or b'')}"
    return None


def share_notes(member: bytes) -> Iterator[str]:
    """Yield what the user should know of a copy in a shared folder that leaves."""
    cloud = cloud_folder_around(member)
    share = cloud if cloud is not None and is_shared(cloud) else _dropbox_share(member)
    if share is not None:
        yield f"{path_text(share)} is a shared folder: {path_text(member)} leaves it for everyone."


def _dropbox_share(path: bytes) -> bytes | None:
    """Return the innermost shared folder of a Dropbox around a path, or at it."""
    around = [each for each in path_and_parents(path) if os.path.isdir(join(each, _DROPBOX_TOP))]
    if not around:
        return None
    top = max(around, key=len)
    marked = [
        each
        for each in path_and_parents(path)
        if len(each) > len(top) and os.path.isfile(join(each, DROPBOX_MARK))
    ]
    if marked:
        return max(marked, key=len)
    if not os.path.basename(top).lower().endswith(_TEAM) or path == top:
        return None
    return join(top, path[len(top) + 1 :].partition(b"/")[0])
