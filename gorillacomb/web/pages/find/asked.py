"""What the addresses of these pages may ask for, and the links that go on from there."""

from __future__ import annotations

import os
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, urlencode

from fastapi import Request
from pydantic import Field, model_validator

from gorillacomb.api.paths import is_below
from gorillacomb.api.server.duplicates import ContentKind, GroupOrder, GroupsAsked
from gorillacomb.api.server.families import FamilyState
from gorillacomb.web.inputs import MOST_NUMBER, Input, path_of
from gorillacomb.web.problems import Problem
from gorillacomb.web.security.access import Caller
from gorillacomb.web.security.sessions import Session, has_secret

PAGE = 50
"""Rows of a page, unless another number is asked for."""
TypedPath = Annotated[str, Field(max_length=65536)]
"""What a person types as a path: the page itself says what is wrong with it."""
Place = Annotated[int, Field(ge=0, le=MOST_NUMBER)]


class FormQuery(Input):
    """What a form asks for by an address: a field that was left empty is not there."""

    @model_validator(mode="before")
    @classmethod
    def _without_empty_fields(cls, given: Any) -> Any:
        return {name: value for name, value in dict(given).items() if value != ""}


class PathAsked(FormQuery):
    """A path, and a place in the list that its page shows."""

    path: TypedPath | None = None
    path_b64: str | None = Field(None, max_length=131072)
    after: Place = 0
    limit: int = Field(PAGE, ge=1, le=200)

    def named(self) -> bytes | None:
        """Return the path; None if none was given. Raises Problem."""
        return typed_path(self.path, self.path_b64)


class TreeAsked(FormQuery):
    """A folder, and the name in it that the page goes on after."""

    path: TypedPath | None = None
    path_b64: str | None = Field(None, max_length=131072)
    after: str | None = Field(None, max_length=4096)
    limit: int = Field(100, ge=1, le=200)


class GroupsAskedFor(FormQuery):
    """Which groups of identical files, and in which order."""

    sort: GroupOrder = GroupOrder.WASTE
    min_reclaimable: Place = 0
    kind: ContentKind | None = None
    within: TypedPath | None = None
    within_b64: str | None = Field(None, max_length=131072)
    after: str | None = Field(None, max_length=4096)
    limit: int = Field(25, ge=1, le=PAGE)
    marked: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")
    """The BLAKE3 of the group that was marked on the page a moment ago."""

    def asked(self) -> GroupsAsked:
        """Return what is asked for. Raises Problem for a folder that cannot be one."""
        folder = typed_path(self.within, self.within_b64)
        return GroupsAsked(self.sort, self.min_reclaimable, folder, self.kind)


class FamiliesAsked(FormQuery):
    """Which families of copied folders."""

    name: str = Field("", max_length=4096)
    state: FamilyState | None = None
    after: Place = 0
    limit: int = Field(PAGE, ge=1, le=200)


Part = Literal["changed", "only-a", "only-b", "moved", "unknown"]


class ComparisonAsked(FormQuery):
    """The two folders to compare, and the part of what differs that is shown."""

    a: TypedPath | None = None
    a_b64: str | None = Field(None, max_length=131072)
    b: TypedPath | None = None
    b_b64: str | None = Field(None, max_length=131072)
    show: Part | None = None
    after: Place = 0
    limit: int = Field(PAGE, ge=1, le=200)

    def sides(self) -> tuple[bytes, bytes] | None:
        """Return the two paths; None if one was not given. Raises Problem."""
        a, b = typed_path(self.a, self.a_b64), typed_path(self.b, self.b_b64)
        return None if a is None or b is None else (a, b)


def typed_path(text: str | None, base64: str | None) -> bytes | None:
    """Return a path as a person or a link names it; None if neither was given. Raises Problem."""
    if text is None and base64 is None:
        return None
    if text is not None and not text.startswith("/"):
        raise Problem(422, "A path begins with a slash.", "Type all of it, from the top.")
    if text is not None and "\0" in text:
        raise Problem(422, "A path has no NUL in it.")
    return path_of(text, base64)


def folders_around(path: bytes, roots: list[bytes]) -> list[bytes]:
    """Return the folders around a path, from the root it is in down to its parent."""
    top = max((root for root in roots if is_below(path, root)), key=len, default=None)
    if top is None:
        return []
    found, at = list[bytes](), path
    while at != top:
        at = os.path.dirname(at)
        found.append(at)
    return found[::-1]


def with_query(request: Request, **changes: Any) -> str:
    """Return the address of a page with some of its query changed; None drops a part."""
    names = changes.keys()
    kept = [pair for pair in parse_qsl(request.url.query) if pair[0] not in names]
    new = [(name, str(value)) for name, value in changes.items() if value is not None]
    query = urlencode([*kept, *new])
    return f"{request.url.path}{'?' if query else ''}{query}"


def may_show_content(caller: Caller) -> bool:
    """Return whether a page may show what is in files.

    Not under a name that other programs have too: they can load pages with the session's cookie.
    """
    has_all = not isinstance(caller, Session) or has_secret(caller, None)
    return "read:content" in caller.scopes and has_all
