"""Writes the results: RESULTS.md for people, results.json with every raw figure."""

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from . import chart
from .cases import Memory
from .folders import Measured
from .groups import Comparison
from .holes import Holes
from .process import own_peak_rss
from .profile import LEAST, RATE, Profile
from .rows import ManyRows
from .series import Timed
from .served import CLIENTS, Served
from .trace import Trace
from .trees import Tree
from .watching import Watched

MB = 1_000_000
CHARTED = ("first", "cold", "second")


@dataclass(frozen=True)
class Results:
    """Everything that one benchmark found."""

    date: str
    version: str
    runs: int
    asked: tuple[str, ...]
    """The cases that were measured, or could not be."""
    machine: dict[str, str]
    tree: Tree
    timed: Sequence[Timed] = ()
    memory: Sequence[Memory] = ()
    groups: Sequence[Comparison] = ()
    trace: Trace | None = None
    holes: Holes | None = None
    folders: Sequence[Measured] = ()
    rows: ManyRows | None = None
    served: Served | None = None
    watch: Watched | None = None
    profile: Profile | None = None


def write(results: Results, markdown_file: Path, json_file: Path) -> None:
    """Write both files, and a chart beside the report."""
    json_file.write_text(json.dumps(asdict(results), indent=1, default=str) + "\n")
    markdown_file.write_text(markdown(results))
    shown = [each for each in results.timed if each.case.name in CHARTED]
    markdown_file.with_name("chart.svg").write_text(chart.svg(shown))


def markdown(results: Results) -> str:
    """The report. Contains no path of this machine."""
    parts = [
        "# Benchmark results",
        "Made by `make bench`, not by hand. The modules of this folder tell how.",
        *_setting(results),
    ]
    for timed in results.timed:
        parts += _case(timed, results.tree.name)
    if "cold" in results.asked and all(each.case.name != "cold" for each in results.timed):
        parts.append("**The cold cache was NOT MEASURED: only root may empty it.**")
    if "profile" in results.asked:
        parts += _profile(results.profile)
    if results.trace is not None:
        parts += _trace(results.trace)
    if results.holes is not None:
        parts += _holes(results.holes)
    if results.folders:
        parts += _folders(results.folders)
    if results.rows is not None:
        parts += _rows(results.rows)
    if results.served is not None:
        parts += _served(results.served)
    if results.watch is not None:
        parts += _watched(results.watch, results.tree)
    if "groups" in results.asked:
        parts += _groups(results.groups)
    if "memory" in results.asked:
        parts += _memory(results.memory)
    parts += _programs(results.timed)
    return "\n\n".join(parts) + "\n"


def _setting(results: Results) -> list[str]:
    content, part = results.tree.content, results.tree.part_content
    lines = [f"- **date**: {results.date}", f"- **gorillacomb**: {results.version or 'not run'}"]
    lines += [f"- **{name}**: {value}" for name, value in results.machine.items() if value]
    tree = (
        f"`{results.tree.name}`: {results.tree.origin}. {content.files:,} files"
        f" ({content.hidden_files:,} hidden, {content.empty_files:,} empty),"
        f" {content.folders:,} folders, {content.links:,} symbolic links,"
        f" {content.bytes / MB:,.0f} MB; the median file has {content.median_size:,} bytes."
        f" One copy: {part.files:,} files. Mark of names and sizes: `{content.mark}`."
    )
    warning = [f"**WARNING: {results.tree.warning}**"] if results.tree.warning else []
    method = (
        "Warm cache; the programs run in turn, A B C A B C, after one round that does not count."
        " Seconds are wall-clock medians. *times floor* and *times ours* are medians of the"
        " ratios taken round by round. CPU is user and system time, of workers too. Peak memory"
        " is that of the largest single process (`<`: below what the measuring process takes)."
    )
    return ["\n".join(lines), "## The tree", tree, *warning, "## How it is measured", method]


