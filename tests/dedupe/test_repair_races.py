"""A repair, its undo and the emptying after it, while somebody else changes the file or its copy.

The run is stopped before and after each call that changes the disk, and the adversary acts there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3

from gorillacomb.dedupe import disk
from gorillacomb.dedupe.repair import Harm, repair
from gorillacomb.dedupe.steps import Options, Outcome
from tests.dedupe import adversaries
from tests.dedupe.acting import Ground, Quiet, contents, files_below, live, slots, told
from tests.dedupe.adversaries import Adversary, Removes, RenamesTheParent
from tests.trees import make_tree

GOOD = b"the good content of it, of some length; " * 8
BAD = b"THE GOOD CONTENT OF IT, of some length; " * 8
SIDES = {"place": "a/picture", "copy": "b/copy"}
CALLS = ("create", "write", "set_size", "dress", "exchange", "move", "remove", "sync", "append")


class WritesAndIsGone(adversaries.Writes):
    """Has nothing open any more when somebody asks who has."""

    def act(self) -> None:
        super().act()
        self.close()


class WritesLater(adversaries.Writes):
    """Opens the file, and takes its time."""

    def act(self) -> None: ...

    def finish(self) -> None:
        super().act()


class Stops:
    """The calls that change the disk, as points at which an adversary can act."""

    def __init__(self, act: Callable[[], object] | None = None, at: int = -1) -> None:
        self.passed = 0
        self._act, self._at = act, at

    def pass_by(self) -> None:
        if self.passed == self._at and self._act is not None:
            self._act()
        self.passed += 1

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def stopped(*arguments: Any, **named: Any) -> Any:
            self.pass_by()
            result = function(*arguments, **named)
            self.pass_by()
            return result

        return stopped

    @contextmanager
    def set(self) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            for name in CALLS:
                patch.setattr(disk, name, self.around(getattr(disk, name)))
            yield


def ground(top: Path) -> Harm:
    """A drive with a damaged file, whose good content stands elsewhere."""
    make_tree(top, {"a": {"picture": BAD}, "b": {"copy": GOOD}})
    path = top / SIDES["place"]
    facts = path.stat()
    digest = blake3(GOOD).digest()
    copies = (os.fsencode(top / SIDES["copy"]),)
    times = facts.st_mtime_ns, facts.st_ctime_ns
    return Harm(os.fsencode(path), len(GOOD), *times, digest, copies)


def repaired(top: Path, harm: Harm) -> list[Outcome]:
    roots = live(top)
    guard = Ground(roots).guard(Options())
    return [repair([harm], roots, guard, Quiet(), lambda outcome: None)]


PHASES: dict[str, Callable[[Path, Harm], list[Outcome]]] = {
    "repair": repaired,
    "undo": lambda top, harm: Ground(live(top)).undo(),
    "purge": lambda top, harm: Ground(live(top)).purge(),
}


def set_out(top: Path, phase: str) -> Harm:
    harm = ground(top)
    if phase != "repair":
        [outcome] = repaired(top, harm)
        assert outcome.done
    return harm


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize(
    "adversary", [*adversaries.ALL, WritesAndIsGone, WritesLater], ids=lambda each: each.__name__
)
def test_nothing_is_lost_wherever_somebody_steps_in(
    adversary: Callable[[Path], Adversary], phase: str, side: str, tmp_path: Path
) -> None:
    """It opens the file at that very moment: whoever has it open before is waited for."""
    stops = Stops()
    top = tmp_path / "undisturbed"
    harm = set_out(top, phase)
    with stops.set():
        assert not told(PHASES[phase](top, harm))
    assert stops.passed
    for number in range(stops.passed):
        stopped_at(tmp_path / str(number), adversary, phase, side, number)


def stopped_at(
    top: Path, adversary: Callable[[Path], Adversary], phase: str, side: str, number: int
) -> None:
    harm = set_out(top, phase)
    place, foes = top / SIDES["place"], []

    def act() -> None:
        foes.append(adversary(top / SIDES[side]))
        foes[-1]()

    with Stops(act, number).set():
        outcomes = PHASES[phase](top, harm)
    [foe] = foes
    if isinstance(foe, WritesLater):
        foe.finish()
    where = f"at {number}: {told(outcomes)}, {files_below(top)}"
    done = any(outcome.done for outcome in outcomes)
    wanted = set() if foe.wrote is None else {foe.wrote}
    if side == "place" or phase == "purge" or (phase == "repair") == done:
        wanted.add(GOOD)
    takes = isinstance(foe, Removes | RenamesTheParent)
    if side == "copy" and phase == "undo":
        wanted.add(BAD)
    assert wanted <= set(contents(top)), f"lost {where}"
    if side == "place" and foe.wrote is not None and not told(outcomes):
        assert foe.wrote in contents(top, ours=False) or slots(top), f"put away {where}"
    if isinstance(foe, adversaries.Replaces) and side == "place":
        assert place.read_bytes() == foe.wrote, f"displaced {where}"
    if not done and not takes and not isinstance(foe, WritesLater):
        assert told(outcomes), f"not told {where}"
    Ground(live(top)).undo()
    assert wanted - {GOOD} <= set(contents(top)), f"lost by undo {where}"
    if not isinstance(foe, WritesAndIsGone):
        foe.close()


@pytest.mark.parametrize("phase", PHASES)
def test_a_file_that_is_open_for_writing_is_left_alone(phase: str, tmp_path: Path) -> None:
    harm = set_out(tmp_path, phase)
    before = contents(tmp_path)
    [target] = slots(tmp_path) if phase == "purge" else [tmp_path / SIDES["place"]]
    foe = adversaries.WritesThroughAMap(target)
    os.utime(target, ns=(1, harm.mtime_ns))
    outcomes = PHASES[phase](tmp_path, harm)
    assert not any(outcome.done for outcome in outcomes)
    assert told(outcomes)
    assert contents(tmp_path) == before
    foe.close()
