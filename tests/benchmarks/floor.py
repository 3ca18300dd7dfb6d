"""Compiles `floor.c`, the system calls alone, into the cache folder."""

import hashlib
import shutil
import subprocess
from pathlib import Path

from .places import BenchError, cache

SOURCE = Path(__file__).with_name("floor.c")
FLAGS = ("-O2", "-pthread")


def compiled() -> Path:
    """The path of the floor program, compiled once for each version of its source."""
    mark = hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:12]
    program = cache() / "bin" / f"floor-{mark}"
    if program.exists():
        return program
    compiler = shutil.which("cc")
    if compiler is None:
        raise BenchError("no C compiler `cc` to build the floor with: apt-get install gcc")
    program.parent.mkdir(exist_ok=True)
    unfinished = program.with_suffix(".part")
    done = subprocess.run(
        [compiler, *FLAGS, "-o", str(unfinished), str(SOURCE)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise BenchError(f"the floor does not compile:\n{done.stderr}")
    unfinished.rename(program)
    return program
