"""A repair, its undo and the emptying after it, while somebody else changes the file or its copy.

The run is stopped before and after each call that changes the disk, and the adversary acts there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3

from gorillacomb import hashing
from gorillacomb.dedupe.apply import repair_recovery, runs
from gorillacomb.dedupe.apply.repair import DamagedFile, repair_files
from gorillacomb.dedupe.model import PlanOptions, RunOutcome
from gorillacomb.fs import mutations
from tests.dedupe import adversaries
from tests.dedupe.acting import (
    Ground,
    Quiet,
    contents,
    files_below,
    live,
    of_leases,
    slots,
    step,
    told,
)
from tests.dedupe.adversaries import Adversary, Removes, RenamesTheParent
from tests.support.memory import in_memory
from tests.support.trees import make_tree


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder in memory, since hundreds of drives are made, synced and deleted.

    No file system in particular is needed: others act at chosen calls.
    """
    with in_memory() as folder:
        yield folder


GOOD = b"the good content of it, of some length; " * 8
BAD = b"THE GOOD CONTENT OF IT, of some length; " * 8
SIDES = {"place": "a/picture", "copy": "b/copy"}
CALLS = (
    *("create", "write_at", "set_size", "copy_metadata", "rename_exchange", "rename_no_replace"),
    *("remove", "fsync", "append_durably"),
)


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


HOLD_IT_OPEN = (adversaries.WritesThroughAMap, WritesLater)


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
                patch.setattr(mutations, name, self.around(getattr(mutations, name)))
            yield


def ground(top: Path) -> DamagedFile:
    """A drive with a damaged file, whose good content stands elsewhere."""
    make_tree(top, {"a": {"picture": BAD}, "b": {"copy": GOOD}})
    return ground_harm(top)


def ground_harm(top: Path) -> DamagedFile:
    path = top / SIDES["place"]
    facts = path.stat()
    digest = blake3(GOOD).digest()
    copies = (os.fsencode(top / SIDES["copy"]),)
    times = facts.st_mtime_ns, facts.st_ctime_ns
    return DamagedFile(os.fsencode(path), len(GOOD), *times, digest, copies)


def repaired(top: Path, harm: DamagedFile) -> list[RunOutcome]:
    roots = live(top)
    guard = Ground(roots).guard(PlanOptions())
    return [repair_files([harm], roots, guard, Quiet(), lambda outcome: None)]


PHASES: dict[str, Callable[[Path, DamagedFile], list[RunOutcome]]] = {
    "repair": repaired,
    "undo": lambda top, harm: Ground(live(top)).undo(),
    "purge": lambda top, harm: Ground(live(top)).purge(),
}


def set_out(top: Path, phase: str) -> DamagedFile:
    harm = ground(top)
    if phase != "repair":
        [outcome] = repaired(top, harm)
        assert outcome.done
    return harm


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("phase", ["repair", pytest.param("undo", marks=of_leases), "purge"])
@pytest.mark.parametrize(
    "adversary",
    [
        pytest.param(each, marks=of_leases if each in HOLD_IT_OPEN else (), id=each.__name__)
        for each in (*adversaries.ALL, WritesAndIsGone, WritesLater)
    ],
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
    if side == "place" and foe.wrote is not None:
        assert foe.wrote in contents(top, ours=False), f"put away {where}"
    if isinstance(foe, adversaries.Replaces) and side == "place":
        assert place.read_bytes() == foe.wrote, f"displaced {where}"
    if isinstance(foe, adversaries.ChangesTheMode) and side == "place":
        assert place.stat().st_mode & 0o777 == 0o600, f"mode taken back {where}"
    if not done and not takes and not isinstance(foe, WritesLater):
        assert told(outcomes), f"not told {where}"
    Ground(live(top)).undo()
    assert wanted - {GOOD} <= set(contents(top)), f"lost by undo {where}"
    if not isinstance(foe, WritesAndIsGone):
        foe.close()


@of_leases
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


# A run that is killed at a chosen call, and what comes after it ----------------------------------


class Others:
    """Somebody else's doings at chosen calls of a run, the last of which is its death."""

    def __init__(self, call: str, *acts: Callable[[], object] | None) -> None:
        self.call, self.acts = call, list(acts)

    def killed(self, run: Callable[[], object]) -> None:
        """Run in a process of its own, which is killed at the call after the last act."""
        child = os.fork()
        if not child:
            function = getattr(mutations, self.call)

            def called(*arguments: Any) -> Any:
                if not self.acts:
                    os._exit(9)
                act = self.acts.pop(0)
                if act is not None:
                    act()
                return function(*arguments)

            setattr(mutations, self.call, called)
            try:
                run()
            finally:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9, "it was not killed there"


def everything_undone(top: Path) -> None:
    for _ in range(3):
        Ground(live(top)).undo()
    assert not slots(top)


@of_leases
def test_killed_between_the_two_exchanges_for_a_save(tmp_path: Path) -> None:
    """The save came at the moment of the first one, and is to stand where it was saved."""
    harm, place = ground(tmp_path), tmp_path / SIDES["place"]
    save = adversaries.Replaces(place)
    Others("rename_exchange", save).killed(lambda: repaired(tmp_path, harm))
    everything_undone(tmp_path)
    assert place.read_bytes() == adversaries.NEW
    assert GOOD in contents(tmp_path)


@of_leases
def test_killed_before_the_exchange_with_the_last_good_copy(tmp_path: Path) -> None:
    harm, copy = ground(tmp_path), tmp_path / SIDES["copy"]
    Others("rename_exchange").killed(lambda: repaired(tmp_path, harm))
    copy.rename(tmp_path / "elsewhere")
    content = (tmp_path / "elsewhere").read_bytes()
    (tmp_path / "elsewhere").unlink()
    assert any("holds the good content" in cause for cause in told(repaired(tmp_path, harm)))
    assert GOOD in contents(tmp_path)
    copy.write_bytes(content)
    everything_undone(tmp_path)


@of_leases
def test_undo_does_not_take_the_last_good_copy_away(tmp_path: Path) -> None:
    set_out(tmp_path, "undo")
    place, copy = tmp_path / SIDES["place"], tmp_path / SIDES["copy"]
    copy.unlink()
    [outcome] = Ground(live(tmp_path)).undo()
    assert "holds the good content" in told([outcome])[0]
    assert place.read_bytes() == GOOD
    copy.hardlink_to(place)
    [outcome] = Ground(live(tmp_path)).undo()
    assert "holds the good content" in told([outcome])[0], "another name of it is no other copy"
    copy.unlink()
    copy.write_bytes(GOOD)
    everything_undone(tmp_path)
    assert place.read_bytes() == BAD


@pytest.mark.parametrize("edited", [False, True])
@pytest.mark.parametrize("phase", ["undo", "purge"])
def test_a_journal_older_than_what_it_tells_of(phase: str, edited: bool, tmp_path: Path) -> None:
    """Of a drive that was copied while it was repaired: nothing was exchanged by its account."""
    set_out(tmp_path, phase)
    [slot] = slots(tmp_path)
    if edited:
        slot.write_bytes(BAD[::-1])
    journal = slot.with_name("journal.jsonl")
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:2]))
    PHASES[phase](tmp_path, ground_harm(tmp_path))
    if edited or phase == "undo":
        assert {BAD[::-1] if edited else BAD, GOOD} <= set(contents(tmp_path))


