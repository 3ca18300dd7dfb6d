"""`gorillacomb overview`: the whole on one page, each part with the command to use next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import click

from gorillacomb.api.find.folders import FamilyReport, RelationKind
from gorillacomb.api.find.overview import (
    KindTotals,
    Overview,
    SurplusFate,
    SurplusPart,
    vault_overview,
)
from gorillacomb.api.next_step.dedupe import largest_to_retire
from gorillacomb.api.next_step.find import collapse_drifted, for_copies_left_alone, for_overlap
from gorillacomb.api.next_step.step import (
    DEDUPE,
    DEDUPE_VERBOSE,
    FOLDERS,
    HISTORY,
    SCAN_PATH,
    STATUS,
    NextStep,
)
from gorillacomb.api.roots import RootStatus
from gorillacomb.api.status import FILE_CAUSES, FOLDER_CAUSES
from gorillacomb.api.vault import Vault
from gorillacomb.api.words.left_alone import reason
from gorillacomb.cli.html_file import html_option, write_page
from gorillacomb.cli.options import json_option, progress_option, vault_option
from gorillacomb.cli.output import render
from gorillacomb.cli.output.families import family_headings
from gorillacomb.cli.output.progress import progress_for
from gorillacomb.cli.output.summed_size import SummedSize
from gorillacomb.errors import ExitCode

_LINES = 40
"""At most this many are printed."""
_ROOTS, _FAMILIES, _REASONS, _GAPS, _PAIRS, _KINDS = 4, 3, 4, 3, 3, 5
"""Lines of each part; what does not fit is counted."""
_FATES = {
    SurplusFate.REMOVABLE: "can be removed now; an equal copy of each is kept",
    SurplusFate.DECISION: "wait for your decision:",
    SurplusFate.STAYS: "stay:",
}


@click.command()
@html_option
@progress_option
@json_option
@vault_option
def command(
    html_file: bytes | None, progress: bool | None, as_json: bool, vault: Vault
) -> ExitCode:
    """Show the whole on one page: what is there twice, and what to do about it.

    What was scanned and when, the largest families of copied folders, what can be removed without
    a decision and what needs one, what could not be read, how much of each drive is on the others,
    and what kinds of files there are. Each part ends with the command to use next.
    """
    overview = vault_overview(vault, progress=progress_for(progress))
    write_page(html_file, lambda pages: pages.overview_file(overview))
    render.print_result(overview, overview_lines(overview, vault), as_json)
    return ExitCode.DONE


def overview_lines(overview: Overview, vault: Vault) -> Iterator[str]:
    """Format an overview on one page: at most 40 lines."""
    for most in range(_FAMILIES, 0, -1):
        lines = list(_lines(overview, most, vault))
        if len(lines) <= _LINES:
            break
    return iter(lines)


def _lines(overview: Overview, families: int, vault: Vault) -> Iterator[str]:
    shown = set()
    for line in _parts(overview, families):
        if not isinstance(line, NextStep):
            yield line
        elif line.words not in shown:
            shown.add(line.words)
            yield f"  -> {line.command(vault)}"


def _parts(overview: Overview, families: int) -> Iterator[str | NextStep]:
    yield from _root_lines(overview.status.roots)
    if not overview.status.has_groups:
        yield "Duplicates are unknown until the first scan has looked for them."
        return
    yield from _twice_lines(overview)
    yield from _family_lines(overview, families)
    yield from _quarantine_lines(overview)
    yield from _gap_lines(overview)
    yield from _overlap_lines(overview)
    yield from _kind_lines(overview.kinds)


def _head(text: str) -> str:
    return render.styled(text, bold=True)


def _fitting(text: str) -> str:
    return render.shorten_path(text, render.terminal_width())


def _held(files: int, size: int) -> str:
    return f"{render.format_count(files, 'file')}, {render.format_size(size)}"


def _root_lines(roots: Sequence[RootStatus]) -> Iterator[str | NextStep]:
    if not roots:
        yield "Nothing was scanned yet."
        yield SCAN_PATH
        return
    shown = roots if len(roots) <= _ROOTS else roots[: _ROOTS - 1]
    for each in shown:
        when = each.facts.last_scan_ns
        tail = f"{render.name_note(each.name)}: {_held(each.facts.files, each.facts.bytes)}, " + (
            "not scanned to the end yet" if when is None else f"scanned {render.format_time(when)}"
        )
        if each.root.suspect is not None:
            tail += ", suspect"
        elif not each.is_online:
            tail += ", not connected"
        yield _with_path("", each.path, tail)
    if len(shown) < len(roots):
        more = roots[len(shown) :]
        held = _held(sum(each.facts.files for each in more), sum(each.facts.bytes for each in more))
        yield f"and {len(more)} more: {held}"
    if any(each.facts.last_scan_ns is None or each.root.suspect is not None for each in roots):
        yield STATUS


def _with_path(before: str, path: bytes, after: str) -> str:
    width = render.terminal_width()
    used = render.display_width(before) + render.display_width(after)
    return before + _head(render.short_path(path, width and max(width - used, 12))) + after


def _twice_lines(overview: Overview) -> Iterator[str | NextStep]:
    """Say how much is there twice, and what becomes of it: the parts add up to the whole."""
    files = sum(part.files for part in overview.surplus)
    if not files:
        yield f"{_head('Twice')}: nothing; no two files are the same."
        return
    whole = SummedSize.of(sum(part.bytes for part in overview.surplus))
    sizes = whole.parts([part.bytes for part in overview.surplus])
    surplus = render.format_count(files, "file is a copy of another", "files are copies of others")
    yield f"{_head('Twice')}: {surplus}, {whole.text} on disk. Of these"
    width = len(f"{files:,}")
    for part, size in zip(overview.surplus, sizes, strict=True):
        if part.files:
            held = f"  {part.files:>{width},} {'file' if part.files == 1 else 'files'}, {size.text}"
            yield f"{held}  {_head(_FATES[part.fate])}"
            yield from _reason_lines(part, size, width)
            yield from _fate_steps(overview, part.fate)


def _reason_lines(part: SurplusPart, size: SummedSize, width: int) -> Iterator[str]:
    """Say why copies are left alone; the reasons add up to their part."""
    told = [(each.files, each.bytes, reason(each.rule)) for each in part.reasons]
    if len(told) > _REASONS:
        rest = told[_REASONS - 1 :]
        told = told[: _REASONS - 1]
        sums = sum(each[0] for each in rest), sum(each[1] for each in rest)
        told.append((*sums, f"for {len(rest)} other reasons (--json)"))
    sizes = size.parts([each[1] for each in told])
    for (files, _, why), each in zip(told, sizes, strict=True):
        yield _fitting(f"      {files:>{width},}, {each.text}: {why}")


def _fate_steps(overview: Overview, fate: SurplusFate) -> Iterator[str | NextStep]:
    """Yield the command to suggest, and what else the plan contains."""
    plan = overview.plan
    if fate is SurplusFate.REMOVABLE:
        more = plan.files - overview.surplus[0].files
        if more > 0:
            count = render.format_count(plan.files, "file")
            yield f"      (the plan has {count}, with empty ones and the rest of whole folders)"
        yield DEDUPE
    elif fate is SurplusFate.DECISION:
        largest = largest_to_retire(plan)
        if largest is not None:
            held = _held(largest.files, largest.size)
            yield _with_path(f"      {held} of these are in ", largest.path, "")
        yield for_copies_left_alone(overview)
    else:
        yield DEDUPE_VERBOSE


def _family_lines(overview: Overview, most: int) -> Iterator[str | NextStep]:
    if not overview.family_count:
        return
    count = render.format_count(overview.family_count, "folder has", "folders have")
    yield f"{_head('Copied folders')}: {count} copies elsewhere"
    shown = overview.families[:most]
    headings = family_headings([(each.name, each.keep) for each in shown])
    for each, heading in zip(shown, headings, strict=True):
        places = len(each.others) + 1
        held = _held(each.files, each.size)
        yield _fitting(f"  {render.printable_path(heading)}: {places} places, {held} in one")
        yield _with_path(f"    {_drift(each)}; keep ", each.keep, "")
    if len(shown) < overview.family_count:
        yield f"  and {overview.family_count - len(shown):,} more"
    yield FOLDERS
    yield from collapse_drifted(overview.families)


def _drift(family: FamilyReport) -> str:
    """Say how far the copies of a folder differ from the one to keep."""
    kinds = Counter(
        "equal"
        if each.kind is RelationKind.IDENTICAL
        else "drifted"
        if each.relation.only_a.files
        else "partial"
        for each in family.others
    )
    words = [f"{kinds[kind]:,} {kind}" for kind in ("equal", "partial", "drifted") if kinds[kind]]
    drifted = [each.relation.counts for each in family.others if each.relation.only_a.files]
    own, changed = sum(each.only for each in drifted), sum(each.changed for each in drifted)
    more = render.counted((own, "new"), (changed, "edited"))
    files = "file" if own + changed == 1 else "files"
    return ", ".join(words) + (f" ({', '.join(more)} {files})" if more else "")


def _quarantine_lines(overview: Overview) -> Iterator[str | NextStep]:
    waiting = overview.status.quarantine
    if waiting:
        held = _held(sum(each.files for each in waiting), sum(each.size for each in waiting))
        yield f"{_head('Quarantine')}: {held} still take space, and can be put back"
        yield HISTORY


def _gap_lines(overview: Overview) -> Iterator[str | NextStep]:
    status = overview.status
    gaps = [
        f"  {_held(files, size)}: {FILE_CAUSES[state]}"
        for state, (files, size) in status.files_by_state.items()
        if state in FILE_CAUSES
    ] + [
        f"  {render.format_count(number, 'folder')}: {FOLDER_CAUSES[state]}"
        for state, number in status.folders_by_state.items()
    ]
    if not gaps:
        return
    yield f"{_head('Not known')}, so nothing is said about it:"
    yield from gaps[: _GAPS if len(gaps) <= _GAPS else _GAPS - 1]
    if len(gaps) > _GAPS:
        yield f"  and {len(gaps) - _GAPS + 1} more reasons"
    yield STATUS


def _overlap_lines(overview: Overview) -> Iterator[str | NextStep]:
    largest = sorted(overview.overlaps, key=lambda each: -each.shared_bytes)
    if not largest:
        return
    yield f"{_head('Drive by drive')}, whatever the path:"
    shown = largest[: _PAIRS if len(largest) <= _PAIRS else _PAIRS - 1]
    for each in shown:
        width = render.terminal_width()
        label = (
            f"  {render.format_size(each.shared_bytes)} of {render.format_size(each.bytes)}"
            f" ({_share(each.shared_files, each.files)}) of "
        )
        room = None if width is None else (width - len(label) - 7) // 2
        paths = [render.short_path(one.path, room) for one in (each.root, each.other)]
        yield label + " is on ".join(paths)
    if len(shown) < len(largest):
        yield f"  and {len(largest) - len(shown):,} more pairs (--json)"
    yield for_overlap(largest[0])


def _share(part: int, whole: int) -> str:
    """Say which part of the files it is, never 0 % or 100 % unless it is none or all."""
    if part in (0, whole):
        return "no file" if not part else "every file"
    return f"{min(max(100 * part // whole, 1), 99)} % of the files"


def _kind_lines(kinds: Sequence[KindTotals]) -> Iterator[str]:
    if not kinds:
        return
    yield f"{_head('Kinds of files')}, by the space that they take on disk:"
    kinds = sorted(kinds, key=lambda each: (-each.disk_bytes, each.kind))
    shown = kinds if len(kinds) <= _KINDS else kinds[: _KINDS - 1]
    for each in shown:
        surplus = render.format_size(each.redundant_bytes)
        twice = f", {surplus} of it copies" if each.redundant_bytes else ""
        held = f"  {each.kind}: {_held(each.files, each.disk_bytes)}"
        period, most = _years(each)
        texts = [held + twice + period + most, held + twice + period, held + twice, held]
        room = render.terminal_width()
        yield next(text for text in texts if room is None or len(text) <= room or text is held)
    if len(shown) < len(kinds):
        rest = kinds[len(shown) :]
        held = _held(sum(each.files for each in rest), sum(each.disk_bytes for each in rest))
        yield f"  other kinds: {held}"


def _years(totals: KindTotals) -> tuple[str, str]:
    """Say in which years files were last changed, and when most of them were."""
    years = [year for year in totals.years if year]
    if not years:
        return "", ""
    first, last = years[0], years[-1]
    if first == last:
        return f"; from {first}", ""
    most = max(years, key=lambda year: totals.years[year])
    return f"; from {first} to {last}", f", most of {most}"
