"""The options of `gorillacomb dedupe` that control what a plan may contain."""

from __future__ import annotations

import functools
from typing import Any, TypedDict, Unpack

import click

from gorillacomb.api.dedupe.expected import Expected
from gorillacomb.api.dedupe.plan import DedupeAction, PlanKeywords
from gorillacomb.cli.options import BytesPath, Function, SizeParam


class PlanFlags(TypedDict):
    """The values of `plan_options`, as click passes them."""

    action: str
    within: tuple[bytes, ...]
    prefer: tuple[str, ...]
    protect: tuple[str, ...]
    keep: int
    min_size: int
    free: int | None
    folders_only: bool
    files_only: bool
    retire: tuple[bytes, ...]
    not_a_project: tuple[bytes, ...]
    across_volumes: bool
    empty_folders: bool
    collapse: tuple[bytes, ...]
    into: bytes | None
    bring: tuple[bytes, ...]


_OPTIONS = (
    click.option(
        "--action",
        type=click.Choice([str(each) for each in DedupeAction]),
        default=str(DedupeAction.QUARANTINE),
        show_default=True,
        help="What is done with a copy that is removed.",
    ),
    click.option(
        "--within",
        type=BytesPath(),
        multiple=True,
        metavar="PATH",
        help="Remove only what is in PATH.",
    ),
    click.option(
        "--prefer", multiple=True, metavar="PATH|GLOB", help="Keep the copies in this place."
    ),
    click.option(
        "--protect", multiple=True, metavar="PATH|GLOB", help="Remove nothing in this place."
    ),
    click.option(
        "--keep",
        type=click.IntRange(min=1),
        default=1,
        show_default=True,
        metavar="N",
        help="How many copies to keep.",
    ),
    click.option(
        "--min-size", type=SizeParam(), default=0, metavar="SIZE", help="Ignore smaller files."
    ),
    click.option(
        "--free",
        type=SizeParam(),
        metavar="SIZE",
        help="Plan the safest steps that free SIZE, and omit the others.",
    ),
    click.option("--folders-only", is_flag=True, help="Whole folders only."),
    click.option("--files-only", is_flag=True, help="Single files only."),
    click.option(
        "--retire",
        type=BytesPath(),
        multiple=True,
        metavar="PATH",
        help="Remove everything under PATH that also exists elsewhere, even inside a project.",
    ),
    click.option(
        "--not-a-project",
        type=BytesPath(),
        multiple=True,
        metavar="PATH",
        help="Treat PATH as an ordinary folder, even if it looks like a project.",
    ),
    click.option(
        "--across-volumes",
        is_flag=True,
        help="The copy that is kept may be on another drive.",
    ),
    click.option(
        "--empty-folders",
        is_flag=True,
        help="Remove folders that hold no file at any depth, and nothing else.",
    ),
    click.option(
        "--collapse",
        type=BytesPath(),
        multiple=True,
        metavar="FOLDER|all",
        help="Make one tree of FOLDER and its copies: what only they contain is copied beside it.",
    ),
    click.option(
        "--into", type=BytesPath(), metavar="PATH", help="With --collapse: the copy to keep."
    ),
    click.option(
        "--bring",
        type=BytesPath(),
        multiple=True,
        metavar="PATH|all",
        help="With --collapse: put what only a copy contains into the kept tree.",
    ),
)


def plan_options(function: Function) -> Function:
    """Add all of these options to a command that takes `PlanFlags` as keywords."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def plan_keywords(**given: Unpack[PlanFlags]) -> PlanKeywords:
    """Return the options' values in the form that the API takes. Raises click.UsageError."""
    if given["folders_only"] and given["files_only"]:
        raise click.UsageError("--folders-only and --files-only cannot be combined: choose one.")
    return {
        "action": given["action"],
        "within": given["within"],
        "prefer": given["prefer"],
        "protect": given["protect"],
        "keep": given["keep"],
        "min_size": given["min_size"],
        "free": given["free"],
        "files": not given["folders_only"],
        "folders": not given["files_only"],
        "retire": given["retire"],
        "not_a_project": given["not_a_project"],
        "across_volumes": given["across_volumes"],
        "empty_folders": given["empty_folders"],
        "collapse": given["collapse"],
        "into": given["into"],
        "bring": given["bring"],
    }


def expected_options(function: Function) -> Function:
    """Add ``--expect-digest`` and ``--expect-files``; passed on as one `Expected`."""

    @functools.wraps(function)
    def call(
        *arguments: Any, expect_digest: str | None, expect_files: int | None, **others: Any
    ) -> Any:
        return function(*arguments, expected=Expected(expect_digest, expect_files), **others)

    digest = click.option(
        "--expect-digest",
        metavar="HEX",
        help="Only if this is the digest of what was shown: of a plan with its answers, or of the"
        " quarantine.",
    )
    files = click.option(
        "--expect-files",
        type=click.IntRange(min=0),
        metavar="N",
        help="Only if this is the number of files that was shown.",
    )
    return digest(files(call))  # type: ignore[return-value]
