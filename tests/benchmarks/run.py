"""The command line of the benchmark."""

import argparse
import contextlib
import fcntl
import shutil
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from . import cases, contenders, folders, machine, peers, report, rows, trace, trees, watching
from .places import RESULTS, BenchError, cache
from .series import Setting, may_drop_caches

# What a run without --only does; `peers` needs no working gorillacomb.
USUAL = (
    "first",
    "cold",
    "quick",
    "unique",
    "large",
    "second",
    "changed",
    "million",
    "merged",
    "version",
    "manifest",
    "verify",
    "verify-large",
    "trace",
    "folders",
    "rows",
    "watch",
    "memory",
    "groups",
)
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
    if "cold" in possible and not may_drop_caches():
        _say("cold: NOT MEASURED, only root may have the system forget what it has read")
        possible.discard("cold")
    results = report.Results(
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        version=version,
        runs=options.runs,
        asked=tuple(wanted),
        machine=machine.describe(tree.path),
        tree=tree,
        timed=[cases.CASES[name](setting) for name in cases.CASES if name in possible],
        memory=cases.sample_memory(setting) if "memory" in wanted else [],
        groups=cases.compare_groups(setting) if "groups" in wanted else [],
        trace=trace.measure(options.runs, _say) if "trace" in wanted else None,
        watched=watching.measure(tree.path, _say) if "watch" in wanted else None,
        folders=folders.measure(tree.path, options.runs, _say) if "folders" in wanted else [],
        rows=rows.measure(options.runs, _say) if "rows" in wanted else None,
    )
    target = cache() / "RESULTS.md" if options.only else RESULTS
    report.write(results, target, cache() / "results.json")
    print(report.markdown(results))
    _say(f"written: {target} and {cache() / 'results.json'}")


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
