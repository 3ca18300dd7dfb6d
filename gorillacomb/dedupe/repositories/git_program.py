"""Run the installed git on the objects of a repository, and on nothing else in it.

A repository's own configuration can name programs that git starts, and a copy may come from
anyone. Git therefore never sees it: it works in an empty repository of ours, in a temporary folder,
and gets the path of an object store, which contains data only. Hooks, attributes, refs, grafts,
replacements and the user's configuration are out of its sight as well, and it writes nothing.
"""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import IO, Self

from gorillacomb.fs.openat import os_error_text
from gorillacomb.fs.paths import join, printable

SECONDS = 1800.0
"""How long all questions about a repository may take together."""
_PIECE = 1 << 16
"""Bytes read at once; a pipe rarely has more."""
_LONGEST_WORDS = 200
_MACOS_STUB = "/usr/bin/git"
"""On macOS without the developer tools it opens a window that offers to install them."""
_MACOS_PROGRAMS = (
    "/Library/Developer/CommandLineTools/usr/bin/git",
    "/Applications/Xcode.app/Contents/Developer/usr/bin/git",
)
_OPTIONS = (
    *("--no-pager", "--no-replace-objects", "--no-optional-locks", "--literal-pathspecs"),
    *("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0"),
    # Caches that could say something else than the objects do.
    *("-c", "core.commitGraph=false", "-c", "core.multiPackIndex=false"),
    *("-c", "protocol.allow=never", "-c", "init.defaultBranch=main"),
)


