"""The cases: what runs beside what, and how memory and groups are looked at."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from . import contenders, groups, memory, peers, trees
from .series import Case, Setting, Timed, run_one, scanned, scene_of, timed, with_manifest

# Start-up takes milliseconds, so more runs cost nothing and say more.
MIN_START_RUNS = 20
# These take minutes a round.
COLD_RUNS = LARGE_RUNS = 3


_BOUNDS_LARGE = {contenders.SCAN.name: 1.11, contenders.SCAN_QUICK.name: 0.78}
"""Nine tenths of the speed of `cat`, for all 10 GB and for the 7 GB that may have an equal."""
_WHY_LARGE = (
    "it reads all 10 GB, where a peer leaves out the 3 GB of files that have no equal in size,"
    " first and last bytes; `--quick` reads what they read. Beside that: the start of an"
    " interpreter and of its workers, rows, signatures. *cat* hashes nothing."
)


@dataclass(frozen=True)
class Memory:
    """Peak memory in bytes of one first scan, its seconds, and the files that it went through."""

    tree: str
    files: int
    seconds: float
    main: memory.Peak
    worker: memory.Peak
    workers: int
    together: int


def first(setting: Setting) -> Timed:
    """A full scan into a fresh vault, beside the peers."""
    bounds = {contenders.SCAN_UNSTAMPED.name: 2.6, contenders.SCAN.name: 3.3}
    return _first(setting, "first", "First scan", bounds)


def photos(setting: Setting) -> Timed:
    """The same of pictures that lie in few folders, most of them twice."""
    return _first(on(setting, "photos"), "photos", "First scan of loose photographs", {})


def _first(setting: Setting, name: str, title: str, bounds: Mapping[str, float]) -> Timed:
    ours = (contenders.SCAN, contenders.SCAN_UNSTAMPED)
    programs = (contenders.FLOOR_READ, contenders.BARE, *ours, *setting.peers)
    case = Case(
        name,
        title,
        programs,
        contenders.SCAN.name,
        setting.missing,
        bounds=bounds,
        why="every byte of every file is hashed and every file gets a row, where a peer reads what"
        " has equal size and first bytes, and keeps nothing. *floor: read, in Python* is what"
        " reading and hashing alone take in this language, *comb()* adds rows and groups; the rest"
        " is how folders relate, the choice, and a signed entry for each content. *Where the time"
        " goes* has it line by line.",
    )
    return timed(setting, case)


def cold(setting: Setting) -> Timed:
    """The same after the system forgot what it had read."""
    ours = contenders.SCAN
    programs = (contenders.FLOOR_READ, ours, *setting.peers)
    title = "First scan, cold cache"
    rounds = min(setting.runs, COLD_RUNS)
    return timed(
        setting, Case("cold", title, programs, ours.name, setting.missing, rounds, cold=True)
    )


def unique(setting: Setting) -> Timed:
    """A scan for duplicates where there are none."""
    programs = (contenders.FLOOR_STAT, contenders.SCAN_QUICK, *setting.peers)
    case = Case(
        "unique",
        "Nothing duplicated",
        programs,
        contenders.SCAN_QUICK.name,
        setting.missing,
        why="a peer is done when it has all sizes. Ours writes a row of each file, from which the"
        " next scan tells what changed, and each content that it has read gets a signed entry.",
    )
    return timed(on(setting, "unique"), case)


def large(setting: Setting) -> Timed:
    """A full scan of a few large files."""
    programs = (contenders.CAT, contenders.SCAN, contenders.SCAN_QUICK, *setting.peers)
    rounds = min(setting.runs, LARGE_RUNS)
    case = Case(
        "large",
        "Few large files",
        programs,
        contenders.SCAN.name,
        setting.missing,
        rounds,
        bounds=_BOUNDS_LARGE,
        why=_WHY_LARGE,
    )
    return timed(on(setting, "large"), case)


def large_cold(setting: Setting) -> Timed:
    """The same after the system forgot what it had read: here the disk is what all wait for."""
    programs = (contenders.CAT, contenders.SCAN, contenders.SCAN_QUICK, *setting.peers)
    rounds = min(setting.runs, LARGE_RUNS)
    title = "Few large files, cold cache"
    case = Case(
        "large-cold",
        title,
        programs,
        contenders.SCAN.name,
        setting.missing,
        rounds,
        cold=True,
        bounds=_BOUNDS_LARGE,
        why=_WHY_LARGE,
    )
    return timed(on(setting, "large"), case)


def scrub(setting: Setting) -> Timed:
    """Files read again to find damage, from the disk."""
    few = on(setting, "large")
    case = Case(
        "scrub",
        "Read again to find damage, cold cache",
        (contenders.CAT, contenders.SCRUB),
        contenders.SCRUB.name,
        rounds=min(setting.runs, LARGE_RUNS),
        cold=True,
    )
    with scanned(few, contenders.SCAN) as home:
        return timed(few, case, home)


def million(setting: Setting) -> Timed:
    """A first scan of a million files."""
    programs = (
        *(contenders.FLOOR_READ, contenders.SCAN),
        *(*setting.peer("fclones"), *setting.peer("jdupes")),
    )
    rounds = min(setting.runs, LARGE_RUNS)
    case = Case(
        "million",
        "A million files",
        programs,
        contenders.SCAN.name,
        rounds=rounds,
        why="each file is hashed and gets a row, and each content a signed entry of 490 bytes in"
        " the trace; of three files in four a peer learns from their sizes alone, or their first"
        " bytes, that they have no copy, and it keeps nothing.",
    )
    return timed(on(setting, "million"), case)


def merged(setting: Setting) -> Timed:
    """How the folders relate, beside the one peer that knows folders."""
    theirs = (peers.RMLINT_FOLDERS,) if setting.peer("rmlint") else ()
    programs = (contenders.FLOOR_STAT, contenders.FOLDERS, *theirs)
    rounds = min(setting.runs, LARGE_RUNS)
    case = Case("merged", "Folders", programs, contenders.FOLDERS.name, rounds=rounds)
    with scanned(setting, contenders.SCAN) as home:
        return timed(setting, case, home)


def plan(setting: Setting) -> Timed:
    """A plan of what can be removed: of the copies of the project, a few folders."""
    return _planned(setting, "plan", "A plan")


def plan_photos(setting: Setting) -> Timed:
    """A plan of 40,000 steps, each for a single picture."""
    return _planned(on(setting, "photos"), "plan-photos", "A plan of 40,000 steps")


def _planned(setting: Setting, name: str, title: str) -> Timed:
    case = Case(name, title, (contenders.FLOOR_READ, contenders.PLAN), contenders.PLAN.name)
    with scanned(setting, contenders.SCAN) as home:
        return timed(setting, case, home)


def lost(setting: Setting) -> Timed:
    """What would be lost with one copy of the project, all of which stands elsewhere too."""
    programs = (contenders.FLOOR_READ, contenders.UNIQUE)
    case = Case("lost", "What would be lost", programs, contenders.UNIQUE.name)
    with scanned(setting, contenders.SCAN) as home:
        return timed(one_copy(setting), case, home)


def quick(setting: Setting) -> Timed:
    """A scan for duplicates only, beside jdupes, whose work is nearest."""
    near = tuple(peer for peer in setting.peers if peer.name == "jdupes")
    missing = tuple(peer for peer in setting.missing if peer.name == "jdupes")
    programs = (contenders.FLOOR_READ, contenders.SCAN_QUICK, *near)
    case = Case("quick", "Duplicates only", programs, contenders.SCAN_QUICK.name, missing)
    return timed(setting, case)


def second(setting: Setting) -> Timed:
    """A scan of the unchanged tree into the vault of an earlier scan."""
    return _again(setting, "second", "Second scan, nothing changed")


def changed(setting: Setting) -> Timed:
    """The same after one file in a hundred was written anew, with what it held."""
    files = sorted(each for each in setting.tree.path.rglob("*.js") if each.is_file())
    some = files[:: max(1, len(files) * 100 // setting.tree.content.files)]

    def write_anew() -> None:
        for path in some:
            path.write_bytes(path.read_bytes())

    title = f"Second scan, {len(some):,} files written anew with what they held"
    return _again(setting, "changed", title, write_anew)


def _again(
    setting: Setting, name: str, title: str, before_round: Callable[[], None] | None = None
) -> Timed:
    """Programs that know the tree from an earlier run."""
    theirs = [
        again
        for again, peer in ((peers.FCLONES_CACHED, "fclones"), (peers.RMLINT_CACHED, "rmlint"))
        if setting.peer(peer)
    ]
    ours = (contenders.BARE_STAT, contenders.RESCAN)
    programs = (contenders.FLOOR_STAT, *ours, *theirs, contenders.GIT_STATUS)
    case = Case(
        name,
        title,
        programs,
        contenders.RESCAN.name,
        before_round=before_round,
        bounds={contenders.RESCAN.name: 3},
        why="git compares in C, with several threads, what it has loaded in one piece. *floor:"
        " stat, in Python* is listing and looking at all entries in this language, without an index"
        " to compare with.",
    )
    # What writes attributes to the files comes first: that moves their ctime.
    first = (*theirs[::-1], contenders.GIT_ADD, contenders.SCAN)
    with scene_of(setting.tree.path) as scene:
        for program in first:
            setting.say(f"{name}: {program.name}, for the first time")
            run_one(program, scene, setting.timeout)
        return timed(setting, case, scene.home)


def version(setting: Setting) -> Timed:
    """What it costs to start the program."""
    ours = (contenders.VERSION, contenders.STATUS, contenders.PULSE)
    theirs, missing = peers.starters()
    programs = (contenders.FLOOR_PYTHON, *ours, *theirs)
    rounds = max(MIN_START_RUNS, setting.runs)
    ours_name = contenders.VERSION.name
    case = Case("version", "Start-up", programs, ours_name, tuple(missing), rounds=rounds)
    with scanned(setting, contenders.SCAN) as home:
        return timed(setting, case, home)


def alone(setting: Setting) -> Timed:
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
    few = on(setting, "large")
    title = f"A manifest of {few.tree.content.files} large files checked"
    return _checked(replace(few, runs=min(few.runs, LARGE_RUNS)), "verify-large", title)


def _checked(setting: Setting, name: str, title: str) -> Timed:
    checkers, missing = peers.checkers()
    programs = (contenders.FLOOR_READ, contenders.VERIFY, contenders.VERIFY_BOTH, *checkers)
    case = Case(
        name,
        title,
        programs,
        contenders.VERIFY.name,
        tuple(missing),
        why="b3sum reads a list of digests and looks at nothing else. Ours checks the signature of"
        " the manifest, and of each entry type, mode, size and link, and lists every folder to see"
        " what is extra.",
    )
    with with_manifest(setting) as home:
        return timed(setting, case, home)


def on(setting: Setting, tree: str) -> Setting:
    """The same, on another tree."""
    return replace(setting, tree=trees.ready(tree, setting.say))


def one_copy(setting: Setting) -> Setting:
    """The same, with one copy of the project for the tree."""
    tree = setting.tree
    part = f"{tree.name}/{tree.part_name}"
    return replace(setting, tree=replace(tree, name=part, content=tree.part_content))


CASES: dict[str, Callable[[Setting], Timed]] = {
    "first": first,
    "cold": cold,
    "quick": quick,
    "unique": unique,
    "photos": photos,
    "large": large,
    "large-cold": large_cold,
    "second": second,
    "changed": changed,
    "scrub": scrub,
    "million": million,
    "merged": merged,
    "lost": lost,
    "plan": plan,
    "plan-photos": plan_photos,
    "version": version,
    "manifest": manifest,
    "verify": verify,
    "verify-large": verify_large,
    "peers": alone,
}


def sample_memory(setting: Setting) -> list[Memory]:
    """Peak memory and seconds of first scans: of trees that grow, and of the usual one."""
    found: list[Memory] = []
    if not memory.available():
        setting.say("memory: not sampled, this system has no /proc")
        return found
    tree, many = setting.tree, on(setting, "million").tree
    for name, path, files in (
        ("10,000 of the million", many.path / "a/a", 10_000),
        ("100,000 of the million", many.path / "a", 100_000),
        ("the million", many.path, many.content.files),
        ("the usual tree", tree.path, tree.content.files),
    ):
        samplers: list[memory.Sampler] = []

        def watch(pid: int, kept: list[memory.Sampler] = samplers) -> memory.Sampler:
            kept.append(memory.Sampler(pid))
            return kept[-1]

        with scene_of(path) as scene:
            setting.say(f"memory: {name}")
            run_one(contenders.FLOOR_READ, scene, setting.timeout)  # from here on it is cached
            seconds = run_one(contenders.SCAN, scene, setting.timeout, watch).wall
        seen = samplers[0]
        workers = len(seen.workers)
        figures = (seen.main, seen.worker(), workers, seen.together)
        found.append(Memory(name, files, seconds, *figures))
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
