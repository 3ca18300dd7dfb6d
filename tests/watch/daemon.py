"""A watcher in a process of its own, and what must be true of what it leaves."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from gorillacomb.index.database import Index
from gorillacomb.index.roots import folder_paths
from gorillacomb.vault.vault import Vault
from gorillacomb.watch.pulse import LATEST, pulse_folder
from tests.stamping.trace import check_trace
from tests.support.documents import check_document
from tests.support.forked import Forked
from tests.support.run import Argument, Ran, command, environment, run, started, without_traceback
from tests.support.trees import scan

QUIET = 0.2
PULSE = 0.2
PATIENCE = 300.0


class Daemon:
    """`gorillacomb watch`, impatient."""

    running: ClassVar[list[Daemon]] = []

    def __init__(
        self,
        vault: Path,
        *tops: Path,
        options: tuple[Argument, ...] = (),
        words: tuple[bytes, ...] = (),
    ) -> None:
        """``words`` are those of a command that starts it."""
        self.vault, self.tops, self.words = vault, tops, words
        told = Path(tempfile.mkdtemp())
        self._out, self._err = told / "out", told / "err"
        self.running.append(self)
        self._start(options)

    def _start(self, options: tuple[Argument, ...]) -> None:
        before = self.statement().get("pid")
        self.launch(*options)
        self.until(lambda: self.statement().get("pid") not in (before, None))

    def launch(self, *options: Argument) -> None:
        """Start it, and do not wait until it lives."""
        quick: list[Argument] = ["--pulse", str(PULSE), "--quiet", str(QUIET), "--json"]
        # Into files: a pipe that nobody reads fills up, and whoever writes into it waits. Into new
        # ones: the workers of one that was killed may still complain into its own.
        self._out.unlink(missing_ok=True)
        self._err.unlink(missing_ok=True)
        arguments = ["watch", *self.tops, *quick, *options]
        env = environment(self.vault)
        with (
            open(os.devnull, "rb") as nothing,
            self._out.open("wb") as out,
            self._err.open("wb") as err,
        ):
            self.process: Forked | subprocess.Popen[bytes]
            if not self.words:
                streams = nothing.fileno(), out.fileno(), err.fileno()
                self.process = started(arguments, env, streams, own_session=True)
                return
            self.process = subprocess.Popen(
                [*self.words, *command(*arguments)],
                env=env,
                stdin=nothing,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    def statement(self) -> dict[str, Any]:
        """The last pulse, as anybody reads it; empty while there is none."""
        try:
            text = (pulse_folder(Vault(self.vault)) / LATEST).read_text()
        except FileNotFoundError:
            return {}
        found: dict[str, Any] = json.loads(text.partition("\n")[0])
        return found

    def until(self, is_so: Callable[[], object]) -> None:
        """Wait for something, as long as the watcher lives."""
        end = time.monotonic() + PATIENCE
        while not is_so():
            assert self.process.poll() is None, self._err.read_text()
            assert time.monotonic() < end, (self.statement(), self._out.read_bytes()[-4000:])
            time.sleep(0.02)

    def settle(self) -> None:
        """Wait until it has nothing to do any more."""
        # What the kernel has told of is read by then, and its folder is on the list.
        since = time.time_ns() + int(QUIET * 1e9)

        def is_idle() -> bool:
            said = self.statement()
            return (
                int(said.get("time_ns", 0)) > since
                and said["state"] == "watching"
                and said["queue"] == 0
                and not said["scanning"]
            )

        self.until(is_idle)

    def stop(self) -> Ran:
        """End it, and read what it told."""
        self.process.send_signal(signal.SIGTERM)
        return self.told()

    def told(self) -> Ran:
        """Wait for its end, and read what it told."""
        code = self.process.wait(PATIENCE)
        ran = Ran(code, self._out.read_bytes(), self._err.read_bytes())
        if code == -signal.SIGKILL:
            return ran
        check_document(["watch"], ran.stdout)
        return without_traceback(ran)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def restart(self, *options: Argument) -> None:
        self._start(options)

    def end(self) -> None:
        """Leave nothing of it, whatever became of the test."""
        self.kill()
        shutil.rmtree(self._out.parent, ignore_errors=True)


def rows(vault: Path) -> dict[bytes, tuple[Any, ...]]:
    """Everything that the index has of files, by path, but for what it noted of its own work."""
    with Index.read(Vault(vault)) as index:
        paths = folder_paths(index.connection)
        found = index.connection.execute(
            "SELECT folder, name, mode, size, mtime_ns, ctime_ns, inode, links, digest, target"
            " FROM files"
        )
        placed = ((paths.place(folder), name, tuple(row)) for folder, name, *row in found)
        return {place[1] + b"/" + name: row for place, name, row in placed if place}


def folders(vault: Path) -> set[bytes]:
    """The paths of all folders that the index has."""
    with Index.read(Vault(vault)) as index:
        paths = folder_paths(index.connection)
        places = (paths.place(row[0]) for row in index.connection.execute("SELECT id FROM folders"))
        return {place[1] for place in places if place}


def check_truth(vault: Path, fresh: Path, *tops: Path) -> None:
    """Index and trace are what a fresh scan of the same trees finds."""
    check_index(vault, fresh, *tops)
    check_trace(vault, *tops)


def accept_losses(daemon: Daemon, fresh: Path) -> bool:
    """Accept what is missing, if a settled watcher holds it back; returns whether it does.

    If most of a root went while nobody watched, it may not be what it was: the pulse says so, and
    what is not there any more is kept, beside all that is.
    """
    [top] = daemon.tops
    causes = daemon.statement()["degraded"]
    if not causes:
        return False
    words = r"may not be what it was: [\d,]+ of its [\d,]+ files are not there any more"
    assert len(causes) == 1 and re.fullmatch(f"{re.escape(str(top))} {words}", causes[0]), causes
    ran = run("pulse", vault=daemon.vault)
    assert (ran.code, causes[0] in " ".join(ran.out.split())) == (1, True), ran
    scan(fresh, top)
    assert wrong_rows(daemon.vault, fresh, missing=True) == {}
    assert folders(fresh) <= folders(daemon.vault)
    assert run("scan", top, "--accept-loss", vault=daemon.vault).code == 0
    return True


def had_names(ours: tuple[Any, ...] | None, theirs: tuple[Any, ...] | None) -> bool:
    """Whether a file differs only by a hard link of it that came and went.

    That changes its ctime and its count of links. No event tells its own folder, and no scan ever
    met the name: the next whole scan finds the change.
    """
    if ours is None or theirs is None:
        return False
    _, _, _, _, _, links, *_ = ours
    mode, size, mtime, _, inode, now, digest, target = theirs
    same = (ours[:3], ours[4], ours[6:]) == ((mode, size, mtime), inode, (digest, target))
    return same and links != now


def wrong_rows(vault: Path, fresh: Path, missing: bool = False) -> dict[str, Any]:
    """What differs from a fresh scan; ``missing`` files may still be in the index."""
    ours, theirs = rows(vault), rows(fresh)
    return {
        os.fsdecode(path): (ours.get(path), theirs.get(path))
        for path in (theirs if missing else ours.keys() | theirs.keys())
        if ours.get(path) != theirs.get(path) and not had_names(ours.get(path), theirs.get(path))
    }


def check_index(vault: Path, fresh: Path, *tops: Path) -> None:
    """The index is what a fresh scan of the same trees finds."""
    scan(fresh, *tops)
    wrong = wrong_rows(vault, fresh)
    assert not wrong, wrong
    assert folders(vault) ^ folders(fresh) == set()