class GitFailed(Exception):
    """Why git gave no answer; ``cause`` has it in words."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


@dataclass(slots=True)
class GitProgram:
    """The git program, and the empty repository in which it works."""

    path: str
    folder: str
    """The empty repository."""
    deadline: float
    """By the monotonic clock."""
    seconds: float

    @classmethod
    @contextmanager
    def started(cls, seconds: float = SECONDS) -> Iterator[Self]:
        """Create the empty repository; it is removed at the end. Raises GitFailed."""
        path = _installed()
        with ExitStack() as stack:
            try:
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="gorillacomb-git-"))
            except OSError as error:
                raise GitFailed(f"no temporary folder: {os_error_text(error)}") from error
            program = cls(path, folder, time.monotonic() + seconds, seconds)
            with program.run(["init", "--quiet", "--bare", "--template="]):
                pass
            yield program

    @contextmanager
    def run(
        self,
        words: Sequence[str | bytes],
        store: bytes | None = None,
        given: Iterable[bytes] = (),
        index: bytes | None = None,
    ) -> Iterator[GitStream]:
        """Run a command; it must be read to its end, succeed, and complain about nothing.

        ``store`` is the object store that it reads, ``given`` are the lines of its input, and
        ``index`` is an index that it reads. Raises GitFailed.
        """
        with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as stderr:
            try:
                stdin.writelines(line + b"\n" for line in given)
                stdin.seek(0)
            except OSError as error:
                raise GitFailed(os_error_text(error)) from error
            with self._started(words, store, stdin, stderr, index) as stream:
                yield stream
                stream.end()

    @contextmanager
    def asked(self, words: Sequence[str | bytes], store: bytes) -> Iterator[GitStream]:
        """Run a command that answers one line at a time, see `GitStream.ask`. Raises GitFailed."""
        with (
            tempfile.TemporaryFile() as stderr,
            self._started(words, store, subprocess.PIPE, stderr, None) as stream,
        ):
            yield stream

    @contextmanager
    def _started(
        self,
        words: Sequence[str | bytes],
        store: bytes | None,
        stdin: IO[bytes] | int,
        stderr: IO[bytes],
        index: bytes | None,
    ) -> Iterator[GitStream]:
        try:
            process = subprocess.Popen(
                [self.path, *_OPTIONS, *words],
                env=self._environment(store, index),
                cwd="/",
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=stderr,
                bufsize=0,
                start_new_session=True,
            )
        except OSError as error:
            raise GitFailed(f"git could not be run: {os_error_text(error)}") from error
        try:
            yield GitStream(process, stderr, self)
        finally:
            process.kill()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    stream.close()
            process.wait()

    def _environment(self, store: bytes | None, index: bytes | None) -> dict[bytes, bytes]:
        ours = os.fsencode(self.folder)
        found = {k: v for k, v in os.environb.items() if not k.startswith((b"GIT_", b"XDG_"))}
        found |= {
            b"HOME": ours,
            b"LC_ALL": b"C",
            b"GIT_DIR": ours,
            b"GIT_OBJECT_DIRECTORY": join(ours, b"objects") if store is None else store,
            b"GIT_CONFIG_NOSYSTEM": b"1",
            b"GIT_CONFIG_SYSTEM": b"/dev/null",
            b"GIT_CONFIG_GLOBAL": b"/dev/null",
            b"GIT_ATTR_NOSYSTEM": b"1",
            b"GIT_NO_LAZY_FETCH": b"1",
            b"GIT_NO_REPLACE_OBJECTS": b"1",
            b"GIT_OPTIONAL_LOCKS": b"0",
            b"GIT_TERMINAL_PROMPT": b"0",
        }
        return found if index is None else {**found, b"GIT_INDEX_FILE": index}


def _installed() -> str:
    """Return the path of git. Raises GitFailed."""
    found = shutil.which("git")
    if found == _MACOS_STUB and os.uname().sysname == "Darwin":
        found = next((each for each in _MACOS_PROGRAMS if os.access(each, os.X_OK)), None)
    if found is None or not os.path.isabs(found):
        raise GitFailed("git is not installed, and repositories cannot be compared without it")
    return found


class GitStream:
    """The output of a running git."""

    def __init__(
        self, process: subprocess.Popen[bytes], errors: IO[bytes], program: GitProgram
    ) -> None:
        assert process.stdout is not None, "asked for"
        self._process, self._errors, self._program = process, errors, program
        self._output = process.stdout.fileno()
        self._ready = select.poll()
        self._ready.register(self._output, select.POLLIN | select.POLLHUP)
        self._rest = b""
        self._at = 0

    def ask(self, line: bytes) -> None:
        """Send a line of input; the time for the answer begins now. Raises GitFailed."""
        assert self._process.stdin is not None, "started by `asked`"
        self._program.deadline = time.monotonic() + self._program.seconds
        try:
            self._process.stdin.write(line + b"\n")
        except OSError:
            raise self._failure() from None

    def records(self, separator: bytes = b"\n") -> Iterator[bytes]:
        """Yield the rest of the output, divided. Raises GitFailed."""
        rest = self._rest[self._at :]
        self._rest, self._at = b"", 0
        while piece := self._piece():
            *whole, rest = (rest + piece).split(separator)
            yield from whole
        if rest:
            raise self._failure()

    def line(self) -> bytes:
        """Return the next line of the output. Raises GitFailed."""
        while (end := self._rest.find(b"\n", self._at)) < 0:
            self._more()
        line = self._rest[self._at : end]
        self._at = end + 1
        return line

    def read(self, size: int) -> bytes:
        """Return the next bytes of the output, all of them. Raises GitFailed."""
        while len(self._rest) - self._at < size:
            self._more()
        found = self._rest[self._at : self._at + size]
        self._at += size
        return found

    def end(self) -> None:
        """Make sure that git succeeded and that nothing of its output is left. Raises GitFailed."""
        if self._at < len(self._rest) or self._piece():
            raise GitFailed("git said more than it was asked")
        try:
            code = self._process.wait(max(self._program.deadline - time.monotonic(), 0))
        except subprocess.TimeoutExpired:
            raise self._late() from None
        if code or self._complaint():
            raise self._failure()

    def _more(self) -> None:
        piece = self._piece()
        if not piece:
            raise self._failure()
        self._rest, self._at = self._rest[self._at :] + piece, 0

    def _piece(self) -> bytes:
        left = self._program.deadline - time.monotonic()
        if left <= 0 or not self._ready.poll(left * 1000):
            raise self._late()
        return os.read(self._output, _PIECE)

    def _late(self) -> GitFailed:
        return GitFailed(f"git took longer than {self._program.seconds:,.0f} s")

    def _failure(self) -> GitFailed:
        return GitFailed(f"git failed: {self._complaint() or 'it ended early'}")

    def _complaint(self) -> str:
        """Return the first line that git wrote about what is wrong; empty if none."""
        self._errors.seek(0)
        line = self._errors.read(_PIECE).strip().split(b"\n")[0]
        return printable(line.decode("utf-8", "backslashreplace"))[:_LONGEST_WORDS]
