"""Where the time of a first scan goes: samples of the lines that its processes are at (py-spy).

Only what uses a processor is sampled; nothing is halted for it, so a sample may be torn and is
left out then.
"""

import linecache
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from . import process
from .contenders import FLOOR_READ, SCAN
from .peers import SAMPLER, installed, path_of
from .places import REPOSITORY
from .series import Setting, environment, run_one, scene_of

RATE = 500
"""Samples a second."""
LEAST = 0.02
"""Lines with a smaller share of their process's samples are not shown."""
_FRAME = re.compile(r"(?P<file>[^ ();]+):(?P<line>\d+)\) (?P<samples>\d+)$")
"""The innermost frame of a stack, and how often it was met."""
_WORKER = "serve_tasks (gorillacomb/workers/worker_loop.py:"


@dataclass(frozen=True)
class Line:
    """A line of source, and its share of the samples of the workers or of the main process."""

    process: str
    place: str
    source: str
    share: float


@dataclass(frozen=True)
class Profile:
    """The lines that take most; samples of each kind of process."""

    lines: tuple[Line, ...]
    samples: dict[str, int]


def measure(setting: Setting) -> Profile | None:
    """Profile a first scan of the tree; None where py-spy is not to be had."""
    found = path_of(SAMPLER) or installed(SAMPLER, setting.say)
    if found is None:
        setting.say("profile: NOT MADE, py-spy cannot be installed")
        return None
    with scene_of(setting.tree.path) as scene:
        for _ in range(2):
            run_one(FLOOR_READ, scene, setting.timeout)  # or what is sampled is waiting for a disk
        setting.say("profile: a first scan")
        samples = scene.scratch / "samples"
        process.run(
            [
                *(found, "record", "--subprocesses", "--nonblocking", "--rate", str(RATE)),
                *("--format", "raw", "--output", str(samples), "--", *SCAN.argv(scene)),
            ],
            scratch=scene.scratch,
            env=environment(scene.home),
            timeout=setting.timeout,
        )
        return summed_up(samples.read_text().splitlines())


def summed_up(stacks: Iterable[str]) -> Profile:
    """The lines that most of some stacks end in: frames joined by ``;``, a space, their number."""
    samples: Counter[str] = Counter()
    ends: Counter[tuple[str, str, int]] = Counter()
    for stack in stacks:
        frame = _FRAME.search(stack)
        if frame is None:
            continue  # an interpreter that is about to begin or to end
        kind = "workers" if _WORKER in stack else "main"
        count = int(frame["samples"])
        samples[kind] += count
        ends[kind, frame["file"], int(frame["line"])] += count
    lines = []
    for (kind, file, line), count in ends.most_common():
        share = count / samples[kind]
        if share >= LEAST:
            source = linecache.getline(str(REPOSITORY / file), line).strip()
            lines.append(Line(kind, f"{file}:{line}", source, share))
    lines.sort(key=lambda line: (line.process != "workers", -line.share))
    return Profile(tuple(lines), dict(samples))
