"""The documents of a dedupe plan, in a file JSON Lines, and of empty folders."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal, NotRequired, TypedDict, cast

from gorillacomb.api.documents.paths import PathDocument
from gorillacomb.dedupe.folder_pairs import FolderPairs
from gorillacomb.dedupe.model import EMPTY, PlanStep
from gorillacomb.dedupe.plan_file.serialize import kept_place_documents
from gorillacomb.json_paths import path_to_json

if TYPE_CHECKING:
    from gorillacomb.api.find.empty_folders import EmptyFolders


class KeptPathDocument(TypedDict, total=False):
    """The path of the copy that is kept. One of the two keys is present."""

    keep: str
    keep_b64: str


class RemovalPairDocument(PathDocument, KeptPathDocument):
    """A copy that is removed, and the one that is kept for it."""


class SkippedCopyDocument(PathDocument):
    """A file, folder or project that has a copy and is left alone."""

    rule: str
    """The safety rule that protects it, such as ``project`` or ``linked``."""
    cause: str
    files: int
    """Surplus copies in it that stay because of that; of each content, one copy is not surplus."""
    bytes: int
    """Bytes on disk of those."""


class FreeGoalDocument(TypedDict):
    """How much space a plan was to free, and what it omits because its steps are enough."""

    wanted_bytes: int
    freed_bytes_at_least: int
    """Bytes that its steps free once all are done and the quarantine is emptied."""
    reached: bool
    omitted_steps: int
    """Steps that are possible, too."""
    omitted_bytes: int
    """Bytes on disk of those."""


class PlanHeaderDocument(TypedDict):
    """The first line of a plan."""

    version: int
    """The version of the format: 1, or 2 for a plan that makes one tree of several copies."""
    plan: str
    """The id of the plan, 32 hex digits: it tells a run what was done of the plan before."""
    made_ns: str
    """When it was made, ns since the epoch, as decimal text."""
    action: str
    """``quarantine``, ``reflink``, ``hardlink``, ``symlink`` or ``delete``."""
    steps: int
    """Steps in the plan."""
    bytes_set_aside: int
    """Bytes on disk that are in quarantine afterwards."""
    bytes_freed: int | None
    """Bytes that are free at once; null where that is not known."""
    bytes_freed_at_least: NotRequired[int]
    bytes_freed_unknown: NotRequired[list[str]]
    """Why it is not known."""
    protect: list[str]
    """Paths or globs that no step touches."""
    retire: list[PathDocument]
    not_a_project: list[PathDocument]
    across_volumes: bool
    notes: list[str]
    """What to know beforehand, such as that a change reaches the cloud."""
    free: NotRequired[FreeGoalDocument]
    """With ``--free``."""
    left_alone: list[SkippedCopyDocument]


class KeptPlaceDocument(PathDocument):
    """A folder that keeps files of a folder that is removed, at the same relative paths."""

    files: int


class PastVersionDocument(PathDocument):
    """A file that the history of a repository contains."""

    object: str
    """The id of the git object, in hex digits."""


class PlanStepDocument(RemovalPairDocument):
    """A step of a plan: one file or folder that is removed as a whole, or not at all."""

    id: str
    kind: Literal["file", "folder", "leave"]
    """``leave`` is a folder that leaves whole because one tree is made of several copies."""
    regenerable: NotRequired[list[PathDocument]]
    """Folders in such a copy that a program makes again from a lock file, and that are not
    compared, relative to ``path``."""
    repositories: NotRequired[list[PathDocument]]
    """Its `.git`, if the one of the copy to keep has all of its objects and refs, but is not equal;
    relative to ``path``."""
    in_history: NotRequired[list[PastVersionDocument]]
    """Files in such a copy that the history of the copy to keep contains, relative to ``path``."""
    files: int
    bytes: int | None
    """Bytes on disk; null if it is not known how many become free."""
    bytes_at_least: NotRequired[int]
    bytes_unknown: NotRequired[list[str]]
    """Why it is not known."""
    reasons: list[str]
    """Why the other copy is the one to keep."""
    nested: NotRequired[list[RemovalPairDocument]]
    """What is inside it and has another copy to keep than the folder around it."""
    sidecars: NotRequired[list[RemovalPairDocument]]
    """Files that are removed together with it."""
    kept_in: NotRequired[list[KeptPlaceDocument]]
    """Where its files are kept, most files first, if ``keep`` does not keep them all."""


class FolderPairDocument(RemovalPairDocument):
    """A folder from which steps remove something, and the folder that keeps it."""

    steps: list[str]
    """The ids of the steps, the largest first."""
    files: int
    """Files that are removed."""
    bytes: int
    """Bytes on disk of those."""
    kept_in: list[KeptPlaceDocument]
    """Where they are kept, most files first."""


class EmptyFolderStepDocument(PathDocument):
    """A step of a plan with ``--empty-folders``: a folder that holds no file at any depth."""

    id: str
    kind: Literal["empty"]
    folders: int
    """How many folders that is, itself included."""
    files: int
    """0."""
    bytes: int
    """0."""
    reasons: list[str]


class SourcePathDocument(TypedDict, total=False):
    """The copy of a tree from which something is copied, or what is brought; absolute."""

    source: str
    source_b64: str


class ShelvedItemDocument(PathDocument):
    """Something that is copied to a shelf. Only with ``--bring`` it says why it is not brought."""

    rule: NotRequired[str]
    """The rule, such as ``secret`` or ``another version``."""
    cause: NotRequired[str]
    files: NotRequired[int]
    """Files that it is, or contains."""


class CopyStepDocument(PathDocument, SourcePathDocument):
    """What is copied before a copy of a tree leaves: ``path`` is its new place."""

    id: str
    kind: Literal["shelve", "bring"]
    """To a shelf, or into the kept tree."""
    items: NotRequired[list[ShelvedItemDocument]]
    """What is copied to a shelf, relative to both: files, links, folders with all in them."""
    files: int
    bytes: int
    """Of their content."""


PlanLine = CopyStepDocument | PlanHeaderDocument | PlanStepDocument | EmptyFolderStepDocument
"""A line of a plan: the header first, then one step per line, the largest first."""


class SavedPlanDocument(PlanHeaderDocument):
    """A plan that was written to a file: its header."""

    warnings: list[str]
    """Patterns of ``protect`` and ``prefer`` that match nothing."""


class PlanDocument(SavedPlanDocument):
    """What a plan would contain."""

    step_list: list[PlanStepDocument | EmptyFolderStepDocument]
    """The steps, the largest first."""
    pairs: list[FolderPairDocument]
    """The same by pair of folders, the largest first, as text shows them."""
    copies: NotRequired[list[CopyStepDocument]]
    """With ``--collapse``: what is copied before that."""


class PlanAnswersDocument(TypedDict):
    """What is removed of a plan according to the answers to it, and how many there are."""

    digest: str
    """BLAKE3 of what is removed, 64 hex digits: it changes with each answer."""
    files: int
    bytes: int
    """On disk."""
    yes: int
    swapped: int
    no: int
    open: int
    """Steps without an answer; they are removed if there is no answer at all."""
    is_reviewed: bool
    """Whether there are answers: then only what was answered with yes is removed."""


class KeptPlanDocument(PlanDocument):
    """A plan that the server keeps, according to the answers to it."""

    digest: str
    """Its name: BLAKE3 of the plan without answers, 64 hex digits."""
    shown: PlanAnswersDocument


class EmptyFolderDocument(PathDocument):
    """A folder that holds no file at any depth, and is in no other one."""

    folders: int
    """How many folders that is, itself included."""
    left_alone: str | None
    """Why a plan with ``--empty-folders`` leaves it alone; null if it removes it."""


class EmptyFoldersDocument(TypedDict):
    """Folders that hold no file at any depth."""

    empty: list[EmptyFolderDocument]


def folder_pair_documents(
    steps: Iterable[PlanStep], retired: Sequence[bytes]
) -> list[FolderPairDocument]:
    """Group steps by pair of folders, the largest first, and return those as documents."""
    rows = [
        {
            **path_to_json(pair.path),
            **path_to_json(pair.keep, "keep"),
            "steps": [step.id for step in pair.steps],
            "files": pair.files,
            "bytes": pair.size,
            "kept_in": kept_place_documents(pair.kept_in),
        }
        for pair in FolderPairs.of([step for step in steps if step.kind != EMPTY], retired)
    ]
    return cast(list[FolderPairDocument], rows)


def empty_folders_document(found: EmptyFolders) -> EmptyFoldersDocument:
    """Return empty folders as a document."""
    rows = [
        {
            **path_to_json(each.path),
            "folders": each.folders,
            "left_alone": each.cause,
        }
        for each in found.folders
    ]
    return {"empty": cast(list[EmptyFolderDocument], rows)}
