"""Has a command meet a signal at a chosen line of a journal, or at a chosen change of the disk."""

from __future__ import annotations

import json
import os
import random
import signal
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from gorillacomb.fs import mutations

BEFORE, TORN, UNSYNCED, AFTER, CHANGE = "before", "torn", "unsynced", "after", "change"
"""Before anything of a line is written; with half of it; all but not synced; synced; and none of
these, but a change of the disk instead."""
_CHANGES = ("rename_no_replace", "make_folder", "link", "symlink", "remove", "remove_folder")


@dataclass(frozen=True)
class Aim:
    """What is hit, and with what."""

    number: int
    """Of the signal."""
    line: int
    """The how manieth line of a journal, or change of the disk, from 1."""
    where: str
    shots: str
    """A file to which each shot is added, as a line: where, which line, signal."""

    @classmethod
    def at_random(cls, dice: random.Random, shots: Path) -> Aim:
        number = dice.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
        places = [BEFORE, AFTER, CHANGE]
        if number == signal.SIGKILL:  # else it would be the program itself that stops halfway
            places += [TORN, UNSYNCED]
        line = int(dice.expovariate(0.4)) + 1
        return cls(number, line, dice.choice(places), str(shots))

    def text(self) -> str:
        return json.dumps(asdict(self))


def prepare(text: str) -> None:
    """Lie in wait in this process."""
    aim = Aim(**json.loads(text))
    if aim.where == CHANGE:
        left = [aim.line]
        for name in _CHANGES:
            setattr(mutations, name, _hit_change(name, getattr(mutations, name), left, aim))
        return
    seen, append = 0, mutations.append_durably

    def append_and_shoot(descriptor: int, data: bytes) -> None:
        nonlocal seen
        before = seen
        seen += data.count(b"\n")
        if not before < aim.line <= seen:
            append(descriptor, data)
            return
        if aim.where == TORN:
            os.write(descriptor, data[: random.randrange(len(data))])
        elif aim.where == UNSYNCED:
            os.write(descriptor, data)
        elif aim.where == AFTER:
            append(descriptor, data)
        _shoot(aim, _event(data.splitlines()[aim.line - before - 1]))
        if aim.where == BEFORE:  # a signal that was not obeyed at once
            append(descriptor, data)

    mutations.append_durably = append_and_shoot


def _hit_change(
    name: str, function: Callable[..., object], left: list[int], aim: Aim
) -> Callable[..., object]:
    def call(*arguments: object) -> object:
        result = function(*arguments)
        left[0] -= 1
        if left[0] == 0:
            _shoot(aim, name)
        return result

    return call


def _event(line: bytes) -> str:
    document = json.loads(line or b"{}")
    return str(document.get("event", "header" if "version" in document else "base"))


def _shoot(aim: Aim, what: str) -> None:
    with open(aim.shots, "a") as file:
        file.write(f"{aim.where}\t{what}\t{signal.Signals(aim.number).name}\n")
    os.kill(os.getpid(), aim.number)