def _profile(found: Profile | None) -> list[str]:
    title = "## Where the time goes (`profile`)"
    if found is None:
        return [title, "**NOT MADE: py-spy could not be installed.**"]
    rows = [
        (each.process, f"{100 * each.share:.0f} %", f"`{each.place}`", f"`{_cell(each.source)}`")
        for each in found.lines
    ]
    counted = ", ".join(f"{count:,} of {kind}" for kind, count in found.samples.items())
    note = (
        f"Samples of a first scan by py-spy, {RATE} a second, of each process while it uses a"
        f" processor: {counted}. Shares of each kind; lines with less than {100 * LEAST:.0f} % are"
        " left out. The names of the kernel's calls are those of their lines: `os.open` is the call"
        " and all that Python does about it."
    )
    table = _table(("process", "share", "where", "line"), rows, left=4)
    return [title, table, note]


def _holes(found: Holes) -> list[str]:
    figures = (
        ("seconds", found.hashed, found.zeros),
        ("seconds of processors", found.hashed_cpu, found.zeros_cpu),
    )
    rows = [
        (what, f"{ours:.2f}", f"{bare:.2f}", f"{ours / bare:.2f}") for what, ours, bare in figures
    ]
    title = f"## Holes (`holes`, a file of {found.size:,} bytes without data)"
    heads = ("what", "the file", "as many zeros, BLAKE3 in one thread", "ratio")
    return [title, _table(heads, rows, left=1)]


def _trace(found: Trace) -> list[str]:
    rows = [
        ("stamps appended a second, signed and synced", f"{found.stamps / found.append:,.0f}"),
        ("entries checked a second (`trace verify`)", f"{found.stamps / found.audit:,.0f}"),
        ("bytes of trace a stamp", f"{found.size / found.stamps:,.0f}"),
    ]
    title = f"## The trace (`trace`, {found.stamps:,} stamps)"
    return [title, _table(("what", "figure"), rows, left=1)]


def _folders(found: Sequence[Measured]) -> list[str]:
    own = own_peak_rss()
    rows = [
        (
            each.what,
            f"{each.files:,}",
            f"{each.folders:,}",
            f"{each.seconds:.2f}",
            f"{each.seconds / each.files * 1e6:.1f}",
            f"{'< ' if each.peak <= own else ''}{each.peak / MB:,.0f}",
        )
        for each in found
    ]
    head = ("index of", "files", "folders", "seconds", "microseconds a file", "peak MB")
    title = "## All relations between folders (`folders`: `gorillacomb folders --json`)"
    return [title, _table(head, rows, left=1)]


def _rows(found: ManyRows) -> list[str]:
    rows = [
        (f"`{each.what}`", f"{each.seconds:.2f}", f"{each.peak / MB:,.0f}")
        for each in found.answers
    ]
    note = (
        f"The index takes {found.size / found.rows:,.0f} bytes a file on disk. A scan of the one"
        f" real folder among these rows takes {found.groups:.2f} s."
    )
    title = f"## An index of {found.rows:,} files (`rows`: rows made up, no such files)"
    return [title, _table(("question", "seconds", "peak MB"), rows, left=1), note]


def _served(found: Served) -> list[str]:
    rows = [(f"`{path}`", f"{seconds * 1000:,.0f}") for path, seconds in found.answers.items()]
    note = (
        f"It answers {found.start:.1f} s after its start. It takes {found.idle / MB:,.0f} MB when"
        f" nobody asks, and {found.busy / MB:,.0f} MB after {CLIENTS} clients asked for a page at"
        f" once; each of those waited {found.under_load:.2f} s (median)."
    )
    title = (
        f"## The server on an index of {found.rows:,} files in {found.groups:,} groups (`served`)"
    )
    return [title, _table(("request", "milliseconds"), rows, left=1), note]


