"""Runs the command line in forks of one process that has the whole package imported.

Each command is a process of its own, with its own arguments, environment, folder and standard
streams, and ends as Python ends any process; only what the interpreter does before the first line
of the package is spared, and what the package imports and compiles when it is first needed: nine
tenths of what a short command takes. Tests of start-up, of signals in it and of Python's own
settings start a real one. Commands on a made-up Mac have a server of their own.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import io
import marshal
import os
import pkgutil
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.support.memory import in_memory

REPOSITORY = Path(__file__).resolve().parents[2]
MADE_UP_MAC = REPOSITORY / "tests/darwin/fake"
"""What is on Python's path besides, where commands run on a made-up Mac."""
_MOST = 128 << 10
"""Bytes of a request; a longer one would not fit in one message."""
_LATE = (
    *("ctypes", "difflib", "shlex", "textwrap", "tomllib", "tqdm", "click._textwrap"),
    *("dulwich.index", "pathspec", "securesystemslib.dsse", "securesystemslib.signer"),
    *("cryptography.hazmat.primitives.serialization", "cryptography.hazmat.primitives.hashes"),
)
"""What functions of the package import when they are called."""
_AT_START = ("PYTHON", "LC_", "LANG", "LD_", "MALLOC_")
"""What begins the names of variables that Python or the C library reads when it starts."""

_reading_umask = threading.Lock()
"""Held while it is another one: it can only be read by setting it."""


@dataclass(frozen=True)
class Request:
    """A command that is to be run."""

    words: tuple[bytes, ...]
    env: dict[str, str]
    cwd: str
    umask: int
    own_session: bool
    before: tuple[str, str] | None
    """A module of the tests whose function ``prepare`` is called first, and what with."""


class Forked:
    """A command that runs in a fork; much like `subprocess.Popen`."""

    def __init__(self, told: socket.socket) -> None:
        """``told`` is where the server says the id of the process, and how it ended."""
        self._told = told
        self.pid = int(told.recv(64))
        self.returncode: int | None = None

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end. Raises subprocess.TimeoutExpired."""
        if self.returncode is None:
            self._told.settimeout(timeout)
            try:
                answer = self._told.recv(64)
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired("gorillacomb", timeout or 0) from None
            assert answer, "the fork server died"
            self.returncode = os.waitstatus_to_exitcode(int(answer))
            self._told.close()
        return self.returncode

    def poll(self) -> int | None:
        """Return how it ended, None while it runs."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def send_signal(self, number: int) -> bool:
        """Send a signal, unless it has ended; says whether it was sent.

        Between the end and the moment at which we hear of it the id is of nobody else: ids are
        given away in turn.
        """
        if self.poll() is not None:
            return False
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            return False
        return True

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def fits(words: Sequence[bytes], env: Mapping[str, str]) -> bool:
    """Whether a command behaves in a fork as in a process that starts from nothing."""
    if sys.platform != "linux" and "FAKE_DARWIN" not in os.environ:
        return False
    paths = (str(REPOSITORY), f"{REPOSITORY}{os.pathsep}{MADE_UP_MAC}")
    here = _settings(os.environ) | {"PYTHONPATH": env.get("PYTHONPATH", "")}
    size = sum(map(len, words)) + sum(len(name) + len(value) for name, value in env.items())
    return size < _MOST and here["PYTHONPATH"] in paths and _settings(env) == here


def _settings(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name.startswith(_AT_START)}


def fork(
    words: Sequence[bytes],
    env: Mapping[str, str],
    streams: tuple[int, int, int],
    cwd: Path | None = None,
    own_session: bool = False,
    before: tuple[str, str] | None = None,
) -> Forked:
    """Start a command with these descriptors as its standard streams.

    ``before`` is a module whose function ``prepare`` is called in the process, and what with.
    """
    with _reading_umask:
        umask = os.umask(0o022)
        os.umask(umask)
    # Without a class in it, which each child would look up: what a child touches it copies.
    request = (tuple(words), dict(env), str(cwd or Path.cwd()), umask, own_session, before)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        server = _server(os.getpid(), env["PYTHONPATH"])
        socket.send_fds(server, [marshal.dumps(request)], [*streams, theirs.fileno()])
    return Forked(ours)


@cache
def _server(owner: int, path: str) -> socket.socket:
    """Start the server of this process for commands with a PYTHONPATH; it ends with the process."""
    env = {**os.environ, "PYTHONPATH": path}
    if path != str(REPOSITORY) and "FAKE_DARWIN" not in env:  # the tests run on none themselves
        env["FAKE_DARWIN"] = _any_mac()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.fork_server", str(theirs.fileno())],
            env=env,
            cwd="/",
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )

    def end() -> None:
        if os.getpid() == owner:
            ours.close()
            process.wait()

    atexit.register(end)
    return ours


def _any_mac() -> str:
    """A file with the Mac that a server is on; each command is on its own."""
    from tests.darwin.fake.configuration import FakeVolume, Machine

    descriptor, file = tempfile.mkstemp(prefix="gorillacomb-mac-")
    os.close(descriptor)
    atexit.register(os.unlink, file)
    Machine(os.devnull, [FakeVolume("/")]).write(Path(file))
    return file


