"""Programs of others, built with Go from `.ci/go`, once for a version of it.

They need Go 1.27. A newer Go than 1.20 fetches that by itself; with an older one it is fetched as
the module that the newer ones fetch, too.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import pytest

from tests.support.run import REPOSITORY

VERSION = "go1.27.0"
SOURCE = REPOSITORY / ".ci/go"
PROGRAMS = (
    *("./notecheck", "./tesseralog", "filippo.io/torchwood/cmd/litewitness"),
    "github.com/rhysd/actionlint/cmd/actionlint",
)
MOST_SECONDS = 900
"""A first build on two slow cores, with all downloads."""
_CACHE = REPOSITORY / ".cache/go"
_HOME = Path(os.environ.get("HOME", "/root"))
"""As it was before a test has a home of its own: Go keeps there what it fetched before."""
_NETWORK = re.compile(
    r"dial |lookup |no such host|timeout|timed out|connection|refused by|TLS|EOF|network|proxy"
    r"|\b(403|404|410|429|5\d\d) ",
    re.IGNORECASE,
)
"""What Go says when it cannot fetch something."""
_OLD = re.compile(r"go1\.(\d|1\d|20)(\.|$|[a-z])")


class NotThere(Exception):
    """Something could not be fetched, or is missing: what, and why."""


def go_programs() -> Path:
    """The folder with the programs; skips, loudly, where they cannot be had."""
    try:
        return _built()
    except NotThere as error:
        pytest.skip(f"MISSING: {error}")


def _built() -> Path:
    sources = sorted(path for path in SOURCE.rglob("*") if path.is_file())
    version = sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]
    folder = _CACHE / version
    _CACHE.mkdir(parents=True, exist_ok=True)
    with open(_CACHE / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several processes of the tests may want them
        if not folder.exists():
            _build(folder)
    return folder


def _build(folder: Path) -> None:
    env = _environment()
    go = _toolchain(env)
    # What this needs is fetched first: what fails then is the network, and after it the source.
    _run(env, go, "list", "-deps", *PROGRAMS)
    made = _CACHE / "new"
    shutil.rmtree(made, ignore_errors=True)
    done = _started(env, go, "build", "-o", f"{made}/", *PROGRAMS)
    assert done.returncode == 0, done.stderr
    made.rename(folder)


def _environment() -> dict[str, str]:
    return {
        **os.environ,
        "HOME": str(_HOME),
        "GOFLAGS": "-modcacherw -buildvcs=false",
        "GOTOOLCHAIN": VERSION,
        "CGO_ENABLED": "0",
    }


def _toolchain(env: dict[str, str]) -> str:
    """The path of a Go of that version; sets what it needs in the environment."""
    go = shutil.which("go")
    if go is None:
        raise NotThere("Go, to build programs that check ours: apt install golang")
    # Outside the module: an old Go cannot read that, and a new one would fetch Go at once.
    found = _run({**env, "GOTOOLCHAIN": "local"}, go, "version", folder=Path("/")).split()[2]
    if not _OLD.match(found):
        return go
    env["GOTOOLCHAIN"] = "local"
    place = _run(env, go, "env", "GOHOSTOS", "GOHOSTARCH", folder=Path("/")).split()
    module = f"golang.org/toolchain@v0.0.1-{VERSION}.{'-'.join(place)}"
    fetched = json.loads(_run(env, go, "mod", "download", "-json", module, folder=Path("/")))
    root = Path(fetched["Dir"])
    for path in (*root.glob("bin/*"), *root.glob("pkg/tool/*/*")):
        if path.is_file():
            path.chmod(0o755)  # modules have no modes
    env.pop("GOROOT", None)
    return str(root / "bin/go")


def _run(env: Mapping[str, str], *words: str, folder: Path = SOURCE) -> str:
    """Run a command that may need the network, and return what it prints."""
    done = _started(env, *words, folder=folder)
    if done.returncode:
        said = done.stderr.strip() or done.stdout.strip()
        assert _NETWORK.search(said), said
        last = said.splitlines()[-1]
        raise NotThere(f"`{' '.join(words[:3])} …` failed: {last[:300]}")
    return done.stdout


def _started(
    env: Mapping[str, str], *words: str, folder: Path = SOURCE
) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            words, env=dict(env), cwd=folder, capture_output=True, text=True, timeout=MOST_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise NotThere(f"`{' '.join(words[:3])} …` took over {MOST_SECONDS} s") from None
