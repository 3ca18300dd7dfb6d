"""What requests may contain: every model forbids fields that it does not know, and bounds sizes."""

from __future__ import annotations

import os
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, WithJsonSchema

from gorillacomb.api.paths import path_from_json
from gorillacomb.api.server.duplicates import ContentKind, GroupOrder, GroupsAsked
from gorillacomb.api.server.families import FamilyState
from gorillacomb.api.server.files import GapName
from gorillacomb.web.problems import Problem

MOST_PAGE = 1000
_LONGEST_PATH = 65536


def _path(value: Any) -> bytes:
    if not isinstance(value, dict) or value.keys() not in ({"path"}, {"path_b64"}):
        raise ValueError("it is not an object with either path or path_b64")
    path = path_from_json(value, strict=False)
    if not path.startswith(b"/") or b"\0" in path or len(path) > _LONGEST_PATH:
        raise ValueError("it is not an absolute path")
    return path


_LETTER = "[A-Za-z0-9+/]"
_BASE64 = (
    f"^L[w-z0-9+/](==|{_LETTER}(=|{_LETTER}({_LETTER}{{4}})*({_LETTER}{{2}}==|{_LETTER}{{3}}=)?))$"
)
"""Base64 of what begins with a slash."""
_TEXT = {"type": "string", "minLength": 1, "maxLength": _LONGEST_PATH}
Path = Annotated[
    bytes,
    PlainValidator(_path),
    WithJsonSchema(
        {
            "oneOf": [
                {
                    "type": "object",
                    "required": [name],
                    "additionalProperties": False,
                    "properties": {name: {**_TEXT, **more}},
                }
                for name, more in (
                    ("path", {"pattern": "^/[^\\u0000]*$"}),
                    ("path_b64", {"contentEncoding": "base64", "pattern": _BASE64}),
                )
            ]
        }
    ),
]
"""A path in a body: ``{"path": TEXT}``, or ``{"path_b64": BASE64}`` if it is not valid UTF-8."""


def _typed_path(value: Any) -> bytes:
    return os.path.normpath(_path({"path": value}))


TypedPath = Annotated[bytes, PlainValidator(_typed_path)]
"""A path in a field of a form."""
TypedPathOrNone = Annotated[
    bytes | None, PlainValidator(lambda value: _typed_path(value) if value else None)
]
"""The same, if something was typed."""
_LONGEST_IN_ADDRESS = 8192
"""The whole address has to fit into 32 KiB, with what is percent-encoded in it."""
PathText = Annotated[str, Field(max_length=_LONGEST_IN_ADDRESS, pattern=r"^/[^\x00]*$")]
"""A path in an address."""
Paths = Annotated[list[Path], Field(max_length=1000)]
Text = Annotated[str, Field(min_length=1, max_length=4096, pattern=r"^[^-\x00][^\x00]*$")]
Texts = Annotated[list[Text], Field(max_length=1000)]
MOST_NUMBER = (1 << 53) - 1
"""Numbers up to this are the same in every program that reads JSON (RFC 8259, section 6)."""


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


Count = Annotated[int, BeforeValidator(_whole), Field(ge=0, le=MOST_NUMBER)]


