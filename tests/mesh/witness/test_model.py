"""Whatever is asked in whatever order, by however many: a witness is what the model says it is."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gorillacomb.mesh.witness.identity import create_witness
from gorillacomb.mesh.witness.logs import trust_log
from gorillacomb.mesh.witness.service import MOST_BACK, Witness
from gorillacomb.vault.vault import Vault
from tests.mesh.logs import MadeLog, signing_key
from tests.mesh.witness.conftest import Clock
from tests.mesh.witness.outside import Outside, Places

SIZES = st.integers(0, 12)
TREES = st.sampled_from(range(3))


class WitnessMachine(RuleBasedStateMachine):
    """Two logs, each of which tells three stories; and a place of the witness that is set back."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir="/dev/shm" if os.path.isdir("/dev/shm") else None))
        self.home, os.environ["HOME"] = os.environ["HOME"], str(self.folder)
        vault = Vault(self.folder / "vault")
        identity = create_witness(vault)
        first = [MadeLog(f"example.com/{n}", keys=[signing_key(f"{n}")]) for n in range(2)]
        self.trees = [(log, log.forked(4), log.forked(9)) for log in first]
        for log in first:
            trust_log(vault, log.vkey)
        self.clock = Clock()
        self.vault = vault
        self.witness = Witness.open(vault, self.clock)
        self.outside = Outside(identity)
        self.kept: dict[int, tuple[int, MadeLog]] = {}
        """What the model says was cosigned last: the size and the story, by number of the log."""

    def teardown(self) -> None:
        os.environ["HOME"] = self.home
        shutil.rmtree(self.folder)

    @rule(number=st.integers(0, 1), tree=TREES, old=SIZES, size=SIZES)
    def ask(self, number: int, tree: int, old: int, size: int) -> None:
        log = self.trees[number][tree]
        last, story = self.kept.get(number, (0, log))
        if old > size:
            expected = 400
        elif old != last:
            expected = 409
        elif last and log.entries[:last] != story.entries[:last]:
            expected = 422
        else:
            expected = 200
        assert self.outside.ask(self.witness, log, old, size) == expected
        if expected == 200:
            self.kept[number] = (size, log)

    @rule(number=st.integers(0, 1), tree=TREES, size=SIZES)
    def grow(self, number: int, tree: int, size: int) -> None:
        """As a client does that knows the size."""
        self.ask(number, tree, self.kept.get(number, (0,))[0], size)

    @rule(seconds=st.integers(-MOST_BACK // 4, 90))
    def time_passes(self, seconds: int) -> None:
        latest = max((each[1] for each in self.outside.latest.values()), default=0)
        self.clock.seconds = max(self.clock.seconds + seconds, latest - MOST_BACK)

    @rule()
    def starts_again(self) -> None:
        self.witness = Witness.open(self.vault, self.clock)

    @rule(number=st.integers(0, 1), size=SIZES)
    def a_backup_of_the_vault_is_restored_and_put_right(self, number: int, size: int) -> None:
        places = Places.of(self.witness)
        with places.saved() as put_back:
            before = dict(self.kept)
            self.grow(number, 0, size)
            with places.saved() as put_right:
                put_back("vault")
                if self.kept != before:
                    for log in self.trees[number]:
                        assert self.outside.ask(self.witness, log, 0, 12) == 503
                    assert self.outside.look(self.witness, self.trees[number][0]) == 503
                put_right()

    @invariant()
    def monitors_get_what_the_model_says(self) -> None:
        for number, (log, *_) in enumerate(self.trees):
            last = self.kept.get(number)
            assert self.outside.look(self.witness, log) == (404 if last is None else 200)
            if last is not None:
                assert self.outside.latest[log.origin][0] == last[0]


TestWitness = WitnessMachine.TestCase
TestWitness.settings = settings(stateful_step_count=30, max_examples=25)
