"""Set up ``.venv``: the packages of one lock and this checkout, editable. Changes nothing else.

``python .ci/install.py run-time`` installs what the program needs, ``development`` what its tests
need too. A second call finds all in place and takes a moment. Nothing is resolved: pip installs
what the lock names, checked by its hash, or fails.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
VENV = REPOSITORY / ".venv"
PYTHON = VENV / "bin" / "python"
LOG = VENV / "install.log"
LOCKS = {
    "run-time": REPOSITORY / ".ci" / "run-time.txt",
    "development": REPOSITORY / ".ci" / "development.txt",
}
"""In the order of what they hold: the second has all that the first has."""
FROM_SOURCE = REPOSITORY / ".ci" / "from-source.txt"
"""What has no wheel: it is built with what the lock for development brought."""
LEADS_ASTRAY = (
    "CONSTRAINT",
    "DRY_RUN",
    "EDITABLE",
    "IGNORE_INSTALLED",
    "NO_BINARY",
    "PREFIX",
    "PRE",
    "PYTHON",
    "REPORT",
    "REQUIRE_VIRTUALENV",
    "REQUIREMENT",
    "ROOT",
    "TARGET",
    "UPGRADE",
    "USER",
)
"""Settings of pip that say where to install, or what; those of a network or an index stay."""
OFFLINE = ("connection broken", "NewConnectionError", "NameResolutionError", "Network is unreach")


class Failed(Exception):
    """The set-up cannot go on; the message is the line for the user."""


def main(arguments: list[str]) -> int:
    """Set up for the lock that is named; 0 when everything is in place."""
    if len(arguments) != 1 or arguments[0] not in LOCKS:
        print(f"usage: install.py {'|'.join(LOCKS)}", file=sys.stderr)
        return 2
    try:
        set_up(arguments[0])
    except Failed as failure:
        print(f"Set-up failed: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Set-up interrupted; the next call goes on.", file=sys.stderr)
        return 130
    return 0


def set_up(lock: str) -> None:
    """Bring ``.venv`` to the state that a lock asks for."""
    if any(is_done(each) for each in list(LOCKS)[list(LOCKS).index(lock) :]):
        return
    print(
        f"Setting up .venv with Python {sys.version.split()[0]} ({lock} packages) ...", flush=True
    )
    if not any(is_done(each) for each in LOCKS):
        make_environment()
    install = ("install", "--no-deps", "--require-hashes")
    pip(*install, "--only-binary=:all:", "-r", str(LOCKS[lock]))
    if lock == "development":
        pip(*install, "--no-build-isolation", "-r", str(FROM_SOURCE))
    # Our own version may have changed, so it is always installed anew: it is one link.
    pip("install", "--no-deps", "--no-index", "--no-build-isolation", "--editable", ".")
    pip("check")
    marker(lock).write_text(state(lock), "utf-8")


def marker(lock: str) -> Path:
    """Where it is kept that a lock was installed, and as what."""
    return VENV / f"installed-{lock}"


def state(lock: str) -> str:
    """What an environment depends on: another lock, checkout, place or Python makes it another."""
    told = hashlib.sha256()
    for path in (LOCKS[lock], FROM_SOURCE, REPOSITORY / "pyproject.toml"):
        told.update(path.read_bytes())
    return f"{told.hexdigest()}\n{VENV}\n{sys.version}\n{Path(sys.executable).resolve()}\n"


def is_done(lock: str) -> bool:
    """Whether the environment has what a lock asks for, made from here with this Python."""
    try:
        return PYTHON.exists() and marker(lock).read_text("utf-8") == state(lock)
    except OSError:
        return False


def make_environment() -> None:
    """Make an empty environment in place of one that was for something else."""
    if VENV.is_symlink() or (VENV.exists() and not (VENV / "pyvenv.cfg").exists()):
        raise Failed(f"{VENV} is no virtual environment; move it away.")
    shutil.rmtree(VENV, ignore_errors=True)
    done = subprocess.run(
        [sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        shutil.rmtree(VENV, ignore_errors=True)
        if "ensurepip" in done.stdout + done.stderr:
            raise Failed("this Python lacks venv; on Debian and Ubuntu: apt install python3-venv")
        raise Failed(
            f"no virtual environment could be made: {last_line(done.stdout + done.stderr)}"
        )


def pip(*words: str) -> None:
    """Run the environment's pip; what it says is kept in the log, and shown where it fails."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in {f"PIP_{setting}" for setting in LEADS_ASTRAY}
        and name not in ("PYTHONPATH", "PYTHONHOME")
    }
    environment["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    command = [str(PYTHON), "-m", "pip", *words]
    if words[0] == "install":
        # A pip.conf may ask for a user's folder or for a virtual environment: this is one.
        command += ["--no-user", "--retries=2", "--no-input"]
    done = subprocess.run(
        command,
        cwd=REPOSITORY,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    with LOG.open("a", encoding="utf-8") as log:
        log.write(f"$ pip {' '.join(words)}\n{done.stdout}")
    if done.returncode == 0:
        return
    if any(sign in done.stdout for sign in OFFLINE):
        raise Failed("the packages could not be downloaded; is there a network? (once is enough)")
    raise Failed(f"pip {words[0]}: {last_line(done.stdout)} (all of it in {LOG})")


def last_line(text: str) -> str:
    """The last line that says something, of what a program printed: the error, if there is one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")]
    return (errors or lines or ["it said nothing"])[-1].removeprefix("ERROR:").strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
