"""The options of `gorillacomb dedupe` that say what a plan may hold."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TypedDict, Unpack

import click

from gorillacomb.api.paths import absolute_path
from gorillacomb.cli.options import BytesPath, Function, SizeParam
from gorillacomb.dedupe.model import DedupeAction, PlanOptions
from gorillacomb.dedupe.plan.scope import PlanScope
from gorillacomb.dedupe.safety.replaceable import REPLACING


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """What the user wants of a plan."""

    options: PlanOptions
    scope: PlanScope
    prefer: tuple[str, ...]


class PlanFlags(TypedDict):
    """The options of `plan_options` as click hands them over."""

    action: str
    within: tuple[bytes, ...]
    prefer: tuple[str, ...]
    protect: tuple[str, ...]
    keep: int
    min_size: int
    folders_only: bool
    files_only: bool
    retire: tuple[bytes, ...]
    not_a_project: tuple[bytes, ...]
    across_volumes: bool


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
    click.option("--prefer", multiple=True, metavar="PATH|GLOB", help="Keep the copies in there."),
    click.option("--protect", multiple=True, metavar="PATH|GLOB", help="Remove nothing in there."),
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
)


def plan_options(function: Function) -> Function:
    """All of them, for a command that takes `PlanFlags` as keywords."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def plan_request(**given: Unpack[PlanFlags]) -> PlanRequest:
    """What the options ask for. Raises click.UsageError."""
    if given["folders_only"] and given["files_only"]:
        raise click.UsageError("--folders-only and --files-only leave nothing: take one.")
    options = PlanOptions(
        DedupeAction(given["action"]),
        tuple(map(_pattern, given["protect"])),
        tuple(map(absolute_path, given["retire"])),
        tuple(map(absolute_path, given["not_a_project"])),
        given["across_volumes"],
    )
    in_place = options.action in REPLACING
    if in_place and given["folders_only"]:
        raise click.UsageError(
            f"--action {options.action} is about files: leave out --folders-only."
        )
    scope = PlanScope(
        tuple(map(absolute_path, given["within"])),
        given["keep"],
        given["min_size"],
        files=not given["folders_only"],
        folders=not (given["files_only"] or in_place),
    )
    return PlanRequest(options, scope, tuple(map(_pattern, given["prefer"])))


def _pattern(text: str) -> str:
    """A path or glob, made absolute unless it begins with a star."""
    text = os.path.expanduser(text)
    if set(text) & set("*?[") and not os.path.lexists(text):
        return text if text.startswith(("/", "*")) else os.path.join(os.getcwd(), text)
    return os.fsdecode(absolute_path(os.fsencode(text)))
