"""How long questions take on an index of five million rows, which are made up: no such files exist.

One real folder is scanned into it, whose contents are among those rows: what would be lost if it
went can then be asked.
"""

import os
import sqlite3
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gorillacomb.index.database import Index
from gorillacomb.index.writer import IndexWriter
from gorillacomb.vault.vault import Vault

from .places import cache
from .process import Run, run

ROWS = 5_000_000
FOLDERS = 300_000
REAL_FILES = 1_000
_FIRST = 1_000_000
"""Above the ids of the real folders."""
_TIMEOUT = 900.0


@dataclass(frozen=True)
class Answered:
    """A question: median seconds, and the largest peak in bytes."""

    what: str
    seconds: float
    peak: int


@dataclass(frozen=True)
class ManyRows:
    """What an index of many rows takes, and how fast it answers. Seconds; bytes."""

    rows: int
    size: int
    groups: float
    answers: list[Answered]


def measure(rounds: int, say: Callable[[str], None]) -> ManyRows:
    """Make the index and ask it."""
    with tempfile.TemporaryDirectory(dir=cache()) as name:
        home = Path(name)
        real, vault = home / "real", home / "vault"
        real.mkdir()
        for number in range(REAL_FILES):
            (real / f"{number}.txt").write_text(f"a real file {number}")
        env = {**os.environ, "HOME": str(home)}

        def asked(*words: str) -> Run:
            argv = [sys.executable, "-m", "gorillacomb", *words, "--vault", str(vault)]
            return run(argv, scratch=home, env=env, timeout=_TIMEOUT, fine=(0, 1))

        asked("scan", str(real))
        say(f"rows: making {ROWS:,}")
        make_rows(vault)
        groups = asked("scan", str(real)).wall
        size = sum(each.stat().st_size for each in vault.glob("index.db*"))
        questions = (
            ("status",),
            ("dupes", "--limit", "20"),
            ("explain", str(real / "7.txt")),
            ("unique", str(real), "--count-offline"),
        )
        answers = []
        for words in questions:
            runs = [asked(*words) for _ in range(rounds)]
            shown = " ".join(word.replace(str(real), "FOLDER") for word in words)
            seconds = statistics.median(each.wall for each in runs)
            answers.append(Answered(shown, seconds, max(each.peak_rss for each in runs)))
            say(f"rows: {shown}: {seconds:.2f} s")
        return ManyRows(ROWS, size, groups, answers)


def make_rows(vault: Path, rows: int = ROWS, folders: int = FOLDERS) -> None:
    """Add rows of files that stand in four copies, or in one, on a drive that is not there."""
    with Index.write(Vault(vault)) as index:
        with index.atomic():
            connection = index.connection
            connection.execute(
                "INSERT INTO roots VALUES (2, ?, ?, ?, 'made', 'ext4', 0, ?, '[]', 0)",
                ("1" * 32, _FIRST, b"/made", b"/made"),
            )
            connection.execute(
                "INSERT INTO folders VALUES (?, 2, NULL, x'', 0, 0, NULL, NULL, NULL)", (_FIRST,)
            )
            connection.executemany(
                "INSERT INTO folders VALUES (?, 2, ?, ?, 0, 0, NULL, NULL, NULL)",
                (
                    (_FIRST + at, _FIRST + (at - 1) // 7, b"folder %d" % at)
                    for at in range(1, folders)
                ),
            )
            digests = [row[0] for row in connection.execute("SELECT digest FROM files")]
            _insert(connection, digests, rows, folders)
            connection.execute("DELETE FROM groups")
            connection.execute("DROP INDEX IF EXISTS group_by_waste")
            IndexWriter(index).refresh_groups()
        index.commit()


def _insert(connection: sqlite3.Connection, known: list[bytes], rows: int, folders: int) -> None:
    """In key order, as a scan does: a third of them in four copies, and the real ones once."""
    connection.execute("DROP INDEX file_by_digest")
    per_folder = rows // folders
    connection.executemany(
        "INSERT INTO files VALUES (?, ?, 0, 33188, ?, 1, 1, 0, 1, 8, 1, ?, NULL, NULL, NULL)",
        (
            (
                _FIRST + number // per_folder if number // per_folder < folders else _FIRST,
                b"file %08d.txt" % number,
                100 + number % 5000,
                known[number] if number < len(known) else _digest(number),
            )
            for number in range(rows)
        ),
    )


def _digest(number: int) -> bytes:
    what = number // 12 * 12 + number % 3 if number % 12 < 9 else number
    return (what * 0x9E3779B97F4A7C15 % (1 << 64)).to_bytes(8, "big") * 4
