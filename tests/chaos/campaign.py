"""Everything at once on two drives: a person, a watcher, commands of two vaults, and signals.

One loop lets the person make some changes, starts commands, sends signals and hears how commands
ended; what it chooses hangs on the seed alone, though not how those processes meet. From time to
time it waits until all is quiet, and then nothing may be lost, and the index must be what a fresh
scan finds.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gorillacomb.dedupe.quarantine.run import read_run
from tests.chaos.aim import Aim
from tests.chaos.person import OURS, Person
from tests.dedupe.drives import OWN_NAMES
from tests.support import forked
from tests.support.run import Argument, Ran, environment, run, without_traceback
from tests.watch.daemon import Daemon, check_index, check_truth

PATIENCE = 120.0
"""Seconds within which a command must end."""
AT_ONCE = 3
"""So many commands run beside the watcher."""
_DOCUMENTED = (0, 1, 2, 3, 4, 5)
_CUT_SHORT = (130, -signal.SIGINT, -signal.SIGTERM, -signal.SIGKILL)
_SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
_KINDS = {
    "scan": 3,
    "plan": 5,
    "apply": 10,
    "undo": 5,
    "purge": 4,
    "manifest": 2,
    "verify": 1,
    "look": 2,
}
"""Commands, and how often each is chosen."""
_WRITING = ("scan", "apply", "undo", "purge")
_ON_JOURNALS = ("apply", "undo", "purge")
_ACTIONS = ("quarantine", "quarantine", "hardlink", "symlink", "delete")


@dataclass
class Job:
    """A command that runs."""

    kind: str
    shown: str
    process: forked.Forked
    out: Path
    err: Path
    deadline: float
    signal_at: float | None
    """When it is sent a signal, unless it has ended by then."""
    aimed: bool
    writes: Path | None
    """The vault that it locks."""


@dataclass
class Campaign:
    """Two drives with a person, a watched vault that knows both, and one that knows parts."""

    folder: Path
    drives: list[Path]
    seed: int
    most: int
    """Files on each drive."""
    events: deque[str] = field(default_factory=lambda: deque(maxlen=60))
    ended: Counter[str] = field(default_factory=Counter)
    """Commands by how they ended."""
    shots: Counter[str] = field(default_factory=Counter)
    """Signals that were met, by where."""
    files: Counter[str] = field(default_factory=Counter)
    """How many were set aside, put back and deleted by commands that came to their end."""
    checks: int = 0

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)
        inner = self.drives[0] / "inner"
        inner.mkdir()
        self.person = Person(self.drives, [inner], self.seed, self.most)
        self.vault, self.other = self.folder / "vault", self.folder / "other vault"
        self.roots = {self.vault: self.drives, self.other: [inner, self.drives[1]]}
        self._aims = self.folder / "shots"
        self._jobs: list[Job] = []
        self._plans: list[Path] = []
        self._manifests: list[tuple[Path, Path]] = []
        self._started = 0
        self.person.work(3 * self.most)
        for vault, tops in self.roots.items():
            self._fine("scan", *tops, vault=vault)
        self.watcher = Daemon(self.vault, *self.drives)
        self._hit_watcher = False

    @property
    def signals(self) -> int:
        return self.shots.total()

    def run(self, changes: int, signals: int, checks: int) -> None:
        """Go on until there were so many changes and signals, quiet so many times meanwhile."""
        first = self.person.changes
        while (made := self.person.changes - first) < changes or self.signals < signals:
            # The two come to their end together.
            ahead = made / changes - self.signals / signals
            if ahead <= 0.02:
                self.person.work(self.dice.randint(1, 12))
                self.events.append(self.person.last)
            else:
                time.sleep(0.01)
            self._look_after_jobs(may_start=ahead > -0.02)
            self._look_after_watcher()
            share = min(made / changes, self.signals / signals)
            if share * checks >= self.checks + 1:
                self.check()
        self.check()

    def _look_after_watcher(self) -> None:
        """Start it when it has ended, which only a signal may have made it do; or send one."""
        process = self.watcher.process
        if process.poll() is not None:
            ran = self.watcher.told()
            self.events.append(f"the watcher ended with {ran.code}, and starts again: {ran.err}")
            if ran.code == 4:  # it does not begin while a command writes
                assert "is writing to the vault" in ran.err, ran
            else:
                assert ran.code in (0, *_CUT_SHORT), ran
                assert self._hit_watcher, ran
            self._hit_watcher = False
            self.watcher.launch()
        elif not self._hit_watcher and self.dice.random() < 0.01:
            number = self.dice.choice(_SIGNALS)
            if self.watcher.statement().get("pid") != process.pid:
                if self.dice.random() < 0.8:
                    return  # else it would hardly ever live
                number = signal.SIGKILL  # Python itself complains of others until it has started
            process.send_signal(number)
            self._hit_watcher = True
            self.shots[f"watcher {number.name}"] += 1
            self.events.append(f"{number.name} to the watcher")

    def _look_after_jobs(self, may_start: bool) -> None:
        for job in [*self._jobs]:
            if job.process.poll() is not None:
                self._jobs.remove(job)
                self._heard(job)
            elif time.monotonic() > job.deadline:
                raise AssertionError(f"{job.shown} does not end")
            elif job.signal_at is not None and time.monotonic() > job.signal_at:
                job.signal_at = None
                number = self.dice.choice(_SIGNALS)
                if job.process.send_signal(number):
                    self.shots[f"{job.kind} {number.name}"] += 1
                    self.events.append(f"{number.name} to {job.shown}")
        if may_start and len(self._jobs) < AT_ONCE:
            self._start()
        self._count_shots()

    def _count_shots(self) -> None:
        if self._aims.exists():
            aims = self._aims.rename(self._aims.with_name("shots that are counted"))
            self.shots.update(aims.read_text().splitlines())

    def _heard(self, job: Job) -> None:
        """Judge how a command ended."""
        ran = Ran(job.process.wait(), job.out.read_bytes(), job.err.read_bytes())
        job.out.unlink()
        job.err.unlink()
        words = re.sub(r"/\S.*?(?=[,:.;]? |[,:.;]?$)|[0-9]+", "…", ran.err.partition("\n")[0])
        self.ended[f"{job.kind} {ran.code} {words.removeprefix('gorillacomb: ')[:90]}"] += 1
        said = ran.err.strip().replace("\n", " | ")
        self.events.append(f"ended with {ran.code}: {job.shown} {said[:300]}")
        without_traceback(ran)
        allowed = _DOCUMENTED + (_CUT_SHORT if job.signal_at is None or job.aimed else ())
        assert ran.code in allowed, (job.shown, ran)
        assert ran.code or ran.stdout or job.kind == "manifest", (job.shown, ran)
        assert len(ran.err.splitlines()) <= 30, (job.shown, ran.err)
        if job.kind in _ON_JOURNALS and ran.stdout:
            self.files[job.kind] += ran.json()["files"]

    def _start(self) -> None:
        kind = self.dice.choices([*_KINDS], [*_KINDS.values()])[0]
        vault = self.vault if self.dice.random() < 0.6 else self.other
        if kind in _WRITING and self.dice.random() < 0.8:  # else it most likely meets a lock
            free = [each for each in self.roots if each not in {job.writes for job in self._jobs}]
            if not free:
                return
            vault = self.dice.choice(free)
        words = self._words(kind, vault)
        if words is None:
            return
        aim = None
        if kind in _ON_JOURNALS and self.dice.random() < 0.6:
            aim = Aim.at_random(self.dice, self._aims)
        soon = aim is None and self.dice.random() < 0.35
        self._started += 1
        out, err = self.folder / f"{self._started}.out", self.folder / f"{self._started}.err"
        with out.open("wb") as out_file, err.open("wb") as err_file, open(os.devnull) as nothing:
            process = forked.fork(
                [os.fsencode(word) for word in words],
                environment(vault),
                (nothing.fileno(), out_file.fileno(), err_file.fileno()),
                own_session=True,
                before=None if aim is None else ("tests.chaos.aim", aim.text()),
            )
        now = time.monotonic()
        signal_at = now + self.dice.uniform(0.03, 0.4) if soon else None
        shown = " ".join([vault.name, *map(str, words), "" if aim is None else aim.text()])
        writes = vault if kind in _WRITING else None
        self._jobs.append(
            Job(kind, shown, process, out, err, now + PATIENCE, signal_at, aim is not None, writes)
        )
        self.events.append(f"started: {shown}")

    def _words(self, kind: str, vault: Path) -> list[Argument] | None:
        """A command, or None where there is nothing for it to do."""
        drive = self.dice.choice(self.roots[vault])
        if kind == "scan":
            scans: list[list[Argument]] = [["--workers", "0"], ["--rehash"], ["--accept-loss"]]
            return ["scan", drive, *self.dice.choice(scans)]
        if kind == "plan":
            options: list[list[Argument]] = [[], [], ["--retire", drive], ["--files-only"]]
            action = self.dice.choice(_ACTIONS)
            plan = self.folder / f"plan {self._started} {action}"
            self._plans = [*self._plans[-5:], plan]
            return ["dedupe", "-o", plan, "--action", action, *self.dice.choice(options)]
        if kind == "apply":
            written = [plan for plan in self._plans if plan.exists()]
            return self._apply(self.dice.choice(written)) if written else None
        if kind == "undo":
            runs = [run.parent for run in self._journals()]
            named = self.dice.choice(runs) if runs and self.dice.random() < 0.6 else None
            return ["dedupe", "--undo", *([] if named is None else [named]), "--json"]
        if kind == "purge":
            return ["dedupe", "--empty-quarantine", "--yes", "--json"]
        known = [each for folders in self.person.folders.values() for each in folders]
        folder = self.dice.choice([each for each in known if each.is_relative_to(drive)])
        if kind == "manifest":
            manifest = self.folder / f"{len(self._manifests) % 4}.manifest"
            self._manifests.append((manifest, folder))
            return ["manifest", folder, "-o", manifest, "--force", "--allow-missing"]
        if kind == "verify":
            if not self._manifests:
                return None
            manifest, folder = self.dice.choice(self._manifests[-4:])
            return ["verify", manifest, "--root", folder]
        looks: list[list[Argument]] = [
            ["status"],
            ["unique", folder],
            ["dedupe", "--history"],
            ["trace", "verify"],
            ["vault", "check"],
            ["dupes"],
        ]
        return self.dice.choice(looks)

    @staticmethod
    def _apply(plan: Path) -> list[Argument]:
        steps = map(json.loads, plan.read_bytes().splitlines()[1:])
        files = sum(step["files"] for step in steps)
        is_delete = plan.name.endswith("delete")
        options: list[Argument] = ["--yes-delete", str(files)] if is_delete else []
        return ["dedupe", "--apply", plan, "--json", *options]

    def _journals(self) -> list[Path]:
        """The journals of all runs, in the order in which those began."""
        tops = {top for tops in self.roots.values() for top in tops}
        found = [path for top in tops for path in top.glob(f"{OURS}/quarantine/*/journal.jsonl")]
        return sorted(found, key=lambda path: path.parent.name)

    def _fine(self, *words: Argument, vault: Path, codes: tuple[int, ...] = (0,)) -> Ran:
        ran = run(*words, vault=vault)
        assert ran.code in codes, (words, ran)
        return ran

    def check(self) -> None:
        """Wait until all is quiet; then nothing is lost, and the watched index is true."""
        while self._jobs:
            for job in [*self._jobs]:
                job.process.wait(PATIENCE)
                self._jobs.remove(job)
                self._heard(job)
        self._count_shots()
        self._have_watcher()
        self.checks += 1
        self.events.append(f"check {self.checks}")
        print(f"check {self.checks}: {self.person.changes:,} changes, {self.signals} signals")
        self.nothing_lost()
        self.watcher.settle()
        roots = self._fine("status", "--json", vault=self.vault).json()["roots"]
        if any(root["suspect"] for root in roots):
            # The person was quick, and much of what was there is gone: it is he who must say so.
            self._fine("scan", "--accept-loss", *self.drives, vault=self.vault)
            self.watcher.settle()
        check_truth(self.vault, self.folder / f"fresh {self.checks}", *self.drives)
        for drive in self.drives:
            self.person.look(drive)

    def _have_watcher(self) -> None:
        """Wait until a watcher has done its first scan, and has been sent no signal."""
        if self._hit_watcher:
            self.watcher.process.wait(PATIENCE)
            self._look_after_watcher()
        deadline = time.monotonic() + PATIENCE
        while not self._watches():
            assert time.monotonic() < deadline, "the watcher does not begin"
            if self.watcher.process.poll() is not None:
                self._look_after_watcher()
            time.sleep(0.02)

    def _watches(self) -> bool:
        said = self.watcher.statement()
        return said.get("pid") == self.watcher.process.pid and said["state"] == "watching"

    def nothing_lost(self) -> None:
        """Treasures are in their places, other contents anywhere, or the person destroyed them."""
        in_place, anywhere = set[bytes](), set[bytes]()
        for drive in self.drives:
            for folder, _, names in os.walk(drive.parent):
                found = {content for name in names for content in _content(Path(folder, name))}
                anywhere |= found
                if OURS not in Path(folder).parts:
                    in_place |= found
        lost = {content[:20] for content in self.person.treasures - anywhere}
        assert not lost, f"treasures are lost: {lost}"
        lost = {content[:20] for content in self.person.treasures - in_place}
        assert not lost, f"treasures are in quarantine alone: {lost}"
        lost = {content[:20] for content in self.person.papers - anywhere - self.person.destroyed}
        assert not lost, f"what nobody destroyed is lost: {lost}"
        self.person.papers &= anywhere

    def end(self) -> dict[str, int]:
        """End the watcher and take all back; says what came back and what did not."""
        ran = self.watcher.stop()
        assert (ran.code, ran.err) == (0, ""), ran
        told = set[str]()
        for _ in range(2):  # what is in the way of one may itself go back
            told.clear()
            for journal in reversed(self._journals()):
                ran = self._fine(
                    "dedupe", "--undo", journal.parent, "--json", vault=self.vault, codes=(0, 2, 3)
                )
                outcome = ran.json() if ran.stdout else {"failed": [], "recovered": []}
                told |= {each["path"] for each in (*outcome["failed"], *outcome["recovered"])}
        held = self._held()
        untold = [path for paths in held.values() for path in paths if not told & set(paths)]
        assert not untold, f"not put back, and nobody says why: {untold}"
        self.nothing_lost()
        for vault, tops in self.roots.items():
            self._fine("scan", "--accept-loss", *tops, vault=vault)
            self._fine("vault", "check", vault=vault)
            self._fine("trace", "verify", vault=vault)
            check_index(vault, self.folder / f"fresh of {vault.name}", *tops)
        check_truth(self.vault, self.folder / "fresh at the end", *self.drives)
        return {"runs": len(self._journals()), "steps not put back": len(held), "told": len(told)}

    def _held(self) -> dict[str, list[str]]:
        """The paths of each step that still has something in a quarantine, by slot.

        Fails with what lies there and is of no step.
        """
        found: dict[str, list[str]] = {}
        for journal in self._journals():
            base, names = journal.parents[3], {path.name for path in journal.parent.iterdir()}
            if names <= set(OWN_NAMES):
                continue  # and perhaps not even that has a whole line
            recorded = read_run(bytes(base), journal.parent.name)
            slots = {
                move.slot.decode(): [str(base / os.fsdecode(each.path)) for each in record.moves]
                for record in recorded.steps.values()
                for move in record.moves
            }
            for name in names - set(OWN_NAMES):
                assert name in slots, f"{journal.parent / name} is of no step"
                found[f"{journal.parent.name}/{name}"] = slots[name]
        return found

    def close(self) -> None:
        """Leave nothing running, whatever became of the campaign."""
        for job in self._jobs:
            job.process.kill()
            job.process.wait(PATIENCE)
        self.watcher.end()

    def story(self) -> str:
        """What was done, for people."""
        lines = [
            f"seed {self.seed}: {self.person.changes:,} changes, {self.signals:,} signals,"
            f" {self.ended.total():,} commands, {self.checks} checks",
            *(
                f"  {number:6,} {what}"
                for counts in (self.files, self.ended, self.shots)
                for what, number in sorted(counts.items())
            ),
        ]
        return "\n".join(lines)


def _content(path: Path) -> Iterator[bytes]:
    """What the person has written into a file, if it is one of his."""
    if path.is_symlink() or not path.is_file():
        return
    content: Any = path.read_bytes()
    if content[:2] in (b"T ", b"P "):
        yield content
