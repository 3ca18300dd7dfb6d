"""The programs that are timed: the floor, Gorilla Comb, and the peers, with their exact options."""

import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from . import floor
from .places import REPOSITORY, BenchError


@dataclass(frozen=True)
class Scene:
    """What a command is run on: the tree, a scratch folder, and the home that holds the vault."""

    tree: Path
    scratch: Path
    home: Path


@dataclass(frozen=True)
class Contender:
    """A command line to time.

    In `template` stand PYTHON, FLOOR, TREE, TEMP, HOME and VAULT for the paths that a scene fills
    in, so that `shown` reads alike on every machine. `reports` marks a command that prints a JSON
    document with counts. `note` says how its work differs.
    """

    name: str
    template: tuple[str, ...]
    note: str = ""
    version: str = ""
    reports: bool = False

    @property
    def shown(self) -> str:
        """The command line as it is printed."""
        return shlex.join(self.template)

    def argv(self, scene: Scene) -> list[str]:
        """The command line to run."""
        paths = {
            "PYTHON": sys.executable,
            "TREE": str(scene.tree),
            "TEMP": str(scene.scratch),
            "HOME": str(scene.home),
            "VAULT": str(scene.home / "vault"),
        }
        if "FLOOR" in self.template:
            paths["FLOOR"] = str(floor.compiled())
        place = re.compile("|".join(paths))
        return [place.sub(lambda found: paths[found[0]], word) for word in self.template]


@dataclass(frozen=True)
class Missing:
    """A peer that is not timed, and why or how to get it."""

    name: str
    why: str


FLOOR_READ = Contender(
    "floor: read",
    ("FLOOR", "read", "2", "TREE"),
    "C, two threads: list, open, stat, read, close every file; no hashing, nothing stored",
    reports=True,
)
FLOOR_STAT = Contender(
    "floor: stat",
    ("FLOOR", "stat", "2", "TREE"),
    "C, two threads: list and stat every entry; nothing is opened",
    reports=True,
)
BARE = Contender(
    "floor: read, in Python",
    ("PYTHON", "-m", "tests.benchmarks.bare", "TREE"),
    "the same calls made by Python, a process for each processor, with BLAKE3 of every file and a"
    " second look at it; nothing stored",
    reports=True,
)
BARE_STAT = Contender(
    "floor: stat, in Python",
    ("PYTHON", "-m", "tests.benchmarks.bare", "--stat", "TREE"),
    "the same calls made by Python, a process for each processor; nothing is compared",
    reports=True,
)
FLOOR_PYTHON = Contender("floor: python", ("PYTHON", "-c", "pass"), "the interpreter alone")

