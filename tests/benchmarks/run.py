"""The command line of the benchmark."""

import argparse
import contextlib
import fcntl
import shutil
import signal
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from . import (
    cases,
    contenders,
    folders,
    holes,
    machine,
    peers,
    profile,
    report,
    rows,
    served,
    trace,
    trees,
    watching,
)
from .places import RESULTS, BenchError, cache
from .series import Setting, may_drop_caches

# What a run without --only does; `peers` needs no working gorillacomb.
USUAL = (
    "first",
    "cold",
    "quick",
    "unique",
    "photos",
    "large",
    "large-cold",
    "second",
    "changed",
    "scrub",
    "million",
    "merged",
    "plan",
    "plan-photos",
    "lost",
    "version",
    "manifest",
    "verify",
    "verify-large",
    "profile",
    "trace",
    "holes",
    "folders",
    "rows",
    "served",
    "watch",
    "memory",
    "groups",
)
COLD = {"cold", "large-cold", "scrub"}
CHOICES = (*USUAL, "peers")


def main(argv: Sequence[str]) -> int:
    """Run the benchmark; the exit status."""
    options = _parser().parse_args(argv)
    # Told to end, it ends what it started, as it does when interrupted.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with _alone():
            _benchmark(options)
    except BenchError as error:
        print(f"benchmark: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("benchmark: interrupted, nothing written", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    names = [peer.program.name for peer in peers.PEERS]
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description="Time Gorilla Comb beside the floor and its peers.",
    )
    parser.add_argument(
        "--runs", type=_positive, default=5, metavar="N", help="rounds that count (default 5)"
    )
    parser.add_argument(
        "--only",
        action="append",
        choices=CHOICES,
        help="run this case alone (may be repeated); the report then goes to the cache folder,"
        " not to the repository. `peers` does without gorillacomb",
    )
    parser.add_argument(
        "--peers",
        default=",".join(names),
        metavar="LIST",
        help=f"peers to run beside, separated by commas, or none (default {','.join(names)})",
    )
    parser.add_argument(
        "--timeout",
        type=_positive,
        default=600,
        metavar="S",
        help="seconds that one command may take (default 600)",
    )
    parser.add_argument(
        "--tree", default="packages", choices=sorted(trees.RECIPES), help="tree to run on"
    )
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _benchmark(options: argparse.Namespace) -> None:
    wanted: Sequence[str] = options.only or USUAL
    asked = [] if options.peers == "none" else options.peers.split(",")
    there, missing = peers.ready(asked, _say)
    for gone in missing:
        _say(f"PEER {gone.name}: {gone.why}")
    version = "" if set(wanted) == {"peers"} else _our_version()
    tree = trees.ready(options.tree, _say)
    if tree.warning:
        _say(tree.warning)
    setting = Setting(
        tree, tuple(there), tuple(missing), options.runs, float(options.timeout), _say
    )
    possible = set(wanted)
    if possible & COLD and not may_drop_caches():
        _say("cold cache: NOT MEASURED, only root may have the system forget what it has read")
        possible -= COLD
    results = report.Results(
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        version=version,
        runs=options.runs,
        asked=tuple(name for name in wanted if name not in possible),
        machine=machine.describe(tree.path),
        tree=tree,
    )
    for done in _measured(results, setting, possible):
        # Hours of work are not to be lost to the last case.
        report.write(done, cache() / "RESULTS.md", cache() / "results.json")
        results = done
    target = cache() / "RESULTS.md" if options.only else RESULTS
    report.write(results, target, cache() / "results.json")
    print(report.markdown(results))
    _say(f"written: {target} and {cache() / 'results.json'}")


def _measured(
    results: report.Results, setting: Setting, wanted: Collection[str]
) -> Iterator[report.Results]:
    """The results after each case that is wanted."""
    for name in cases.CASES:
        if name in wanted:
            timed = [*results.timed, cases.CASES[name](setting)]
            results = replace(results, asked=(*results.asked, name), timed=timed)
            yield results
    tree, runs = setting.tree.path, setting.runs
    others: dict[str, Callable[[], object]] = {
        "memory": lambda: cases.sample_memory(setting),
        "groups": lambda: cases.compare_groups(setting),
        "profile": lambda: profile.measure(setting),
        "trace": lambda: trace.measure(runs, _say),
        "holes": lambda: holes.measure(runs, _say),
        "watch": lambda: watching.measure(tree, _say),
        "folders": lambda: folders.measure(tree, runs, _say),
        "rows": lambda: rows.measure(runs, _say),
        "served": lambda: served.measure(runs, _say),
    }
    for name, measure in others.items():
        if name in wanted:
            found: dict[str, Any] = {name: measure()}
            results = replace(results, asked=(*results.asked, name), **found)
            yield results


def _our_version() -> str:
    try:
        return contenders.our_version()
    except BenchError as error:
        raise BenchError(f"{error}\nThe peers alone: --only peers") from None


@contextmanager
def _alone() -> Iterator[None]:
    """Two benchmarks at once would time each other. Also clears what a killed one left."""
    with (cache() / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BenchError("another benchmark is running in this cache folder") from None
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(cache() / "tmp")
        yield


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