def _case(timed: Timed, usual: str) -> list[str]:
    """A case; ``usual`` names the tree that needs no word."""
    case, files = timed.case, timed.tree.content.files
    rows = [_row(timed, program.name) for program in case.programs]
    rows += [(f"**{gone.name}**", f"**{gone.why}**", *[""] * 5) for gone in case.missing]
    rounds = len(timed.runs[case.floor.name])
    head = ("program", "seconds", "min to max", "CPU s", "times floor", "times ours", "peak MB")
    parts = [f"## {case.title} (`{case.name}`, rounds: {rounds})"]
    if timed.tree.name != usual:
        parts.append(f"On {timed.tree.origin}: {timed.tree.content.bytes / MB:,.0f} MB.")
    parts.append(_table(head, rows, left=1))
    parts += _verdict(timed)
    if not timed.steady:
        parts.append(
            "**WARNING: the floor never gave the same time twice within 10 %; the machine was busy"
            " and these figures are not to be trusted.**"
        )
    said = []
    for name, counts in timed.reported.items():
        line = f"- {name} reported: " + ", ".join(f"{key} {counts[key]:,}" for key in counts)
        wrong = counts.get("files", files) != files
        said.append(f"{line}. **WARNING: the tree has {files:,} files.**" if wrong else line)
    return [*parts, "\n".join(said)] if said else parts


def _verdict(timed: Timed) -> list[str]:
    """Which peers are ahead of ours and which behind, by how much and why."""
    case = timed.case
    if case.ours not in timed.runs:
        return []
    medians = {name: statistics.median(run.wall for run in timed.runs[name]) for name in timed.runs}
    ours = medians[case.ours]
    gaps = {
        program.name: medians[program.name] - ours
        for program in case.programs
        if not program.name.startswith(("floor:", "gorillacomb"))
    }
    said = []
    missed = False
    for name, bound in case.bounds.items():
        ratio = _ratio(timed, name, case.floor.name)
        is_kept = float(ratio) <= bound
        missed |= not is_kept
        said.append(
            f"Wanted of {name}: {bound:g} times the floor at most;"
            f" {'kept' if is_kept else '**MISSED**'} ({ratio})."
        )
    behind = _gaps(sorted(((gap, name) for name, gap in gaps.items() if gap >= 0), reverse=True))
    ahead = _gaps(sorted((-gap, name) for name, gap in gaps.items() if gap < 0))
    if behind:
        said.append(f"Ours is faster than {behind}.")
    if ahead:
        said.append(f"**Ours is slower than {ahead}.**")
    if case.why and (ahead or missed):
        said.append(f"Why: {case.why}")
    return [" ".join(said)] if said else []


def _gaps(found: Iterable[tuple[float, str]]) -> str:
    return ", ".join(f"{name} by {_seconds(gap)} s" for gap, name in found)


def _row(timed: Timed, name: str) -> tuple[str, ...]:
    """The figures of one program."""
    runs = timed.runs[name]
    walls = [run.wall for run in runs]
    return (
        f"**{name}**" if name == timed.case.ours else name,
        _seconds(statistics.median(walls)),
        f"{_seconds(min(walls))} to {_seconds(max(walls))}",
        _seconds(statistics.median(run.user + run.system for run in runs)),
        _ratio(timed, name, timed.case.floor.name),
        _ratio(timed, name, timed.case.ours),
        _peak(max(run.peak_rss for run in runs), timed.own_peak),
    )


def _ratio(timed: Timed, name: str, base: str) -> str:
    """The median over the rounds of the time of `name` by that of `base`."""
    if base not in timed.runs:
        return "-"
    pairs = zip(timed.runs[name], timed.runs[base], strict=True)
    return f"{statistics.median(run.wall / other.wall for run, other in pairs):.2f}"


def _seconds(value: float) -> str:
    return f"{value:.3f}" if value < 1 else f"{value:.2f}"


def _peak(value: int, own: int) -> str:
    return f"{value / MB:.0f}" if value > 1.05 * own else f"< {own / MB:.0f}"


