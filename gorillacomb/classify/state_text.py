"""Why the content of a file, or what stands in a folder, is not known: in a few words.

They go after a name or a number, and no colon stands in them: what follows one is a detail.
"""

from __future__ import annotations

from gorillacomb.model import FolderState, State

FILE_CAUSES = {
    State.PENDING: "not read yet",
    State.UNREADABLE: "unreadable",
    State.UNSTABLE: "changing while read",
    State.PLACEHOLDER: "only in the cloud",
    State.EXCLUDED: "excluded",
    State.TOO_SMALL: "below min-size",
    State.DAMAGED: "damaged",
    State.SUSPECT: "suspect (perhaps damaged)",
}
FOLDER_CAUSES = {
    FolderState.UNLISTED: "not listed yet",
    FolderState.UNREADABLE: "unreadable",
    FolderState.EXCLUDED: "excluded",
    FolderState.OTHER_FILE_SYSTEM: "on another file system",
}
