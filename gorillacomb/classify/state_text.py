"""Short explanations of why a file's content, or a folder's entries, are unknown.

They follow a name or a number, and contain no colon: what follows one is a detail.
"""

from __future__ import annotations

from gorillacomb.model import EntryState, FolderState

FILE_CAUSES = {
    EntryState.PENDING: "not read yet",
    EntryState.UNREADABLE: "unreadable",
    EntryState.UNSTABLE: "changing while read",
    EntryState.PLACEHOLDER: "only in the cloud",
    EntryState.EXCLUDED: "excluded",
    EntryState.TOO_SMALL: "below min-size",
    EntryState.DAMAGED: "damaged",
    EntryState.SUSPECT: "suspect (perhaps damaged)",
}
FOLDER_CAUSES = {
    FolderState.UNLISTED: "not listed yet",
    FolderState.UNREADABLE: "unreadable",
    FolderState.EXCLUDED: "excluded",
    FolderState.OTHER_FILE_SYSTEM: "on another file system",
}
