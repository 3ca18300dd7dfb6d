"""The cases: what runs beside what, and how memory and groups are looked at."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from . import contenders, groups, memory, trees
from .series import Case, Setting, Timed, run_one, scanned, scene_of, timed, with_manifest

# Start-up takes milliseconds, so more runs cost nothing and say more.
MIN_START_RUNS = 20


@dataclass(frozen=True)
class Memory:
    """Peak memory in bytes of one first scan, and the files that it went through."""

    tree: str
    files: int
    main: memory.Peak
    worker: memory.Peak
    workers: int
    together: int


def first(setting: Setting) -> Timed:
    """A full scan into a fresh vault, beside the peers."""
    ours = (contenders.SCAN, contenders.SCAN_UNSTAMPED)
    programs = (contenders.FLOOR_READ, *ours, *setting.peers)
    case = Case("first", "First scan", programs, contenders.SCAN.name, setting.missing)
    return timed(setting, case)


def quick(setting: Setting) -> Timed:
    """A scan for duplicates only, beside jdupes, whose work is nearest."""
    near = tuple(peer for peer in setting.peers if peer.name == "jdupes")
    missing = tuple(peer for peer in setting.missing if peer.name == "jdupes")
    programs = (contenders.FLOOR_READ, contenders.SCAN_QUICK, *near)
    case = Case("quick", "Duplicates only", programs, contenders.SCAN_QUICK.name, missing)
    return timed(setting, case)


def second(setting: Setting) -> Timed:
    """A scan of the unchanged tree into the vault of an earlier scan."""
    programs = (contenders.FLOOR_STAT, contenders.RESCAN)
    case = Case("second", "Second scan, nothing changed", programs, contenders.RESCAN.name)
    with scanned(setting, contenders.SCAN) as home:
        return timed(setting, case, home)


def version(setting: Setting) -> Timed:
    """What it costs to start the program."""
    programs = (contenders.FLOOR_PYTHON, contenders.VERSION, contenders.STATUS)
    rounds = max(MIN_START_RUNS, setting.runs)
    case = Case("version", "Start-up", programs, contenders.VERSION.name, rounds=rounds)
    with scanned(setting, contenders.SCAN) as home:
        return timed(setting, case, home)


def peers(setting: Setting) -> Timed:
    """The floor and the peers alone, without Gorilla Comb."""
    programs = (contenders.FLOOR_READ, contenders.FLOOR_STAT, *setting.peers)
    return timed(setting, Case("peers", "Peers alone", programs, "", setting.missing))


def manifest(setting: Setting) -> Timed:
    """A manifest of one copy of the project: many small files."""
    part = one_copy(setting)
    programs = (contenders.FLOOR_READ, contenders.MANIFEST, contenders.SHA256SUM)
    return timed(part, Case("manifest", "A manifest of one copy", programs, "gorillacomb manifest"))


def verify(setting: Setting) -> Timed:
    """That manifest checked."""
    return _checked(one_copy(setting), "verify", "That manifest checked")


def verify_large(setting: Setting) -> Timed:
    """A manifest of large files checked."""
    large = replace(setting, tree=trees.ready("large", setting.say))
    size = large.tree.content.bytes / 1e9
    title = f"A manifest of {large.tree.content.files} large files checked ({size:.2f} GB)"
    return _checked(large, "verify-large", title)


def _checked(setting: Setting, name: str, title: str) -> Timed:
    checkers, missing = contenders.checkers()
    programs = (contenders.FLOOR_READ, contenders.VERIFY, contenders.VERIFY_BOTH, *checkers)
    case = Case(name, title, programs, contenders.VERIFY.name, tuple(missing))
    with with_manifest(setting) as home:
        return timed(setting, case, home)


def one_copy(setting: Setting) -> Setting:
    """The same, with one copy of the project for the tree."""
    tree = setting.tree
    part = f"{tree.name}/{tree.part_name}"
    return replace(setting, tree=replace(tree, name=part, content=tree.part_content))


CASES: dict[str, Callable[[Setting], Timed]] = {
    "first": first,
    "quick": quick,
    "second": second,
    "version": version,
    "manifest": manifest,
    "verify": verify,
    "verify-large": verify_large,
    "peers": peers,
}


def sample_memory(setting: Setting) -> list[Memory]:
    """The peak memory of a first scan of a part of the tree, then of all of it."""
    found: list[Memory] = []
    if not memory.available():
        setting.say("memory: not sampled, this system has no /proc")
        return found
    tree = setting.tree
    for name, path, content in (
        ("one copy", tree.part, tree.part_content),
        ("whole tree", tree.path, tree.content),
    ):
        samplers: list[memory.Sampler] = []

        def watch(pid: int, kept: list[memory.Sampler] = samplers) -> memory.Sampler:
            kept.append(memory.Sampler(pid))
            return kept[-1]

        with scene_of(path) as scene:
            setting.say(f"memory: {name}")
            run_one(contenders.SCAN, scene, setting.timeout, watch)
        seen = samplers[0]
        workers = len(seen.workers)
        figures = (seen.main, seen.worker(), workers, seen.together)
        found.append(Memory(name, content.files, *figures))
    return found


def compare_groups(setting: Setting) -> list[groups.Comparison]:
    """The groups of a full and of a quick scan, each against those of jdupes."""
    found: list[groups.Comparison] = []
    jdupes = [peer for peer in setting.peers if peer.name == "jdupes"]
    if not jdupes:
        setting.say("groups: NOT COMPARED, jdupes is not there")
        return found
    with scene_of(setting.tree.path) as theirs:
        setting.say("groups: jdupes")
        run_one(jdupes[0], theirs, setting.timeout)
        for scan in (contenders.SCAN, contenders.SCAN_QUICK):
            setting.say(f"groups: {scan.name}")
            with scanned(setting, scan) as home, scene_of(setting.tree.path, home) as ours:
                run_one(contenders.DUPES, ours, setting.timeout)
                printed = (ours.scratch / "stdout", theirs.scratch / "stdout")
                found.append(groups.compare(scan.name, *printed, setting.tree.path))
    return found
