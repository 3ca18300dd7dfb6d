"""How fast the relations between folders are found, on indexes of growing size made for it."""

import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from random import Random

from gorillacomb.index.database import Index
from gorillacomb.index.schema import DIGEST_INDEX
from gorillacomb.vault.vault import Vault

from .places import cache
from .process import Run, run

COPIES = 4
FILES_A_FOLDER = 17
SIZES = (125_000, 250_000, 500_000, 1_000_000)
COMMON = (12_500, 25_000, 50_000)
DRIFTED = ((200, 100), (800, 30), (200, 5_000))
"""Copies, and files of each."""
_TIMEOUT = 600.0

Folder = tuple[int, int | None, bytes]
"""id, parent, name."""
File = tuple[int, bytes, bytes, int]
"""folder, name, digest, size."""


@dataclass(frozen=True)
class Measured:
    """`gorillacomb folders --json` on one index: median seconds, and the largest peak in bytes."""

    what: str
    files: int
    folders: int
    seconds: float
    peak: int


def measure(tree: Path, rounds: int, say: Callable[[str], None]) -> list[Measured]:
    """Time the command on the benchmark's tree, on copies made up, and on the bad case."""
    found = []
    with tempfile.TemporaryDirectory(dir=cache()) as name:
        home = Path(name)
        vault = home / "real"
        scanned = [sys.executable, "-m", "gorillacomb", "scan", "--vault", str(vault), str(tree)]
        run(scanned, scratch=home, env=dict(os.environ), timeout=_TIMEOUT)
        found.append(_timed("the tree above", vault, rounds, home, say))
        for size in SIZES:
            vault = home / f"copies-{size}"
            _make(vault, *_copies(size))
            what = f"{COPIES} copies, each changed a little"
            found.append(_timed(what, vault, rounds, home, say))
        for copies, each in DRIFTED:
            vault = home / f"drifted-{copies}"
            _make(vault, *_drifted(copies, each))
            found.append(
                _timed(f"{copies} drifted copies of {each} files", vault, rounds, home, say)
            )
        for own in (True, False):
            for size in COMMON:
                vault = home / f"common-{size}-{own}"
                _make(vault, *_common(size, own))
                what = "one small file in each folder" + (", beside one of its own" if own else "")
                found.append(_timed(what, vault, rounds, home, say))
    return found


def _timed(what: str, vault: Path, rounds: int, home: Path, say: Callable[[str], None]) -> Measured:
    argv = [sys.executable, "-m", "gorillacomb", "folders", "--json", "--vault", str(vault)]
    runs: list[Run] = [
        run(argv, scratch=home, env=dict(os.environ), timeout=_TIMEOUT) for _ in range(rounds)
    ]
    with Index.read(Vault(vault)) as index:
        files, folders = (
            int(index.connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
            for table in ("files", "folders")
        )
    seconds = statistics.median(each.wall for each in runs)
    say(f"folders: {what}, {files:,} files in {folders:,} folders: {seconds:.2f} s")
    return Measured(what, files, folders, seconds, max(each.peak_rss for each in runs))


def _copies(size: int) -> tuple[Iterator[Folder], Iterator[File]]:
    """Four copies of one tree, every 1,000th file another one in each of the later three.

    Folders nest five deep with seven subfolders each, as they do in real trees.
    """
    per_copy = size // COPIES
    inner = per_copy // FILES_A_FOLDER
    first = [2 + copy * (inner + 1) for copy in range(COPIES)]

    def folders() -> Iterator[Folder]:
        for copy, top in enumerate(first):
            yield top, 1, b"copy %d" % copy
            for at in range(1, inner + 1):
                yield top + at, top + (at - 1) // 7, b"folder %d" % at

    def files() -> Iterator[File]:
        for copy, top in enumerate(first):
            for number in range(per_copy):
                own = copy and number % 1000 == copy
                digest = sha256(b"%d %d" % (number, copy if own else 0)).digest()
                folder = top + 1 + number % inner
                yield folder, b"file %d.txt" % number, digest, 100 + number % 5000

    return folders(), files()


def _drifted(copies: int, files: int) -> tuple[Iterator[Folder], Iterator[File]]:
    """Copies of one tree of three folders; a tenth of the files of each is changed, at random."""
    random = Random(copies)

    def folders() -> Iterator[Folder]:
        for copy in range(copies):
            yield 2 + 4 * copy, 1, b"copy %d" % copy
            for inner in range(3):
                yield 3 + 4 * copy + inner, 2 + 4 * copy, b"folder %d" % inner

    def contents() -> Iterator[File]:
        for copy in range(copies):
            for number in range(files):
                own = copy if random.random() < 0.1 else -1
                digest = sha256(b"%d %d" % (number, own)).digest()
                folder = 3 + 4 * copy + number % 3
                yield folder, b"file %d.txt" % number, digest, 100 + number % 5000

    return folders(), contents()


def _common(size: int, own: bool) -> tuple[Iterator[Folder], Iterator[File]]:
    """Folders that hold one file that all of them hold, and one of their own if ``own``."""

    def folders() -> Iterator[Folder]:
        for at in range(size):
            yield 2 + at, 1, b"package %d" % at

    def files() -> Iterator[File]:
        common = sha256(b"licence").digest()
        for at in range(size):
            yield 2 + at, b"LICENSE", common, 1_071
            if own:
                yield 2 + at, b"index.js", sha256(b"%d" % at).digest(), 100 + at % 5000

    return folders(), files()


def _make(vault: Path, folders: Iterator[Folder], files: Iterator[File]) -> None:
    """Write an index as a scan leaves it."""
    with Index.write(Vault(vault)) as index:
        with index.atomic():
            connection = index.connection
            connection.execute(
                "INSERT INTO roots VALUES (1, ?, 1, ?, 'made', 'ext4', 0, ?, '[]', 0)",
                ("0" * 32, b"/made", b"/made"),
            )
            connection.execute(
                "INSERT INTO folders VALUES (1, 1, NULL, x'', 0, 0, NULL, NULL, NULL)"
            )
            connection.executemany(
                "INSERT INTO folders VALUES (?, 1, ?, ?, 0, 0, NULL, NULL, NULL)", folders
            )
            connection.executemany(
                "INSERT INTO files VALUES (?, ?, 0, 33188, ?4, 1, 1, 0, 1, 8, 1, ?3, NULL, NULL,"
                " NULL)",
                files,
            )
            connection.execute(DIGEST_INDEX)
        index.commit()