class Input(BaseModel):
    """What a client sends."""

    model_config = ConfigDict(extra="forbid")

    def options(self) -> dict[str, Any]:
        """Return what was sent as the options of a job, without its kind."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        return {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in given.items()
            if name != "kind" and value is not None
        }


class Body(Input):
    """What a client sends as JSON: no text counts as a number, and no number as true or false."""

    model_config = ConfigDict(extra="forbid", strict=True)


class PathQuery(Input):
    """The path in an address: ``?path=`` or ``?path_b64=``."""

    path: PathText | None = None
    path_b64: str | None = Field(None, max_length=_LONGEST_IN_ADDRESS)


class PageQuery(Input):
    """Which part of a list: it goes on ``after`` what ``next`` was."""

    limit: int = Field(100, ge=1, le=MOST_PAGE)
    after: str | None = Field(None, min_length=1, max_length=4096)


class TreeQuery(PathQuery, PageQuery):
    """Which part of a folder."""


class FilesQuery(PageQuery):
    """Which files."""

    state: GapName | None = None
    """Only those in one state, the largest first."""


class GroupsQuery(PageQuery):
    """Which groups of identical files, and in which order."""

    sort: GroupOrder = GroupOrder.WASTE
    min_reclaimable: int = Field(0, ge=0, le=MOST_NUMBER)
    """Bytes on disk that all copies but one take, at least."""
    kind: ContentKind | None = None
    """The kind that the name of at least one copy says."""
    within: PathText | None = None
    """The folder that at least one copy is in."""
    within_b64: str | None = Field(None, max_length=_LONGEST_IN_ADDRESS)

    def asked(self) -> GroupsAsked:
        """Return what is asked for. Raises Problem for a folder whose path is not valid."""
        folder = None
        if self.within is not None or self.within_b64 is not None:
            folder = path_of(self.within, self.within_b64)
        return GroupsAsked(self.sort, self.min_reclaimable, folder, self.kind)


class FamiliesQuery(PageQuery):
    """Which families of copied folders."""

    name: str = Field("", max_length=4096)
    """What the path of one of the copies contains; upper and lower case do not matter."""
    state: FamilyState | None = None


class ComparedQuery(Input):
    """The two folders in an address, each as text or as base64."""

    a: PathText | None = None
    a_b64: str | None = Field(None, max_length=_LONGEST_IN_ADDRESS)
    b: PathText | None = None
    b_b64: str | None = Field(None, max_length=_LONGEST_IN_ADDRESS)


class TraceQuery(Input):
    """Which part of the trace."""

    start: int = Field(0, ge=0, le=MOST_NUMBER)
    limit: int = Field(100, ge=1, le=MOST_PAGE)


class LoginInput(Body):
    """The one-time token of `gorillacomb serve link`."""

    token: str = Field(min_length=1, max_length=200)


class ScanInput(Body):
    """Read folders, or all known roots, into the index."""

    kind: Literal["scan"]
    paths: Paths = []
    exclude: Texts = []
    min_size: Count | None = None
    clear_excludes: bool = False
    quick: bool = False
    rehash: bool = False
    cross_file_systems: bool = False
    accept_loss: bool = False


class ScrubInput(Body):
    """Read files again, and tell bit rot from edits."""

    kind: Literal["scrub"]
    paths: Paths = []
    older_than: Count | None = None
    """Seconds: only what was last read longer ago."""


class VerifyInput(Body):
    """Check a manifest against what is on disk."""

    kind: Literal["verify"]
    manifest: Path
    root: Path | None = None
    require_signature: bool = False


class ManifestInput(Body):
    """List what a folder contains, signed; by default the canonical files of the only root."""

    kind: Literal["manifest"]
    path: Path | None = None
    no_sign: bool = False
    allow_missing: bool = False


JobInput = Annotated[
    ScanInput | ScrubInput | VerifyInput | ManifestInput, Field(discriminator="kind")
]


class PlanInput(Body):
    """Which copies a plan removes; as the options of `gorillacomb dedupe --plan`."""

    action: Literal["quarantine", "hardlink", "symlink", "reflink"] = "quarantine"
    within: Paths = []
    prefer: Texts = []
    protect: Texts = []
    keep: Annotated[int, BeforeValidator(_whole), Field(ge=1, lt=1000)] = 1
    min_size: Count = 0
    free: Count | None = None
    folders_only: bool = False
    files_only: bool = False
    retire: Paths = []
    not_a_project: Paths = []
    across_volumes: bool = False
    empty_folders: bool = False
    collapse: Paths = []
    into: Path | None = None
    bring: Paths = []
    collapse_all: bool = False
    bring_all: bool = False


class AnswerInput(Body):
    """What a person says about a step of a plan."""

    step: str = Field(min_length=1, max_length=64)
    answer: Literal["yes", "no", "swap", "skip"]


class ShownInput(Body):
    """What was shown of a plan: it is applied only if it is still that."""

    files: Count
    bytes: Count


class MarkInput(Body):
    """What to mark, and as what."""

    kind: Literal["keep", "intended", "not-duplicates"]
    paths: Annotated[Paths, Field(min_length=1)]
    note: Text | None = None


class ClearInput(Body):
    """What is no longer to be marked."""

    paths: Annotated[Paths, Field(min_length=1)]


class UndoInput(Body):
    """Which part of a run to take back: all of it, or only some paths."""

    only: Paths = []


class PurgeInput(ShownInput):
    """What was shown of the quarantine: it is emptied only if it is still that."""

    digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    run: str | None = Field(None, pattern=r"^[A-Za-z0-9_.-]{1,64}$")


class DroppedInput(Body):
    """A file that somebody has, and may want to send."""

    path: str = Field(min_length=1, max_length=4096)
    """Relative to what is dropped."""
    bytes: Count
    blake3: str = Field(pattern=r"^[0-9a-f]{64}$")


class DropInput(Body):
    """Files about which to ask."""

    files: Annotated[list[DroppedInput], Field(max_length=5000)]


class DroppedQuery(Input):
    """Which file is sent."""

    path: str = Field(min_length=1, max_length=4096)
    """Relative to what is dropped."""
    look_up: bool = True
    """Whether to say where it is known; if not, only its digest is returned."""


class KeptQuery(Input):
    """Which file is sent to be kept, and what it has to be."""

    path: str = Field(min_length=1, max_length=4096)
    """Relative to the folder that is made for the drop."""
    bytes: int | None = Field(None, ge=0, le=MOST_NUMBER)
    blake3: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")


class KeepInput(Body):
    """Where to keep what was sent."""

    into: Path
    """A scanned folder, or one in it."""


def named_path(query: PathQuery) -> bytes:
    """Return the path in an address. Raises Problem if there is none, or it is not valid."""
    return path_of(query.path, query.path_b64)


def path_of(text: str | None, base64: str | None) -> bytes:
    """Return a path that came as text or as base64. Raises Problem for none, or a bad one."""
    given = {"path": text, "path_b64": base64}
    known = {name: value for name, value in given.items() if value is not None}
    if not known:
        raise Problem(422, "The address needs path or path_b64.")
    try:
        return os.path.normpath(_path(known))
    except ValueError as error:
        raise Problem(422, f"The path cannot be read: {error}.") from error