def _serve(asked: socket.socket) -> Request:
    """Answer requests; returns in each forked child, with what that one is to do."""
    running: dict[int, socket.socket] = {}
    ended, wakes = socket.socketpair()
    wakes.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.set_wakeup_fd(wakes.fileno())
    selector = selectors.DefaultSelector()
    for each in (asked, ended):
        selector.register(each, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is ended:
                ended.recv(4096)
                _tell_ends(running)
                continue
            message, streams, _, _ = socket.recv_fds(asked, 2 * _MOST, 4)
            if not message:
                os._exit(0)
            child = os.fork()
            if child == 0:
                # By their objects: one that lives on would close what gets its number later.
                selector.close()
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for told in (asked, ended, wakes, *running.values()):
                    told.close()
                _take_streams(streams[:3])
                return Request(*marshal.loads(message))
            for stream in streams[:3]:
                os.close(stream)
            running[child] = socket.socket(fileno=streams[3])
            running[child].send(b"%d" % child)


def _tell_ends(running: dict[int, socket.socket]) -> None:
    """Tell who waits for them how children ended."""
    while running:
        child, status = os.waitpid(-1, os.WNOHANG)
        if not child:
            return
        with running.pop(child) as told, suppress(OSError):  # nobody waits for it any more
            told.send(b"%d" % status)


def _take_streams(streams: Sequence[int]) -> None:
    """Make these our standard streams, and have no other file open."""
    above = [os.dup(each) for each in streams]  # above what is replaced now
    for number, each in enumerate(above):
        os.dup2(each, number)
    os.closerange(3, 4096)


def _become(request: Request) -> None:
    """Be as a process that was just started for a request."""
    if request.own_session:
        os.setsid()
    os.umask(request.umask)
    os.chdir(request.cwd)
    for name in [name for name in os.environ if name not in request.env]:
        del os.environ[name]
    for name, value in request.env.items():
        if os.environ.get(name) != value:
            os.environ[name] = value
    if sys.platform == "darwin":
        from tests.darwin.fake.layer import become

        become(os.environ["FAKE_DARWIN"])
    time.tzset()
    sys.argv = ["gorillacomb", *map(os.fsdecode, request.words)]
    sys.stdin = _stream(0, sys.stdin)
    sys.stdout = _stream(1, sys.stdout)
    sys.stderr = _stream(2, sys.stderr)


def _stream(number: int, like: Any) -> io.TextIOWrapper:
    """A standard stream as Python makes it."""
    file = os.fdopen(number, "wb" if number else "rb", closefd=False)
    lines = number == 2 or file.isatty()
    return io.TextIOWrapper(file, like.encoding, like.errors, newline="\n", line_buffering=lines)


def _import_all() -> None:
    """Import what a command may need."""
    package = importlib.import_module("gorillacomb")
    # The first begins with the handling of signals; the other's library exists on macOS only.
    others = ("gorillacomb.__main__", "gorillacomb.watch.fsevents")
    for module in pkgutil.walk_packages(package.__path__, "gorillacomb."):
        if module.name in others:
            continue
        if sys.platform == "darwin" and ".watch" in module.name:  # how a Mac tells of changes
            continue
        importlib.import_module(module.name)
    for name in _LATE:
        importlib.import_module(name)


def _warm_up() -> None:
    """Use the package once, so that what it compiles when first needed is there."""
    with in_memory() as folder:
        at_home = {"HOME": str(folder), "GORILLACOMB_VAULT": str(folder / "vault")}
        before = {name: os.environ.get(name) for name in at_home}
        os.environ.update(at_home)
        try:
            _call_commands(["--version"], ["scan", "--help"], ["dedupe", "--help"])
            if sys.platform == "linux":  # nothing that hangs on how a Mac is made up
                _scan_and_plan(folder)
                _call_commands(["status"])
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
    assert threading.active_count() == 1, "a fork would have none of the other threads"


def _scan_and_plan(folder: Path) -> None:
    drive = folder / "drive"
    (drive / "Backup copy 2").mkdir(parents=True)
    for name in ("IMG_1 (1).jpg", "IMG_1.jpg", "Backup copy 2/IMG_1.jpg", "Kopie é.xmp"):
        (drive / name).write_bytes(b"a picture" * 1000)
    with importlib.import_module("gorillacomb").open_vault(folder / "vault") as vault:
        vault.scan([drive], workers=0)
        list(vault.duplicates())
        vault.folders()
        vault.plan()
        vault.trace.verify()


def _call_commands(*each: list[str]) -> None:
    """Call some commands, for what click and the standard library remember."""
    from gorillacomb.cli.main import cli

    with redirect_stdout(io.TextIOWrapper(io.BytesIO(), "utf-8")):
        for words in each:
            cli.main(words, standalone_mode=False, prog_name="gorillacomb")


def main() -> None:
    """Serve; in a forked child, run its command to the end and beyond: this returns there too."""
    _import_all()
    _warm_up()
    _, spec, code = runpy._get_module_details("gorillacomb.__main__")  # type: ignore[attr-defined]
    gc.collect()
    gc.freeze()  # else each child copies all pages when its garbage collector looks at them
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C is for the tests alone
    request = _serve(socket.socket(fileno=int(sys.argv[1])))
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # as in the first line of the command
    _become(request)
    if request.before is not None:
        importlib.import_module(request.before[0]).prepare(request.before[1])
    try:
        # As runpy.run_module does, with what it found out already.
        runpy._run_module_code(code, None, "__main__", spec)  # type: ignore[attr-defined]
    except SystemExit as error:
        _exit(error)


def _exit(error: SystemExit) -> None:
    """End as Python does, except that what was imported is not taken apart: that takes 20 ms."""
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads
    atexit._run_exitfuncs()
    gc.collect()  # whatever complains when it is dropped is heard
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except ValueError:
            continue  # the command closed it
    os._exit(error.code if isinstance(error.code, int) else 1)


if __name__ == "__main__":
    main()
