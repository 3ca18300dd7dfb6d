"""``make`` sets everything up for whoever calls it, wherever, with whatever pip was told before."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.setup.conftest import PLAIN
from tests.support.run import REPOSITORY

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


@pytest.fixture(scope="session")
def index(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A package index of one's own, with what the locks name."""
    top = tmp_path_factory.mktemp("index")
    for folder in wheels.values():
        for wheel in folder.iterdir():
            place = top / wheel.name.split("-")[0].lower().replace("_", "-").replace(".", "-")
            place.mkdir(exist_ok=True)
            if not (place / wheel.name).exists():
                shutil.copy(wheel, place)
    handler = functools.partial(Quiet, directory=str(top))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what is under version control, in a path with a space, nobody's if that can be."""
    place = tmp_path / "my projects" / "gorilla comb"
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
        subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", tmp_path], check=True)
        for folder in tmp_path.parents:
            if folder.stat().st_uid == 0 and not folder.stat().st_mode & 0o001:
                folder.chmod(folder.stat().st_mode | 0o011)
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
        env={**PLAIN, "HOME": str(home), "PIP_CACHE_DIR": str(home / "cache"), **variables},
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


@pytest.mark.parametrize("python", INTERPRETERS)
def test_set_up_with_an_index_of_ones_own(checkout: Path, index: str, python: str) -> None:
    done = make(checkout, "setup", python=python, **LEAD_ASTRAY, PIP_INDEX_URL=index)
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


def test_what_was_set_up_elsewhere_is_set_up_again(checkout: Path, index: str) -> None:
    """A checkout that was moved: its commands name the folder where they were made."""
    python = INTERPRETERS[-1]
    done = make(checkout, "setup", python=python, PIP_INDEX_URL=index)
    assert done.returncode == 0, done.stdout + done.stderr
    moved = checkout.rename(checkout.with_name("moved"))
    done = make(moved, "setup", python=python, PIP_INDEX_URL=index)
    assert done.returncode == 0, done.stdout + done.stderr
    program = moved / ".venv/bin/gorillacomb"
    assert subprocess.run([program, "--version"], capture_output=True).returncode == 0