@of_leases
def test_an_undo_that_was_killed_and_a_second_repair(tmp_path: Path) -> None:
    harm = set_out(tmp_path, "undo")
    place = tmp_path / SIDES["place"]
    Others("remove").killed(lambda: Ground(live(tmp_path)).undo())
    assert place.read_bytes() == BAD
    facts = place.stat()
    harm = replace(harm, ctime_ns=facts.st_ctime_ns)
    [outcome] = repaired(tmp_path, harm)
    assert outcome.done
    Ground(live(tmp_path)).purge()
    assert not slots(tmp_path)
    assert place.read_bytes() == GOOD


def test_where_nobody_tells_who_has_a_file_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repair_recovery, "is_open_for_writing", lambda descriptor: None)
    set_out(tmp_path, "undo")
    outcomes = Ground(live(tmp_path)).undo()
    assert "nobody can tell" in told(outcomes)[0]
    assert (tmp_path / SIDES["place"]).read_bytes() == BAD
    Ground(live(tmp_path)).purge()
    assert not slots(tmp_path)


@pytest.mark.parametrize("then", ["restored", "removed"])
def test_a_copy_that_was_half_written_is_put_nowhere(
    tmp_path: Path, then: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hashing, "buffer", memoryview(bytearray(100)))
    harm, place = ground(tmp_path), tmp_path / SIDES["place"]
    Others("write_at", None).killed(lambda: repaired(tmp_path, harm))
    if then == "restored":
        place.write_bytes(GOOD)
    else:
        place.unlink()
    before = files_below(tmp_path, ours=False)
    everything_undone(tmp_path)
    assert files_below(tmp_path, ours=False) == before


def test_a_copy_that_was_read_wrongly_is_put_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a drive does that fails: the bytes are others each time."""
    harm, place = ground(tmp_path), tmp_path / SIDES["place"]
    write = mutations.write_at
    monkeypatch.setattr(mutations, "write_at", lambda file, data, at: write(file, data[::-1], at))
    [outcome] = repaired(tmp_path, harm)
    assert "could not be copied whole" in told([outcome])[0]
    assert (slots(tmp_path), place.read_bytes()) == ([], BAD)
    monkeypatch.undo()
    [outcome] = repaired(tmp_path, harm)
    assert outcome.done


@of_leases
def test_what_a_later_run_set_aside_is_not_made_anew(tmp_path: Path) -> None:
    make_tree(tmp_path, {"twin": {"picture": GOOD}})
    set_out(tmp_path, "undo")
    [repairing] = [each.parent.name for each in slots(tmp_path)]
    ours = Ground(live(tmp_path))
    assert ours.apply(step("s1", tmp_path / "a", tmp_path / "twin")).done
    outcome = RunOutcome(repairing)
    runs.undo_runs_in_base(os.fsencode(tmp_path), outcome, Quiet())
    assert "was set aside since by run" in told([outcome])[0]
    assert not (tmp_path / "a").exists()
    everything_undone(tmp_path)
    assert (tmp_path / SIDES["place"]).read_bytes() == BAD


@of_leases
def test_what_rots_on_in_the_quarantine(tmp_path: Path) -> None:
    """What the user did to the repaired file counts as before."""
    set_out(tmp_path, "undo")
    place, [slot] = tmp_path / SIDES["place"], slots(tmp_path)
    facts = slot.stat()
    slot.write_bytes(BAD[::-1])
    os.utime(slot, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    mode = place.stat().st_mode
    place.chmod(0o600)
    assert "was changed since" in told(Ground(live(tmp_path)).undo())[0]
    place.chmod(mode)
    everything_undone(tmp_path)
    assert place.read_bytes() == BAD[::-1]


@of_leases
def test_undo_in_a_folder_whose_time_is_not_ours_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_out(tmp_path, "undo")

    def refuse(*arguments: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(mutations, "set_mtime", refuse)
    [outcome] = Ground(live(tmp_path)).undo()
    assert (len(outcome.done), told([outcome]), slots(tmp_path)) == (1, [], [])