def _watched(found: Watched, tree: Tree) -> list[str]:
    rows = [
        ("from a change to its row, median s", f"{found.median:.2f}"),
        ("99 of 100 changes, s", f"{found.delay(0.99):.2f}"),
        ("resident memory, MB", f"{found.memory / MB:.0f}"),
        ("processor while nothing changes, %", f"{100 * found.idle_cpu / found.idle:.2f}"),
    ]
    note = (
        f"{len(found.delays)} files written in a folder that is watched beside the tree; each waits"
        f" {found.quiet:g} s until its folder is quiet. Idle for {found.idle:.0f} s, with a pulse"
        " every second; by default there is one in nine."
    )
    title = f"## The watcher (`watch`, {tree.content.files:,} files)"
    return [title, _table(("", ""), rows, left=1), note]


def _groups(found: Sequence[Comparison]) -> list[str]:
    title = "## The same duplicates as jdupes?"
    if not found:
        return [title, "**NOT COMPARED: jdupes was not there to compare with.**"]
    rows = [
        (
            one.name,
            f"{one.ours:,}",
            f"{one.theirs:,}",
            f"{one.our_files:,}",
            f"{one.their_files:,}",
            "equal"
            if one.equal
            else f"**DIFFERS**: {one.only_ours:,} only ours, {one.only_theirs:,} only jdupes"
            f" (`{one.example}`)",
        )
        for one in found
    ]
    head = ("scan", "our groups", "jdupes groups", "our files", "jdupes files", "")
    note = "Sets of paths compared; empty files left out, the names of one inode count as one file."
    return [title, _table(head, rows, left=1), note]


def _memory(found: Sequence[Memory]) -> list[str]:
    title = "## Memory and seconds of first scans as a tree grows (`memory`)"
    if not found:
        return [title, "**NOT MEASURED: this system has no /proc.**"]
    rows = [
        (
            one.tree,
            f"{one.files:,}",
            _seconds(one.seconds),
            f"{1e6 * one.seconds / one.files:.0f}",
            *(
                f"{value / MB:.0f}"
                for value in (
                    one.main.resident,
                    one.main.anonymous,
                    one.worker.resident,
                    one.worker.anonymous,
                )
            ),
            str(one.workers),
            f"{one.together / MB:.0f}",
        )
        for one in found
    ]
    head = (
        "first scan of",
        "files",
        "seconds",
        "microseconds a file",
        "main MB",
        "main anonymous",
        "largest worker MB",
        "worker anonymous",
        "workers",
        "all anonymous",
    )
    note = (
        "Peaks, sampled every 10 ms: resident memory (VmHWM, shared pages and files among it) and"
        " its anonymous part (RssAnon); *all anonymous* adds up all processes at one moment."
        " Where neither memory nor the time for a file grows with the tree, the rows are alike."
    )
    return [title, _table(head, rows, left=1), note]


def _programs(timed: Iterable[Timed]) -> list[str]:
    """Each program once: its version, its exact command line, how its work differs."""
    programs = {program.name: program for one in timed for program in one.case.programs}
    if not programs:
        return []
    rows = [(one.name, one.version or "-", f"`{one.shown}`", one.note) for one in programs.values()]
    note = (
        "Gorilla Comb does more than the peers in a first scan: it hashes every file, also those"
        " without a twin, with a cryptographic digest (BLAKE3), and leaves an index of all files"
        " and folders on disk. The peers keep nothing. All cover"
        " hidden files and follow no links. The peers leave empty files out; Gorilla Comb records"
        " them."
    )
    return ["## Programs", _table(("program", "version", "command", "work"), rows, left=4), note]


def _cell(text: str) -> str:
    """A text that does not end its cell of a table."""
    return text.replace("|", "\\|")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], left: int) -> str:
    """A table in Markdown; the first `left` columns are aligned left, the others right."""
    rule = ["---" if column < left else "--:" for column in range(len(head))]
    lines = [head, rule, *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