_OURS = ("PYTHON", "-m", "gorillacomb")
SCAN = Contender(
    "gorillacomb scan",
    (*_OURS, "scan", "--vault", "VAULT", "TREE", "--json"),
    "fresh vault: BLAKE3 of every file, rows and groups in an index on disk, and the canonical"
    " copy of each content chosen and stamped in a signed record",
    reports=True,
)
_COMB = (
    "import os, sys; from pathlib import Path; from gorillacomb.vault.vault import Vault;"
    " from gorillacomb.scan.scanner import scan;"
    " scan(Vault(Path(sys.argv[1])), [os.fsencode(sys.argv[2])])"
)
SCAN_UNSTAMPED = Contender(
    "gorillacomb comb()",
    ("PYTHON", "-c", _COMB, "VAULT", "TREE"),
    "the same by a call of the library: rows and groups stored, nothing chosen or stamped",
)
SCAN_QUICK = Contender(
    "gorillacomb scan --quick",
    (*_OURS, "scan", "--quick", "--vault", "VAULT", "TREE", "--json"),
    "the same, but large files without a copy are not hashed",
    reports=True,
)
RESCAN = Contender(
    "gorillacomb scan, again",
    SCAN.template,
    "the vault of an earlier scan, the tree unchanged",
    reports=True,
)
VERSION = Contender("gorillacomb --version", (*_OURS, "--version"))
STATUS = Contender("gorillacomb status", (*_OURS, "status", "--vault", "VAULT"))
PULSE = Contender(
    "gorillacomb pulse",
    ("sh", "-c", "'PYTHON' -m gorillacomb pulse --vault 'VAULT' || test $? -eq 1"),
    "no watcher runs, which exit status 1 says",
)
GIT_VERSION = Contender("git --version", ("git", "--version"))
RESTIC_VERSION = Contender("restic version", ("restic", "version"))
MANIFEST = Contender(
    "gorillacomb manifest",
    (*_OURS, "manifest", "TREE", "-o", "TEMP/manifest.json", "--vault", "VAULT"),
    "BLAKE3 and SHA-256 of every file, signed",
)
SHA256SUM = Contender(
    "sha256sum",
    ("sh", "-c", "cd 'TREE' && find . -type f -print0 | xargs -0 sha256sum -- > TEMP/sums"),
    "SHA-256 alone, one process",
)
VERIFY = Contender(
    "gorillacomb verify",
    (*_OURS, "verify", "HOME/manifest.json", "--root", "TREE", "--vault", "VAULT"),
    "BLAKE3 of every file under a valid signature, modes, links, what is extra",
)
VERIFY_BOTH = Contender(
    "gorillacomb verify --digests both",
    (*VERIFY.template, "--digests", "both"),
    "the same with SHA-256 too",
)
SHA256SUM_CHECK = Contender(
    "sha256sum -c",
    ("sh", "-c", "cd 'TREE' && sha256sum --check --quiet 'HOME/SHA256SUMS'"),
    "SHA-256 of the files listed, one process",
)
B3SUM_CHECK = Contender(
    "b3sum --check",
    ("sh", "-c", "cd 'TREE' && b3sum --check --quiet 'HOME/B3SUMS'"),
    "BLAKE3 of the files listed, many threads for a large one",
)
EXPORTS = tuple(
    Contender(
        f"gorillacomb export --format {form}",
        (
            "sh",  # exit status 3: links and empty folders, which such lists do not have
            "-c",
            f"'PYTHON' -m gorillacomb export 'HOME/manifest.json' --format {form}"
            f" -o 'HOME/{name}' || test $? -eq 3",
        ),
    )
    for form, name in (("sha256sum", "SHA256SUMS"), ("b3sum", "B3SUMS"))
)
MANIFEST_KEPT = Contender(
    "gorillacomb manifest, kept",
    (*_OURS, "manifest", "TREE", "-o", "HOME/manifest.json", "--vault", "VAULT"),
)
DUPES = Contender("gorillacomb dupes", (*_OURS, "dupes", "--vault", "VAULT", "--format", "fdupes"))

CAT = Contender(
    "cat",
    ("sh", "-c", "cat 'TREE'/* > /dev/null"),
    "reads every byte once, one process",
)
SCRUB = Contender(
    "gorillacomb scrub",
    (*_OURS, "scrub", "--vault", "VAULT"),
    "BLAKE3 of every file of an earlier scan, and what it was then",
)
FOLDERS = Contender(
    "gorillacomb folders",
    (*_OURS, "folders", "--json", "--vault", "VAULT"),
    "all relations, identical, contained and overlapping, from the index of an earlier scan",
)
PLAN = Contender(
    "gorillacomb dedupe --plan",
    (*_OURS, "dedupe", "--plan", "--vault", "VAULT"),
    "what can be removed, from the index of an earlier scan; looks at each file of it on disk",
)
UNIQUE = Contender(
    "gorillacomb unique",
    (*_OURS, "unique", "TREE", "--vault", "VAULT"),
    "what would be lost if the folder were deleted: lists it, and looks at a copy of each file",
)
GIT_STATUS = Contender(
    "git status",
    ("git", "--git-dir", "HOME/git", "--work-tree", "TREE", "status", "--porcelain"),
    "the same files, all of them added; stats each, reads what changed",
)
GIT_ADD = Contender(
    "git add",
    (
        "sh",
        "-c",
        "git init -q --bare 'HOME/git' && git --git-dir 'HOME/git' config core.bare false"
        " && git --git-dir 'HOME/git' --work-tree 'TREE' add -A -f",
    ),
)


def our_version() -> str:
    """The first line of `gorillacomb --version`; `BenchError` if it does not run."""
    return version_of([sys.executable, "-m", "gorillacomb", "--version"])


def version_of(argv: list[str]) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, cwd=REPOSITORY, check=False)
    lines = (done.stdout or done.stderr).strip().splitlines()
    if done.returncode != 0 or not lines:
        raise BenchError(f"{' '.join(argv[:3])} does not run: {done.stderr.strip()[-600:]}")
    found = re.search(r"\d+(\.\d+)+\S*", lines[0])
    return found[0] if found else lines[0]
