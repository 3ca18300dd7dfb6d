"""What is known: the vault's state, its roots, groups of identical files, one path."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.responses import JSONResponse, Response

from gorillacomb.api.documents.duplicates import FileGroupDocument, GroupsPageDocument
from gorillacomb.api.documents.explain import (
    ExplainedFileDocument,
    ExplainedFolderDocument,
    ExplainedGoneDocument,
)
from gorillacomb.api.documents.jobs import JobDocument
from gorillacomb.api.documents.status import RootsDocument, StatusDocument, roots_document
from gorillacomb.api.duplicates import FileGroup
from gorillacomb.api.paths import path_columns
from gorillacomb.api.roots import list_roots
from gorillacomb.api.server.duplicates import (
    GroupOrder,
    GroupPosition,
    GroupsPage,
    group_of_content,
    groups_page_document,
    index_generation,
    read_groups_page,
)
from gorillacomb.api.server.explained import explain_or_start
from gorillacomb.api.server.files import (
    FilePosition,
    FilesPageDocument,
    files_page_document,
    read_files_page,
)
from gorillacomb.api.server.findings import Finding
from gorillacomb.api.server.tree import TreePageDocument, read_tree_page, tree_page_document
from gorillacomb.api.status import vault_status
from gorillacomb.web.answers import (
    PROBLEMS,
    answers,
    continue_token,
    missing_as_404,
    position_of,
    table,
)
from gorillacomb.web.inputs import FilesQuery, GroupsQuery, PathQuery, TreeQuery, named_path
from gorillacomb.web.routes.jobs import started
from gorillacomb.web.security.access import ReadIndex
from gorillacomb.web.site import GivenSite, Site

router = APIRouter(tags=["find"])
_POSITION = (int, int, bytes)
FILE_POSITION = (int, int, bytes)
POSITION = (int, int, bytes)
Digest = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]


@router.get("/status", **answers(StatusDocument))
def status(site: GivenSite, session: ReadIndex) -> Response:
    """Return what the vault knows: roots, files, redundancy, gaps."""
    return JSONResponse(vault_status(site.vault).to_dict())


@router.get("/roots", **answers(RootsDocument))
def roots(site: GivenSite, session: ReadIndex) -> Response:
    """Return the drives and folders that were scanned."""
    return JSONResponse(roots_document(list_roots(site.vault)))


@router.get("/files", **answers(FilesPageDocument))
def files(site: GivenSite, session: ReadIndex, query: Annotated[FilesQuery, Query()]) -> Response:
    """Return files of the index: all of them, or those in one state, the largest first."""
    after = None
    if query.after is not None:
        position = position_of(query.after, FILE_POSITION, index_generation(site.vault))
        after = FilePosition(*position)
    page = read_files_page(site.vault, query.state, after, query.limit)
    return JSONResponse(files_page_document(page, continue_token(page.generation, page.next)))


@router.get("/groups", **answers(GroupsPageDocument))
def groups(site: GivenSite, session: ReadIndex, query: Annotated[GroupsQuery, Query()]) -> Response:
    """Return groups of identical files, the most wasteful first."""
    page = _page(site, query)
    return JSONResponse(groups_page_document(page, continue_groups(page, query.sort)))


@router.get(
    "/groups.csv", responses={200: {"content": {"text/csv": {}}}, **PROBLEMS}, response_model=None
)
def groups_csv(
    site: GivenSite, session: ReadIndex, query: Annotated[GroupsQuery, Query()]
) -> Response:
    """Return the same page as a table with a row for each file."""
    columns = ["blake3", "size", "reclaimable", "canonical", "path", "path_b64"]
    return table(columns, _rows(_page(site, query).groups))


def continue_groups(page: GroupsPage, order: GroupOrder) -> str | None:
    """Return what ``after`` takes to continue in the order that a page was read in."""
    return continue_token(f"{order} {page.generation}", page.next)


def _page(site: Site, query: GroupsQuery) -> GroupsPage:
    after = None
    if query.after is not None:
        read_from = f"{query.sort} {index_generation(site.vault)}"
        after = GroupPosition(*position_of(query.after, POSITION, read_from))
    return read_groups_page(site.vault, after, query.limit, query.asked())


def _rows(found: tuple[FileGroup, ...]) -> Iterator[list[Any]]:
    for group in found:
        for file in group.files:
            facts = group.digest.hex(), group.size, group.reclaimable, int(file.is_canonical)
            yield [*facts, *path_columns(file.path)]


@router.get("/groups/{blake3}", **answers(FileGroupDocument))
def group(site: GivenSite, session: ReadIndex, blake3: Digest) -> Response:
    """Return the files with one content."""
    with missing_as_404():
        return JSONResponse(group_of_content(site.vault, bytes.fromhex(blake3)).to_dict())


@router.get(
    "/explain",
    **answers(
        ExplainedFileDocument | ExplainedFolderDocument | ExplainedGoneDocument,
        also={202: JobDocument},
    ),
)
def explain(site: GivenSite, session: ReadIndex, query: Annotated[PathQuery, Query()]) -> Response:
    """Explain a file or folder: its copies, which one to keep, why, and what runs did with it."""
    with missing_as_404():
        found = explain_or_start(site.vault, named_path(query))
    if not isinstance(found, Finding):
        return JSONResponse(found.to_dict())
    return started(found.job) if found.document is None else JSONResponse(found.document)


@router.get("/tree", **answers(TreePageDocument))
def tree(site: GivenSite, session: ReadIndex, query: Annotated[TreeQuery, Query()]) -> Response:
    """Return what is directly in a folder, by name, as of its last scan."""
    path, after = named_path(query), b""
    if query.after is not None:
        (after,) = position_of(query.after, (bytes,), index_generation(site.vault))
    with missing_as_404():
        page = read_tree_page(site.vault, path, after, query.limit)
    token = continue_token(page.generation, None if page.next is None else (page.next,))
    return JSONResponse(tree_page_document(page, token))
