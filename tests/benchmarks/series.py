"""Times a series of programs in turn, each run in a scratch folder of its own."""

import json
import os
import shutil
import site
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from . import process
from .contenders import EXPORTS, MANIFEST_KEPT, Contender, Missing, Scene
from .peers import bin_folder
from .places import BenchError, cache
from .process import Run
from .trees import Tree

_DROP_CACHES = Path("/proc/sys/vm/drop_caches")
STEADY = 0.10
STEADY_TRIES = 12
COLD_TRIES = 2


@dataclass(frozen=True)
class Setting:
    """What all cases share. `timeout` in seconds for one command."""

    tree: Tree
    peers: tuple[Contender, ...]
    missing: tuple[Missing, ...]
    runs: int
    timeout: float
    say: Callable[[str], None]

    def peer(self, name: str) -> tuple[Contender, ...]:
        """A peer if it is there, else none."""
        return tuple(peer for peer in self.peers if peer.name == name)


@dataclass(frozen=True)
class Case:
    """Programs to run beside each other. The first is the floor; `ours` names the one of ours.

    `rounds` is how many count; None is as many as the setting says.
    """

    name: str
    title: str
    programs: tuple[Contender, ...]
    ours: str
    missing: tuple[Missing, ...] = ()
    rounds: int | None = None
    cold: bool = False
    """Whether the system forgets before each run what it has read."""
    before_round: Callable[[], None] | None = None
    bounds: Mapping[str, float] = field(default_factory=dict)
    """What we want: so many times the floor at most, by program."""
    why: str = ""
    """What makes ours slower than those that are ahead of it: printed if any is."""

    @property
    def floor(self) -> Contender:
        """The program whose time is the floor of the others."""
        return self.programs[0]


@dataclass(frozen=True)
class Timed:
    """A case carried out: the runs of each program, round by round.

    `warming` are the seconds of the floor until two in a row agreed; `steady` says if they did.
    `reported` are the counts that a program printed itself in its last run. `own_peak` is the peak
    memory of the benchmark itself in bytes, below which the memory of no run was seen.
    """

    case: Case
    runs: dict[str, list[Run]]
    warming: list[float]
    steady: bool
    own_peak: int
    reported: dict[str, dict[str, int]]
    tree: Tree
    """How many files it has, a program must have seen that says how many it saw."""


def timed(setting: Setting, case: Case, home: Path | None = None) -> Timed:
    """Steady the floor, then run all programs of `case` in turn, round after round.

    The round before the first is a warm-up and does not count; nothing is warm in a cold case.
    `home` keeps its vault over all runs; without it each run has a fresh one.
    """
    warming, steady = _steady(setting, case, home)
    runs: dict[str, list[Run]] = {program.name: [] for program in case.programs}
    reported: dict[str, dict[str, int]] = {}
    total = case.rounds or setting.runs
    for number in range(1 if case.cold else 0, total + 1):
        if case.before_round is not None:
            case.before_round()
        for program in case.programs:
            with scene_of(setting.tree.path, home) as scene:
                if case.cold:
                    drop_caches()
                run = run_one(program, scene, setting.timeout)
                if program.reports:
                    reported[program.name] = _counts(scene.scratch / "stdout")
            label = f"{number}/{total}" if number else "warm-up"
            setting.say(f"{case.name} {label}: {program.name} {run.wall:.3f} s")
            if number:
                runs[program.name].append(run)
    _same_tree(setting.tree, reported.get(case.floor.name, {}))
    return Timed(case, runs, warming, steady, process.own_peak_rss(), reported, setting.tree)


def _steady(setting: Setting, case: Case, home: Path | None) -> tuple[list[float], bool]:
    """Run the floor until two runs in a row agree within 10 %, as an idle machine forgets."""
    walls: list[float] = []
    for _try in range(COLD_TRIES if case.cold else STEADY_TRIES):
        with scene_of(setting.tree.path, home) as scene:
            if case.cold:
                drop_caches()
            walls.append(run_one(case.floor, scene, setting.timeout).wall)
        setting.say(f"{case.name} steadying: {case.floor.name} {walls[-1]:.3f} s")
        if len(walls) > 1 and abs(walls[-1] - walls[-2]) <= STEADY * min(walls[-2:]):
            return walls, True
    setting.say(f"{case.name}: THE FLOOR IS NOT STEADY, is the machine busy?")
    return walls, False


def may_drop_caches() -> bool:
    """Whether we may have the system forget what it has read."""
    return os.access(_DROP_CACHES, os.W_OK)


def drop_caches() -> None:
    """Have the system forget what it has read of files, folders and inodes (proc(5))."""
    os.sync()
    _DROP_CACHES.write_text("3")


@contextmanager
def scene_of(tree: Path, home: Path | None = None) -> Iterator[Scene]:
    """A scratch folder, gone afterwards, with a fresh home in it unless one is given."""
    parent = cache() / "tmp"
    parent.mkdir(exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=parent))
    try:
        fresh = scratch / "home"
        fresh.mkdir()
        yield Scene(tree, scratch, home or fresh)
    finally:
        shutil.rmtree(scratch)


@contextmanager
def scanned(setting: Setting, scan: Contender) -> Iterator[Path]:
    """A home whose vault holds a scan of the tree."""
    with scene_of(setting.tree.path) as scene:
        run_one(scan, scene, setting.timeout)
        yield scene.home


@contextmanager
def with_manifest(setting: Setting) -> Iterator[Path]:
    """A home that holds a signed manifest of the tree, and the lists that its peers check."""
    with scene_of(setting.tree.path) as scene:
        for program in (MANIFEST_KEPT, *EXPORTS):
            run_one(program, scene, setting.timeout)
        yield scene.home


def run_one(
    program: Contender, scene: Scene, timeout: float, watch: process.Watch | None = None
) -> Run:
    """One run of `program`, with what earlier ones wrote out of the way first."""
    os.sync()
    return process.run(
        program.argv(scene),
        scratch=scene.scratch,
        env=environment(scene.home),
        timeout=timeout,
        watch=watch,
    )


def environment(home: Path) -> Mapping[str, str]:
    """The environment of all programs: settings, keys and state are looked for in `home` only.

    Python keeps its compiled modules, as it does where nothing is said.
    """
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("XDG_", "GORILLACOMB_", "PYTHON"))
    }
    # Packages installed for the user alone are still found when HOME is another.
    return kept | {
        "HOME": str(home),
        "PATH": f"{bin_folder()}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PYTHONUSERBASE": site.getuserbase(),
        "LC_ALL": "C.UTF-8",
    }


def _counts(stdout: Path) -> dict[str, int]:
    """The top-level whole numbers in the JSON document that a program printed."""
    try:
        document = json.loads(stdout.read_bytes())
        return {key: value for key, value in document.items() if type(value) is int}
    except (ValueError, AttributeError) as error:
        said = stdout.read_bytes()[:300]
        raise BenchError(f"no JSON object on stdout ({error}): {said!r}") from None


def _same_tree(tree: Tree, counts: Mapping[str, int]) -> None:
    """Refuse figures from a tree that is no longer the one that was described."""
    if "files" in counts and counts["files"] != tree.content.files:
        raise BenchError(
            f"the tree holds {counts['files']} files, not {tree.content.files} as when it was made:"
            f" remove trees/{tree.name} in the cache folder and run again"
        )
