"""`gorillacomb dedupe`: plan, review, apply, undo, empty the quarantine, history."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

import click

from gorillacomb.cli import dedupe_plan
from gorillacomb.cli.dedupe_apply import apply
from gorillacomb.cli.dedupe_history import history as show_history
from gorillacomb.cli.dedupe_purge import purge
from gorillacomb.cli.dedupe_undo import undo as take_back
from gorillacomb.cli.options import (
    BytesPath,
    Size,
    absolute,
    json_option,
    progress_option,
    vault_option,
)
from gorillacomb.cli.render import path_text
from gorillacomb.dedupe.steps import Action, Options
from gorillacomb.errors import UsageFault
from gorillacomb.index.vault import Vault

_FILE = click.Path(dir_okay=False, path_type=Path)
_LAST = ""
"""Stands for a run that was not named."""


class Age(click.ParamType[int]):
    """A span of time in ns: 30d, 12h, 45m."""

    name = "age"
    _UNITS: ClassVar = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        if isinstance(value, int):
            return value
        text = str(value).strip().lower()
        if len(text) < 2 or text[-1] not in self._UNITS or not text[:-1].isdecimal():
            self.fail(f"{value!r} is no span of time; write 30d, 12h or 45m.", param, ctx)
        return int(text[:-1]) * self._UNITS[text[-1]] * 1_000_000_000


@click.command(short_help="Plan what may go, carry it out, take it back.")
@click.option("--plan", "planning", is_flag=True, help="Write a plan: JSON Lines, a step a line.")
@click.option("--review", type=_FILE, metavar="FILE", help="Go through a plan, step by step.")
@click.option("--apply", "applying", type=_FILE, metavar="FILE", help="Carry a plan out.")
@click.option(
    "--undo",
    is_flag=False,
    flag_value=_LAST,
    metavar="[RUN|DIR]",
    help="Take back a run, by default the last one; by its folder, no vault is needed.",
)
@click.option(
    "--empty-quarantine",
    "purging",
    is_flag=False,
    flag_value=_LAST,
    metavar="[RUN]",
    help="Delete what was set aside, where its other copy still stands.",
)
@click.option("--history", is_flag=True, help="Every run, and why something in it was not done.")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    metavar="FILE",
    help="Write the plan here; `-` is stdout.",
)
@click.option(
    "--action",
    type=click.Choice([str(each) for each in Action]),
    default=str(Action.QUARANTINE),
    show_default=True,
    help="What is done with a copy that goes.",
)
@click.option(
    "--within", type=BytesPath(), multiple=True, metavar="PATH", help="Only what is in here may go."
)
@click.option("--prefer", multiple=True, metavar="PATH|GLOB", help="Keep the copies in here.")
@click.option("--protect", multiple=True, metavar="PATH|GLOB", help="Nothing in here may go.")
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="How many copies stay.",
)
@click.option(
    "--min-size", type=Size(), default=0, metavar="SIZE", help="Leave out what is smaller."
)
@click.option("--folders-only", is_flag=True, help="Whole folders only.")
@click.option("--files-only", is_flag=True, help="Single files only.")
@click.option(
    "--retire",
    type=BytesPath(),
    multiple=True,
    metavar="PATH",
    help="Everything goes from here that stands elsewhere, though it be a project.",
)
@click.option(
    "--not-a-project",
    type=BytesPath(),
    multiple=True,
    metavar="PATH",
    help="This folder is no project, whatever stands in it.",
)
@click.option(
    "--across-volumes", is_flag=True, help="The copy that stays may be on another drive: a backup."
)
@click.option("--dry-run", is_flag=True, help="With --apply: compare, say what would be done.")
@click.option(
    "--yes-delete",
    type=click.IntRange(min=0),
    metavar="N",
    help="Delete so many files, as the plan says, without being asked.",
)
@click.option("--yes", is_flag=True, help="Empty the quarantine without being asked.")
@click.option("--older-than", type=Age(), metavar="AGE", help="Only what was set aside 30d ago.")
@progress_option
@json_option
@vault_option
def command(
    planning: bool,
    review: Path | None,
    applying: Path | None,
    undo: str | None,
    purging: str | None,
    history: bool,
    output: Path | None,
    action: str,
    within: tuple[bytes, ...],
    prefer: tuple[str, ...],
    protect: tuple[str, ...],
    keep: int,
    min_size: int,
    folders_only: bool,
    files_only: bool,
    retire: tuple[bytes, ...],
    not_a_project: tuple[bytes, ...],
    across_volumes: bool,
    dry_run: bool,
    yes_delete: int | None,
    yes: bool,
    older_than: int | None,
    progress: bool | None,
    as_json: bool,
    vault: Vault,
) -> int:
    """Plan what may go, carry the plan out, and take it back.

    Without an option it shows what a plan would hold. Only `--apply` changes
    files: it compares every byte, and sets aside what goes in a quarantine on
    the same drive, from which `--undo` puts it back. Only `--empty-quarantine`
    deletes, after it has compared once more. Inside projects, repositories and
    libraries nothing goes; whole copies of them may.
    """
    modes = {
        "--plan": planning,
        "--review": review is not None,
        "--apply": applying is not None,
        "--undo": undo is not None,
        "--empty-quarantine": purging is not None,
        "--history": history,
    }
    chosen = [name for name, given in modes.items() if given]
    if len(chosen) > 1:
        raise click.UsageError(f"{' and '.join(chosen)} are different things: take one.")
    if folders_only and files_only:
        raise click.UsageError("--folders-only and --files-only leave nothing: take one.")
    if dry_run and applying is None:
        raise click.UsageError("--dry-run says what --apply would do: name a plan with it.")
    if older_than is not None and purging is None:
        raise click.UsageError("--older-than is about --empty-quarantine.")
    if output is not None and not (planning or review):
        raise click.UsageError("-o is about --plan and --review.")
    if applying is not None:
        return apply(vault, applying, dry_run, yes_delete, progress, as_json)
    if review is not None:
        from gorillacomb.cli.review import review_plan

        return review_plan(review, output)
    if undo is not None:
        return take_back(vault, undo, progress, as_json)
    if purging is not None:
        return purge(vault, purging, older_than or 0, yes, progress, as_json)
    if history:
        return show_history(vault, as_json)
    options = Options(
        Action(action),
        tuple(map(_pattern, protect)),
        tuple(map(absolute, retire)),
        tuple(map(_existing, not_a_project)),
        across_volumes,
    )
    in_place = options.action in (Action.REFLINK, Action.HARDLINK, Action.SYMLINK)
    if in_place and folders_only:
        raise click.UsageError(f"--action {action} is about files: leave out --folders-only.")
    wanted = dedupe_plan.Wanted(
        tuple(map(absolute, within)),
        tuple(map(_pattern, prefer)),
        keep,
        min_size,
        not folders_only,
        not (files_only or in_place),
    )
    return dedupe_plan.plan(vault, options, wanted, planning, output, progress, as_json)


def _pattern(text: str) -> str:
    """A path or glob as the rules want it: absolute, unless it begins with a star."""
    text = os.path.expanduser(text)
    if set(text) & set("*?["):
        return text if text.startswith(("/", "*")) else os.path.join(os.getcwd(), text)
    return os.fsdecode(_existing(os.fsencode(text)))


def _existing(path: bytes) -> bytes:
    """A path as the index has it. Raises UsageFault where nothing stands: it may be misspelt."""
    found = absolute(path)
    if not os.path.lexists(found):
        raise UsageFault(f"{path_text(found)} does not exist.", "Check the spelling.")
    return found
