"""The peers: their exact options, and how they are got where the machine lacks them."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .contenders import (
    B3SUM_CHECK,
    GIT_VERSION,
    RESTIC_VERSION,
    SHA256SUM_CHECK,
    Contender,
    Missing,
    version_of,
)
from .places import BenchError, cache

Say = Callable[[str], None]
_INSTALL_TIMEOUT = 1800.0


@dataclass(frozen=True)
class Peer:
    """A peer and where it comes from: ``apt``, ``cargo`` or ``pip``."""

    program: Contender
    source: str
    binary: str = ""
    version_option: str = "--version"

    @property
    def command(self) -> str:
        """The name of its program."""
        return self.binary or self.program.name

    @property
    def recipe(self) -> str:
        """How to get it, in words that a shell takes."""
        return {
            "apt": f"apt-get install {self.program.name}",
            "cargo": f"cargo install --locked {self.program.name}",
            "pip": f"pip install {self.program.name}",
        }[self.source]


# All of them cover hidden files, leave empty files out, follow no link and ask nothing.
PEERS = (
    Peer(
        Contender(
            "jdupes", ("jdupes", "-r", "-q", "TREE"), "a fast hash, then compares byte by byte"
        ),
        "apt",
        version_option="-v",
    ),
    Peer(
        Contender(
            "rdfind",
            ("rdfind", "-dryrun", "true", "-outputname", "TEMP/results.txt", "TREE"),
            "SHA-1 of what has equal size, first and last bytes; hard links dropped",
        ),
        "apt",
    ),
    Peer(
        Contender(
            "fdupes", ("fdupes", "-r", "-q", "-n", "TREE"), "MD5, then compares byte by byte"
        ),
        "apt",
    ),
    Peer(
        Contender(
            "rmlint",
            (
                "rmlint",
                "-T",
                "df",
                "-r",
                "-F",
                "-x",
                "-VVV",
                "-o",
                "fdupes:TEMP/groups.txt",
                "TREE",
            ),
            "BLAKE2b of what has equal size; -r: hidden files too, -F: no links, -x: one file"
            " system",
        ),
        "apt",
    ),
    Peer(
        Contender(
            "fclones",
            (
                *("fclones", "group", "--hidden", "--no-ignore", "--hash-fn", "blake3"),
                *("--format", "fdupes", "--output", "TEMP/groups.txt", "TREE"),
            ),
            "BLAKE3 of what has equal size, first and last bytes",
        ),
        "cargo",
    ),
    Peer(
        Contender(
            "czkawka_cli",
            (
                *("czkawka_cli", "dup", "--directories", "TREE", "--minimal-file-size", "1"),
                *("--search-method", "HASH", "--hash-type", "BLAKE3", "--disable-cache"),
                *("--do-not-print-results", "--ignore-error-code-on-found"),
                *("--file-to-save", "TEMP/groups.txt"),
            ),
            "BLAKE3 of what has equal size and first bytes; without its cache",
        ),
        "cargo",
    ),
    Peer(
        Contender(
            "pydupes",
            ("pydupes", "--output", "TEMP/groups.txt", "TREE"),
            "SHA-256 of what has equal size and first and last bytes",
        ),
        "pip",
    ),
)

FCLONES_CACHED = Contender(
    "fclones, again",
    (
        *("fclones", "group", "--cache", "--hidden", "--no-ignore", "--hash-fn", "blake3"),
        *("--format", "fdupes", "--output", "TEMP/groups.txt", "TREE"),
    ),
    "with --cache, filled by an earlier run",
)
RMLINT_CACHED = Contender(
    "rmlint, again",
    (
        *("rmlint", "--xattr", "-T", "df", "-r", "-F", "-x", "-VVV"),
        *("-o", "fdupes:TEMP/groups.txt", "TREE"),
    ),
    "with --xattr, filled by an earlier run",
)
RMLINT_FOLDERS = Contender(
    "rmlint -T dd",
    ("rmlint", "-T", "dd", "-r", "-F", "-x", "-VVV", "-o", "json:TEMP/folders.json", "TREE"),
    "identical folders alone; walks and reads the files for it",
)

SAMPLER = Peer(Contender("py-spy", ()), "pip")
"""No peer, but got like one."""


def bin_folder() -> Path:
    """Where peers are installed that the system lacks."""
    return cache() / "peers" / "bin"


def ready(wanted: Sequence[str], say: Say) -> tuple[list[Contender], list[Missing]]:
    """The peers called for with their versions, installed if need be, and those left out."""
    unknown = set(wanted) - {peer.program.name for peer in PEERS}
    if unknown:
        raise BenchError(f"no such peer: {', '.join(sorted(unknown))}")
    present: list[Contender] = []
    missing: list[Missing] = []
    for peer in PEERS:
        name = peer.program.name
        if name not in wanted:
            missing.append(Missing(name, "LEFT OUT by --peers"))
            continue
        found = path_of(peer) or installed(peer, say)
        if found is None:
            missing.append(Missing(name, f"NOT INSTALLED: {peer.recipe}"))
        else:
            present.append(replace(peer.program, version=_version(peer, found)))
    return present, missing


def checkers() -> tuple[list[Contender], list[Missing]]:
    """The programs beside which a manifest is checked, and those that are not installed."""
    found, missing = _of_the_system(b3sum=B3SUM_CHECK)
    return [SHA256SUM_CHECK, *found], missing


def starters() -> tuple[list[Contender], list[Missing]]:
    """The programs beside which a start is timed, and those that are not installed."""
    return _of_the_system(git=GIT_VERSION, restic=RESTIC_VERSION)


def _of_the_system(**programs: Contender) -> tuple[list[Contender], list[Missing]]:
    """Those that are there, by their packages, which are called as what they run."""
    found: list[Contender] = []
    missing: list[Missing] = []
    for package, program in programs.items():
        if shutil.which(package) is None:
            missing.append(Missing(program.name, f"NOT INSTALLED: apt-get install {package}"))
        else:
            found.append(program)
    return found, missing


def path_of(peer: Peer) -> str | None:
    """Where a peer is, if it is there."""
    path = f"{bin_folder()}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return shutil.which(peer.command, path=path)


def _version(peer: Peer, found: str) -> str:
    if peer.source != "pip":
        return version_of([found, peer.version_option])
    python = Path(found).resolve().with_name("python")
    script = f"from importlib.metadata import version; print(version({peer.program.name!r}))"
    return version_of([str(python), "-c", script])


def installed(peer: Peer, say: Say) -> str | None:
    """Install a peer; None, with the cause said, where that cannot be done."""
    for words in _steps(peer):
        if shutil.which(words[0]) is None:
            return None
        say(f"peers: {' '.join(words)}")
        try:
            subprocess.run(
                words, check=True, capture_output=True, text=True, timeout=_INSTALL_TIMEOUT
            )
        except subprocess.CalledProcessError as error:
            say(f"peers: it failed: {error.stderr.strip()[-300:]}")
            return None
        except subprocess.TimeoutExpired:
            say(f"peers: it took longer than {_INSTALL_TIMEOUT:.0f} s")
            return None
    return path_of(peer)


def _steps(peer: Peer) -> list[list[str]]:
    name, root = peer.program.name, bin_folder().parent
    if peer.source == "cargo":
        return [["cargo", "install", "--locked", "--root", str(root), name]]
    if peer.source == "pip":
        place = root / "python"
        install = [str(place / "bin/pip"), "install", "--quiet", name]
        link = ["ln", "-sf", str(place / "bin" / name), str(root / "bin" / name)]
        return [
            [sys.executable, "-m", "venv", str(place)],
            install,
            ["mkdir", "-p", str(root / "bin")],
            link,
        ]
    may = os.geteuid() == 0
    return [["apt-get", "install", "--yes", "--quiet", name]] if may else []
