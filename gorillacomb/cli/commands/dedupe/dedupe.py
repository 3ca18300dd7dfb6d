"""`gorillacomb dedupe`: plan, review, apply, undo, empty the quarantine, history."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Unpack

import click

from gorillacomb.api.dedupe.expected import Expected
from gorillacomb.api.vault import Vault
from gorillacomb.cli.commands.dedupe.options import (
    PlanFlags,
    expected_options,
    plan_keywords,
    plan_options,
)
from gorillacomb.cli.html_file import html_option
from gorillacomb.cli.option_groups import GroupedCommand
from gorillacomb.cli.options import (
    BytesPath,
    DurationParam,
    is_typed,
    json_option,
    progress_option,
    typed_words,
    untested_macos_option,
    vault_option,
    wait_option,
)

_FILE = click.Path(dir_okay=False, allow_dash=True, path_type=Path)
_LAST = ""
"""Means the last run: the option was given without a value."""
_EXPECTED = ("expect_digest", "expect_files")
_ABOUT: dict[str, Collection[str]] = {
    "planning": {
        *("output", "html_file", "verbose", "single", "as_json", "untested_macos"),
        *PlanFlags.__annotations__,
    },
    "review": {"single"},
    "applying": {"dry_run", "yes_delete", *_EXPECTED, "single", "as_json", "untested_macos"},
    "undo": {"only", "as_json"},
    "purging": {
        *("yes", "older_than", "including_unique", *_EXPECTED, "as_json", "untested_macos")
    },
    "history": {"single", "as_json"},
}
"""The actions, by parameter name, each with the parameters that only some actions take."""


OPTION_GROUPS = {
    "Plan": (
        *("--plan", "--output", "--within", "--prefer", "--protect", "--keep", "--min-size"),
        *("--free", "--folders-only", "--files-only", "--retire", "--not-a-project"),
        *("--across-volumes", "--action", "--empty-folders", "--collapse", "--into", "--bring"),
        *("--html", "--verbose"),
    ),
    "Review": ("--review",),
    "Apply": ("--apply", "--dry-run", "--yes-delete", "--expect-digest", "--expect-files"),
    "Take back": ("--undo", "--only"),
    "Free space": ("--empty-quarantine", "--older-than", "--including-unique", "--yes"),
    "Look back": ("--history",),
    "Show": ("--steps",),
}
"""The headings of ``--help``, named after what the user wants to do."""


@click.command(cls=GroupedCommand, option_groups=OPTION_GROUPS)
@click.option("--plan", "planning", is_flag=True, help="Write a plan: JSON Lines, one step a line.")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    metavar="FILE",
    help="Write the plan to FILE; `-` is stdout.",
)
@html_option
@plan_options
@click.option(
    "-v", "--verbose", is_flag=True, help="Leave out nothing, of what is left alone either."
)
@click.option("--review", type=_FILE, metavar="FILE", help="Answer a plan by pair of folders.")
@click.option(
    "--apply",
    "applying",
    type=_FILE,
    metavar="FILE",
    help="Apply a plan; here and in --review `-` is stdin.",
)
@click.option("--dry-run", is_flag=True, help="With --apply: compare, and say what would be done.")
@click.option(
    "--yes-delete",
    type=click.IntRange(min=0),
    metavar="N",
    help="Delete N files, as the plan says, without being asked.",
)
@expected_options
@click.option(
    "--undo",
    is_flag=False,
    flag_value=_LAST,
    metavar="[RUN|DIR]",
    help="Take back a run, by default the last one; named by its folder, it needs no vault.",
)
@click.option(
    "--only",
    type=BytesPath(),
    multiple=True,
    metavar="PATH",
    help="With --undo: put back this file or folder, and leave the rest of the run.",
)
@click.option(
    "--empty-quarantine",
    "purging",
    is_flag=False,
    flag_value=_LAST,
    metavar="[RUN]",
    help="Delete what is in the quarantine, where its other copy still exists.",
)
@click.option(
    "--older-than",
    type=DurationParam(),
    default=0,
    metavar="AGE",
    help="Only items quarantined at least AGE ago, e.g. 30d.",
)
@click.option(
    "--including-unique",
    type=click.IntRange(min=1),
    metavar="N",
    help="Also the N files of copies of trees (--collapse) that are kept nowhere else.",
)
@click.option("--yes", is_flag=True, help="Empty the quarantine without being asked.")
@click.option(
    "--history",
    is_flag=False,
    flag_value=_LAST,
    metavar="[RUN]",
    help="List every run, and why something in it was not done; of one run, all of it.",
)
@click.option(
    "--steps",
    "single",
    is_flag=True,
    help="Show single steps instead of pairs of folders: of a plan, a review, a run.",
)
@untested_macos_option
@progress_option
@json_option
@wait_option()
@vault_option
@click.pass_context
def command(
    context: click.Context,
    planning: bool,
    review: Path | None,
    applying: Path | None,
    undo: str | None,
    only: tuple[bytes, ...],
    purging: str | None,
    history: str | None,
    output: Path | None,
    html_file: bytes | None,
    verbose: bool,
    single: bool,
    dry_run: bool,
    yes_delete: int | None,
    expected: Expected,
    yes: bool,
    older_than: int,
    including_unique: int | None,
    untested_macos: bool,
    progress: bool | None,
    as_json: bool,
    vault: Vault,
    **given: Unpack[PlanFlags],
) -> int:
    """Plan what may be removed, apply the plan, and take it back.

    Without an option, show what a plan would contain. Only `--apply` changes files: it compares
    every byte, and moves what is redundant into a quarantine on the drive, from which `--undo` puts
    it back. Nothing in projects, repositories and libraries is removed; whole copies of them may
    be. Only `--empty-quarantine` deletes, and it compares once more before it does.
    """
    _refuse_mixed(context)  # each module is large, so only the one that is needed is imported
    if applying is not None:
        from gorillacomb.cli.commands.dedupe.apply import apply

        allowed = expected, dry_run, yes_delete, untested_macos
        return apply(vault, applying, *allowed, single, progress, as_json)
    if review is not None:
        from gorillacomb.cli.commands.dedupe.review import review_plan

        return review_plan(vault, review, single)
    if undo is not None:
        from gorillacomb.cli.commands.dedupe.undo import undo as take_back

        return take_back(vault, undo or None, only, progress, as_json)
    if purging is not None:
        from gorillacomb.cli.commands.dedupe.purge import purge

        how = expected, older_than, including_unique, yes, untested_macos
        return purge(vault, purging or None, *how, progress, as_json)
    if history is not None:
        from gorillacomb.cli.commands.dedupe.history import history as show

        return show(vault, history or None, single, as_json)
    from gorillacomb.cli.commands.dedupe.plan import plan

    typed = typed_words(context, {*PlanFlags.__annotations__, "untested_macos"})
    files, shown = (output, html_file), (untested_macos, verbose, single, progress, as_json)
    return plan(vault, plan_keywords(**given), typed, planning, files, *shown)


def _refuse_mixed(context: click.Context) -> None:
    """Refuse two actions at once, and options that do not apply to the chosen action."""
    typed = [each for each in context.command.params if is_typed(context, each)]
    modes = [each.opts[0] for each in typed if each.name in _ABOUT]
    if len(modes) > 1:
        raise click.UsageError(f"{' and '.join(modes)} cannot be combined: choose one.")
    mode = next((each.name for each in typed if each.name in _ABOUT), None)
    for each in typed:
        about = [name for name, names in _ABOUT.items() if each.name in names]
        if about and (mode or "planning") not in about:
            options = {one.name: one.opts[0] for one in context.command.params}
            words = " or ".join(options[name] for name in about)
            instead = f", not {options[mode]}" if mode else ""
            raise click.UsageError(f"{each.opts[-1]} requires {words}{instead}.")
