"""``make`` sets everything up for whoever calls it, wherever, with whatever pip was told before."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.setup.conftest import PLAIN, UNCOMPILED, Wheels
from tests.support.run import REPOSITORY

SetUp = Callable[[str], tuple[Path, subprocess.CompletedProcess[str]]]
NOBODY = 65534
INTERPRETERS = list(
    dict.fromkeys(
        os.path.realpath(path)
        for path in (getattr(sys, "_base_executable", sys.executable), "/usr/bin/python3")
        if Path(path).exists()
    )
)
"""The Python that the tests run on and the one that the system brings, if it is another."""
LEAD_ASTRAY = {
    "PIP_REQUIRE_VIRTUALENV": "1",
    "PIP_USER": "1",
    "PIP_TARGET": "/nowhere",
    "PIP_PREFIX": "/nowhere",
    "PIP_CONSTRAINT": "/nowhere/constraints.txt",
    "PIP_NO_BINARY": ":all:",
}


@pytest.fixture(scope="module")
def index(wheels: Wheels, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A package index of one's own, with what the locks name."""
    top = tmp_path_factory.mktemp("index")
    for version in {version_of(python) for python in INTERPRETERS}:
        for wheel in wheels[version].iterdir():
            place = top / wheel.name.split("-")[0].lower().replace("_", "-").replace(".", "-")
            place.mkdir(exist_ok=True)
            if not (place / wheel.name).exists():
                shutil.copy(wheel, place)
    handler = functools.partial(Quiet, directory=str(top))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    serving.join()
    server.server_close()


def version_of(python: str) -> str:
    words = [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def checkout() -> Iterator[Path]:
    with checked_out() as place:
        yield place


@contextmanager
def checked_out() -> Iterator[Path]:
    """A copy of what is under version control, in a path with a space, nobody's if that can be.

    Not in a folder of pytest's, which each of its sessions closes to all other users.
    """
    with TemporaryDirectory(prefix="gorillacomb-setup-") as folder:
        yield check_out(Path(folder))


def check_out(folder: Path) -> Path:
    place = folder / "my projects" / "gorilla comb"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (REPOSITORY / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, place / name)
    if os.getuid() == 0:
        subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", folder], check=True)
    return place


def make(
    checkout: Path, *words: str, python: str = sys.executable, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Call make there: as a plain user when we are root and the interpreter is not root's alone."""
    home = checkout.parent / "home"
    user = NOBODY if os.getuid() == 0 and is_for_all(python) else None
    return subprocess.run(
        ["make", *words, f"PYTHON={python}"],
        cwd=checkout,
        env={
            **PLAIN,
            **UNCOMPILED,
            "HOME": str(home),
            "PIP_CACHE_DIR": str(home / "cache"),
            **variables,
        },
        capture_output=True,
        text=True,
        timeout=300,
        user=user,
        group=user,
        extra_groups=None if user is None else [],
    )


def is_for_all(python: str) -> bool:
    """Whether a plain user may run an interpreter: one below /root they may not."""
    try:
        return subprocess.run([python, "-c", ""], user=NOBODY, group=NOBODY).returncode == 0
    except PermissionError:
        return False


@pytest.fixture(scope="module")
def set_up(index: str) -> Iterator[SetUp]:
    """A checkout that was set up with an interpreter, and what was said; once for each of them."""
    with ExitStack() as places:

        @functools.cache
        def call(python: str) -> tuple[Path, subprocess.CompletedProcess[str]]:
            checkout = places.enter_context(checked_out())
            done = make(checkout, "setup", python=python, **LEAD_ASTRAY, PIP_INDEX_URL=index)
            return checkout, done

        yield call


@pytest.mark.parametrize("python", INTERPRETERS)
def test_set_up_with_an_index_of_ones_own(set_up: SetUp, python: str) -> None:
    checkout, done = set_up(python)
    assert done.returncode == 0, done.stdout + done.stderr
    (said,) = done.stdout.splitlines()
    assert said.startswith("Setting up .venv with Python ")
    program = checkout / ".venv/bin/gorillacomb"
    assert subprocess.run([program, "--version"], capture_output=True, text=True).returncode == 0
    installed = {path.name for path in checkout.glob(".venv/lib/python*/site-packages/*")}
    assert "click" in installed
    assert "pytest" not in installed, "what only tests need"
    again = make(checkout, "setup", python=python)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


def test_without_a_network_it_says_so(checkout: Path) -> None:
    python = INTERPRETERS[-1]
    done = make(checkout, "setup", python=python, PIP_INDEX_URL="http://127.0.0.1:9/")
    assert done.returncode != 0
    assert [line for line in done.stderr.splitlines() if not line.startswith("make: ")] == [
        "Set-up failed: the packages could not be downloaded; is there a network? (once is enough)"
    ]


def test_without_a_network_nothing_is_taken_away(set_up: SetUp) -> None:
    python = INTERPRETERS[-1]
    checkout, _ = set_up(python)
    done = make(checkout, "dev", python=python, PIP_INDEX_URL="http://127.0.0.1:9/")
    assert done.returncode != 0
    again = make(checkout, "setup", python=python)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


def test_what_was_set_up_elsewhere_is_set_up_again(set_up: SetUp, index: str) -> None:
    """A checkout that was moved: its commands name the folder where they were made.

    The last test of the module, since nobody finds the checkout at its old place any more.
    """
    python = INTERPRETERS[-1]
    checkout, done = set_up(python)
    assert done.returncode == 0, done.stdout + done.stderr
    moved = checkout.rename(checkout.with_name("moved"))
    done = make(moved, "setup", python=python, PIP_INDEX_URL=index)
    assert done.returncode == 0, done.stdout + done.stderr
    program = moved / ".venv/bin/gorillacomb"
    assert subprocess.run([program, "--version"], capture_output=True).returncode == 0
